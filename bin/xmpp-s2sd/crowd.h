/* Strangers: incoming streams that have proven nothing, and what they make us do, by address. */
#ifndef S2SD_CROWD_H
#define S2SD_CROWD_H

#include "stream.h"

/* crowd_enter counts the new stream; false: there are too many, of its address or in all.
 * crowd_leave counts it no more. */
bool crowd_enter(struct stream *s);
void crowd_leave(struct stream *s);

uint64_t crowd_count(void);

/* Say whether a stranger at the address ip, or in its IPv6 network (/64), may make us connect to
 * one more domain, and count that connection. */
bool crowd_may_dial(char const *ip);

void crowd_snapshot(struct snapshot *k);

#endif
