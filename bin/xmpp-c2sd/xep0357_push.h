/* XEP-0357: clients that are away. */
#ifndef C2SD_XEP0357_PUSH_H
#define C2SD_XEP0357_PUSH_H

#include "stream.h"

/* Tell routed that the client of session s is gone, and of the important messages that it has not
 * acknowledged; that a session which routed was told of anew is away; that the client is there. */
void push_away(struct stream const *s);
void push_announce(struct stream const *s);
void push_back(struct stream const *s);

/* The record keep: how long a session may be away. */
void push_keep(struct link *l, struct record *r);

#endif
