#include "pubsub/internal.h"

#include <skalibs/uint64.h>

#include <errno.h>
#include <string.h>

/* Table byjid: the nodes that an address has to do with, so that an address can ask for all of its own,
 * and can be forgotten; and how many they are, so that strangers cannot make them any number. */

#define COUNTED (PUBSUB_OF_AFFILIATION | PUBSUB_OF_SUBSCRIPTION)

struct slice
pubsub_bare(struct slice jid)
{
  char const *slash = memchr(jid.s, '/', jid.len);

  return slash ? slice_of(jid.s, (size_t)(slash - jid.s)) : jid;
}

static struct slice
byjid_key(struct pubsub_key *k, struct slice bare, uint64_t owner, uint64_t node)
{
  struct pubsub_key numbers;

  if (bare.len > PUBSUB_JID_MAX) bare.len = PUBSUB_JID_MAX;
  memcpy(k->bytes, bare.s, bare.len);
  k->bytes[bare.len] = 0;
  pubsub_key2(&numbers, owner, node);
  memcpy(k->bytes + bare.len + 1, numbers.bytes, 16);
  k->len = bare.len + 17;
  return slice_of(k->bytes, k->len);
}

/* ---- how many ---- */

static bool
count_node(void *cookie, uint64_t owner, uint64_t node)
{
  (void)owner;
  (void)node;
  ++*(uint32_t *)cookie;
  return true;
}

bool
pubsub_of_count(struct pubsub *p, struct slice bare, uint32_t *out)
{
  struct pubsub_key k;
  struct slice key = byjid_key(&k, bare, 0, 0), v;
  uint64_t n;

  *out = 0;
  if (store_get(p->store, p->byjid, slice_of(key.s, bare.len + 1), &v)) {
    if (!pubsub_number(&v, 4, &n)) return false;
    *out = (uint32_t)n;
    return true;
  }
  return errno == ENOENT && pubsub_of(p, bare, 0, COUNTED, count_node, out);
}

/* Say, before it is done, that a node is one of the counted, or is no more. */
static bool
add_node(struct pubsub *p, struct slice bare, bool comes)
{
  struct pubsub_key k;
  struct slice key = byjid_key(&k, bare, 0, 0);
  stralloc sa = STRALLOC_ZERO;
  uint32_t n;

  if (!pubsub_of_count(p, bare, &n)) return false;
  key.len = bare.len + 1;
  if (comes) return pubsub_put(p, p->byjid, key, &sa, pubsub_cat_number(&sa, 4, n + 1));
  if (n > 1) return pubsub_put(p, p->byjid, key, &sa, pubsub_cat_number(&sa, 4, n - 1));
  return store_del(p->store, p->byjid, key) || errno == ENOENT;
}

bool
pubsub_mark(struct pubsub *p, struct pubsub_node const *n, struct slice bare,
            unsigned int which, bool set)
{
  struct pubsub_key k;
  struct slice key = byjid_key(&k, bare, n->owner, n->node), v;
  unsigned int was = 0, bits;
  char byte;

  if (store_get(p->store, p->byjid, key, &v))
    was = v.len ? (unsigned char)v.s[0] : 0;
  else if (errno != ENOENT)
    return false;
  bits = set ? was | which : was & ~which;
  if (bits == was) return true;
  if (!(was & COUNTED) != !(bits & COUNTED) && !add_node(p, bare, (bits & COUNTED) != 0))
    return false;
  byte = (char)bits;
  if (bits) return store_put(p->store, p->byjid, key, slice_of(&byte, 1));
  return store_del(p->store, p->byjid, key) || errno == ENOENT;
}

/* ---- by address ---- */

struct of {
  struct slice bare;
  uint64_t owner;
  unsigned int which;
  pubsub_of_fn *fn;
  void *cookie;
};

static bool
on_of(void *cookie, struct slice key, struct slice v)
{
  struct of *w = cookie;
  uint64_t owner, node;

  if (key.len != w->bare.len + 17 || memcmp(key.s, w->bare.s, w->bare.len) != 0 ||
      key.s[w->bare.len])
    return false;
  key = slice_of(key.s + w->bare.len + 1, 16);
  if (!pubsub_number(&key, 8, &owner) || !pubsub_number(&key, 8, &node)) return false;
  if (w->owner && owner != w->owner) return false;
  if (v.len != 1 || !((unsigned char)v.s[0] & w->which)) return true;
  return w->fn(w->cookie, owner, node);
}

bool
pubsub_of(struct pubsub *p, struct slice bare, uint64_t owner, unsigned int which,
          pubsub_of_fn *fn, void *cookie)
{
  struct of w = {bare, owner, which, fn, cookie};
  struct pubsub_key k;

  if (pubsub_is_too_long(bare)) return true;
  return store_each(p->store, p->byjid, byjid_key(&k, bare, owner, 0), on_of, &w);
}

bool
pubsub_of_from(struct pubsub *p, struct slice bare, struct pubsub_of_place const *from,
               unsigned int which, pubsub_of_fn *fn, void *cookie)
{
  struct of w = {bare, 0, which, fn, cookie};
  struct pubsub_key k;

  if (pubsub_is_too_long(bare)) return true;
  return store_each(p->store, p->byjid, byjid_key(&k, bare, from->owner, from->node),
                    on_of, &w);
}

struct one {
  uint64_t owner, node;
  bool any;
};

static bool
first_of(void *cookie, uint64_t owner, uint64_t node)
{
  *(struct one *)cookie = (struct one){owner, node, true};
  return false;
}

struct name {
  char jid[PUBSUB_JID_MAX];
  size_t len;
};

static bool
first_name(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  struct name *n = cookie;

  (void)sub;
  n->len = jid.len > sizeof n->jid ? 0 : jid.len;
  memcpy(n->jid, jid.s, n->len);
  return false;
}

static bool
forget_at(struct pubsub *p, struct slice bare, struct one const *at, unsigned int most,
          unsigned int *done)
{
  struct pubsub_node n = {.node = at->node, .owner = at->owner};
  struct name name;

  if (!pubsub_aff_put(p, &n, bare, PUBSUB_NONE)) return false;
  for (; *done < most; (*done)++) {
    name.len = 0;
    if (!pubsub_subs_of(p, n.node, bare, first_name, &name)) return false;
    if (!name.len) break;
    if (!pubsub_sub_del(p, &n, slice_of(name.jid, name.len))) return false;
  }
  if (*done >= most) return true;
  (*done)++;
  return pubsub_mark(p, &n, bare, PUBSUB_OF_ALL, false);
}

bool
pubsub_forget(struct pubsub *p, struct slice bare, unsigned int most, unsigned int *done)
{
  struct one at;

  while (*done < most) {
    at.any = false;
    if (!pubsub_of(p, bare, 0, PUBSUB_OF_ALL, first_of, &at)) return false;
    if (!at.any) return true;
    if (!forget_at(p, bare, &at, most, done)) return false;
  }
  return true;
}
