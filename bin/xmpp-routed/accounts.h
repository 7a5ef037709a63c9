/* Accounts that are made and end. */
#ifndef ROUTED_ACCOUNTS_H
#define ROUTED_ACCOUNTS_H

#include "routed.h"

/* The service of p begins to watch accounts: have authd say again which are ending. */
void accounts_watched(struct post *p);

/* Records of authd: an account was made, or has ended. Sessions of one that has ended end, before
 * those who watch accounts are told. */
void accounts_made(struct link *l, struct record *r);
void accounts_ending(struct link *l, struct record *r);

/* A record of authd: the owner of an account has removed it, and its sessions end; or it is restored. */
void accounts_shut(struct link *l, struct record *r);

/* Say whether the account bare has ended, or was removed, in the last ENDED_NAMES_US, and none was made
 * under that name, or restored, since: a client that had logged in before binds no more. */
bool accounts_has_ended(struct slice bare);

void accounts_snapshot(struct snapshot *k);

/* A store has nothing of an account any more: tell authd, which asks again if it is away. */
void accounts_erased(struct link *l, struct record *r);

#endif
