/* The domains that are served here. */
#ifndef ROUTED_DOMAINS_H
#define ROUTED_DOMAINS_H

#include "routed.h"

/* Say whether this server has the domain: as a host, or by a service. */
bool domains_has(struct slice domain);

/* The service of p begins to watch domains; a reload may have changed the hosts. */
void domains_watched(struct post *p);
void domains_changed(void);

/* At the end of a turn: tell those who watch what has changed. */
void domains_turn(void);

#endif
