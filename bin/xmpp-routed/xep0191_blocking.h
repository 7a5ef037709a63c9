/* Block lists. */
#ifndef ROUTED_XEP0191_BLOCKING_H
#define ROUTED_XEP0191_BLOCKING_H

#include "routed.h"

void blocking_list(struct link *l, struct record *r);

/* Say whether p may not pass between its two accounts; p has been answered then. */
bool blocking_stops(struct passing const *p);

#endif
