/* Features of the server, and caps of its hosts. */
#ifndef ROUTED_FEATURES_H
#define ROUTED_FEATURES_H

#include "routed.h"

/* Our own features, or those who watch, may have changed. At the end of a turn: tell all who
 * watch features what has changed. */
void features_changed(void);
void features_watched(struct post *p);
void features_turn(void);

/* The caps of a host. A c2sd is up: tell it those of all hosts. */
void features_caps(struct link *l, struct record *r);
void features_up(struct link *l);

#endif
