#include "pubsub/internal.h"

#include <errno.h>
#include <string.h>

/* Affiliations and subscriptions. Table byjid says which nodes an address has to do with, so that an
 * address can ask for all of its own, and can be forgotten. */

#define HAS_AFFILIATION 1
#define HAS_SUBSCRIPTION 2

static struct slice
bare_of(struct slice jid)
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

/* Set or clear a bit of what the address has to do with the node. */
static bool
mark(struct pubsub *p, struct pubsub_node const *n, struct slice bare, char bit, bool set)
{
  struct pubsub_key k;
  struct slice key = byjid_key(&k, bare, n->owner, n->node), v;
  char bits = 0;

  if (store_get(p->store, p->byjid, key, &v))
    bits = v.len ? v.s[0] : 0;
  else if (errno != ENOENT)
    return false;
  bits = (char)(set ? bits | bit : bits & ~bit);
  if (bits) return store_put(p->store, p->byjid, key, slice_of(&bits, 1));
  return store_del(p->store, p->byjid, key) || errno == ENOENT;
}

static bool
is_too_long(struct slice jid)
{
  if (jid.len && jid.len <= PUBSUB_JID_MAX) return false;
  errno = ENAMETOOLONG;
  return true;
}

/* ---- affiliations ---- */

bool
pubsub_aff_get(struct pubsub *p, uint64_t node, struct slice bare,
               enum pubsub_affiliation *out)
{
  struct pubsub_key k;
  struct slice v;

  *out = PUBSUB_NONE;
  if (is_too_long(bare)) return true;
  if (!store_get(p->store, p->affs, pubsub_key(&k, node, bare), &v))
    return errno == ENOENT;
  if (v.len != 1 || (unsigned char)v.s[0] >= PUBSUB_AFFILIATIONS_N) return pubsub_bad();
  *out = (enum pubsub_affiliation)v.s[0];
  return true;
}

bool
pubsub_aff_put(struct pubsub *p, struct pubsub_node const *n, struct slice bare,
               enum pubsub_affiliation a)
{
  struct pubsub_key k;
  struct slice key = pubsub_key(&k, n->node, bare);
  char c = (char)a;

  if (is_too_long(bare)) return false;
  if (!mark(p, n, bare, HAS_AFFILIATION, a != PUBSUB_NONE)) return false;
  if (a != PUBSUB_NONE) return store_put(p->store, p->affs, key, slice_of(&c, 1));
  return store_del(p->store, p->affs, key) || errno == ENOENT;
}

struct walk {
  uint64_t node;
  pubsub_aff_fn *aff;
  pubsub_sub_fn *sub;
  void *cookie;
  struct slice bare;
};

static bool
on_aff(void *cookie, struct slice key, struct slice v)
{
  struct walk *w = cookie;
  uint64_t node;

  if (!pubsub_number(&key, 8, &node) || node != w->node || v.len != 1) return false;
  return w->aff(w->cookie, key, (enum pubsub_affiliation)v.s[0]);
}

bool
pubsub_affs(struct pubsub *p, uint64_t node, pubsub_aff_fn *fn, void *cookie)
{
  struct walk w = {.node = node, .aff = fn, .cookie = cookie};
  struct pubsub_key k;

  return store_each(p->store, p->affs, pubsub_key(&k, node, SLICE("")), on_aff, &w);
}

/* ---- subscriptions ---- */

static bool
read_sub(struct slice v, struct pubsub_sub *out)
{
  uint64_t state, options, expiry, shows;

  if (!pubsub_number(&v, 1, &state) || !pubsub_number(&v, 8, &out->id) ||
      !pubsub_number(&v, 8, &out->us) || !pubsub_number(&v, 1, &options) ||
      !pubsub_number(&v, 4, &expiry) || !pubsub_number(&v, 1, &shows) ||
      state >= PUBSUB_STATES_N)
    return pubsub_bad();
  out->state = (enum pubsub_state)state;
  out->options = (uint8_t)options;
  out->expiry = (uint32_t)expiry;
  out->shows = (uint8_t)shows;
  return true;
}

bool
pubsub_sub_get(struct pubsub *p, uint64_t node, struct slice jid, struct pubsub_sub *out)
{
  struct pubsub_key k;
  struct slice v;

  if (is_too_long(jid)) {
    errno = ENOENT;
    return false;
  }
  return store_get(p->store, p->subs, pubsub_key(&k, node, jid), &v) && read_sub(v, out);
}

bool
pubsub_sub_put(struct pubsub *p, struct pubsub_node const *n, struct slice jid,
               struct pubsub_sub const *sub)
{
  struct pubsub_key k;
  stralloc sa = STRALLOC_ZERO;

  if (is_too_long(jid) || !mark(p, n, bare_of(jid), HAS_SUBSCRIPTION, true)) return false;
  return pubsub_put(
    p, p->subs, pubsub_key(&k, n->node, jid), &sa,
    pubsub_cat_number(&sa, 1, sub->state) && pubsub_cat_number(&sa, 8, sub->id) &&
      pubsub_cat_number(&sa, 8, sub->us) && pubsub_cat_number(&sa, 1, sub->options) &&
      pubsub_cat_number(&sa, 4, sub->expiry) && pubsub_cat_number(&sa, 1, sub->shows));
}

static bool
any_sub(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  (void)jid;
  (void)sub;
  *(bool *)cookie = true;
  return false;
}

bool
pubsub_sub_del(struct pubsub *p, struct pubsub_node const *n, struct slice jid)
{
  struct pubsub_key k;
  bool more = false;

  if (is_too_long(jid)) return false;
  if (!store_del(p->store, p->subs, pubsub_key(&k, n->node, jid))) return errno == ENOENT;
  return pubsub_subs_of(p, n->node, bare_of(jid), any_sub, &more) &&
         (more || mark(p, n, bare_of(jid), HAS_SUBSCRIPTION, false));
}

static bool
on_sub(void *cookie, struct slice key, struct slice v)
{
  struct walk *w = cookie;
  struct pubsub_sub sub;
  uint64_t node;

  if (!pubsub_number(&key, 8, &node) || node != w->node || !read_sub(v, &sub))
    return false;
  if (w->bare.len &&
      (key.len < w->bare.len || memcmp(key.s, w->bare.s, w->bare.len) != 0))
    return false;
  if (w->bare.len && key.len > w->bare.len && key.s[w->bare.len] != '/') return true;
  return w->sub(w->cookie, key, &sub);
}

bool
pubsub_subs(struct pubsub *p, uint64_t node, pubsub_sub_fn *fn, void *cookie)
{
  struct walk w = {.node = node, .sub = fn, .cookie = cookie};
  struct pubsub_key k;

  return store_each(p->store, p->subs, pubsub_key(&k, node, SLICE("")), on_sub, &w);
}

bool
pubsub_subs_of(struct pubsub *p, uint64_t node, struct slice bare, pubsub_sub_fn *fn,
               void *cookie)
{
  struct walk w = {.node = node, .sub = fn, .cookie = cookie, .bare = bare};
  struct pubsub_key k;

  return store_each(p->store, p->subs, pubsub_key(&k, node, bare), on_sub, &w);
}

/* ---- by address ---- */

struct of {
  struct slice bare;
  uint64_t owner;
  pubsub_of_fn *fn;
  void *cookie;
};

static bool
on_of(void *cookie, struct slice key, struct slice v)
{
  struct of *w = cookie;
  uint64_t owner, node;

  (void)v;
  if (key.len != w->bare.len + 17 || memcmp(key.s, w->bare.s, w->bare.len) != 0 ||
      key.s[w->bare.len])
    return false;
  key = slice_of(key.s + w->bare.len + 1, 16);
  if (!pubsub_number(&key, 8, &owner) || !pubsub_number(&key, 8, &node)) return false;
  if (w->owner && owner != w->owner) return false;
  return w->fn(w->cookie, owner, node);
}

bool
pubsub_of(struct pubsub *p, struct slice bare, uint64_t owner, pubsub_of_fn *fn,
          void *cookie)
{
  struct of w = {bare, owner, fn, cookie};
  struct pubsub_key k;

  if (is_too_long(bare)) return true;
  return store_each(p->store, p->byjid, byjid_key(&k, bare, owner, 0), on_of, &w);
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
  return mark(p, &n, bare, HAS_AFFILIATION | HAS_SUBSCRIPTION, false);
}

bool
pubsub_forget(struct pubsub *p, struct slice bare, unsigned int most, unsigned int *done)
{
  struct one at;

  while (*done < most) {
    at.any = false;
    if (!pubsub_of(p, bare, 0, first_of, &at)) return false;
    if (!at.any) return true;
    if (!forget_at(p, bare, &at, most, done)) return false;
  }
  return true;
}
