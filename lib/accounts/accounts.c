#include "accounts/accounts.h"

#include <skalibs/uint64.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A hundred bytes an account: room for ten million. */
#define MAP_BYTES (4ull << 30)
/* The names of all stores. */
#define ERASED_MAX 128

struct accounts {
  struct store *store;
  MDB_dbi jid, number, meta, ended, ending; /* ending: of the writer alone */
};

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
      (!writer || store_table(a->store, "ending", &a->ending)))
    return a;
  accounts_close(a);
  return NULL;
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
del_ending(struct accounts *a, uint64_t number)
{
  char key[8];

  uint64_pack_big(key, number);
  return store_del(a->store, a->ending, slice_of(key, 8));
}

/* Note that the account is ending, instead of the oldest such one if there are too many. */
static bool
begin_ending(struct accounts *a, uint64_t number, struct slice bare)
{
  uint64_t oldest = 0;
  struct slice jid, erased;

  if (store_count(a->store, a->ending) >= ACCOUNTS_ENDING_MAX &&
      (!accounts_ending(a, &oldest, &jid, &erased) || !del_ending(a, oldest)))
    return false;
  return put_ending(a, number, bare, SLICE(""));
}

bool
accounts_del(struct accounts *a, struct slice bare)
{
  uint64_t n = accounts_number(a, bare);
  char packed[8];

  if (!n) return false;
  uint64_pack_big(packed, n);
  return store_del(a->store, a->jid, bare) &&
         store_del(a->store, a->number, slice_of(packed, 8)) && note_end(a, n, bare) &&
         begin_ending(a, n, bare);
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

bool
accounts_erased(struct accounts *a, uint64_t number, struct slice store, struct slice all)
{
  char jid[JID_MAX], text[ERASED_MAX];
  struct slice bare, erased, word;
  uint64_t n = number - 1;
  size_t len;

  errno = ENOENT;
  if (!number || !accounts_ending(a, &n, &bare, &erased) || n != number) return false;
  if (slice_has_word(erased, store) || !slice_has_word(all, store)) return true;
  if (bare.len > sizeof jid || erased.len + 1 + store.len > sizeof text) return true;
  memcpy(jid, bare.s, bare.len); /* both lie in the map */
  len = erased.len;
  if (len) memcpy(text, erased.s, len);
  if (len) text[len++] = ' ';
  memcpy(text + len, store.s, store.len);
  len += store.len;
  while (slice_word(&all, ' ', &word))
    if (!slice_has_word(slice_of(text, len), word))
      return put_ending(a, number, slice_of(jid, bare.len), slice_of(text, len));
  return del_ending(a, number);
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

bool
accounts_commit(struct accounts *a)
{
  return store_commit(a->store);
}
