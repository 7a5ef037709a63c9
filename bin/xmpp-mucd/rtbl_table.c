#include "rtbl.h"

#include <skalibs/uint64.h>

#include <openssl/evp.h>

#include <string.h>

/* The table rtbl of DATA/rooms: service of rooms NUL hash (32 bytes) -> when the entry was seen (8
 * bytes, us). It outlives restarts, so nobody gets in while the list's service is away. */

static MDB_dbi table;

bool
rtbl_open(void)
{
  return store_table(mucd.store, "rtbl", &table);
}

static int
digit(char c)
{
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool
rtbl_read_hash(struct slice text, char hash[RTBL_HASH])
{
  size_t i;
  int high, low;

  if (text.len != (size_t)2 * RTBL_HASH) return false;
  for (i = 0; i < RTBL_HASH; i++) {
    high = digit(text.s[2 * i]);
    low = digit(text.s[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    hash[i] = (char)(high << 4 | low);
  }
  return true;
}

void
rtbl_hash(struct slice text, char hash[RTBL_HASH])
{
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned int len;

  if (!EVP_Digest(text.s, text.len, sum, &len, EVP_sha256(), NULL)) no_memory();
  memcpy(hash, sum, RTBL_HASH);
}

/* A key of the service, and of the hash if it is not NULL; until the next call. */
static struct slice
key_of(struct slice service, char const *hash)
{
  static stralloc key = STRALLOC_ZERO;

  key.len = 0;
  put_slice(&key, service);
  put_slice(&key, slice_of("", 1));
  if (hash) put_slice(&key, slice_of(hash, RTBL_HASH));
  return slice_of(key.s, key.len);
}

void
rtbl_put(struct slice service, char const hash[RTBL_HASH], uint64_t now)
{
  char at[8];

  uint64_pack_big(at, now);
  store_put(mucd.store, table, key_of(service, hash), slice_of(at, 8));
}

void
rtbl_del(struct slice service, char const hash[RTBL_HASH])
{
  store_del(mucd.store, table, key_of(service, hash));
}

bool
rtbl_has(struct slice service, char const hash[RTBL_HASH])
{
  struct slice v;

  return store_get(mucd.store, table, key_of(service, hash), &v);
}

/* ---- walking ---- */

struct walk {
  struct slice service;
  uint64_t since;
  bool (*known)(struct slice service);
  size_t n;
  stralloc gone; /* keys, SERVICE NUL hash each */
};

static bool
of_service(struct walk const *w, struct slice key)
{
  size_t n = w->service.len;

  return key.len == n + 1 + RTBL_HASH && memcmp(key.s, w->service.s, n) == 0 && !key.s[n];
}

static bool
count(void *cookie, struct slice key, struct slice value)
{
  struct walk *w = cookie;

  (void)value;
  if (!of_service(w, key)) return false;
  w->n++;
  return true;
}

size_t
rtbl_count(struct slice service)
{
  struct walk w = {.service = service};

  store_each(mucd.store, table, key_of(service, NULL), count, &w);
  return w.n;
}

static bool
note_old(void *cookie, struct slice key, struct slice value)
{
  struct walk *w = cookie;
  uint64_t at = 0;

  if (!of_service(w, key)) return false;
  if (value.len == 8) uint64_unpack_big(value.s, &at);
  if (at < w->since) put_slice(&w->gone, key);
  return true;
}

void
rtbl_forget(struct slice service, uint64_t since)
{
  struct walk w = {.service = service, .since = since};
  size_t i, n = service.len + 1 + RTBL_HASH;

  store_each(mucd.store, table, key_of(service, NULL), note_old, &w);
  for (i = 0; i + n <= w.gone.len; i += n)
    store_del(mucd.store, table, slice_of(w.gone.s + i, n));
  stralloc_free(&w.gone);
}

static bool
first_unknown(void *cookie, struct slice key, struct slice value)
{
  struct walk *w = cookie;

  (void)value;
  if (key.len <= RTBL_HASH || w->known(slice_of(key.s, key.len - RTBL_HASH - 1)))
    return true;
  put_slice(&w->gone, key);
  return false;
}

void
rtbl_forget_others(bool (*known)(struct slice service))
{
  struct walk w = {.known = known};

  for (;;) {
    w.gone.len = 0;
    store_each(mucd.store, table, slice_of("", 1), first_unknown, &w);
    if (!w.gone.len) break;
    rtbl_forget(slice_of(w.gone.s, w.gone.len - RTBL_HASH - 1), UINT64_MAX);
  }
  stralloc_free(&w.gone);
}
