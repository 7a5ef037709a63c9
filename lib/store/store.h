/* store: an LMDB environment with one writer. All writes of a turn are one transaction, which
 * is committed before the turn's output leaves, or later when all of it may wait. Readers in
 * other programs open the same folder read-only. When LMDB can do nothing more until the
 * environment is opened anew (its first page could not be written), the process exits 111,
 * having logged why. */
#ifndef STORE_H
#define STORE_H

#include "base/base.h"

#include <lmdb.h>

struct store;

/* Open the environment in folder dir (made when create is true, with mode 0750 or, secret,
 * 0700; else read-only, by the group too), with room for map_bytes. NULL with errno, having
 * logged why. */
struct store *store_open(char const *dir, bool create, bool secret, size_t map_bytes);
void store_close(struct store *s);

/* The named table of the environment; made by the writer. false, having logged why. */
bool store_table(struct store *s, char const *name, MDB_dbi *out);

/* The value of key: lives until the next write or the end of the turn. false with errno
 * ENOENT, or EIO having logged why. */
bool store_get(struct store *s, MDB_dbi t, struct slice key, struct slice *value);

/* Set, or delete (ENOENT when it was not there). Visible to store_get at once; on disk after
 * store_commit. false with errno EIO, or ENOSPC when the map or the disk is full, having
 * logged why: then the whole turn is lost, and store_commit fails. */
bool store_put(struct store *s, MDB_dbi t, struct slice key, struct slice value);
bool store_del(struct store *s, MDB_dbi t, struct slice key);

/* The same for what need not be on disk at once: alone it does not hurry the commit. */
bool store_put_later(struct store *s, MDB_dbi t, struct slice key, struct slice value);
bool store_del_later(struct store *s, MDB_dbi t, struct slice key);

/* Whether all that was written since the last commit may wait still: for STORE_LATER_US,
 * and no longer than what must not. false when nothing was. */
bool store_may_wait(struct store const *s);

/* store_put of a key that is behind all others of the table: quicker, and the pages are
 * filled. The same errors; EIO when it is not behind them. */
bool store_append(struct store *s, MDB_dbi t, struct slice key, struct slice value);

/* Give up the turn, as if a store_put had failed: for the caller who has written a part of
 * what belongs together and cannot write the rest. Keeps errno. */
void store_abandon(struct store *s);

/* The first entry whose key is not before from (not empty), as store_get gives it. */
bool store_next(struct store *s, MDB_dbi t, struct slice from, struct slice *key,
                struct slice *value);

/* Call fn for each entry whose key is not before from, in order, until it gives false. It may
 * not write. */
typedef bool store_fn(void *cookie, struct slice key, struct slice value);
bool store_each(struct store *s, MDB_dbi t, struct slice from, store_fn *fn,
                void *cookie);

/* The end of a turn. true: what was written is on disk (or nothing was). false: nothing of
 * it is; logged. */
bool store_commit(struct store *s);

#endif
