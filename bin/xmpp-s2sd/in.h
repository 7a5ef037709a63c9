/* Streams that peers have opened. */
#ifndef S2SD_IN_H
#define S2SD_IN_H

#include "stream.h"

/* in_on_open handles the record open; in_secured goes on with a stream that such a record has
 * begun, when TLS is up. */
void in_on_open(struct link *l, struct record *r);
void in_secured(struct stream *s);

/* Functions of the owner of such a stream (stream/stream.h). */
void in_header(struct stream *s, struct xml_node const *root, char const *fault);
void in_element(struct stream *s, struct xml_node const *e, struct slice bytes);
void in_late(struct stream *s);
void in_ended(struct stream *s);

/* Note that p, a domain of others, is proven towards one of ours: the stream is open. */
void in_proven(struct stream *s, struct proof *p);

/* Give the open stream that remote has opened, asking for stanzas both ways (XEP-0288), and on
 * which nobody sends yet, or NULL. *until_us is not 0 if there is such a stream, whose peer may ask
 * for stream management until that time. */
struct stream *in_bidi(struct slice local, struct slice remote, uint64_t *until_us);

#endif
