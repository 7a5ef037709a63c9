#include "accounts/accounts.h"

#include <skalibs/uint64.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A hundred bytes an account: room for ten million. */
#define MAP_BYTES (4ull << 30)
/* The names of all stores. */
#define ERASED_MAX 256

struct accounts {
  struct store *store;
  MDB_dbi jid, number, meta, ended;
  MDB_dbi ending, taken, removed, due; /* of the writer alone */
};

static bool take_names(struct accounts *a);

struct accounts *
accounts_open(char const *data, bool writer)
{
  struct accounts *a = calloc(1, sizeof *a);
  char path[512];

  if (!a) return NULL;
  snprintf(path, sizeof path, "%s/accounts", data);
  a->store = store_open(path, writer, false, MAP_BYTES);
  if (a->store && store_table(a->store, "jid", &a->jid) &&
      store_table(a->store, "number", &a->number) &&
      store_table(a->store, "meta", &a->meta) &&
      store_table(a->store, "ended", &a->ended) &&
      (!writer || (store_table(a->store, "ending", &a->ending) &&
                   store_table(a->store, "taken", &a->taken) &&
                   store_table(a->store, "removed", &a->removed) &&
                   store_table(a->store, "due", &a->due) && take_names(a))))
    return a;
  accounts_close(a);
  return NULL;
}

struct accounts *
accounts_open_reader(char const *data)
{
  char path[512];

  snprintf(path, sizeof path, "%s/accounts/data.mdb", data);
  return access(path, R_OK) ? NULL : accounts_open(data, false);
}

void
accounts_close(struct accounts *a)
{
  if (a) store_close(a->store);
  free(a);
}

static uint64_t
unpack(struct slice v)
{
  uint64_t n;

  if (v.len != 8) {
    errno = EIO;
    return 0;
  }
  uint64_unpack_big(v.s, &n);
  return n;
}

uint64_t
accounts_number(struct accounts *a, struct slice bare)
{
  struct slice v;

  return store_get(a->store, a->jid, bare, &v) ? unpack(v) : 0;
}

bool
accounts_jid(struct accounts *a, uint64_t number, struct slice *bare)
{
  char packed[8];

  uint64_pack_big(packed, number);
  return store_get(a->store, a->number, slice_of(packed, 8), bare);
}

uint64_t
accounts_next(struct accounts *a)
{
  struct slice v;

  if (store_get(a->store, a->meta, SLICE("next"), &v)) return unpack(v);
  return errno == ENOENT ? 1 : 0;
}

static bool
put_number(struct accounts *a, MDB_dbi t, struct slice key, uint64_t n)
{
  char packed[8];

  uint64_pack_big(packed, n);
  return store_put(a->store, t, key, slice_of(packed, 8));
}

bool
accounts_add(struct accounts *a, struct slice bare)
{
  uint64_t n = accounts_number(a, bare);
  char packed[8];

  if (bare.len > ACCOUNTS_JID_MAX) {
    errno = ENAMETOOLONG;
    return false;
  }
  if (n || errno != ENOENT) {
    if (n) errno = EEXIST;
    return false;
  }
  if (accounts_taken(a, bare)) errno = EBUSY;
  if (errno != ENOENT) return false;
  n = accounts_next(a);
  if (!n) return false;
  uint64_pack_big(packed, n);
  return put_number(a, a->jid, bare, n) &&
         store_put(a->store, a->number, slice_of(packed, 8), bare) &&
         put_number(a, a->meta, SLICE("next"), n + 1);
}

/* Remember that the account has ended, and forget the oldest such end. */
static bool
note_end(struct accounts *a, uint64_t number, struct slice bare)
{
  uint64_t count = 0, next = 0, n;
  char key[8], value[8 + JID_MAX];
  struct slice jid, v;

  if (bare.len > JID_MAX) return true;
  if (store_get(a->store, a->meta, SLICE("ended"), &v)) count = unpack(v);
  if (accounts_ended(a, &next, &n, &jid) && count + 1 >= next + ACCOUNTS_ENDED_MAX) {
    uint64_pack_big(key, next);
    if (!store_del(a->store, a->ended, slice_of(key, 8))) return false;
  }
  uint64_pack_big(key, count + 1);
  uint64_pack_big(value, number);
  memcpy(value + 8, bare.s, bare.len);
  return put_number(a, a->meta, SLICE("ended"), count + 1) &&
         store_put(a->store, a->ended, slice_of(key, 8), slice_of(value, 8 + bare.len));
}

static bool
put_ending(struct accounts *a, uint64_t number, struct slice bare, struct slice erased)
{
  char key[8], value[JID_MAX + 1 + ERASED_MAX];

  if (bare.len > JID_MAX || erased.len > ERASED_MAX) return true;
  uint64_pack_big(key, number);
  memcpy(value, bare.s, bare.len);
  value[bare.len] = 0;
  if (erased.len) memcpy(value + bare.len + 1, erased.s, erased.len);
  return store_put(a->store, a->ending, slice_of(key, 8),
                   slice_of(value, bare.len + 1 + erased.len));
}

static bool
del_ending(struct accounts *a, uint64_t number, struct slice bare)
{
  char key[8];

  uint64_pack_big(key, number);
  return (store_del(a->store, a->taken, bare) || errno == ENOENT) &&
         store_del(a->store, a->ending, slice_of(key, 8));
}

static bool
begin_ending(struct accounts *a, uint64_t number, struct slice bare)
{
  return put_ending(a, number, bare, SLICE("")) && put_number(a, a->taken, bare, number);
}

/* ---- removed by their owners ---- */

static struct slice
due_key(char key[16], uint64_t due_us, uint64_t number)
{
  uint64_pack_big(key, due_us);
  uint64_pack_big(key + 8, number);
  return slice_of(key, 16);
}

uint64_t
accounts_due(struct accounts *a, uint64_t number)
{
  char packed[8];
  struct slice v;

  uint64_pack_big(packed, number);
  return store_get(a->store, a->removed, slice_of(packed, 8), &v) ? unpack(v) : 0;
}

bool
accounts_next_due(struct accounts *a, uint64_t *due_us, uint64_t *number,
                  struct slice *bare)
{
  char packed[16];
  struct slice key, v;

  if (!store_next(a->store, a->due, due_key(packed, *due_us, *number + 1), &key, &v))
    return false;
  errno = EIO;
  if (key.len != 16) return false;
  *due_us = unpack(slice_of(key.s, 8));
  *number = unpack(slice_of(key.s + 8, 8));
  return accounts_jid(a, *number, bare);
}

bool
accounts_remove(struct accounts *a, struct slice bare, uint64_t due_us)
{
  uint64_t n = accounts_number(a, bare);
  char packed[8], key[16];

  if (!n) return false;
  if (accounts_due(a, n)) {
    errno = ENOENT;
    return false;
  }
  if (errno != ENOENT) return false;
  uint64_pack_big(packed, n);
  return put_number(a, a->removed, slice_of(packed, 8), due_us) &&
         store_put(a->store, a->due, due_key(key, due_us, n), SLICE(""));
}

static bool
forget_removal(struct accounts *a, uint64_t number)
{
  uint64_t due_us = accounts_due(a, number);
  char packed[8], key[16];

  if (!due_us) return false;
  uint64_pack_big(packed, number);
  return store_del(a->store, a->removed, slice_of(packed, 8)) &&
         (store_del(a->store, a->due, due_key(key, due_us, number)) || errno == ENOENT);
}

bool
accounts_restore(struct accounts *a, struct slice bare)
{
  uint64_t n = accounts_number(a, bare);

  return n && forget_removal(a, n);
}

/* ---- ends ---- */

bool
accounts_del(struct accounts *a, struct slice bare)
{
  uint64_t n = accounts_number(a, bare);
  char packed[8];
  bool ok;

  if (!n) return false;
  errno = EDQUOT;
  if (a->ending && store_count(a->store, a->ending) >= ACCOUNTS_ENDING_MAX) return false;
  uint64_pack_big(packed, n);
  ok = store_erase_begin(a->store) && store_del(a->store, a->jid, bare) &&
       store_del(a->store, a->number, slice_of(packed, 8)) && note_end(a, n, bare) &&
       begin_ending(a, n, bare) && (forget_removal(a, n) || errno == ENOENT);
  store_erase_end(a->store);
  return ok;
}

bool
accounts_ended(struct accounts *a, uint64_t *count, uint64_t *number, struct slice *bare)
{
  char packed[8];
  struct slice key, v;

  uint64_pack_big(packed, *count + 1);
  if (!store_next(a->store, a->ended, slice_of(packed, 8), &key, &v)) return false;
  errno = EIO;
  if (v.len < 8) return false;
  *count = unpack(key);
  *number = unpack(slice_of(v.s, 8));
  *bare = slice_of(v.s + 8, v.len - 8);
  return *count != 0;
}

bool
accounts_ending(struct accounts *a, uint64_t *number, struct slice *bare,
                struct slice *erased)
{
  char packed[8];
  struct slice key, v;
  char const *nul;

  uint64_pack_big(packed, *number + 1);
  if (!store_next(a->store, a->ending, slice_of(packed, 8), &key, &v)) return false;
  errno = EIO;
  nul = v.len ? memchr(v.s, 0, v.len) : NULL;
  if (!nul) return false;
  *number = unpack(key);
  *bare = slice_of(v.s, (size_t)(nul - v.s));
  *erased = slice_of(nul + 1, v.len - bare->len - 1);
  return *number != 0;
}

uint64_t
accounts_taken(struct accounts *a, struct slice bare)
{
  struct slice v;

  errno = ENOENT;
  return a->taken && store_get(a->store, a->taken, bare, &v) ? unpack(v) : 0;
}

/* An older version kept no names: then the table is made of table ending. */
static bool
take_names(struct accounts *a)
{
  struct slice bare, erased;
  uint64_t n = 0;
  char jid[JID_MAX];

  if (store_count(a->store, a->taken) == store_count(a->store, a->ending)) return true;
  while (accounts_ending(a, &n, &bare, &erased)) {
    if (bare.len > sizeof jid || accounts_taken(a, bare)) continue;
    memcpy(jid, bare.s, bare.len); /* bare lies in the map */
    if (!put_number(a, a->taken, slice_of(jid, bare.len), n)) return false;
  }
  return store_commit(a->store);
}

/* Say whether `all` has no word that `erased` has not. */
static bool
has_all(struct slice erased, struct slice all)
{
  struct slice word;

  while (slice_word(&all, ' ', &word))
    if (word.len && !slice_has_word(erased, word)) return false;
  return true;
}

bool
accounts_erased(struct accounts *a, uint64_t number, struct slice store, struct slice all)
{
  char jid[JID_MAX], text[ERASED_MAX];
  struct slice bare, erased;
  uint64_t n = number - 1;
  size_t len;
  bool is_new, ok;

  errno = ENOENT;
  if (!number || !accounts_ending(a, &n, &bare, &erased) || n != number) return false;
  is_new = store.len && slice_has_word(all, store) && !slice_has_word(erased, store);
  if (bare.len > sizeof jid || erased.len + 1 + store.len > sizeof text) return true;
  memcpy(jid, bare.s, bare.len); /* both lie in the map */
  bare.s = jid;
  len = erased.len;
  if (len) memcpy(text, erased.s, len);
  if (is_new && len) text[len++] = ' ';
  if (is_new) memcpy(text + len, store.s, store.len);
  if (is_new) len += store.len;
  if (!store_erase_begin(a->store)) return false;
  ok = has_all(slice_of(text, len), all)
         ? del_ending(a, number, bare)
         : !is_new || put_ending(a, number, bare, slice_of(text, len));
  store_erase_end(a->store);
  return ok;
}

uint64_t
accounts_count(struct accounts *a)
{
  size_t n = store_count(a->store, a->jid);

  return n == SIZE_MAX ? 0 : n;
}

uint64_t
accounts_changes(struct accounts *a)
{
  return store_changes(a->store);
}

struct each {
  accounts_fn *fn;
  void *cookie;
};

static bool
on_entry(void *cookie, struct slice key, struct slice value)
{
  struct each *e = cookie;

  return e->fn(e->cookie, key, unpack(value));
}

bool
accounts_each(struct accounts *a, accounts_fn *fn, void *cookie)
{
  struct each e = {fn, cookie};

  return store_each(a->store, a->jid, SLICE(""), on_entry, &e);
}

void
accounts_abandon(struct accounts *a)
{
  store_abandon(a->store);
}

bool
accounts_commit(struct accounts *a)
{
  return store_commit(a->store);
}
