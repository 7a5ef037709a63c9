#include "pubsub/internal.h"

#include <skalibs/uint64.h>

#include <errno.h>
#include <string.h>

/* Affiliations and subscriptions. */

bool
pubsub_is_too_long(struct slice jid)
{
  if (jid.len && jid.len <= PUBSUB_JID_MAX) return false;
  errno = ENAMETOOLONG;
  return true;
}

/* ---- how many there are of a node ----
 *
 * The entry of table affs or subs that has no address says it. A node whose entries are older than
 * that number has none; then they are counted. */

struct tally {
  uint64_t node;
  uint32_t n;
};

static bool
count_entry(void *cookie, struct slice key, struct slice v)
{
  struct tally *t = cookie;
  uint64_t node;

  (void)v;
  if (!pubsub_number(&key, 8, &node) || node != t->node) return false;
  t->n += key.len > 0;
  return true;
}

static bool
people_count(struct pubsub *p, MDB_dbi table, uint64_t node, uint32_t *out)
{
  struct tally t = {.node = node};
  struct pubsub_key k;
  struct slice key = pubsub_key(&k, node, SLICE("")), v;
  uint64_t n;

  if (store_get(p->store, table, key, &v)) {
    if (!pubsub_number(&v, 4, &n)) return false;
    *out = (uint32_t)n;
    return true;
  }
  if (errno != ENOENT || !store_each(p->store, table, key, count_entry, &t)) return false;
  *out = t.n;
  return true;
}

/* Say, before it is done, that one entry comes or goes. */
static bool
people_add(struct pubsub *p, MDB_dbi table, uint64_t node, bool comes)
{
  struct pubsub_key k;
  struct slice key = pubsub_key(&k, node, SLICE(""));
  stralloc sa = STRALLOC_ZERO;
  uint32_t n;

  if (!people_count(p, table, node, &n)) return false;
  if (comes) return pubsub_put(p, table, key, &sa, pubsub_cat_number(&sa, 4, n + 1));
  if (n > 1) return pubsub_put(p, table, key, &sa, pubsub_cat_number(&sa, 4, n - 1));
  return store_del(p->store, table, key) || errno == ENOENT;
}

/* Put or delete (value NULL) the entry of an address, and count it. */
static bool
people_set(struct pubsub *p, MDB_dbi table, uint64_t node, struct slice key,
           struct slice const *value)
{
  struct slice v;
  bool is_there = store_get(p->store, table, key, &v);

  if (!is_there && errno != ENOENT) return false;
  if (is_there != (value != NULL) && !people_add(p, table, node, value != NULL))
    return false;
  if (value) return store_put(p->store, table, key, *value);
  return !is_there || store_del(p->store, table, key);
}

bool
pubsub_people(struct pubsub *p, uint64_t node, uint32_t *affs, uint32_t *subs)
{
  return people_count(p, p->affs, node, affs) && people_count(p, p->subs, node, subs);
}

/* ---- affiliations ---- */

bool
pubsub_aff_get(struct pubsub *p, uint64_t node, struct slice bare,
               enum pubsub_affiliation *out)
{
  struct pubsub_key k;
  struct slice v;

  *out = PUBSUB_NONE;
  if (pubsub_is_too_long(bare)) return true;
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

  if (pubsub_is_too_long(bare)) return false;
  if (!pubsub_mark(p, n, bare, PUBSUB_OF_AFFILIATION,
                   a != PUBSUB_NONE && a != PUBSUB_OUTCAST) ||
      !pubsub_mark(p, n, bare, PUBSUB_OF_OUTCAST, a == PUBSUB_OUTCAST))
    return false;
  return people_set(p, p->affs, n->node, key,
                    a != PUBSUB_NONE ? &(struct slice){&c, 1} : NULL);
}

struct walk {
  uint64_t node;
  pubsub_aff_fn *aff;
  pubsub_sub_fn *sub;
  void *cookie;
  struct slice prefix; /* subscriptions: of addresses that begin with it */
};

static bool
on_aff(void *cookie, struct slice key, struct slice v)
{
  struct walk *w = cookie;
  uint64_t node;

  if (!pubsub_number(&key, 8, &node) || node != w->node) return false;
  if (!key.len) return true; /* the number of entries */
  if (v.len != 1) return false;
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

  if (pubsub_is_too_long(jid)) {
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
  bool ok =
    !pubsub_is_too_long(jid) &&
    pubsub_mark(p, n, pubsub_bare(jid), PUBSUB_OF_SUBSCRIPTION, true) &&
    pubsub_cat_number(&sa, 1, sub->state) && pubsub_cat_number(&sa, 8, sub->id) &&
    pubsub_cat_number(&sa, 8, sub->us) && pubsub_cat_number(&sa, 1, sub->options) &&
    pubsub_cat_number(&sa, 4, sub->expiry) && pubsub_cat_number(&sa, 1, sub->shows) &&
    people_set(p, p->subs, n->node, pubsub_key(&k, n->node, jid),
               &(struct slice){sa.s, sa.len});
  int e = errno;

  stralloc_free(&sa);
  errno = e;
  return ok;
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

  if (pubsub_is_too_long(jid)) return false;
  if (!people_set(p, p->subs, n->node, pubsub_key(&k, n->node, jid), NULL)) return false;
  return pubsub_subs_of(p, n->node, pubsub_bare(jid), any_sub, &more) &&
         (more || pubsub_mark(p, n, pubsub_bare(jid), PUBSUB_OF_SUBSCRIPTION, false));
}

static bool
on_sub(void *cookie, struct slice key, struct slice v)
{
  struct walk *w = cookie;
  struct pubsub_sub sub;
  uint64_t node;

  if (!pubsub_number(&key, 8, &node) || node != w->node) return false;
  if (!key.len) return true; /* the number of entries */
  if (w->prefix.len &&
      (key.len < w->prefix.len || memcmp(key.s, w->prefix.s, w->prefix.len) != 0))
    return false;
  if (!read_sub(v, &sub)) return false;
  return w->sub(w->cookie, key, &sub);
}

bool
pubsub_subs(struct pubsub *p, uint64_t node, pubsub_sub_fn *fn, void *cookie)
{
  struct walk w = {.node = node, .sub = fn, .cookie = cookie};
  struct pubsub_key k;

  return store_each(p->store, p->subs, pubsub_key(&k, node, SLICE("")), on_sub, &w);
}

/* No address has the byte 255, so that the walk begins behind all of the node. */
bool
pubsub_subs_back(struct pubsub *p, uint64_t node, pubsub_sub_fn *fn, void *cookie)
{
  struct walk w = {.node = node, .sub = fn, .cookie = cookie};
  struct pubsub_key k;

  return store_each_back(p->store, p->subs, pubsub_key(&k, node, SLICE("\377")), on_sub,
                         &w);
}

/* The full addresses of an account do not stand behind its bare one: others, whose domains are longer,
 * may be in between, as many as there are. */
bool
pubsub_subs_of(struct pubsub *p, uint64_t node, struct slice bare, pubsub_sub_fn *fn,
               void *cookie)
{
  struct walk w = {.node = node, .sub = fn, .cookie = cookie};
  struct pubsub_key k;
  struct pubsub_sub sub;
  char full[PUBSUB_JID_MAX + 1];

  if (pubsub_is_too_long(bare)) return true;
  if (pubsub_sub_get(p, node, bare, &sub)) {
    if (!fn(cookie, bare, &sub)) return true;
  } else if (errno != ENOENT)
    return false;
  memcpy(full, bare.s, bare.len);
  full[bare.len] = '/';
  w.prefix = slice_of(full, bare.len + 1);
  return store_each(p->store, p->subs, pubsub_key(&k, node, w.prefix), on_sub, &w);
}

/* ---- subscriptions that end by themselves ---- */

struct sweep {
  pubsub_over_fn *is_over;
  unsigned int left;
  struct pubsub_place *place;
  bool any, over; /* of the entry at the place: there is one, and it is to be deleted */
};

static bool
sweep_on(void *cookie, struct slice key, struct slice v)
{
  struct sweep *s = cookie;
  struct pubsub_sub sub;

  s->place->len = key.len;
  memcpy(s->place->bytes, key.s, key.len);
  s->any = true;
  if (!s->left) return false;
  s->left--;
  s->any = false;
  s->over = key.len > 8 && read_sub(v, &sub) &&
            s->is_over(slice_of(key.s + 8, key.len - 8), &sub);
  return !s->over;
}

/* Entries of a node that is gone go with the node. */
static bool
end_sub(struct pubsub *p, struct pubsub_place const *place)
{
  struct slice key = slice_of(place->bytes, place->len);
  struct pubsub_node n;
  uint64_t node;

  if (!pubsub_number(&key, 8, &node)) return false;
  if (!pubsub_node_get(p, node, &n)) return errno == ENOENT;
  return pubsub_sub_del(p, &n, key);
}

bool
pubsub_subs_sweep(struct pubsub *p, struct pubsub_place *place, unsigned int most,
                  pubsub_over_fn *is_over)
{
  struct sweep s = {.is_over = is_over, .left = most, .place = place};

  if (!place->len) place->bytes[place->len++] = 0;
  for (;;) {
    struct pubsub_place from = *place;
    s.any = s.over = false;
    if (!store_each(p->store, p->subs, slice_of(from.bytes, from.len), sweep_on, &s))
      return false;
    if (!s.over) break;
    if (!end_sub(p, place)) return false;
    /* Go on behind the entry, which a node that is gone still has. */
    if (place->len < sizeof place->bytes) place->bytes[place->len++] = 0;
  }
  if (!s.any) place->len = 0;
  return true;
}

void
pubsub_place_node(struct pubsub_place *place, uint64_t node)
{
  uint64_pack_big(place->bytes, node);
  place->len = 8;
}
