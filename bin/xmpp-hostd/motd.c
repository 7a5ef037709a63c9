#include "hostd.h"

#include "erase/erase.h"

#include <skalibs/uint64.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Messages of the day, and who has seen which.
 *
 * Environment DATA/motd, tables
 *   motd   name of the host -> its number, 8 bytes big-endian; type of the message; a NUL
 *                              byte; what stands inside the message element, XML whose
 *                              outer namespace is jabber:client
 *   seen   bare JID         -> number of the last that the account has seen, 8 bytes
 *                              big-endian
 * A number is the time of the message in microseconds, or more, so that it rises: an older
 * entry of seen is one of a message that is gone. */

/* Fifty bytes an account that has seen one. */
#define MAP_BYTES (1ull << 30)

static struct {
  struct store *store;
  MDB_dbi motd, seen;
} db;

bool
motd_open(char const *data)
{
  char path[512];

  if (db.store) return true;
  snprintf(path, sizeof path, "%s/motd", data);
  db.store = store_open(path, true, false, MAP_BYTES);
  if (db.store && store_table(db.store, "motd", &db.motd) &&
      store_table(db.store, "seen", &db.seen))
    return true;
  store_close(db.store);
  db.store = NULL;
  return false;
}

static bool
is_open(void)
{
  if (!db.store) errno = EIO;
  return db.store != NULL;
}

bool
motd_put(struct slice host, uint64_t id, struct slice type, struct slice inside)
{
  size_t len = 8 + type.len + 1 + inside.len;
  char *v = is_open() ? malloc(len) : NULL;
  bool ok;

  if (!v) return false;
  uint64_pack_big(v, id);
  memcpy(v + 8, type.s, type.len);
  v[8 + type.len] = 0;
  memcpy(v + 8 + type.len + 1, inside.s, inside.len);
  ok = store_put(db.store, db.motd, host, slice_of(v, len));
  free(v);
  return ok;
}

bool
motd_del(struct slice host)
{
  return is_open() && store_del(db.store, db.motd, host);
}

bool
motd_get(struct slice host, uint64_t *id, struct slice *type, struct slice *inside)
{
  struct slice v;

  if (!is_open() || !store_get(db.store, db.motd, host, &v)) return false;
  if (v.len < 9) {
    errno = EIO;
    return false;
  }
  uint64_unpack_big(v.s, id);
  *inside = slice_of(v.s + 8, v.len - 8);
  return slice_word(inside, 0, type);
}

bool
motd_was_seen(struct slice bare, uint64_t id)
{
  struct slice v;
  uint64_t seen;

  if (!is_open() || !store_get(db.store, db.seen, bare, &v) || v.len != 8) return false;
  uint64_unpack_big(v.s, &seen);
  return seen == id;
}

void
motd_see(struct slice bare, uint64_t id)
{
  char packed[8];

  uint64_pack_big(packed, id);
  if (is_open()) store_put(db.store, db.seen, bare, slice_of(packed, 8));
}

/* ---- ends of accounts ---- */

/* Erase the entry of an account, which is there still when its host has no mod_announce any more. */
static bool
erase(uint64_t number, struct slice bare, unsigned int most, unsigned int *done)
{
  bool ok;

  (void)number;
  (void)most;
  (void)done;
  if (!motd_open(service_data()) || !store_erase_begin(db.store)) return false;
  ok = store_del(db.store, db.seen, bare) || errno == ENOENT;
  store_erase_end(db.store);
  return ok;
}

static struct eraser eraser = {.store = "motd", .steps = 1, .erase = erase};

void
motd_watch(struct link *routed)
{
  char path[512];

  snprintf(path, sizeof path, "%s/motd/data.mdb", service_data());
  if (db.store || !access(path, F_OK)) erase_watch(routed);
}

void
motd_ending(struct link *l, struct record *r)
{
  (void)l;
  erase_ending(&eraser, r);
}

void
motd_snapshot(struct snapshot *k)
{
  erase_snapshot(&eraser, k);
}

bool
motd_commit(void)
{
  return !db.store || store_commit(db.store);
}
