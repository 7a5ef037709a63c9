/* Private to routed: how many sessions have no account (XEP-0175). */
#ifndef ROUTED_ANONYMOUS_H
#define ROUTED_ANONYMOUS_H

#include "sessions.h"

/* Set the most such sessions in all, and of the clients of one address. */
void anonymous_take(uint64_t most, uint64_t most_of_address);

/* Say whether a session of bare, whose client is at ip, may begin: true for all that are not
 * anonymous. */
bool anonymous_may_bind(struct slice bare, struct slice ip);

/* anonymous_joined counts a session that has begun, or is restored from a trace; anonymous_left one
 * that ends. */
void anonymous_joined(struct session *s);
void anonymous_left(struct session const *s);

#endif
