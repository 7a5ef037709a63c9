#include "pubsub/internal.h"

#include <skalibs/uint64.h>

#include <errno.h>
#include <string.h>

/* Table leavers: publishers that have gone from nodes whose items go with them. The items are looked at
 * in steps, for a node may have many of others. */

bool
pubsub_leaver_new(struct pubsub *p, struct pubsub_node const *n, struct slice bare,
                  uint64_t us, struct pubsub_leaver *out)
{
  struct pubsub_key k;
  struct slice v;

  if (pubsub_is_too_long(bare)) return false;
  *out = (struct pubsub_leaver){
    .node = n->node, .until = n->next, .us = us, .bare_len = bare.len};
  memcpy(out->bare, bare.s, bare.len);
  if (store_get(p->store, p->leavers, pubsub_key(&k, n->node, bare), &v))
    return pubsub_number(&v, 8, &out->from);
  return errno == ENOENT;
}

bool
pubsub_leaver_of_all(struct slice bare, struct pubsub_of_place const *place, uint64_t us,
                     struct pubsub_leaver *out)
{
  if (pubsub_is_too_long(bare)) return false;
  *out =
    (struct pubsub_leaver){.until = 1, .us = us, .place = *place, .bare_len = bare.len};
  memcpy(out->bare, bare.s, bare.len);
  return true;
}

/* A byte 0 behind the key makes the key that comes next. */
static void
go_behind(struct pubsub_place *place, struct slice key)
{
  place->len = key.len < sizeof place->bytes ? key.len : 0;
  memcpy(place->bytes, key.s, place->len);
  if (place->len) place->bytes[place->len++] = 0;
}

bool
pubsub_leaver_next(struct pubsub *p, struct pubsub_place *place,
                   struct pubsub_leaver *out)
{
  struct slice from = place->len ? slice_of(place->bytes, place->len) : SLICE("\0");
  struct slice key, v;

  if (!store_next(p->store, p->leavers, from, &key, &v)) {
    if (errno != ENOENT || !store_next(p->store, p->leavers, SLICE("\0"), &key, &v))
      return false;
  }
  go_behind(place, key);
  *out = (struct pubsub_leaver){.us = UINT64_MAX};
  if (!pubsub_number(&key, 8, &out->node) || !key.len || key.len > sizeof out->bare ||
      !pubsub_number(&v, 8, &out->from) || !pubsub_number(&v, 8, &out->until) ||
      (v.len && !pubsub_number(&v, 8, &out->us)))
    return pubsub_bad();
  if (!out->node) {
    out->place = (struct pubsub_of_place){out->from, out->until};
    out->from = 0;
    out->until = 1;
  }
  memcpy(out->bare, key.s, key.len);
  out->bare_len = key.len;
  return true;
}

bool
pubsub_leaver_put(struct pubsub *p, struct pubsub_leaver const *l)
{
  struct pubsub_key k;
  struct slice key = pubsub_key(&k, l->node, slice_of(l->bare, l->bare_len)), v;
  char buf[24];

  uint64_pack_big(buf, l->node ? l->from : l->place.owner);
  uint64_pack_big(buf + 8, l->node ? l->until : l->place.node);
  uint64_pack_big(buf + 16, l->us);
  if (l->from < l->until)
    return store_put(p->store, p->leavers, key, slice_of(buf, sizeof buf));
  if (!store_get(p->store, p->leavers, key, &v)) return errno == ENOENT;
  return store_del(p->store, p->leavers, key);
}
