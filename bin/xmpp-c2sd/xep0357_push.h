/* XEP-0357: clients that are away. */
#ifndef C2SD_XEP0357_PUSH_H
#define C2SD_XEP0357_PUSH_H

#include "stream.h"

/* Tell routed that the client of session s is gone, and of the important messages that it has not
 * acknowledged; the same of a session which routed was told of anew, if it is away; that the client is
 * there. */
void push_away(struct stream *s);
void push_announce(struct stream *s);
void push_back(struct stream *s);

/* The record noted: routed knows that a session is away. The record keep: how long it may be so. */
void push_noted(struct link *l, struct record *r);
void push_keep(struct link *l, struct record *r);

#endif
