#include "c2sd.h"

#include <stdlib.h>
#include <string.h>

/* What was delivered before routed was restarted. Its sources send again what the old routed
 * had not acknowledged, though it may have reached us: a message whose number is not above
 * what came of its source before the restart is one of those. They come first and in order; a
 * low number behind a higher one is of a source that has begun anew. */

struct origin {
  struct origin *next;
  uint64_t last, floor;
  size_t len;
  char name[LINK_NAME_MAX + 1];
};

static struct origin *origins;
static uint64_t epoch;

void
origins_routed_is_up(struct link const *l)
{
  struct origin *o;

  if (l->epoch == epoch) return;
  epoch = l->epoch;
  for (o = origins; o; o = o->next)
    o->floor = o->last;
}

static struct origin *
find(struct slice name)
{
  struct origin *o;

  for (o = origins; o; o = o->next)
    if (slice_eq(name, slice_of(o->name, o->len))) return o;
  o = name.len <= LINK_NAME_MAX ? calloc(1, sizeof *o) : NULL;
  if (!o) return NULL;
  memcpy(o->name, name.s, o->len = name.len);
  o->next = origins;
  origins = o;
  return o;
}

bool
origins_is_new(struct slice origin)
{
  struct slice name;
  struct origin *o;
  uint64_t n;

  if (!slice_word(&origin, ':', &name) || !slice_u64(origin, &n)) return true;
  o = find(name);
  if (!o) return true;
  if (n <= o->floor) return false;
  o->last = n;
  o->floor = 0;
  return true;
}
