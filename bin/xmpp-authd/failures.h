/* Failed logins: counted for each address, and for each account. */
#ifndef AUTHD_FAILURES_H
#define AUTHD_FAILURES_H

#include "authd.h"

/* Count a login of the client at ip whose secret was wrong for the account bare of host, when the
 * host has mod_fail2ban: the address may be shut out from now on (bans.c). */
void failure_count(struct host const *h, struct slice ip, struct slice bare);

/* Count, as failure_count does, a wrong secret of the client at ip that belongs to no account: a
 * token of an invitation. */
void failure_count_guess(struct host const *h, struct slice ip);

/* Forget the failures of the client at ip for the account bare, to which it has logged in. */
void failure_forgive(struct slice ip, struct slice bare);

/* Say how long (microseconds) the answer to the client at ip has to wait, for its account was
 * tried so often from addresses that are unknown to it. 0: it does not wait. UINT64_MAX: too many
 * wait already. Each other answer but 0 is one failure_waited. */
uint64_t failure_delay(struct slice ip, struct slice bare);
void failure_waited(struct slice bare);

void failures_snapshot(struct snapshot *k);

#endif
