#include "mucd.h"

#include <stdlib.h>
#include <string.h>

/* The newest messages that left a room: an error that comes back names one of them by its id, and
 * by nothing else. A room has SENT_LEAST places, more while they are filled within SENT_US. */

#define SENT_LEAST 16
#define SENT_MOST 256
#define SENT_US 300000000ull

struct sent {
  uint32_t hash;
  bool private;
  uint64_t us;
};

/* FNV-1a. */
static uint32_t
hash_of(struct slice id)
{
  uint32_t h = 2166136261u;
  size_t i;

  for (i = 0; i < id.len; i++)
    h = (h ^ (unsigned char)id.s[i]) * 16777619u;
  return h;
}

/* Make room for more while the oldest is still young. */
static bool
grow(struct sent_ring *ring)
{
  struct sent const *oldest = ring->size ? &ring->v[ring->n % ring->size] : NULL;
  unsigned int size = ring->size ? 2 * ring->size : SENT_LEAST;
  struct sent *v;

  if (size > SENT_MOST ||
      (oldest && (ring->n < ring->size || door_now() - oldest->us > SENT_US)))
    return ring->size != 0;
  v = calloc(size, sizeof *v);
  if (!v) return ring->size != 0;
  if (ring->size) memcpy(v, ring->v, ring->size * sizeof *v);
  free(ring->v);
  ring->n = ring->size;
  ring->v = v;
  ring->size = size;
  return true;
}

void
sent_note(struct room *r, struct slice id, bool private)
{
  struct sent_ring *ring = &r->sent;

  if (!grow(ring)) return;
  ring->v[ring->n++ % ring->size] = (struct sent){hash_of(id), private, door_now()};
}

enum sent_kind
sent_find(struct room const *r, struct slice id, uint64_t *us)
{
  struct sent_ring const *ring = &r->sent;
  uint32_t h = hash_of(id);
  unsigned int i, n = ring->n < ring->size ? ring->n : ring->size;

  for (i = 1; i <= n; i++) {
    struct sent const *s = &ring->v[(ring->n - i) % ring->size];
    if (s->hash != h) continue;
    *us = s->us;
    return s->private ? SENT_PRIVATE : SENT_TO_ALL;
  }
  return SENT_UNKNOWN;
}

void
sent_wipe(struct room *r)
{
  free(r->sent.v);
}
