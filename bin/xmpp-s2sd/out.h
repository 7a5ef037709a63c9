/* Streams that we have opened. */
#ifndef S2SD_OUT_H
#define S2SD_OUT_H

#include "dial.h"

/* Begin the stream of a dial on conduit id of l. NULL: ENOMEM. */
struct stream *out_begin(struct dial *d, struct link *l, uint64_t id, struct slice ip);

void out_secured(struct stream *s);

/* Handler of data, of streams both ways: the bytes that break a stream of ours before its peer's header
 * are the detail of its verdict. */
void out_on_data(struct link *l, struct record *r);

/* Functions of the owner of such a stream (stream/stream.h). */
void out_header(struct stream *s, struct xml_node const *root, char const *fault);
void out_element(struct stream *s, struct xml_node const *e, struct slice bytes);
void out_late(struct stream *s);
void out_ended(struct stream *s);

/* Open s: it takes stanzas from now on. */
void out_opens(struct stream *s);

/* Give the kind of the dial that makes s; DIAL_PAIR when s is made. */
enum dial_kind out_kind(struct stream const *s);

/* out_proven notes that the peer has taken our key; out_refused that it has not, for the reason
 * v. */
void out_proven(struct stream *s);
void out_refused(struct stream *s, struct verdict v);

#endif
