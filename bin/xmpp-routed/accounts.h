/* Accounts that are made and end. */
#ifndef ROUTED_ACCOUNTS_H
#define ROUTED_ACCOUNTS_H

#include "routed.h"

/* Have authd say again which accounts are ending, for the service of p begins to watch accounts. */
void accounts_watched(struct post *p);

/* Take the records of authd by which an account was made, or has ended. The sessions of an account
 * that has ended end before the services that watch accounts are told. */
void accounts_made(struct link *l, struct record *r);
void accounts_ending(struct link *l, struct record *r);

/* Take the record of authd by which the owner of an account has removed it, so that its sessions
 * end; or by which it is restored. */
void accounts_shut(struct link *l, struct record *r);

/* Say whether the account bare has ended, or was removed, in the last ENDED_NAMES_US, and none was made
 * under that name, or restored, since: a client that had logged in before binds no more. */
bool accounts_has_ended(struct slice bare);

void accounts_snapshot(struct snapshot *k);

/* Tell authd that a store has nothing of an account any more. If authd is away, it asks again. */
void accounts_erased(struct link *l, struct record *r);

#endif
