/* Pings. */
#ifndef C2SD_XEP0199_PING_H
#define C2SD_XEP0199_PING_H

#include "c2sd.h"

/* XEP-0199, mod_ping: begin to watch whether the client of s, which is BOUND, is there. The timer of
 * the conduit, whose negotiation is over, is that of the ping from now on. */
void ping_start(struct stream *s);

/* Look at the client of s, whose time has come: ask it, or mark s to end if its client has not
 * answered. */
void ping_due(struct stream *s);

#endif
