#include "pubsub/internal.h"

#include <skalibs/uint64.h>

#include <errno.h>
#include <string.h>

/* A node has the second version while it has dropped items. */
#define VERSION 1
#define VERSION_FIRST 2

static bool
read_node(uint64_t node, struct slice v, struct pubsub_node *out)
{
  uint64_t version, type, items;

  if (!pubsub_number(&v, 1, &version) || !pubsub_number(&v, 1, &type) ||
      !pubsub_number(&v, 8, &out->created_us) || !pubsub_number(&v, 4, &items) ||
      !pubsub_number(&v, 8, &out->bytes) || !pubsub_number(&v, 8, &out->next) ||
      !pubsub_number(&v, 8, &out->owner) || version < VERSION ||
      version > VERSION_FIRST ||
      (version == VERSION_FIRST && !pubsub_number(&v, 8, &out->first)) ||
      !pubsub_text(&v, &out->name) || !pubsub_text(&v, &out->creator) ||
      type > PUBSUB_PEP)
    return pubsub_bad();
  if (version == VERSION) out->first = 0;
  out->node = node;
  out->type = (enum pubsub_type)type;
  out->items = (uint32_t)items;
  out->fields = v;
  return true;
}

static bool
get_node(struct pubsub *p, uint64_t node, struct pubsub_node *out)
{
  struct pubsub_key k;
  struct slice v;

  return store_get(p->store, p->node, pubsub_key(&k, node, SLICE("")), &v) &&
         read_node(node, v, out);
}

bool
pubsub_node_get(struct pubsub *p, uint64_t node, struct pubsub_node *out)
{
  struct pubsub_key k;
  struct slice v;

  if (!store_get(p->store, p->gone, pubsub_key(&k, node, SLICE("")), &v))
    return errno == ENOENT && get_node(p, node, out);
  errno = ENOENT;
  return false;
}

bool
pubsub_node_keep(struct arena *a, struct pubsub_node *n)
{
  n->name = arena_copy(a, n->name);
  n->creator = arena_copy(a, n->creator);
  n->fields = arena_copy(a, n->fields);
  return n->name.s && n->creator.s && n->fields.s;
}

bool
pubsub_node_find(struct pubsub *p, uint64_t owner, struct slice name,
                 struct pubsub_node *out)
{
  struct pubsub_key k;
  struct slice v;
  uint64_t node;

  if (!name.len || name.len > PUBSUB_NAME_MAX) {
    errno = ENOENT;
    return false;
  }
  return store_get(p->store, p->nodes, pubsub_key(&k, owner, name), &v) &&
         pubsub_number(&v, 8, &node) && get_node(p, node, out);
}

bool
pubsub_node_put(struct pubsub *p, struct pubsub_node const *n)
{
  struct pubsub_key k;
  stralloc sa = STRALLOC_ZERO;
  bool whole =
    pubsub_cat_number(&sa, 1, n->first ? VERSION_FIRST : VERSION) &&
    pubsub_cat_number(&sa, 1, n->type) && pubsub_cat_number(&sa, 8, n->created_us) &&
    pubsub_cat_number(&sa, 4, n->items) && pubsub_cat_number(&sa, 8, n->bytes) &&
    pubsub_cat_number(&sa, 8, n->next) && pubsub_cat_number(&sa, 8, n->owner) &&
    (!n->first || pubsub_cat_number(&sa, 8, n->first)) && pubsub_cat_text(&sa, n->name) &&
    pubsub_cat_text(&sa, n->creator) &&
    (!n->fields.len || stralloc_catb(&sa, n->fields.s, n->fields.len));

  return pubsub_put(p, p->node, pubsub_key(&k, n->node, SLICE("")), &sa, whole);
}

bool
pubsub_node_add(struct pubsub *p, struct pubsub_node *n)
{
  struct pubsub_key k;
  struct slice v;
  char buf[8];

  if (!n->name.len || n->name.len > PUBSUB_NAME_MAX) {
    errno = ENAMETOOLONG;
    return false;
  }
  if (store_get(p->store, p->nodes, pubsub_key(&k, n->owner, n->name), &v)) {
    errno = EEXIST;
    return false;
  }
  if (errno != ENOENT) return false;
  n->node = pubsub_take_number(p, SLICE("node"));
  n->created_us = door_wall();
  n->items = 0;
  n->bytes = 0;
  n->next = 1;
  n->first = 0;
  uint64_pack_big(buf, n->node);
  return n->node &&
         store_put(p->store, p->nodes, pubsub_key(&k, n->owner, n->name),
                   slice_of(buf, 8)) &&
         pubsub_node_put(p, n) && pubsub_moved_del(p, n->owner, n->name) &&
         pubsub_count(p, n, 1, 0, 0);
}

bool
pubsub_node_configure(struct pubsub *p, struct pubsub_node *n, struct slice fields)
{
  n->fields = fields;
  return pubsub_node_put(p, n);
}

/* ---- the end of a node ---- */

bool
pubsub_node_del(struct pubsub *p, struct pubsub_node const *n, struct slice uri)
{
  struct pubsub_key k;
  char buf[8];

  uint64_pack_big(buf, n->owner);
  if (!(uri.len ? pubsub_moved_put(p, n->owner, n->name, uri)
                : pubsub_moved_del(p, n->owner, n->name)))
    return false;
  return store_del(p->store, p->nodes, pubsub_key(&k, n->owner, n->name)) &&
         store_put(p->store, p->gone, pubsub_key(&k, n->node, SLICE("")),
                   slice_of(buf, 8)) &&
         pubsub_count(p, n, -1, -(int64_t)n->items, -(int64_t)n->bytes);
}

/* ---- the nodes of an owner ---- */

struct walk {
  struct pubsub *p;
  uint64_t owner;
  struct slice but; /* the name at which the walk begins */
  pubsub_node_fn *fn;
  void *cookie;
  bool ok;
};

static bool
on_node(void *cookie, struct slice key, struct slice value)
{
  struct walk *w = cookie;
  struct pubsub_node n;
  uint64_t owner, node;

  if (!pubsub_number(&key, 8, &owner) || owner != w->owner) return false;
  if (w->but.len && slice_eq(key, w->but)) return true;
  w->ok = pubsub_number(&value, 8, &node) && get_node(w->p, node, &n);
  return w->ok && w->fn(w->cookie, &n);
}

bool
pubsub_nodes(struct pubsub *p, uint64_t owner, struct slice after, pubsub_node_fn *fn,
             void *cookie)
{
  struct walk w = {p, owner, after, fn, cookie, true};
  struct pubsub_key k;

  return store_each(p->store, p->nodes, pubsub_key(&k, owner, after), on_node, &w) &&
         w.ok;
}

bool
pubsub_nodes_back(struct pubsub *p, uint64_t owner, struct slice before,
                  pubsub_node_fn *fn, void *cookie)
{
  struct walk w = {p, owner, before, fn, cookie, true};
  struct pubsub_key k;

  return store_each_back(p->store, p->nodes, pubsub_key(&k, owner, before), on_node,
                         &w) &&
         w.ok;
}

bool
pubsub_next(struct pubsub *p, uint64_t after, uint64_t *owner)
{
  MDB_dbi const tables[] = {p->nodes, p->owners, p->moved};

  if (!store_next_number(p->store, tables, 3, after, owner)) return false;
  if (!(*owner & PUBSUB_SERVICE)) return true;
  errno = ENOENT;
  return false;
}

/* ---- fields ---- */

bool
pubsub_field(struct slice fields, unsigned int number, struct slice *value)
{
  struct slice text;
  uint64_t n;

  while (fields.len) {
    if (!pubsub_number(&fields, 1, &n) || !pubsub_text(&fields, &text)) return false;
    if (n != number) continue;
    *value = text;
    return true;
  }
  return false;
}

bool
pubsub_cat_field(stralloc *fields, unsigned int number, struct slice value)
{
  return pubsub_cat_number(fields, 1, number) && pubsub_cat_text(fields, value);
}

/* ---- purging ---- */

struct purge {
  uint64_t node, owner;
  struct pubsub_node found;
  struct arena arena;
  bool any;
};

static bool
first_gone(void *cookie, struct slice key, struct slice value)
{
  struct purge *g = cookie;

  g->any = pubsub_number(&key, 8, &g->node) && pubsub_number(&value, 8, &g->owner);
  return false;
}

struct person {
  char jid[PUBSUB_JID_MAX];
  size_t len;
};

static bool
first_person(void *cookie, struct slice jid)
{
  struct person *a = cookie;

  a->len = jid.len > sizeof a->jid ? 0 : jid.len;
  memcpy(a->jid, jid.s, a->len);
  return false;
}

static bool
first_aff(void *cookie, struct slice bare, enum pubsub_affiliation aff)
{
  (void)aff;
  return first_person(cookie, bare);
}

static bool
first_sub(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  (void)sub;
  return first_person(cookie, jid);
}

/* Delete people one by one, for each has an entry of table byjid too. */
static bool
purge_people(struct pubsub *p, struct pubsub_node const *n, unsigned int most,
             unsigned int *done)
{
  struct person a;

  while (*done < most) {
    a.len = 0;
    if (!pubsub_affs(p, n->node, first_aff, &a)) return false;
    if (a.len) {
      if (!pubsub_aff_put(p, n, slice_of(a.jid, a.len), PUBSUB_NONE)) return false;
      (*done)++;
      continue;
    }
    if (!pubsub_subs(p, n->node, first_sub, &a)) return false;
    if (!a.len) return true;
    if (!pubsub_sub_del(p, n, slice_of(a.jid, a.len))) return false;
    (*done)++;
  }
  return true;
}

static bool
purge_one(struct pubsub *p, struct purge const *g, unsigned int most, unsigned int *done)
{
  struct pubsub_node n = {.node = g->node, .owner = g->owner};
  char prefix[8];
  struct slice key = slice_of(prefix, 8);

  uint64_pack_big(prefix, g->node);
  if (!purge_people(p, &n, most, done) || !pubsub_items_purge(p, g->node, most, done) ||
      (*done < most && !store_del_some(p->store, p->ids, key, most - *done, done)) ||
      (*done < most && !store_del_some(p->store, p->leavers, key, most - *done, done)))
    return false;
  if (*done >= most) return true;
  (*done)++;
  return (store_del(p->store, p->affs, key) || errno == ENOENT) &&
         (store_del(p->store, p->subs, key) || errno == ENOENT) &&
         (store_del(p->store, p->dropped, key) || errno == ENOENT) &&
         (store_del(p->store, p->node, key) || errno == ENOENT) &&
         store_del(p->store, p->gone, key);
}

bool
pubsub_purge_gone(struct pubsub *p, unsigned int most, unsigned int *done)
{
  struct purge g;

  while (*done < most) {
    g.any = false;
    if (!store_each(p->store, p->gone, SLICE("\0"), first_gone, &g)) return false;
    if (!g.any) return true;
    if (!purge_one(p, &g, most, done)) return false;
  }
  return true;
}

static bool
first_node(void *cookie, struct pubsub_node const *n)
{
  struct purge *g = cookie;

  g->found = *n;
  g->any = pubsub_node_keep(&g->arena, &g->found);
  return false;
}

bool
pubsub_purge(struct pubsub *p, uint64_t owner, unsigned int most, unsigned int *done)
{
  struct purge g = {.arena = ARENA_ZERO};
  struct pubsub_key k;
  bool ok = true;

  while (ok && *done < most) {
    g.any = false;
    ok = pubsub_nodes(p, owner, SLICE(""), first_node, &g);
    if (!ok || !g.any) break;
    ok = pubsub_node_del(p, &g.found, SLICE(""));
    (*done)++;
    arena_reset(&g.arena);
  }
  arena_wipe(&g.arena);
  if (!ok) return false;
  if (*done < most &&
      !store_del_some(p->store, p->moved, pubsub_key(&k, owner, SLICE("")), most - *done,
                      done))
    return false;
  return *done >= most || pubsub_purge_gone(p, most, done);
}
