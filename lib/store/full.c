#include "store/store_internal.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <string.h>

/* ---- the reserve ---- */

/* LMDB writes a page anew before it takes something off it, so that nothing can be deleted from a
 * map without a free page. The map is STORE_RESERVE_BYTES larger while something is erased.
 * Otherwise it is as large as its limit or, if that is more, up to the last page that was in use:
 * the pages that erasing has taken stay. */
void
store_set_map(struct store *s, size_t bytes)
{
  int rc = mdb_env_set_mapsize(s->env, bytes);

  if (!rc) return;
  store_failed(s, "map", rc);
  strerr_dief(111, "unable to go on with the store");
}

/* The pages up to the last one that is in use, or was. */
static size_t
used_bytes(struct store *s)
{
  MDB_envinfo info;
  MDB_stat st;

  if (mdb_env_info(s->env, &info) || mdb_env_stat(s->env, &st)) return 0;
  return (info.me_last_pgno + 1) * st.ms_psize;
}

void
store_widen(struct store *s)
{
  size_t used = used_bytes(s);

  if (s->read) mdb_txn_abort(s->read);
  s->read = NULL;
  store_set_map(s, (used > s->map_bytes ? used : s->map_bytes) + STORE_RESERVE_BYTES);
  s->wide = true;
}

void
store_wrote(struct store *s, bool well)
{
  s->write = NULL;
  if (s->wide)
    store_set_map(s, s->map_bytes);
  else if (well)
    s->tight = false;
  s->wide = false;
}

bool
store_erase_begin(struct store *s)
{
  if (store_is_full(s) && !s->tight) {
    errno = s->why;
    return false;
  }
  return s->erasing = true;
}

void
store_erase_end(struct store *s)
{
  s->erasing = false;
}

bool
store_erase(struct store *s, MDB_dbi t, struct slice key)
{
  bool before = s->erasing, ok = store_erase_begin(s) && store_del(s, t, key);

  s->erasing = before;
  return ok;
}

bool
store_erase_put(struct store *s, MDB_dbi t, struct slice key, struct slice value)
{
  bool before = s->erasing, ok = store_erase_begin(s) && store_put(s, t, key, value);

  s->erasing = before;
  return ok;
}

/* ---- full ---- */

void
store_refuse_when_full(struct store *s)
{
  s->refuses = true;
}

void
store_lose(struct store *s)
{
  uint64_t now = door_now();

  s->lost = true;
  if (!s->refuses || s->full) return;
  s->full = true;
  s->why = errno;
  s->pause_us = s->room_us && now - s->room_us < 60000000 && s->pause_us
                  ? 2 * s->pause_us
                  : STORE_PROBE_MIN_US;
  if (s->pause_us > STORE_PROBE_MAX_US) s->pause_us = STORE_PROBE_MAX_US;
  s->probe_us = now + s->pause_us;
  s->said_us = now;
  log_event(LOG_WARN, "store-full", "store", s->dir, "why", strerror(s->why), "do",
            "free disk space", NULL);
}

/* Write a value of STORE_PROBE_BYTES, or take it away. */
static bool
try_to_write(struct store *s, bool put)
{
  static char const room[STORE_PROBE_BYTES];
  MDB_val key = {5, (void *)(uintptr_t) "probe"}, value = {sizeof room, NULL};
  MDB_txn *txn;
  MDB_dbi t;
  int rc = mdb_txn_begin(s->env, NULL, 0, &txn);

  if (rc) return false;
  value.mv_data = (void *)(uintptr_t)room;
  rc = mdb_dbi_open(txn, NULL, 0, &t);
  if (!rc) rc = put ? mdb_put(txn, t, &key, &value, 0) : mdb_del(txn, t, &key, NULL);
  if (!rc) return !mdb_txn_commit(txn);
  mdb_txn_abort(txn);
  return false;
}

/* Try, when the pause is over, whether the store has room again. */
static bool
probe(struct store *s)
{
  uint64_t now = door_now();

  if (now < s->probe_us) return false;
  s->probe_us = now + s->pause_us;
  if (try_to_write(s, true)) {
    try_to_write(s, false);
    s->full = s->tight = false;
    s->room_us = now;
    log_event(LOG_WARN, "store-has-room", "store", s->dir, "refused", log_num(s->refused),
              "why", "a write succeeded", NULL);
    s->refused = 0;
    return true;
  }
  if (now - s->said_us >= 60000000) {
    s->said_us = now;
    log_event(LOG_WARN, "store-full", "store", s->dir, "why", strerror(s->why), "refused",
              log_num(s->refused), "do", "free disk space", NULL);
  }
  return false;
}

bool
store_is_full(struct store *s)
{
  return s->full && (s->write || !probe(s));
}
