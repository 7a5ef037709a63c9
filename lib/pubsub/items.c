#include "pubsub/internal.h"

#include <skalibs/uint64.h>

#include <errno.h>
#include <string.h>

/* Bytes of an item's value that are none of its id, publisher or payload. */
#define ITEM_HEAD (8 + 4 + 2 + 2)

bool
pubsub_item_read(struct slice key, struct slice v, struct pubsub_item *out)
{
  uint64_t node, expiry;

  if (!pubsub_number(&key, 8, &node) || !pubsub_number(&key, 8, &out->number) ||
      !pubsub_number(&v, 8, &out->us) || !pubsub_number(&v, 4, &expiry) ||
      !pubsub_text(&v, &out->id) || !pubsub_text(&v, &out->publisher))
    return false;
  out->expiry = (uint32_t)expiry;
  out->payload = v;
  return true;
}

size_t
pubsub_item_bytes(struct pubsub_item const *it)
{
  return it->id.len + it->publisher.len + it->payload.len;
}

static struct slice
expiry_key(char buf[20], uint32_t expiry, uint64_t node, uint64_t number)
{
  buf[0] = (char)(expiry >> 24);
  buf[1] = (char)(expiry >> 16);
  buf[2] = (char)(expiry >> 8);
  buf[3] = (char)expiry;
  uint64_pack_big(buf + 4, node);
  uint64_pack_big(buf + 12, number);
  return slice_of(buf, 20);
}

/* Say whether the item of this number counts; else errno is ENOENT. */
static bool
counts(struct pubsub_node const *n, uint64_t number)
{
  if (number >= n->first) return true;
  errno = ENOENT;
  return false;
}

static bool
number_of(struct pubsub *p, struct pubsub_node const *n, struct slice id,
          uint64_t *number)
{
  struct pubsub_key k;
  struct slice v;

  return store_get(p->store, p->ids, pubsub_id_key(&k, n->node, id), &v) &&
         pubsub_number(&v, 8, number) && counts(n, *number);
}

static bool
get_numbered(struct pubsub *p, uint64_t node, uint64_t number, struct pubsub_item *out)
{
  struct pubsub_key k;
  struct slice key = pubsub_key2(&k, node, number), v;

  return store_get(p->store, p->items, key, &v) && pubsub_item_read(key, v, out);
}

bool
pubsub_item_get(struct pubsub *p, struct pubsub_node const *n, struct slice id,
                struct pubsub_item *out)
{
  uint64_t number;

  return number_of(p, n, id, &number) && get_numbered(p, n->node, number, out);
}

/* Delete the item of this number: its entry, and that of its expiry. The counts of n follow in
 * memory. */
static bool
drop(struct pubsub *p, struct pubsub_node *n, uint64_t number)
{
  struct pubsub_item it;
  struct pubsub_key k;
  char buf[20];
  size_t bytes;

  if (!get_numbered(p, n->node, number, &it)) return false;
  bytes = pubsub_item_bytes(&it);
  if (it.expiry &&
      !store_del(p->store, p->expiry, expiry_key(buf, it.expiry, n->node, number)) &&
      errno != ENOENT)
    return false;
  n->items--;
  n->bytes -= bytes;
  return store_del(p->store, p->items, pubsub_key2(&k, n->node, number)) &&
         pubsub_count(p, n, 0, -1, -(int64_t)bytes);
}

bool
pubsub_item_del(struct pubsub *p, struct pubsub_node *n, struct slice id)
{
  struct pubsub_key k;
  uint64_t number;

  return number_of(p, n, id, &number) && drop(p, n, number) &&
         store_del(p->store, p->ids, pubsub_id_key(&k, n->node, id)) &&
         pubsub_node_put(p, n);
}

static bool
put_entries(struct pubsub *p, struct pubsub_node const *n, struct pubsub_item const *it)
{
  struct pubsub_key k;
  stralloc sa = STRALLOC_ZERO;
  char buf[20], number[8];

  uint64_pack_big(number, it->number);
  return pubsub_put(
           p, p->items, pubsub_key2(&k, n->node, it->number), &sa,
           pubsub_cat_number(&sa, 8, it->us) && pubsub_cat_number(&sa, 4, it->expiry) &&
             pubsub_cat_text(&sa, it->id) && pubsub_cat_text(&sa, it->publisher) &&
             (!it->payload.len || stralloc_catb(&sa, it->payload.s, it->payload.len))) &&
         store_put(p->store, p->ids, pubsub_id_key(&k, n->node, it->id),
                   slice_of(number, 8)) &&
         (!it->expiry ||
          store_put(p->store, p->expiry, expiry_key(buf, it->expiry, n->node, it->number),
                    SLICE("")));
}

bool
pubsub_item_put(struct pubsub *p, struct pubsub_node *n, struct pubsub_item *it)
{
  uint64_t old;

  if (number_of(p, n, it->id, &old)) {
    if (!drop(p, n, old)) return false;
  } else if (errno != ENOENT)
    return false;
  it->number = n->next++;
  n->items++;
  n->bytes += pubsub_item_bytes(it);
  return put_entries(p, n, it) && pubsub_node_put(p, n) &&
         pubsub_count(p, n, 0, 1, (int64_t)pubsub_item_bytes(it));
}

/* ---- ranges ---- */

struct walk {
  uint64_t node;
  pubsub_item_fn *fn;
  void *cookie;
  bool ok;
};

static bool
on_item(void *cookie, struct slice key, struct slice value)
{
  struct walk *w = cookie;
  struct pubsub_item it;
  struct slice rest = key;
  uint64_t node;

  if (!pubsub_number(&rest, 8, &node) || node != w->node) return false;
  w->ok = pubsub_item_read(key, value, &it);
  return w->ok && w->fn(w->cookie, &it);
}

bool
pubsub_items(struct pubsub *p, struct pubsub_node const *n, uint64_t from,
             pubsub_item_fn *fn, void *cookie)
{
  struct walk w = {n->node, fn, cookie, true};
  struct pubsub_key k;

  if (from < n->first) from = n->first;
  return store_each(p->store, p->items, pubsub_key2(&k, n->node, from), on_item, &w) &&
         w.ok;
}

/* Numbers have gaps where items were replaced, so places are counted by walking over keys, from the
 * end that is nearer. */
struct place {
  struct pubsub_node const *n;
  uint64_t number;
  size_t left; /* to walk over; SIZE_MAX: until number */
  size_t seen;
  uint64_t bytes; /* of the items that were walked over */
  bool back, found;
};

static bool
on_key(void *cookie, struct slice key, struct slice value)
{
  struct place *at = cookie;
  uint64_t node, number;

  if (!pubsub_number(&key, 8, &node) || node != at->n->node ||
      !pubsub_number(&key, 8, &number) || number < at->n->first)
    return false;
  if (at->left == SIZE_MAX) {
    if (at->back ? number < at->number : number >= at->number) return false;
    at->seen++;
    return true;
  }
  at->number = number;
  at->found = !at->left;
  if (at->left) at->bytes += value.len - ITEM_HEAD;
  return at->left--;
}

static bool
walk_keys(struct pubsub *p, struct place *at)
{
  struct pubsub_key k;
  struct slice from = pubsub_key2(&k, at->n->node, at->back ? UINT64_MAX : at->n->first);

  return (at->back ? store_each_back : store_each)(p->store, p->items, from, on_key, at);
}

bool
pubsub_item_from_end(struct pubsub *p, struct pubsub_node const *n, size_t behind,
                     uint64_t *number)
{
  struct place at = {.n = n, .left = behind, .back = behind <= n->items / 2};

  if (behind < n->items) {
    if (!at.back) at.left = n->items - 1 - behind;
    if (!walk_keys(p, &at)) return false;
  }
  *number = at.number;
  if (!at.found) errno = ENOENT;
  return at.found;
}

bool
pubsub_item_place(struct pubsub *p, struct pubsub_node const *n, uint64_t number,
                  size_t *place)
{
  struct place at = {
    .n = n, .number = number, .left = SIZE_MAX, .back = number > n->next / 2};

  if (!walk_keys(p, &at)) return false;
  *place = !at.back ? at.seen : at.seen < n->items ? n->items - at.seen : 0;
  return true;
}

struct first {
  struct pubsub_item *out;
  bool found;
};

static bool
take_first(void *cookie, struct pubsub_item const *it)
{
  struct first *f = cookie;

  *f->out = *it;
  f->found = true;
  return false;
}

bool
pubsub_item_oldest(struct pubsub *p, struct pubsub_node const *n, struct pubsub_item *out)
{
  struct first f = {out, false};

  if (!pubsub_items(p, n, 0, take_first, &f)) return false;
  if (!f.found) errno = ENOENT;
  return f.found;
}

/* The newest has the last number that was given, unless it was retracted. */
bool
pubsub_item_newest(struct pubsub *p, struct pubsub_node const *n, struct pubsub_item *out)
{
  uint64_t number;

  if (n->next > 1 && counts(n, n->next - 1) && get_numbered(p, n->node, n->next - 1, out))
    return true;
  return pubsub_item_from_end(p, n, 0, &number) && get_numbered(p, n->node, number, out);
}

/* ---- items that go by themselves ---- */

static bool
purge_item(struct pubsub *p, struct slice key, struct slice value)
{
  struct pubsub_item it;
  struct pubsub_key k;
  struct slice rest = key;
  char buf[20];
  uint64_t node;

  if (!pubsub_item_read(key, value, &it) || !pubsub_number(&rest, 8, &node)) return false;
  return (!it.expiry ||
          store_del(p->store, p->expiry, expiry_key(buf, it.expiry, node, it.number)) ||
          errno == ENOENT) &&
         store_del(p->store, p->items, pubsub_key2(&k, node, it.number));
}

bool
pubsub_items_purge(struct pubsub *p, uint64_t node, unsigned int most, unsigned int *done)
{
  struct pubsub_key k;
  struct slice prefix = pubsub_key(&k, node, SLICE("")), key, value;

  for (; *done < most; (*done)++) {
    if (!store_next(p->store, p->items, prefix, &key, &value)) return errno == ENOENT;
    if (key.len != 16 || memcmp(key.s, prefix.s, prefix.len) != 0) return true;
    if (!purge_item(p, key, value)) return false;
  }
  return true;
}

/* ---- items that are dropped ---- */

bool
pubsub_items_drop(struct pubsub *p, struct pubsub_node *n, uint32_t keep)
{
  struct pubsub_key k;
  uint32_t go = n->items > keep ? n->items - keep : 0;
  struct place at = {.n = n, .left = go, .back = keep < go};
  uint64_t bytes;

  if (!go) return true;
  if (at.back) at.left = keep;
  if (at.left && !walk_keys(p, &at)) return false;
  /* From the end the walk stops at the newest item that goes, from the begin at the oldest that
   * stays. */
  if (keep && !at.found) return pubsub_bad();
  bytes = !keep ? n->bytes : at.back ? n->bytes - at.bytes : at.bytes;
  n->first = !keep ? n->next : at.back ? at.number + 1 : at.number;
  n->items = keep;
  n->bytes -= bytes;
  return store_put(p->store, p->dropped, pubsub_key(&k, n->node, SLICE("")), SLICE("")) &&
         pubsub_node_put(p, n) && pubsub_count(p, n, 0, -(int64_t)go, -(int64_t)bytes);
}

/* The id may be that of another item by now. */
static bool
purge_id(struct pubsub *p, uint64_t node, struct slice key, struct slice value)
{
  struct pubsub_item it;
  struct pubsub_key k;
  struct slice id, v;
  uint64_t number;

  if (!pubsub_item_read(key, value, &it)) return false;
  id = pubsub_id_key(&k, node, it.id);
  if (!store_get(p->store, p->ids, id, &v)) return errno == ENOENT;
  return pubsub_number(&v, 8, &number) &&
         (number != it.number || store_del(p->store, p->ids, id));
}

/* The entry of the item of the node with the smallest number, if that is in front of the first; errno
 * ENOENT. */
static bool
oldest_dropped(struct pubsub *p, struct pubsub_node const *n, struct slice *key,
               struct slice *value)
{
  struct pubsub_key k;
  struct slice rest;
  uint64_t node, number;

  if (!store_next(p->store, p->items, pubsub_key2(&k, n->node, 0), key, value))
    return false;
  rest = *key;
  if (!pubsub_number(&rest, 8, &node) || !pubsub_number(&rest, 8, &number)) return false;
  if (node == n->node && number < n->first) return true;
  errno = ENOENT;
  return false;
}

static bool
purge_front(struct pubsub *p, struct pubsub_node *n, unsigned int most,
            unsigned int *done)
{
  struct pubsub_key k;
  struct slice key, value;

  for (; *done < most; (*done)++) {
    if (!oldest_dropped(p, n, &key, &value)) {
      if (errno != ENOENT) return false;
      n->first = 0;
      (*done)++;
      return pubsub_node_put(p, n) &&
             store_del(p->store, p->dropped, pubsub_key(&k, n->node, SLICE("")));
    }
    if (!purge_id(p, n->node, key, value) || !oldest_dropped(p, n, &key, &value) ||
        !purge_item(p, key, value))
      return false;
  }
  return true;
}

bool
pubsub_purge_dropped(struct pubsub *p, unsigned int most, unsigned int *done)
{
  struct arena a = ARENA_ZERO;
  struct pubsub_key k;
  struct pubsub_node n;
  struct slice key, value;
  uint64_t node;
  bool ok = true;

  while (ok && *done < most) {
    if (!store_next(p->store, p->dropped, SLICE("\0"), &key, &value)) {
      ok = errno == ENOENT;
      break;
    }
    if (!pubsub_number(&key, 8, &node))
      ok = false;
    else if (pubsub_node_get(p, node, &n))
      ok = pubsub_node_keep(&a, &n) && purge_front(p, &n, most, done);
    else {
      /* The node is gone, and its items go with it. */
      ok = errno == ENOENT &&
           store_del(p->store, p->dropped, pubsub_key(&k, node, SLICE("")));
      (*done)++;
    }
    arena_reset(&a);
  }
  arena_wipe(&a);
  return ok;
}

/* ---- items that expire ---- */

/* An entry of a node that is gone, or of an item that is not there, says nothing. */
static bool
expire(struct pubsub *p, struct slice key)
{
  struct arena a = ARENA_ZERO;
  struct slice numbers = slice_of(key.s + 4, 16), id;
  struct pubsub_node n;
  struct pubsub_item it;
  uint64_t node = 0, number = 0;
  bool ok = pubsub_number(&numbers, 8, &node) && pubsub_number(&numbers, 8, &number);

  if (ok && pubsub_node_get(p, node, &n) && counts(&n, number) &&
      get_numbered(p, node, number, &it)) {
    id = arena_copy(&a, it.id);
    ok = pubsub_node_keep(&a, &n) && id.s && pubsub_item_del(p, &n, id);
  } else
    ok = ok && errno == ENOENT;
  arena_wipe(&a);
  return ok && (store_del(p->store, p->expiry, key) || errno == ENOENT);
}

bool
pubsub_items_expire(struct pubsub *p, uint32_t now_s, unsigned int most,
                    unsigned int *done)
{
  struct slice key, value, rest;
  uint64_t expiry;
  char buf[20];

  for (; *done < most; (*done)++) {
    if (!store_next(p->store, p->expiry, SLICE("\0"), &key, &value))
      return errno == ENOENT;
    rest = key;
    if (key.len != sizeof buf || !pubsub_number(&rest, 4, &expiry)) return pubsub_bad();
    if (expiry > now_s) return true;
    memcpy(buf, key.s, sizeof buf);
    if (!expire(p, slice_of(buf, sizeof buf))) return false;
  }
  return true;
}
