/* Programs that watch. */
#ifndef ROUTED_WATCH_H
#define ROUTED_WATCH_H

#include "routed.h"

/* Let l watch what; a link watches the same thing once. false: what is too long, or ENOMEM. */
bool watch_add(struct link *l, struct slice what);

/* Give the first link that watches what; the next one behind l. NULL: none. */
struct link *watch_first(char const *what);
struct link *watch_next(char const *what, struct link const *l);

/* The link is gone. */
void watch_gone(struct link const *l);

#endif
