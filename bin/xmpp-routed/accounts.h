/* Accounts that are made and end. */
#ifndef ROUTED_ACCOUNTS_H
#define ROUTED_ACCOUNTS_H

#include "routed.h"

/* The service of p begins to watch accounts: have authd say again which are ending. */
void accounts_watched(struct post *p);

/* A store has nothing of an account any more: tell authd, which asks again if it is away. */
void accounts_erased(struct link *l, struct record *r);

#endif
