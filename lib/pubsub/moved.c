#include "pubsub/internal.h"

#include <errno.h>
#include <string.h>

/* Where deleted nodes have gone (XEP-0060 s8.4.1): at most PUBSUB_MOVED_NODES of an owner, each for
 * PUBSUB_MOVED_US. */

bool
pubsub_moved(struct pubsub *p, uint64_t owner, struct slice name, struct slice *uri)
{
  struct pubsub_key k;
  uint64_t until;

  if (name.len > PUBSUB_NAME_MAX) name.len = 0;
  if (!store_get(p->store, p->moved, pubsub_key(&k, owner, name), uri) ||
      !pubsub_number(uri, 8, &until))
    return false;
  if (until > door_wall()) return true;
  errno = ENOENT;
  return false;
}

bool
pubsub_moved_del(struct pubsub *p, uint64_t owner, struct slice name)
{
  struct pubsub_key k;

  return store_del(p->store, p->moved, pubsub_key(&k, owner, name)) || errno == ENOENT;
}

static void
keep_key(struct pubsub_key *k, struct slice key)
{
  k->len = key.len > sizeof k->bytes ? 0 : key.len;
  memcpy(k->bytes, key.s, k->len);
}

/* The entries of an owner, and the one among them that ends first. */
struct oldest {
  uint64_t owner, until;
  unsigned int n;
  struct pubsub_key key;
};

static bool
look(void *cookie, struct slice key, struct slice value)
{
  struct oldest *o = cookie;
  struct slice rest = key;
  uint64_t owner, until;

  if (!pubsub_number(&rest, 8, &owner) || owner != o->owner) return false;
  if (!pubsub_number(&value, 8, &until)) until = 0;
  if (!o->n++ || until < o->until) {
    o->until = until;
    keep_key(&o->key, key);
  }
  return true;
}

static bool
make_room(struct pubsub *p, uint64_t owner)
{
  struct oldest o = {.owner = owner};
  struct pubsub_key k;

  if (!store_each(p->store, p->moved, pubsub_key(&k, owner, SLICE("")), look, &o))
    return false;
  return o.n < PUBSUB_MOVED_NODES ||
         store_del(p->store, p->moved, slice_of(o.key.bytes, o.key.len));
}

bool
pubsub_moved_put(struct pubsub *p, uint64_t owner, struct slice name, struct slice uri)
{
  struct pubsub_key k;
  stralloc sa = STRALLOC_ZERO;

  return make_room(p, owner) &&
         pubsub_put(p, p->moved, pubsub_key(&k, owner, name), &sa,
                    pubsub_cat_number(&sa, 8, door_wall() + PUBSUB_MOVED_US) &&
                      stralloc_catb(&sa, uri.s, uri.len));
}

/* ---- sweeping ---- */

struct sweep {
  uint64_t now_us;
  unsigned int left;
  struct pubsub_key at; /* the entry that is looked at, or is to be looked at next */
  bool any, ended;      /* any: it has ended */
};

static bool
look_on(void *cookie, struct slice key, struct slice value)
{
  struct sweep *s = cookie;
  uint64_t until;

  keep_key(&s->at, key);
  s->any = true;
  if (!s->left) return false;
  s->left--;
  s->ended = !pubsub_number(&value, 8, &until) || until <= s->now_us;
  s->any = s->ended;
  return !s->ended;
}

bool
pubsub_moved_sweep(struct pubsub *p, struct pubsub_place *place, unsigned int most)
{
  struct sweep s = {.now_us = door_wall(), .left = most};

  if (!place->len) place->bytes[place->len++] = 0;
  memcpy(s.at.bytes, place->bytes, place->len);
  s.at.len = place->len;
  for (;;) {
    struct pubsub_key from = s.at;
    s.any = s.ended = false;
    if (!store_each(p->store, p->moved, slice_of(from.bytes, from.len), look_on, &s))
      return false;
    if (!s.ended) break;
    if (!store_del(p->store, p->moved, slice_of(s.at.bytes, s.at.len))) return false;
  }
  place->len = s.any ? s.at.len : 0;
  memcpy(place->bytes, s.at.bytes, place->len);
  return true;
}
