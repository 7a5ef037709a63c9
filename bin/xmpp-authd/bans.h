/* Addresses that are shut out: c2sd refuses their streams, and its tlsd their connections. */
#ifndef AUTHD_BANS_H
#define AUTHD_BANS_H

#include "authd.h"

/* Read the bans that are kept on disk. false, having logged why. */
bool bans_open(struct store *s);

/* Shut the address or network out for so many seconds from now, and tell all who take logins. false
 * with errno as ban_put, or EIO. */
bool bans_add(struct slice text, uint64_t seconds, char const *why);

/* Tell l, whose link came up, of all. */
void bans_announce(struct link *l);

/* bans list|add|del ADDRESS MINUTES: xmpp-ctl asks. */
void bans_control(struct link *l, struct record *r);

void bans_snapshot(struct snapshot *k);

#endif
