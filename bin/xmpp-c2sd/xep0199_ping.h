/* Pings. */
#ifndef C2SD_XEP0199_PING_H
#define C2SD_XEP0199_PING_H

#include "c2sd.h"

/* XEP-0199, mod_ping: begin to watch whether the client of s, which is BOUND, is there. The timer of
 * the conduit, whose negotiation is over, is that of the ping from now on. */
void ping_start(struct stream *s);

/* The time has come to look at the client: ask it, or mark a stream to end whose client has not
 * answered. */
void ping_due(struct stream *s);

#endif
