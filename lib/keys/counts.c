#include "keys/keys_internal.h"

#include <skalibs/uint32.h>
#include <skalibs/uint64.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Iteration counts of one host that names are shared among; a host has had fewer. */
#define COUNTS_MAX 32
#define HOST_MAX 255
#define COUNT_KEY_MAX (11 + HOST_MAX + 1 + 4)
#define LACKS_KEY_MAX (HOST_MAX + 9)

bool
keys_open(struct keys *k, struct store *s)
{
  k->store = s;
  return store_table(s, "scram", &k->scram) && store_table(s, "meta", &k->meta) &&
         store_table(s, "lacks", &k->lacks);
}

/* Change a count by one. A count of 0 has no entry. */
static bool
count_change(struct keys *k, MDB_dbi t, struct slice key, bool one_more)
{
  struct slice v;
  uint64_t n = 0;
  char packed[8];

  if (store_get(k->store, t, key, &v)) {
    if (v.len == 8) uint64_unpack_big(v.s, &n);
  } else if (errno != ENOENT)
    return false;
  n = one_more ? n + 1 : n ? n - 1 : 0;
  if (!n) return store_del(k->store, t, key) || errno == ENOENT;
  uint64_pack_big(packed, n);
  return store_put(k->store, t, key, slice_of(packed, 8));
}

/* ---- how many accounts have which iteration count ---- */

/* The key of a count, or without its last four bytes what the keys of a host begin with. */
static struct slice
count_key(char buf[COUNT_KEY_MAX], struct slice host, uint32_t iterations)
{
  int len = host.len < HOST_MAX ? (int)host.len : HOST_MAX;
  size_t n = (size_t)snprintf(buf, COUNT_KEY_MAX, "iterations %.*s", len, host.s) + 1;

  uint32_pack_big(buf + n, iterations);
  return slice_of(buf, n + 4);
}

static bool
count_add(struct keys *k, struct slice host, uint32_t iterations, bool one_more)
{
  char key[COUNT_KEY_MAX];

  return count_change(k, k->meta, count_key(key, host, iterations), one_more);
}

bool
keys_recount(struct keys *k, struct slice host, uint64_t number, uint32_t iterations)
{
  struct scram_keys old;
  bool was = keys_get(k, number, KEYS_COUNTED_HASH, &old);

  if (!was && errno != ENOENT && keys_has(k, number, KEYS_COUNTED_HASH))
    return !iterations || count_add(k, host, iterations, true);
  if (!was && errno != ENOENT) return false;
  if (was && old.iterations == iterations) return true;
  if (was && !count_add(k, host, old.iterations, false)) return false;
  return !iterations || count_add(k, host, iterations, true);
}

struct counting {
  struct keys *keys;
  bool ok;
};

static bool
count_one(void *cookie, struct slice bare, uint64_t number)
{
  struct counting *c = cookie;
  struct slice host = bare, local;
  struct scram_keys k;

  slice_word(&host, '@', &local);
  if (keys_get(c->keys, number, KEYS_COUNTED_HASH, &k))
    c->ok = count_add(c->keys, host, k.iterations, true);
  return c->ok;
}

bool
keys_count_all(struct keys *k, struct accounts *a)
{
  struct counting c = {k, true};
  struct slice v;

  if (store_get(k->store, k->meta, SLICE("counted"), &v)) return true;
  return errno == ENOENT && accounts_each(a, count_one, &c) && c.ok &&
         store_put(k->store, k->meta, SLICE("counted"), SLICE("")) &&
         store_commit(k->store);
}

struct counts {
  struct slice prefix; /* of the keys of the host */
  uint32_t iterations[COUNTS_MAX];
  uint64_t accounts[COUNTS_MAX];
  uint64_t total;
  size_t n;
};

static bool
take_count(void *cookie, struct slice key, struct slice value)
{
  struct counts *c = cookie;

  if (c->n == COUNTS_MAX || key.len != c->prefix.len + 4 || value.len != 8 ||
      memcmp(key.s, c->prefix.s, c->prefix.len) != 0)
    return false;
  uint32_unpack_big(key.s + c->prefix.len, &c->iterations[c->n]);
  uint64_unpack_big(value.s, &c->accounts[c->n]);
  c->total += c->accounts[c->n++];
  return true;
}

bool
keys_choose_iterations(struct keys *k, struct slice host, double place,
                       uint32_t *iterations)
{
  char key[COUNT_KEY_MAX];
  struct counts c = {.prefix = count_key(key, host, 0)};
  uint64_t before = 0;
  size_t i;

  c.prefix.len -= 4;
  if (!store_each(k->store, k->meta, c.prefix, take_count, &c)) return false;
  for (i = 0; i < c.n; i++) {
    *iterations = c.iterations[i];
    before += c.accounts[i];
    if (place * (double)c.total < (double)before) break;
  }
  return true;
}

/* ---- how many accounts lack which hash ---- */

static struct slice
lacks_key(char key[LACKS_KEY_MAX], struct slice host, enum scram_hash h)
{
  int len = host.len < HOST_MAX ? (int)host.len : HOST_MAX;
  int n = snprintf(key, LACKS_KEY_MAX, "%.*s", len, host.s);

  key[n + 1] = (char)h;
  return slice_of(key, (size_t)n + 2);
}

uint64_t
keys_lacking(struct keys *k, struct slice host, enum scram_hash h)
{
  char key[LACKS_KEY_MAX];
  struct slice v;
  uint64_t n = 0;

  if (store_get(k->store, k->lacks, lacks_key(key, host, h), &v) && v.len == 8)
    uint64_unpack_big(v.s, &n);
  return n;
}

bool
keys_lacks_add(struct keys *k, struct slice host, enum scram_hash h, bool one_more)
{
  char key[LACKS_KEY_MAX];

  k->lacks_changed = true;
  return count_change(k, k->lacks, lacks_key(key, host, h), one_more);
}
