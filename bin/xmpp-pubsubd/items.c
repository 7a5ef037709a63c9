#include "pubsubd.h"

#include <errno.h>

/* Retrieving items (XEP-0060 s6.5), in pages too (XEP-0059): oldest first, always. An answer that
 * would be too long is cut, and then says so by a set. */

/* A page that is being written. Items are taken from the number `from` on, at most `most`. */
struct page {
  struct request *q;
  uint64_t from, first, last; /* numbers of items */
  uint64_t until;             /* 0, or the number at which the page ends */
  size_t most, n, bytes;
  bool set, cut, ok;
  struct slice first_id, last_id;
};

static bool
is_over(struct pubsub_item const *it)
{
  return it->expiry && it->expiry <= door_wall() / 1000000;
}

/* The set of an answer to ids: how many of them there are, of which it has those up to last. */
static bool
cat_named_set(struct request *q, struct slice first, struct slice last, unsigned int n)
{
  char buf[BASE_NUM];

  return xml_cat(q->out, "<set xmlns='" NS_RSM "'><first>") &&
         xml_cat_text(q->out, first) && xml_cat(q->out, "</first><last>") &&
         xml_cat_text(q->out, last) && xml_cat(q->out, "</last><count>") &&
         xml_cat_text(q->out, num_u64(buf, n)) && xml_cat(q->out, "</count></set>");
}

/* s6.5: an item id that is asked for and is not there is left out. */
static enum verdict
cat_named(struct request *q)
{
  struct slice first = SLICE(""), last = SLICE(""), id;
  struct xml_node const *i;
  struct pubsub_item it;
  unsigned int n = 0, found = 0;
  bool cut = false, ok = true;

  for (i = xml_next(q->action, NULL); i && ok; i = xml_next(q->action, i)) {
    id = xml_attr(i, "id");
    if (!xml_is(i, NS_PUBSUB, "item") || !id.len || ++n > PUBSUB_ANSWER_ITEMS)
      return refuse(q, ERR_BAD_REQUEST, NULL);
    if (!pubsub_item_get(pubsubd.pubsub, &q->n, id, &it)) {
      if (errno != ENOENT) return refuse_failed(q);
      continue;
    }
    if (is_over(&it)) continue;
    found++;
    cut = cut || q->out->len + it.payload.len > answer_bytes(q);
    if (cut) continue;
    if (!first.len) first = id;
    last = id;
    ok = cat_item(q->out, &q->c, &it, true);
  }
  return ok && xml_cat(q->out, "</items>") &&
             (!cut || cat_named_set(q, first, last, found))
           ? DONE
           : refuse_failed(q);
}

static bool
on_item(void *cookie, struct pubsub_item const *it)
{
  struct page *p = cookie;

  if ((p->until && it->number >= p->until) || p->n == p->most) return false;
  if (is_over(it)) return true;
  if (p->n == PUBSUB_ANSWER_ITEMS || p->bytes + it->payload.len > answer_bytes(p->q)) {
    p->cut = true;
    return false;
  }
  if (!p->n++) {
    p->first = it->number;
    p->first_id = arena_copy(p->q->ctx->arena, it->id);
  }
  p->last = it->number;
  p->bytes += it->payload.len + it->id.len;
  p->last_id = it->id; /* in the map, which nobody writes until the answer is made */
  p->ok = cat_item(p->q->out, &p->q->c, it, true);
  return p->ok;
}

/* ---- where a page begins ---- */

static bool
number_in(struct xml_node const *set, struct arena *a, char const *name, uint64_t *n)
{
  struct xml_node const *c = xml_child(set, NS_RSM, name);

  return c && slice_u64(xml_text(a, c), n);
}

static bool
from_place(struct page *p, size_t place)
{
  struct pubsub_node const *n = &p->q->n;

  p->from = n->next; /* behind all */
  if (place >= n->items) return true;
  return pubsub_item_from_end(pubsubd.pubsub, n, n->items - 1 - place, &p->from) ||
         errno == ENOENT;
}

/* The last items, at most most of them, that are before the number `before`. */
static bool
ends_at(struct page *p, uint64_t before)
{
  size_t place = p->q->n.items;

  p->until = before;
  if (before && !pubsub_item_place(pubsubd.pubsub, &p->q->n, before, &place))
    return false;
  return from_place(p, place > p->most ? place - p->most : 0);
}

static bool
read_set(struct page *p, struct xml_node const *set)
{
  struct arena *a = p->q->ctx->arena;
  struct xml_node const *after = xml_child(set, NS_RSM, "after");
  struct xml_node const *before = xml_child(set, NS_RSM, "before");
  struct pubsub_item it = {0};
  struct slice id = after ? xml_text(a, after) : before ? xml_text(a, before) : SLICE("");
  uint64_t n;

  p->set = true;
  if (number_in(set, a, "max", &n) && n < p->most) p->most = n;
  if (id.len && !pubsub_item_get(pubsubd.pubsub, &p->q->n, id, &it)) return false;
  if (after && id.len) {
    p->from = it.number + 1;
    return true;
  }
  if (before) return ends_at(p, it.number);
  if (number_in(set, a, "index", &n)) return from_place(p, n);
  return true;
}

static bool
read_page(struct page *p)
{
  struct xml_node const *set = xml_child(p->q->e, NS_RSM, "set");
  uint64_t n;

  p->most = SIZE_MAX;
  if (set) {
    p->most = PUBSUB_ANSWER_ITEMS;
    return read_set(p, set);
  }
  if (!slice_u64(xml_attr(p->q->action, "max_items"), &n)) return true;
  p->most = n < PUBSUB_ANSWER_ITEMS ? n : PUBSUB_ANSWER_ITEMS;
  return ends_at(p, 0);
}

/* ---- the answer ---- */

/* XEP-0059 s2.6: the place of the first item counts from 0. */
static bool
cat_set(struct page *p)
{
  stralloc *out = p->q->out;
  char buf[BASE_NUM];
  size_t place;

  if (!p->set && !p->cut) return true;
  if (!xml_cat(out, "<set xmlns='" NS_RSM "'>")) return false;
  if (p->n && (!pubsub_item_place(pubsubd.pubsub, &p->q->n, p->first, &place) ||
               !xml_cat(out, "<first") ||
               !xml_cat_attr(out, "index", num_u64(buf, place)) || !xml_cat(out, ">") ||
               !xml_cat_text(out, p->first_id) || !xml_cat(out, "</first><last>") ||
               !xml_cat_text(out, p->last_id) || !xml_cat(out, "</last>")))
    return false;
  return xml_cat(out, "<count>") && xml_cat_text(out, num_u64(buf, p->q->n.items)) &&
         xml_cat(out, "</count></set>");
}

static enum verdict
cat_page(struct request *q)
{
  struct page p = {.q = q, .ok = true};

  if (!read_page(&p))
    return errno == ENOENT ? refuse(q, ERR_ITEM_NOT_FOUND, NULL) : refuse_failed(q);
  if (!pubsub_items(pubsubd.pubsub, &q->n, p.from, on_item, &p) || !p.ok ||
      !xml_cat(q->out, "</items>") || !cat_set(&p))
    return refuse_failed(q);
  return DONE;
}

enum verdict
get_items(struct request *q)
{
  enum verdict v;
  enum entry a;

  if (!find_node(q)) return REFUSE;
  a = access_to(&q->n, &q->c, q->self, &q->ctx->from, q->aff);
  if (a != ACCESS_YES) return refuse_access(q, a);
  if (!config_on(&q->c, CONFIG_PERSIST) && !q->n.items)
    return refuse_feature(q, "persistent-items");
  if (!xml_cat(q->out, "<pubsub xmlns='" NS_PUBSUB "'><items") ||
      !xml_cat_attr(q->out, "node", q->n.name) || !xml_cat(q->out, ">"))
    return refuse_failed(q);
  v = xml_next(q->action, NULL) ? cat_named(q) : cat_page(q);
  if (v == DONE && !xml_cat(q->out, "</pubsub>")) v = refuse_failed(q);
  return v;
}
