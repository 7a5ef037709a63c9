#include "store/store_internal.h"

#include <skalibs/strerr.h>
#include <skalibs/uint64.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct store *all;

bool
store_failed(struct store *s, char const *what, int rc)
{
  if (rc == MDB_NOTFOUND) {
    errno = ENOENT;
    return false;
  }
  log_event(LOG_WARN, "store-failed", "store", s->dir, "what", what, "why",
            mdb_strerror(rc), NULL);
  /* LMDB could not write its first page and does nothing more until it is opened anew: by
   * the next process. */
  if (rc == MDB_PANIC) strerr_dief(111, "unable to go on with the store");
  if (rc == MDB_MAP_FULL) s->tight = true;
  errno = rc == MDB_MAP_FULL || rc == ENOSPC || rc == EDQUOT ? ENOSPC : EIO;
  return false;
}

/* Say whether a reader must wait for the writer: a store that is new, was restored or written anew has no
 * lock file, and a reader that may not write to the folder cannot make one. The writer gives a new
 * lock file the mode by which the group writes when the store is open. */
static bool
is_unused(char const *dir)
{
  char path[600];

  snprintf(path, sizeof path, "%s/lock.mdb", dir);
  return access(path, R_OK | W_OK) && (errno == ENOENT || errno == EACCES) &&
         access(dir, W_OK) && errno == EACCES;
}

static struct store *
open_with(char const *dir, bool create, bool secret, size_t map_bytes, unsigned int flags)
{
  struct store *s = calloc(1, sizeof *s + strlen(dir) + 1);
  bool group;
  int rc;

  if (!s) return NULL;
  if (!create && is_unused(dir)) {
    free(s);
    errno = ENOENT;
    return NULL;
  }
  strcpy(s->dir, dir);
  s->writer = create;
  s->map_bytes = map_bytes;
  if (create && mkdir(dir, secret ? 0700 : 0750) && errno != EEXIST) {
    log_event(LOG_WARN, "store-failed", "store", dir, "what", "mkdir", "why",
              strerror(errno), NULL);
    free(s);
    return NULL;
  }
  group = !secret && store_group_reads(dir);
  rc = mdb_env_create(&s->env);
  if (!rc) rc = mdb_env_set_mapsize(s->env, map_bytes);
  if (!rc) rc = mdb_env_set_maxdbs(s->env, STORE_TABLES_MAX);
  if (!rc)
    rc = mdb_env_open(s->env, dir, create ? flags : MDB_RDONLY, group ? 0640 : 0600);
  if (!rc && !geteuid()) store_give_away(dir, group);
  /* Readers that were killed leave their places in the lock file. */
  if (!rc) mdb_reader_check(s->env, NULL);
  if (!rc && create && !secret) {
    store_set_mode(dir, "data.mdb", group ? 0640 : 0600); /* of an earlier version */
    store_set_mode(dir, "lock.mdb",
                   group ? 0660 : 0600); /* readers write their names into it */
  }
  if (!rc) {
    s->next = all;
    return all = s;
  }
  store_failed(s, "open", rc);
  mdb_env_close(s->env);
  free(s);
  errno = EIO;
  return NULL;
}

struct store *
store_open(char const *dir, bool create, bool secret, size_t map_bytes)
{
  return open_with(dir, create, secret, map_bytes, 0);
}

struct store *
store_open_unsynced(char const *dir, size_t map_bytes)
{
  return open_with(dir, true, true, map_bytes, MDB_NOSYNC);
}

bool
store_sync(struct store *s)
{
  int rc = mdb_env_sync(s->env, 1);

  return !rc || store_failed(s, "sync", rc);
}

void
store_close(struct store *s)
{
  struct store **at = &all;

  if (!s) return;
  while (*at != s)
    at = &(*at)->next;
  *at = s->next;
  if (s->write) mdb_txn_abort(s->write);
  if (s->read) mdb_txn_abort(s->read);
  mdb_env_close(s->env);
  free(s);
}

static MDB_txn *
begin_write(struct store *s)
{
  int rc;

  if (s->write && (!s->wide || s->erasing)) return s->write;
  if (s->lost) {
    errno = EIO;
    return NULL;
  }
  if (s->wide || (!(s->erasing && s->tight) && store_is_full(s))) {
    s->refused++;
    errno = s->wide ? ENOSPC : s->why;
    return NULL;
  }
  if (s->erasing && s->tight) store_widen(s);
  rc = mdb_txn_begin(s->env, NULL, 0, &s->write);
  s->hurry = false;
  s->since_us = door_now();
  if (!rc) return s->write;
  store_wrote(s, false);
  store_failed(s, "begin", rc);
  store_lose(s);
  return NULL;
}

/* Reads see the writes of their turn: its transaction serves them too. */
static MDB_txn *
begin_read(struct store *s)
{
  int rc;

  if (s->write) return s->write;
  if (s->read) return s->read;
  rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->read);
  if (rc == MDB_MAP_RESIZED) { /* the writer has used its reserve */
    store_set_map(s, 0);
    rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->read);
  }
  if (!rc) return s->read;
  s->read = NULL;
  store_failed(s, "begin", rc);
  return NULL;
}

bool
store_table(struct store *s, char const *name, MDB_dbi *out)
{
  MDB_txn *txn = s->writer ? begin_write(s) : begin_read(s);
  int rc = txn ? mdb_dbi_open(txn, name, s->writer ? MDB_CREATE : 0, out) : 0;

  if (!txn) return false;
  if (rc) return store_failed(s, name, rc);
  if (s->writer) return store_commit(s);
  rc = mdb_txn_commit(s->read); /* keeps the handle for later ones */
  s->read = NULL;
  return !rc || store_failed(s, name, rc);
}

/* LMDB has no key that is empty or longer: such a one is not there, and cannot be. */
static bool
key_holds(struct store *s, struct slice key, int why)
{
  if (key.len && key.len <= (size_t)mdb_env_get_maxkeysize(s->env)) return true;
  errno = why;
  return false;
}

static MDB_val
val(struct slice s)
{
  return (MDB_val){s.len, (void *)(uintptr_t)s.s};
}

bool
store_get(struct store *s, MDB_dbi t, struct slice key, struct slice *value)
{
  MDB_txn *txn;
  MDB_val k = val(key), v;
  int rc;

  if (!key_holds(s, key, ENOENT)) return false;
  txn = begin_read(s);
  if (!txn) return false;
  rc = mdb_get(txn, t, &k, &v);
  if (rc) return store_failed(s, "get", rc);
  *value = slice_of(v.mv_data, v.mv_size);
  return true;
}

size_t
store_count(struct store *s, MDB_dbi t)
{
  MDB_txn *txn = begin_read(s);
  MDB_stat st;
  int rc;

  if (!txn) return SIZE_MAX;
  rc = mdb_stat(txn, t, &st);
  if (!rc) return st.ms_entries;
  store_failed(s, "count", rc);
  return SIZE_MAX;
}

static bool
wrote(struct store *s, char const *what, int rc)
{
  if (!rc) return true;
  if (rc == MDB_NOTFOUND) return store_failed(s, what, rc);
  store_revert(s);
  store_failed(s, what, rc);
  store_lose(s);
  return false;
}

static bool
put(struct store *s, MDB_dbi t, struct slice key, struct slice value, unsigned int flags)
{
  MDB_val k = val(key), v = val(value);
  MDB_txn *txn;

  if (!key_holds(s, key, EINVAL)) return false;
  txn = begin_write(s);
  return txn && wrote(s, "put", mdb_put(txn, t, &k, &v, flags));
}

bool
store_put_later(struct store *s, MDB_dbi t, struct slice key, struct slice value)
{
  return put(s, t, key, value, 0);
}

bool
store_put(struct store *s, MDB_dbi t, struct slice key, struct slice value)
{
  bool ok = put(s, t, key, value, 0);

  s->hurry = true;
  return ok;
}

bool
store_append(struct store *s, MDB_dbi t, struct slice key, struct slice value)
{
  bool ok = put(s, t, key, value, MDB_APPEND);

  s->hurry = true;
  return ok;
}

void
store_abandon(struct store *s)
{
  int e = errno;

  store_revert(s);
  store_lose(s);
  errno = e;
}

void
store_revert(struct store *s)
{
  if (!s->write) return;
  mdb_txn_abort(s->write);
  store_wrote(s, false);
}

bool
store_is_lost(struct store const *s)
{
  return s->lost;
}

bool
store_del_later(struct store *s, MDB_dbi t, struct slice key)
{
  MDB_val k = val(key);
  MDB_txn *txn;

  if (!key_holds(s, key, ENOENT)) return false;
  txn = begin_write(s);
  return txn && wrote(s, "delete", mdb_del(txn, t, &k, NULL));
}

bool
store_del(struct store *s, MDB_dbi t, struct slice key)
{
  bool ok = store_del_later(s, t, key);

  s->hurry = true;
  return ok;
}

bool
store_del_some(struct store *s, MDB_dbi t, struct slice prefix, unsigned int most,
               unsigned int *done)
{
  struct slice key = SLICE(""), value;
  unsigned int n;
  char copy[512]; /* LMDB has no longer keys */

  for (n = 0; n < most; n++) {
    if (!store_next(s, t, prefix, &key, &value)) return errno == ENOENT;
    if (key.len < prefix.len || memcmp(key.s, prefix.s, prefix.len) != 0 ||
        key.len > sizeof copy)
      return true;
    memcpy(copy, key.s, key.len);
    if (!store_del(s, t, slice_of(copy, key.len))) return false;
    ++*done;
  }
  return true;
}

bool
store_next_number(struct store *s, MDB_dbi const *tables, size_t n, uint64_t after,
                  uint64_t *number)
{
  struct slice key = SLICE(""), value;
  uint64_t found, best = 0;
  char from[8];
  size_t i;

  uint64_pack_big(from, after + 1);
  for (i = 0; i < n; i++) {
    if (!store_next(s, tables[i], slice_of(from, 8), &key, &value)) {
      if (errno != ENOENT) return false;
      continue;
    }
    if (key.len < 8) continue;
    uint64_unpack_big(key.s, &found);
    if (!best || found < best) best = found;
  }
  *number = best;
  errno = ENOENT;
  return best != 0;
}

uint64_t
store_changes(struct store const *s)
{
  MDB_envinfo info;

  return mdb_env_info(s->env, &info) ? 0 : info.me_last_txnid;
}

bool
store_may_wait(struct store const *s)
{
  return s->write && !s->hurry && !s->lost && door_now() - s->since_us < STORE_LATER_US;
}

bool
store_next(struct store *s, MDB_dbi t, struct slice from, struct slice *key,
           struct slice *value)
{
  MDB_txn *txn = begin_read(s);
  MDB_cursor *c;
  MDB_val k = val(from), v;
  int rc;

  if (!txn) return false;
  rc = mdb_cursor_open(txn, t, &c);
  if (rc) return store_failed(s, "cursor", rc);
  rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
  mdb_cursor_close(c);
  if (rc) return store_failed(s, "next", rc);
  *key = slice_of(k.mv_data, k.mv_size);
  *value = slice_of(v.mv_data, v.mv_size);
  return true;
}

bool
store_each(struct store *s, MDB_dbi t, struct slice from, store_fn *fn, void *cookie)
{
  MDB_txn *txn = begin_read(s);
  MDB_cursor *c;
  MDB_val k = val(from), v;
  int rc;

  if (!txn) return false;
  rc = mdb_cursor_open(txn, t, &c);
  if (rc) return store_failed(s, "cursor", rc);
  rc = mdb_cursor_get(c, &k, &v, from.len ? MDB_SET_RANGE : MDB_FIRST);
  while (!rc &&
         fn(cookie, slice_of(k.mv_data, k.mv_size), slice_of(v.mv_data, v.mv_size)))
    rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
  mdb_cursor_close(c);
  return !rc || rc == MDB_NOTFOUND || store_failed(s, "cursor", rc);
}

/* Set the cursor to the last entry whose key is not behind from. */
static int
seek_back(MDB_cursor *c, struct slice from, MDB_val *k, MDB_val *v)
{
  int rc = mdb_cursor_get(c, k, v, MDB_SET_RANGE);

  if (rc == MDB_NOTFOUND) return mdb_cursor_get(c, k, v, MDB_LAST);
  if (!rc && !slice_eq(slice_of(k->mv_data, k->mv_size), from))
    return mdb_cursor_get(c, k, v, MDB_PREV);
  return rc;
}

bool
store_each_back(struct store *s, MDB_dbi t, struct slice from, store_fn *fn, void *cookie)
{
  MDB_txn *txn = begin_read(s);
  MDB_cursor *c;
  MDB_val k = val(from), v;
  int rc;

  if (!txn) return false;
  rc = mdb_cursor_open(txn, t, &c);
  if (rc) return store_failed(s, "cursor", rc);
  rc = seek_back(c, from, &k, &v);
  while (!rc &&
         fn(cookie, slice_of(k.mv_data, k.mv_size), slice_of(v.mv_data, v.mv_size)))
    rc = mdb_cursor_get(c, &k, &v, MDB_PREV);
  mdb_cursor_close(c);
  return !rc || rc == MDB_NOTFOUND || store_failed(s, "cursor", rc);
}

/* A reader that was killed in the middle keeps all pages that it might have read from being used again,
 * until somebody looks; its next run does, but perhaps there is none. */
static void
forget_dead_readers(struct store *s)
{
  if (++s->commits < STORE_READERS_EVERY) return;
  s->commits = 0;
  mdb_reader_check(s->env, NULL);
}

bool
store_commit(struct store *s)
{
  bool was_lost = s->lost;
  int rc;

  s->lost = false;
  if (s->read) mdb_txn_abort(s->read);
  s->read = NULL;
  if (!s->write) return !was_lost;
  rc = mdb_txn_commit(s->write);
  store_wrote(s, !rc);
  forget_dead_readers(s);
  if (!rc) return true;
  store_failed(s, "commit", rc);
  store_lose(s);
  s->lost = false;
  return false;
}

static bool
copy_one(struct store *s, char const *dir)
{
  char const *slash = strrchr(s->dir, '/');
  char path[600];
  int rc,
    n = snprintf(path, sizeof path, "%s/%s/data.mdb", dir, slash ? slash + 1 : s->dir);

  if (n < 0 || n >= (int)sizeof path) return store_failed(s, "copy", ENAMETOOLONG);
  unlink(path);
  path[n - (int)sizeof "data.mdb"] = 0;
  if (mkdir(path, 0700) && errno != EEXIST) return store_failed(s, "copy", errno);
  if (s->read) mdb_txn_abort(s->read);
  s->read = NULL;
  rc = mdb_env_copy(s->env, path);
  return !rc || store_failed(s, "copy", rc);
}

bool
store_copy_all(char const *dir)
{
  struct store *s;

  if (mkdir(dir, 0700) && errno != EEXIST) {
    log_event(LOG_WARN, "store-failed", "store", dir, "what", "copy", "why",
              strerror(errno), NULL);
    return false;
  }
  for (s = all; s; s = s->next)
    if (!copy_one(s, dir)) return false;
  return true;
}

/* LMDB has its reader before it writes the first page. */
bool
store_send(char const *dir, int ready, int go, int out)
{
  struct store *s = store_open(dir, false, false, 0);
  char byte = 0;
  int rc;

  if (!s || write(ready, &byte, 1) != 1) return false;
  close(ready);
  if (read(go, &byte, 1) != 1) return false;
  rc = mdb_env_copyfd(s->env, out);
  return !rc || store_failed(s, "copy", rc);
}
