/* Shared between the files of this area. */
#ifndef ROSTER_INTERNAL_H
#define ROSTER_INTERNAL_H

#include "roster/roster.h"

#define KEY_MAX (8 + ROSTER_JID_MAX)

struct roster {
  struct store *store;
  MDB_dbi items, pending, blocked, meta;
};

/* ACCOUNT JID in buf. Empty, with errno ENAMETOOLONG, when the JID is too long: the store has
 * no such key. */
struct slice roster_key(char buf[KEY_MAX], uint64_t account, struct slice jid);

/* The counts, measured, for a function that changes and then puts them. */
bool roster_counts_measured(struct roster *r, uint64_t account, struct roster_counts *c);
bool roster_counts_put(struct roster *r, uint64_t account, struct roster_counts const *c);

/* Each entry of table t that belongs to the account: its JID and value. */
bool roster_each_of(struct roster *r, MDB_dbi t, uint64_t account, roster_text_fn *fn,
                    void *cookie);

#endif
