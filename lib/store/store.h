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
 * logged why; ENOENT, and nothing logged: the writer has not opened the store yet, and a reader who
 * may not write there can try again later. */
struct store *store_open(char const *dir, bool create, bool secret, size_t map_bytes);
void store_close(struct store *s);

/* Open an environment, as the writer and secret, whose commits are not synced: it outlives the
 * process, and after a power cut it may be torn. Write all of it to the disk (false, having
 * logged why). */
struct store *store_open_unsynced(char const *dir, size_t map_bytes);
bool store_sync(struct store *s);

/* The named table of the environment; made by the writer. false, having logged why. */
bool store_table(struct store *s, char const *name, MDB_dbi *out);

/* The value of key: lives until the next write or the end of the turn. false with errno
 * ENOENT, or EIO having logged why. */
bool store_get(struct store *s, MDB_dbi t, struct slice key, struct slice *value);

/* Set an entry, or delete it (ENOENT when it was not there). store_get sees the change at once;
 * store_commit brings it to the disk. false with errno EIO, or ENOSPC when the map or the disk is
 * full, having logged why: then the whole turn is lost, and store_commit fails (but see
 * store_is_full). */
bool store_put(struct store *s, MDB_dbi t, struct slice key, struct slice value);
bool store_del(struct store *s, MDB_dbi t, struct slice key);

/* Set or delete, as store_put and store_del do, an entry that need not be on disk at once: such a
 * write alone does not hurry the commit. */
bool store_put_later(struct store *s, MDB_dbi t, struct slice key, struct slice value);
bool store_del_later(struct store *s, MDB_dbi t, struct slice key);

/* Say whether all writes since the last commit may wait still: for STORE_LATER_US, and
 * no longer than a write that must not wait. false when there were none. */
bool store_may_wait(struct store const *s);

/* Put an entry whose key is behind all others of the table: quicker than store_put, and pages are
 * filled. false as store_put; also with errno EIO when the key is not behind the others. */
bool store_append(struct store *s, MDB_dbi t, struct slice key, struct slice value);

/* Give up the turn, as if a store_put had failed: for the caller who has written a part of
 * what belongs together and cannot write the rest. Keeps errno. */
void store_abandon(struct store *s);

/* Take back all writes of the turn. They were right, but the turn of their caller is lost in
 * another store. */
void store_revert(struct store *s);

/* Say whether a write of this turn has failed, so that store_commit will fail. */
bool store_is_lost(struct store const *s);

/* Give the number of entries of a table; SIZE_MAX with errno EIO. */
size_t store_count(struct store *s, MDB_dbi t);

/* Give the first entry whose key is not before from, which is not empty. false as store_get. */
bool store_next(struct store *s, MDB_dbi t, struct slice from, struct slice *key,
                struct slice *value);

/* Call fn for each entry whose key is not before from, in order, until it gives false. fn may not
 * write. store_each_back calls fn for each entry whose key is not behind from (not empty), last
 * first. */
typedef bool store_fn(void *cookie, struct slice key, struct slice value);
bool store_each(struct store *s, MDB_dbi t, struct slice from, store_fn *fn,
                void *cookie);
bool store_each_back(struct store *s, MDB_dbi t, struct slice from, store_fn *fn,
                     void *cookie);

/* Copy every environment that is open, as it is on disk now, into a folder of its name in dir,
 * which is made: for a trace whose replay is to find what this program found. Between turns.
 * false, having logged why. */
bool store_copy_all(char const *dir);

/* Open the environment in folder dir, read-only, write a byte to ready, and close that; when a byte
 * can be read from go, write a copy of the environment to out, a pipe: as it is when the first
 * byte comes out. false when ready or go has ended, or having logged why. For a process that has
 * not opened the environment. */
bool store_send(char const *dir, int ready, int go, int out);

/* Write all tables of the environment in folder from, which nobody may have open, into a new
 * environment in the new folder to, which gets the users, groups and modes of from. For each entry
 * fn may put another key and value in place, which live until it is called again, or give false
 * with errno: then all is given up. An entry whose key was changed takes the place of one that has
 * the key already. Nothing is left in memory, and no lock file. false with errno, having logged
 * why. */
typedef bool store_rewrite_fn(void *cookie, char const *table, struct slice *key,
                              struct slice *value);
bool store_rewrite(char const *from, char const *to, store_rewrite_fn *fn, void *cookie);

/* Give the folder to, and its file data.mdb, the user, group and mode that they have in from, and
 * take the lock file away. false with errno. */
bool store_dress(char const *from, char const *to);

/* Delete entries whose key begins with prefix (not empty), at most so many; add their number
 * to *done. false as store_del. */
bool store_del_some(struct store *s, MDB_dbi t, struct slice prefix, unsigned int most,
                    unsigned int *done);

/* The smallest number behind after that the keys of one of these n tables begin with (8 bytes,
 * big-endian). false with errno ENOENT: there is none; or EIO. */
bool store_next_number(struct store *s, MDB_dbi const *tables, size_t n, uint64_t after,
                       uint64_t *number);

/* Give a number that changes when another process has committed. */
uint64_t store_changes(struct store const *s);

/* End the turn. true: all that was written in it is on disk, or nothing was written. false, having
 * logged why: nothing of it is on disk. */
bool store_commit(struct store *s);

/* ---- a store that is full ----
 *
 * A program that can refuse requests of its neighbours calls store_refuse_when_full once.
 * After a turn that failed (no room in the map or on the disk, or another error of a
 * write) the store is full: reads go on, and store_put and its like fail at once with the
 * errno of that turn (ENOSPC, EIO) and do not spoil the turn. The program ends the links
 * by which the turn's records came (link_discard); their senders say them again, and now
 * the program answers each: requests that only read as ever, requests that write with an
 * error. Once in STORE_PROBE_MIN_US to STORE_PROBE_MAX_US a write, or store_is_full,
 * tries whether STORE_PROBE_BYTES can be written; when they can, the store is full no
 * more. The log has a line when the store becomes full, a line a minute, and a line at
 * the end. */
void store_refuse_when_full(struct store *s);

/* Begin and end erasing: between the two calls writes may use the reserve of a map that is full, so
 * that entries can be deleted from it; for those who erase much and write little. Other writes of
 * the same turn are refused, as in a store that is full. The first turn that finds the map full is
 * lost, as any. false, with the errno of the turn that failed: the store is full because the disk
 * is. */
bool store_erase_begin(struct store *s);
void store_erase_end(struct store *s);

/* store_del, store_put, each between the two, which may be begun already. A value that is put belongs to what
 * goes, and soon goes too. */
bool store_erase(struct store *s, MDB_dbi t, struct slice key);
bool store_erase_put(struct store *s, MDB_dbi t, struct slice key, struct slice value);

/* Say whether all later writes of this turn will be refused. Ask before a record is
 * handled, so that no part of the record is done by half. */
bool store_is_full(struct store *s);

#endif
