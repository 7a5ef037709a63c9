/* Attempts to find a way for the stanzas of a pair. */
#ifndef S2SD_ATTEMPTS_H
#define S2SD_ATTEMPTS_H

#include "pairs.h"

/* Find a way for the stanzas that wait for p, if there is none yet and none is to be. */
void attempt_find_way(struct pair *p);

/* attempt_look_later starts the timer of p for the next thing that is due; attempt_look is the
 * function of that timer. */
void attempt_look_later(struct pair *p);
void attempt_look(void *cookie);

/* attempts_stop lets no dial be made any more, and no stanza leave: those that have not left stay
 * with routed. */
void attempts_stop(void);
bool attempts_stopped(void);

#endif
