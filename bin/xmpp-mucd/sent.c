#include "mucd.h"

#include <stdlib.h>
#include <string.h>

/* The newest messages that left a room: an error that comes back names one of them by its id, and
 * by nothing else. Presence has no id, so the sessions of other servers that left stand here too.
 * A room has SENT_LEAST places, more while they are filled within SENT_US. */

#define SENT_LEAST 16
#define SENT_MOST 256
#define SENT_US 300000000ull

enum kind { MESSAGE, PRIVATE, INVITATION, LEFT };

struct sent {
  uint32_t hash;
  enum kind kind;
  uint32_t by; /* of an invitation: the number of a session */
  uint64_t us;
};

/* FNV-1a, of this text behind what has the hash h. */
static uint32_t
hash_more(uint32_t h, struct slice text)
{
  size_t i;

  for (i = 0; i < text.len; i++)
    h = (h ^ (unsigned char)text.s[i]) * 16777619u;
  return h;
}

uint32_t
sent_hash(struct slice id)
{
  return hash_more(2166136261u, id);
}

static uint32_t
hash_of_two(struct slice id, struct slice to)
{
  return hash_more(hash_more(sent_hash(id), SLICE("\n")), to);
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
  if (ring->v) memcpy(v, ring->v, ring->size * sizeof *v);
  free(ring->v);
  ring->n = ring->size;
  ring->v = v;
  ring->size = size;
  return true;
}

static void
note(struct room *r, struct sent s)
{
  struct sent_ring *ring = &r->sent;

  if (!grow(ring)) return;
  s.us = door_now();
  ring->v[ring->n++ % ring->size] = s;
}

void
sent_note(struct room *r, struct slice id, bool private)
{
  note(r, (struct sent){.hash = sent_hash(id), .kind = private ? PRIVATE : MESSAGE});
}

void
sent_note_invitation(struct room *r, struct slice id, struct slice to, uint32_t session)
{
  note(r, (struct sent){.hash = hash_of_two(id, to), .kind = INVITATION, .by = session});
}

void
sent_note_left(struct room *r, struct slice full)
{
  note(r, (struct sent){.hash = sent_hash(full), .kind = LEFT});
}

/* The newest with this hash, of the kind from or the kind to, or NULL. */
static struct sent const *
find(struct room const *r, uint32_t h, enum kind from, enum kind to)
{
  struct sent_ring const *ring = &r->sent;
  unsigned int i, n = ring->n < ring->size ? ring->n : ring->size;
  struct sent const *s;

  for (i = 1; i <= n; i++) {
    s = &ring->v[(ring->n - i) % ring->size];
    if (s->hash == h && (s->kind == from || s->kind == to)) return s;
  }
  return NULL;
}

bool
sent_find_invitation(struct room const *r, struct slice id, struct slice to,
                     uint32_t *session)
{
  struct sent const *s = find(r, hash_of_two(id, to), INVITATION, INVITATION);

  if (s) *session = s->by;
  return s != NULL;
}

enum sent_kind
sent_find(struct room const *r, struct slice id, uint64_t *us)
{
  struct sent const *s = find(r, sent_hash(id), MESSAGE, PRIVATE);

  if (!s) return SENT_UNKNOWN;
  *us = s->us;
  return s->kind == PRIVATE ? SENT_PRIVATE : SENT_TO_ALL;
}

bool
sent_has_left(struct room const *r, struct slice full)
{
  struct sent const *s = find(r, sent_hash(full), LEFT, LEFT);

  return s && door_now() - s->us < SENT_US;
}

void
sent_wipe(struct room *r)
{
  free(r->sent.v);
}
