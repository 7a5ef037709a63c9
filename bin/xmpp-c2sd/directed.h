/* Addresses that have directed presence of a session. */
#ifndef C2SD_DIRECTED_H
#define C2SD_DIRECTED_H

#include "c2sd.h"

/* Note the address jid, or forget it. Above DIRECTED_MAX or DIRECTED_BYTES_MAX s does not
 * note the address; the log names the first such address. */
void directed_add(struct stream *s, struct slice jid);
void directed_del(struct stream *s, struct slice jid);

/* directed_put writes the addresses as one field, a line each, in the order in which they were
 * noted; directed_read reads such a field; NULL: there is no address. */
void directed_put(struct link *l, struct directed const *d);
struct directed *directed_read(struct slice lines);

/* Call fn for each address. */
typedef void directed_fn(struct stream const *s, struct slice jid);
void directed_each(struct stream const *s, directed_fn *fn);

/* The memory that d takes; 0 for NULL. */
size_t directed_bytes(struct directed const *d);
void directed_free(struct directed *d);

#endif
