/* The domains that are served here. */
#ifndef ROUTED_DOMAINS_H
#define ROUTED_DOMAINS_H

#include "routed.h"

/* Say whether this server has the domain: as a host, or by a service. */
bool domains_has(struct slice domain);

/* domains_watched notes that the service of p begins to watch domains; domains_changed that a
 * reload may have changed the hosts. */
void domains_watched(struct post *p);
void domains_changed(void);

/* Tell the services that watch domains, at the end of a turn, which have changed. */
void domains_turn(void);

#endif
