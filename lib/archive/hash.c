#include "archive/archive_internal.h"

#include <skalibs/uint64.h>

#include <errno.h>
#include <string.h>

static uint64_t
rotl(uint64_t x, int b)
{
  return (x << b) | (x >> (64 - b));
}

static void
round_of(uint64_t v[4])
{
  v[0] += v[1];
  v[2] += v[3];
  v[1] = rotl(v[1], 13) ^ v[0];
  v[3] = rotl(v[3], 16) ^ v[2];
  v[0] = rotl(v[0], 32) + v[3];
  v[2] += v[1];
  v[3] = rotl(v[3], 21) ^ v[0];
  v[1] = rotl(v[1], 17) ^ v[2];
  v[2] = rotl(v[2], 32);
}

static void
absorb(uint64_t v[4], uint64_t m)
{
  v[3] ^= m;
  round_of(v);
  v[0] ^= m;
}

/* Bytes are read in an order of our own choice, so that the files can be moved. */
uint64_t
archive_hash(struct archive const *a, uint64_t number, struct slice text)
{
  uint64_t v[4] = {a->key[0] ^ 0x736f6d6570736575u, a->key[1] ^ 0x646f72616e646f6du,
                   a->key[0] ^ 0x6c7967656e657261u, a->key[1] ^ 0x7465646279746573u};
  size_t i;
  uint64_t m;
  char rest[8] = {0};

  absorb(v, number);
  for (i = 0; i + 8 <= text.len; i += 8) {
    uint64_unpack(text.s + i, &m);
    absorb(v, m);
  }
  memcpy(rest, text.s + i, text.len - i);
  uint64_unpack(rest, &m);
  absorb(v, m | (uint64_t)text.len << 56);
  v[2] ^= 0xff;
  for (i = 0; i < 3; i++)
    round_of(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static bool
ends_in(struct slice value, size_t skip, struct slice text)
{
  return value.len >= skip && slice_eq(slice_of(value.s + skip, value.len - skip), text);
}

/* The slots of a text are looked at all, not up to the first that is free: one before it may
 * have become free later. */
bool
archive_slot(struct archive *a, MDB_dbi t, uint64_t owner, struct slice text,
             uint64_t *slot, bool *found)
{
  uint64_t first = (archive_hash(a, owner, text) >> 1) + 1, i, free = 0;
  struct slice v;
  char buf[16];

  *found = true;
  for (i = 0; i < SLOTS_MAX; i++) {
    *slot = first + i;
    if (!store_get(a->store, t, archive_pack(buf, 2, (uint64_t[]){owner, *slot}), &v)) {
      if (errno != ENOENT) return false;
      if (!free) free = *slot;
    } else if (ends_in(v, t == a->list ? archive_jid_at(v) : 8, text)) {
      return true;
    }
  }
  *found = false;
  *slot = free;
  return free || archive_bad("slots", owner, first);
}
