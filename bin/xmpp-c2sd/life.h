/* The life of a stream: its conduit, and its end. */
#ifndef C2SD_LIFE_H
#define C2SD_LIFE_H

#include "c2sd.h"
#include "stream/stream.h"

/* The callbacks of lib/stream for a stream. */
extern struct conduit_owner const life_owner;

/* Handlers of records that begin a stream, or begin it anew. */
void life_open(struct link *l, struct record *r);
void life_secured(struct link *l, struct record *r);

/* End all streams of a front whose link is gone, or let them wait to be resumed. */
void life_link_gone(struct link *l);

/* End the marked streams that are left at the end of a turn, and those that keep more than all
 * streams together may. */
void life_turn(void);

#endif
