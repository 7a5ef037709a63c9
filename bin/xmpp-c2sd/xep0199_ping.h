/* Pings. */
#ifndef C2SD_XEP0199_PING_H
#define C2SD_XEP0199_PING_H

#include "c2sd.h"

/* XEP-0199, mod_ping: begin to watch whether the client is there; end that. */
void ping_start(struct stream *s);
void ping_stop(struct stream *s);

#endif
