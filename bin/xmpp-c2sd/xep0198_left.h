/* Sessions that were handed to another c2sd. */
#ifndef C2SD_XEP0198_LEFT_H
#define C2SD_XEP0198_LEFT_H

#include "c2sd.h"

/* left_keep keeps copies of those stanzas of s, a session that was handed to routed for another
 * c2sd, that are in no log. left_routed_is_up returns to routed, which is up, the stanzas that an
 * earlier run of it was handed. */
void left_keep(struct stream const *s, struct link const *routed);
void left_routed_is_up(struct link *routed);
void left_snapshot(struct snapshot *k);

#endif
