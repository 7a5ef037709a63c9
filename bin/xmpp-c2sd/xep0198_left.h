/* Sessions that were handed to another c2sd. */
#ifndef C2SD_XEP0198_LEFT_H
#define C2SD_XEP0198_LEFT_H

#include "c2sd.h"

/* The session s was handed to routed for another c2sd: keep copies of its stanzas that are in no
 * log. A routed is up: return those that an earlier one was handed. */
void left_keep(struct stream const *s, struct link const *routed);
void left_routed_is_up(struct link *routed);
void left_snapshot(struct snapshot *k);

#endif
