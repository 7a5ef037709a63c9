/* A stream's life: what lib/stream says of its conduit, and records of fronts. */
#ifndef S2SD_LIFE_H
#define S2SD_LIFE_H

#include "stream.h"

extern struct conduit_owner const life_owner;

/* Handlers of records. */
void life_secured(struct link *l, struct record *r);
void life_written(struct link *l, struct record *r);

/* End the streams of a front that is gone; end the turn; look at all streams under new settings;
 * end all streams with the program. */
void life_link_gone(struct link *l);
void life_turn(void);
void life_reload(void);
void life_stop(void);

#endif
