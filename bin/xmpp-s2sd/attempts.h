/* Attempts to find a way for the stanzas of a pair. */
#ifndef S2SD_ATTEMPTS_H
#define S2SD_ATTEMPTS_H

#include "pairs.h"

/* Find a way for what waits, if there is none yet and none is to be. */
void attempt_find_way(struct pair *p);

/* Start the pair's timer for the next thing that is due; the function of that timer. */
void attempt_look_later(struct pair *p);
void attempt_look(void *cookie);

/* No dial is made any more, and no stanza leaves: what has not left stays with routed. */
void attempts_stop(void);
bool attempts_stopped(void);

#endif
