#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Entries that are written in one transaction: its pages are in memory. */
#define ENTRIES_A_COMMIT 50000

struct rewrite {
  char const *from, *to;
  MDB_env *in, *out;
  MDB_txn *read, *write;
  unsigned int entries;
  store_rewrite_fn *fn;
  void *cookie;
};

static bool
failed(char const *dir, char const *what, int rc)
{
  log_event(LOG_WARN, "store-failed", "store", dir, "what", what, "why", mdb_strerror(rc),
            NULL);
  errno = rc > 0 ? rc : rc == MDB_BAD_VALSIZE ? ENAMETOOLONG : EIO;
  return false;
}

static bool
open_both(struct rewrite *w)
{
  MDB_envinfo info;
  int rc = mdb_env_create(&w->in);

  if (!rc) rc = mdb_env_set_maxdbs(w->in, STORE_TABLES_MAX);
  if (!rc) rc = mdb_env_open(w->in, w->from, MDB_RDONLY | MDB_NOLOCK, 0);
  if (!rc) rc = mdb_txn_begin(w->in, NULL, MDB_RDONLY, &w->read);
  if (!rc) rc = mdb_env_info(w->in, &info);
  if (rc) return failed(w->from, "open", rc);
  rc = mdb_env_create(&w->out);
  if (!rc) rc = mdb_env_set_mapsize(w->out, info.me_mapsize);
  if (!rc) rc = mdb_env_set_maxdbs(w->out, STORE_TABLES_MAX);
  if (!rc) rc = mdb_env_open(w->out, w->to, 0, 0600);
  if (!rc) rc = mdb_txn_begin(w->out, NULL, 0, &w->write);
  return !rc || failed(w->to, "open", rc);
}

static void
close_both(struct rewrite *w)
{
  if (w->read) mdb_txn_abort(w->read);
  if (w->write) mdb_txn_abort(w->write);
  if (w->in) mdb_env_close(w->in);
  if (w->out) mdb_env_close(w->out);
}

static bool
put(struct rewrite *w, char const *table, MDB_dbi t, MDB_val k, MDB_val v)
{
  struct slice key = slice_of(k.mv_data, k.mv_size),
               value = slice_of(v.mv_data, v.mv_size);
  bool moved;
  int rc;

  if (!w->fn(w->cookie, table, &key, &value)) return false;
  moved = key.s != k.mv_data;
  k = (MDB_val){key.len, (void *)(uintptr_t)key.s};
  v = (MDB_val){value.len, (void *)(uintptr_t)value.s};
  rc = mdb_put(w->write, t, &k, &v, moved ? 0 : MDB_NOOVERWRITE);
  if (rc && rc != MDB_KEYEXIST) return failed(w->to, table, rc);
  if (++w->entries % ENTRIES_A_COMMIT) return true;
  rc = mdb_txn_commit(w->write);
  w->write = NULL;
  if (!rc) rc = mdb_txn_begin(w->out, NULL, 0, &w->write);
  return !rc || failed(w->to, "commit", rc);
}

static bool
copy_table(struct rewrite *w, char const *name)
{
  MDB_dbi in, out;
  MDB_cursor *c;
  MDB_val k, v;
  bool ok = true;
  int rc = mdb_dbi_open(w->read, name, 0, &in);

  if (rc == MDB_INCOMPATIBLE || rc == MDB_NOTFOUND)
    return true; /* no table but an entry */
  if (!rc) rc = mdb_dbi_open(w->write, name, MDB_CREATE, &out);
  if (!rc) rc = mdb_cursor_open(w->read, in, &c);
  if (rc) return failed(w->from, name, rc);
  while (ok && !(rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)))
    ok = put(w, name, out, k, v);
  mdb_cursor_close(c);
  return ok && (rc == MDB_NOTFOUND || failed(w->from, name, rc));
}

/* The main table has the names of the others. */
static bool
copy_tables(struct rewrite *w)
{
  MDB_dbi names;
  MDB_cursor *c;
  MDB_val k;
  char name[64];
  bool ok = true;
  int rc = mdb_dbi_open(w->read, NULL, 0, &names);

  if (!rc) rc = mdb_cursor_open(w->read, names, &c);
  if (rc) return failed(w->from, "tables", rc);
  while (ok && !(rc = mdb_cursor_get(c, &k, NULL, MDB_NEXT_NODUP))) {
    snprintf(name, sizeof name, "%.*s", (int)k.mv_size, (char const *)k.mv_data);
    ok = copy_table(w, name);
  }
  mdb_cursor_close(c);
  if (!ok) return false;
  if (rc != MDB_NOTFOUND) return failed(w->from, "tables", rc);
  rc = mdb_txn_commit(w->write);
  w->write = NULL;
  return !rc || failed(w->to, "commit", rc);
}

bool
store_rewrite(char const *from, char const *to, store_rewrite_fn *fn, void *cookie)
{
  struct rewrite w = {.from = from, .to = to, .fn = fn, .cookie = cookie};
  bool ok;
  int e;

  if (mkdir(to, 0700)) return failed(to, "mkdir", errno);
  ok = open_both(&w) && copy_tables(&w);
  e = errno;
  close_both(&w);
  errno = e;
  return ok && store_dress(from, to);
}

static bool
dress_one(char const *from, char const *to)
{
  struct stat st, own;

  if (stat(from, &st) || stat(to, &own)) return false;
  if ((st.st_uid != own.st_uid || st.st_gid != own.st_gid) &&
      chown(to, st.st_uid, st.st_gid))
    return false;
  return !chmod(to, st.st_mode & 07777);
}

bool
store_dress(char const *from, char const *to)
{
  char a[600], b[600];

  snprintf(b, sizeof b, "%s/lock.mdb", to);
  if (unlink(b) && errno != ENOENT) return false;
  snprintf(a, sizeof a, "%s/data.mdb", from);
  snprintf(b, sizeof b, "%s/data.mdb", to);
  return dress_one(a, b) && dress_one(from, to);
}
