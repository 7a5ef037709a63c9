#include "base/base.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Linear probing in a power of two of slots, at most three quarters full. A deletion moves
 * the followers of the hole back, so there are no tombstones. The key of the
 * hash is drawn once by the process: names come from strangers. */

static uint32_t
hash_of(struct slice key)
{
  static uint64_t k[2];
  static bool keyed;
  uint64_t h;

  if (!keyed) {
    /* Not through the door: nothing that is said depends on it, and a replay draws it at
     * another time than the trace did. */
    if (getrandom(k, sizeof k, 0) != sizeof k) door_random(k, sizeof k);
    keyed = true;
  }
  h = hash_keyed(k, 0, key);
  return (uint32_t)(h ^ (h >> 32));
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
