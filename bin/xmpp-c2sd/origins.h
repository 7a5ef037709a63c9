/* Stanzas from before a restart of routed. */
#ifndef C2SD_ORIGINS_H
#define C2SD_ORIGINS_H

#include "c2sd.h"

void origins_routed_is_up(struct link const *l);

/* Say whether the stanza with this ORIGIN is new: a routed that was killed may have
 * delivered it here before. */
bool origins_is_new(struct slice origin);

#endif
