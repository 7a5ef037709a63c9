/* accounts: which accounts there are, and their numbers. xmpp-authd writes; whoever may read
 * the folder reads.
 *
 * Environment DATA/accounts, tables
 *   jid      bare JID, prepared          -> number, 8 bytes big-endian
 *   number   number, 8 bytes big-endian  -> bare JID
 *   meta     "next"                      -> the number that the next account gets
 *            "ended"                     -> the count of the last end
 *   ended    count of ended accounts     -> number of the one that ended then, 8 bytes, and its
 *            (8 bytes, big-endian)          bare JID; the last ACCOUNTS_ENDED_MAX
 *   ending   number, 8 bytes big-endian  -> bare JID of the ended account, NUL, and the stores
 *                                           that have nothing of it any more, with blanks
 *                                           between; until all have said so
 *   taken    bare JID of an account that -> its number, 8 bytes big-endian
 *            is in table ending
 *   removed  number of an account that   -> the moment until which it can be restored,
 *            its owner has removed          microseconds since 1970, 8 bytes big-endian
 *   due      that moment, and the number -> nothing
 * The name of an account that is ending is taken until all stores have erased the account. An account
 * that is removed is in tables jid and number, as all others. A number is given once and never again. A
 * JID is a key, so no account has a longer one than LMDB takes for a key. */
#ifndef ACCOUNTS_H
#define ACCOUNTS_H

#include "store/store.h"

#define ACCOUNTS_JID_MAX 511

struct accounts;

/* Open DATA/accounts; the writer makes it. NULL, having logged why. */
struct accounts *accounts_open(char const *data, bool writer);

/* Open DATA/accounts for reading. NULL: xmpp-authd has not made it yet, or it cannot be opened
 * (then the log says why). */
struct accounts *accounts_open_reader(char const *data);
void accounts_close(struct accounts *a);

/* The number of an account; 0: there is none (errno ENOENT) or the store failed (EIO). */
uint64_t accounts_number(struct accounts *a, struct slice bare);

/* The account of a number; lives as a value of store_get. false with errno ENOENT or EIO. */
bool accounts_jid(struct accounts *a, uint64_t number, struct slice *bare);

/* The number that the next new account will have; 0 with errno EIO. */
uint64_t accounts_next(struct accounts *a);

/* Add the account bare under the number accounts_next(); accounts_del ends an account, which is
 * ending from then on. false with errno EEXIST, EBUSY (an account of that name is ending), ENOENT,
 * EDQUOT (ACCOUNTS_ENDING_MAX are ending), ENAMETOOLONG (over ACCOUNTS_JID_MAX) or EIO. */
bool accounts_add(struct accounts *a, struct slice bare);
bool accounts_del(struct accounts *a, struct slice bare);

/* Find the first end of an account behind the end that was counted *count (0: the oldest that is
 * remembered), and set *count, and the number and JID of the account; bare lives as a value of
 * store_get. false with errno ENOENT (there is none) or EIO. */
bool accounts_ended(struct accounts *a, uint64_t *count, uint64_t *number,
                    struct slice *bare);

/* Find the first account that is ending behind the number *number; set *number, its JID, and the
 * stores that have erased it, with blanks between. Both texts live as a value of store_get. For the
 * writer. false with errno ENOENT (there is none) or EIO. */
bool accounts_ending(struct accounts *a, uint64_t *number, struct slice *bare,
                     struct slice *erased);

/* The number of the account of this name that is ending; 0 with errno ENOENT or EIO. For the
 * writer. */
uint64_t accounts_taken(struct accounts *a, struct slice bare);

/* Note that the store has nothing of this account any more (empty: no store says so). When each
 * word of `all` has been said the account has ended, and its name is free. For the writer. false
 * with errno ENOENT (it is not ending) or EIO. */
bool accounts_erased(struct accounts *a, uint64_t number, struct slice store,
                     struct slice all);

/* accounts_remove notes that the owner of the account bare has removed it, and that it ends at
 * due_us (microseconds since 1970, not 0); accounts_restore takes that back. For the writer. false
 * with errno ENOENT (there is no such account, or it is removed already; of accounts_restore: it is
 * not removed) or EIO. */
bool accounts_remove(struct accounts *a, struct slice bare, uint64_t due_us);
bool accounts_restore(struct accounts *a, struct slice bare);

/* The moment at which the removed account of this number ends; 0 with errno ENOENT (it is not removed)
 * or EIO. For the writer. */
uint64_t accounts_due(struct accounts *a, uint64_t number);

/* Find the first removed account behind the moment *due_us and the number *number; set both, and
 * its JID, which lives as a value of store_get. For the writer. false with errno ENOENT (there is
 * none) or EIO. */
bool accounts_next_due(struct accounts *a, uint64_t *due_us, uint64_t *number,
                       struct slice *bare);

/* The number of accounts; 0 with errno EIO. */
uint64_t accounts_count(struct accounts *a);

/* Give a number that changes when accounts are added or deleted. */
uint64_t accounts_changes(struct accounts *a);

/* Call fn for each account by JID, until it gives false. false with errno EIO. */
typedef bool accounts_fn(void *cookie, struct slice bare, uint64_t number);
bool accounts_each(struct accounts *a, accounts_fn *fn, void *cookie);

/* As store_abandon, store_commit. */
void accounts_abandon(struct accounts *a);
bool accounts_commit(struct accounts *a);

#endif
