/* Features of the server, and caps of its hosts. */
#ifndef ROUTED_FEATURES_H
#define ROUTED_FEATURES_H

#include "routed.h"

/* features_changed notes that our own features have changed; features_watched that the service of p
 * watches features. features_turn, at the end of a turn, tells all that watch features what has
 * changed. */
void features_changed(void);
void features_watched(struct post *p);
void features_turn(void);

/* features_caps takes the record caps, of a host; features_up tells a c2sd that is up the caps of
 * all hosts. */
void features_caps(struct link *l, struct record *r);
void features_up(struct link *l);

#endif
