#include "pubsub/internal.h"

#include <skalibs/uint64.h>

#include <errno.h>

/* Table owners: the nodes and items of each account and service, and, of a service, those of each
 * creator of nodes. Limits are asked of these sums, so that no request walks over nodes. */

#define SUMMED "creators"

static bool
get(struct pubsub *p, struct slice key, struct pubsub_counts *out)
{
  struct slice v;
  uint64_t nodes, items;

  *out = (struct pubsub_counts){0};
  if (!store_get(p->store, p->owners, key, &v)) return errno == ENOENT;
  if (!pubsub_number(&v, 4, &nodes) || !pubsub_number(&v, 4, &items) ||
      !pubsub_number(&v, 8, &out->bytes))
    return false;
  out->nodes = (uint32_t)nodes;
  out->items = (uint32_t)items;
  return true;
}

bool
pubsub_counts(struct pubsub *p, uint64_t owner, struct pubsub_counts *out)
{
  struct pubsub_key k;

  return get(p, pubsub_key(&k, owner, SLICE("")), out);
}

bool
pubsub_counts_of(struct pubsub *p, uint64_t owner, struct slice creator,
                 struct pubsub_counts *out)
{
  struct pubsub_key k;

  return get(p, pubsub_key(&k, owner, creator), out);
}

static bool
add(struct pubsub *p, struct slice key, int nodes, int64_t items, int64_t bytes)
{
  struct pubsub_counts c;
  stralloc sa = STRALLOC_ZERO;

  if (!get(p, key, &c)) return false;
  c.nodes = (uint32_t)(c.nodes + nodes);
  c.items = (uint32_t)(c.items + items);
  c.bytes = (uint64_t)((int64_t)c.bytes + bytes);
  if (!c.nodes && !c.items) return store_del(p->store, p->owners, key) || errno == ENOENT;
  return pubsub_put(p, p->owners, key, &sa,
                    pubsub_cat_number(&sa, 4, c.nodes) &&
                      pubsub_cat_number(&sa, 4, c.items) &&
                      pubsub_cat_number(&sa, 8, c.bytes));
}

static bool
add_to_creator(struct pubsub *p, struct pubsub_node const *n, int nodes, int64_t items,
               int64_t bytes)
{
  struct pubsub_key k;

  return !(n->owner & PUBSUB_SERVICE) || !n->creator.len ||
         add(p, pubsub_key(&k, n->owner, n->creator), nodes, items, bytes);
}

bool
pubsub_count(struct pubsub *p, struct pubsub_node const *n, int nodes, int64_t items,
             int64_t bytes)
{
  struct pubsub_key k;

  return add(p, pubsub_key(&k, n->owner, SLICE("")), nodes, items, bytes) &&
         add_to_creator(p, n, nodes, items, bytes);
}

bool
pubsub_node_hand(struct pubsub *p, struct pubsub_node *n, struct slice creator)
{
  if (!add_to_creator(p, n, -1, -(int64_t)n->items, -(int64_t)n->bytes)) return false;
  n->creator = creator;
  return add_to_creator(p, n, 1, n->items, (int64_t)n->bytes) && pubsub_node_put(p, n);
}

struct creator_at {
  struct pubsub *p;
  struct slice creator;
  uint64_t from, owner; /* owner: the least so far, or 0 */
  bool ok;
};

static bool
has_creator(void *cookie, struct slice key, struct slice value)
{
  struct creator_at *at = cookie;
  struct pubsub_counts c;
  uint64_t owner;

  (void)key;
  at->ok =
    pubsub_number(&value, 8, &owner) && pubsub_counts_of(at->p, owner, at->creator, &c);
  if (at->ok && c.nodes && owner >= at->from && (!at->owner || owner < at->owner))
    at->owner = owner;
  return at->ok;
}

bool
pubsub_creator_at(struct pubsub *p, struct slice creator, uint64_t from, uint64_t *owner)
{
  struct creator_at at = {.p = p, .creator = creator, .from = from, .ok = true};

  if (!store_each(p->store, p->services, slice_of("", 1), has_creator, &at) || !at.ok)
    return false;
  *owner = at.owner;
  if (!at.owner) errno = ENOENT;
  return at.owner != 0;
}

/* ---- stores that were written before creators were counted ---- */

static bool
sum_node(struct pubsub *p, uint64_t node)
{
  struct arena a = ARENA_ZERO;
  struct pubsub_node n;
  bool ok = pubsub_node_get(p, node, &n);

  if (ok)
    ok = pubsub_node_keep(&a, &n) && add_to_creator(p, &n, 1, n.items, (int64_t)n.bytes);
  else
    ok = errno == ENOENT;
  arena_wipe(&a);
  return ok;
}

bool
pubsub_sum_creators(struct pubsub *p)
{
  struct pubsub_key k;
  struct slice key, v;
  uint64_t node = 0;
  char one[8];

  if (store_get(p->store, p->meta, SLICE(SUMMED), &v)) return true;
  if (errno != ENOENT) return false;
  while (store_next(p->store, p->node, pubsub_key(&k, node + 1, SLICE("")), &key, &v))
    if (!pubsub_number(&key, 8, &node) || !sum_node(p, node)) return false;
  uint64_pack_big(one, 1);
  return errno == ENOENT &&
         store_put(p->store, p->meta, SLICE(SUMMED), slice_of(one, sizeof one));
}
