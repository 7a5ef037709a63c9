/* XEP-0386: sessions that know their client, and what they are told along with their bind. */
#ifndef ROUTED_XEP0386_BIND2_H
#define ROUTED_XEP0386_BIND2_H

#include "routed.h"

struct session;

/* End the other sessions of the client of s: it has begun anew. */
void bind2_end_older(struct session *s);

/* The session s was bound with these words: for metadata=ID, ask in its name for the metadata of its
 * archive, by a request with this id. */
void bind2_metadata(struct session *s, struct slice words);

#endif
