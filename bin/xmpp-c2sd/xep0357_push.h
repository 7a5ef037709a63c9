/* XEP-0357: clients that are away. */
#ifndef C2SD_XEP0357_PUSH_H
#define C2SD_XEP0357_PUSH_H

#include "stream.h"

/* push_away tells routed that the client of session s is gone, and of the important messages that
 * it has not acknowledged. push_announce does so after routed was told of the session anew, if it
 * is away. push_back tells routed that the client is there. */
void push_away(struct stream *s);
void push_announce(struct stream *s);
void push_back(struct stream *s);

/* Take the records noted, by which routed knows that a session is away, and keep, which says how
 * long it may be so. */
void push_noted(struct link *l, struct record *r);
void push_keep(struct link *l, struct record *r);

#endif
