/* Addresses that guess passwords of components. */
#ifndef COMPD_BANS_H
#define COMPD_BANS_H

#include "link/link.h"
#include "link/snapshot.h"

/* Count a wrong handshake of the address ip. At the COMPONENT_FAILURES-th within COMPONENT_FAILURES_US the
 * address (of IPv6 its first 64 bits) is shut out for COMPONENT_BAN_S: that is logged, and the fronts
 * are told. Loopback is never shut out, for components of many users may be there. */
void bans_count(struct slice ip);

/* A component at ip has shown that it knows its password: its wrong handshakes are forgotten. */
void bans_forgive(struct slice ip);

/* Say whether ip is shut out. */
bool bans_have(struct slice ip);

/* The link of a front came up: tell it who is shut out. */
void bans_announce(struct link *front);

void bans_snapshot(struct snapshot *k);

#endif
