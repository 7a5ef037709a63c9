#include "base/base.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Linear probing in a power of two of slots, at most three quarters full. A deletion moves
 * the followers of the hole back, so there are no tombstones. The hash is SipHash-1-3 under
 * a key that the process draws once: names come from strangers. */

static uint64_t
rotl(uint64_t x, int b)
{
  return (x << b) | (x >> (64 - b));
}

static void
sip_round(uint64_t v[4])
{
  v[0] += v[1];
  v[1] = rotl(v[1], 13) ^ v[0];
  v[0] = rotl(v[0], 32);
  v[2] += v[3];
  v[3] = rotl(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = rotl(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = rotl(v[1], 17) ^ v[2];
  v[2] = rotl(v[2], 32);
}

static uint32_t
hash_of(struct slice key)
{
  static uint64_t k[2];
  static bool keyed;
  uint64_t v[4], m;
  size_t i;

  if (!keyed) {
    /* Not through the door: nothing that is said depends on it, and a replay draws it at
     * another time than the trace did. */
    if (getrandom(k, sizeof k, 0) != sizeof k) door_random(k, sizeof k);
    keyed = true;
  }
  v[0] = k[0] ^ 0x736f6d6570736575u;
  v[1] = k[1] ^ 0x646f72616e646f6du;
  v[2] = k[0] ^ 0x6c7967656e657261u;
  v[3] = k[1] ^ 0x7465646279746573u;
  for (i = 0; i + 8 <= key.len; i += 8) {
    memcpy(&m, key.s + i, 8);
    v[3] ^= m;
    sip_round(v);
    v[0] ^= m;
  }
  m = 0;
  if (key.len > i) memcpy(&m, key.s + i, key.len - i);
  m |= (uint64_t)key.len << 56;
  v[3] ^= m;
  sip_round(v);
  v[0] ^= m;
  v[2] ^= 0xff;
  sip_round(v);
  sip_round(v);
  sip_round(v);
  m = v[0] ^ v[1] ^ v[2] ^ v[3];
  return (uint32_t)(m ^ (m >> 32));
}

/* The slot where key is, or the empty one where it would be put. */
static size_t
find(struct table const *t, struct slice key, uint32_t hash)
{
  size_t i = hash & t->mask;

  while (t->slots[i].item) {
    if (t->slots[i].hash == hash && slice_eq(t->key(t->slots[i].item), key)) break;
    i = (i + 1) & t->mask;
  }
  return i;
}

void *
table_get(struct table const *t, struct slice key)
{
  if (!t->n) return NULL;
  return t->slots[find(t, key, hash_of(key))].item;
}

static bool
grow(struct table *t)
{
  size_t size = t->slots ? 2 * (t->mask + 1) : 16, i;
  struct table_slot *old = t->slots;
  size_t old_size = old ? t->mask + 1 : 0;
  struct table_slot *slots = calloc(size, sizeof *slots);

  if (!slots) return false;
  t->slots = slots;
  t->mask = size - 1;
  for (i = 0; i < old_size; i++) {
    size_t j = old[i].hash & t->mask;
    if (!old[i].item) continue;
    while (slots[j].item)
      j = (j + 1) & t->mask;
    slots[j] = old[i];
  }
  free(old);
  return true;
}

bool
table_put(struct table *t, void *item)
{
  struct slice key = t->key(item);
  uint32_t hash = hash_of(key);

  if (!t->slots || (t->n + 1) * 4 > (t->mask + 1) * 3)
    if (!grow(t)) return false;
  t->slots[find(t, key, hash)] = (struct table_slot){hash, item};
  t->n++;
  return true;
}

void *
table_del(struct table *t, struct slice key)
{
  size_t hole, i;
  void *item;

  if (!t->n) return NULL;
  hole = find(t, key, hash_of(key));
  item = t->slots[hole].item;
  if (!item) return NULL;
  for (i = (hole + 1) & t->mask; t->slots[i].item; i = (i + 1) & t->mask) {
    size_t home = t->slots[i].hash & t->mask;
    if (((i - home) & t->mask) < ((i - hole) & t->mask)) continue;
    t->slots[hole] = t->slots[i];
    hole = i;
  }
  t->slots[hole].item = NULL;
  t->n--;
  return item;
}

void
table_wipe(struct table *t)
{
  free(t->slots);
  t->slots = NULL;
  t->n = t->mask = 0;
}
