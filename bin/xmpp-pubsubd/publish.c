#include "pubsubd.h"

#include <openssl/evp.h>

#include <errno.h>

#define DIGEST_BYTES 32
#define NS_ATOM "http://www.w3.org/2005/Atom"

/* Publishing and retracting (XEP-0060 s7.1, s7.2). All is checked before anything is done, the
 * making of the node too, so that nothing remains of a publish that is refused. */

/* ---- requests that come again ---- */

static struct slice
digest_of(struct request const *q, unsigned char digest[DIGEST_BYTES])
{
  struct slice const parts[] = {q->in->from, q->in->id, q->in->origin, q->in->xml};
  EVP_MD_CTX *c = EVP_MD_CTX_new();
  bool ok = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL);
  size_t i;

  for (i = 0; ok && i < sizeof parts / sizeof *parts; i++)
    ok = EVP_DigestUpdate(c, parts[i].s, parts[i].len) && EVP_DigestUpdate(c, "", 1);
  ok = ok && EVP_DigestFinal_ex(c, digest, NULL);
  EVP_MD_CTX_free(c);
  return slice_of((char const *)digest, ok ? 16 : 0);
}

bool
is_again(struct request const *q)
{
  return stanza_is_again(q->in);
}

struct slice
random_name(struct request *q, char what)
{
  unsigned char digest[DIGEST_BYTES];
  struct slice key = digest_of(q, digest), name;
  char buf[20], was;

  if (!key.len) return (struct slice){NULL, 0};
  if (is_again(q) && pubsub_done_get(pubsubd.pubsub, key, &was, &name) && was == what)
    return arena_copy(q->ctx->arena, name);
  door_random_id(buf, sizeof buf);
  name = arena_copy(q->ctx->arena, slice_of(buf, sizeof buf));
  if (name.s && !pubsub_done_put(pubsubd.pubsub, key, door_wall(), what, name))
    name.s = NULL;
  return name;
}

/* ---- what is published ---- */

/* A publish: the item, and the fields of publish-options. */
struct publish {
  struct pubsub_item it;
  struct xml_node const *item;
  stralloc payload, options;
  bool make; /* the node is made by it */
};

static bool
no(enum verdict v)
{
  (void)v;
  return false;
}

static bool
read_payload(struct request *q, struct publish *p)
{
  struct xml_node const *payload = p->item ? xml_next(p->item, NULL) : NULL;

  if (payload && xml_next(p->item, payload))
    return no(refuse(q, ERR_BAD_REQUEST, "invalid-payload"));
  if (payload && q->c.value[CONFIG_TYPE].len &&
      !slice_eq(payload->ns, q->c.value[CONFIG_TYPE]))
    return no(refuse(q, ERR_BAD_REQUEST, "invalid-payload"));
  if (!p->item && config_on(&q->c, CONFIG_PERSIST))
    return no(refuse(q, ERR_BAD_REQUEST, "item-required"));
  if (!payload && config_on(&q->c, CONFIG_PAYLOADS))
    return no(refuse(q, ERR_BAD_REQUEST, "payload-required"));
  if (p->item && !config_on(&q->c, CONFIG_PERSIST) && !config_on(&q->c, CONFIG_PAYLOADS))
    return no(refuse(q, ERR_BAD_REQUEST, "item-forbidden"));
  if (payload && !xml_cat_tree(&p->payload, payload, ""))
    return no(refuse(q, ERR_NOT_ACCEPTABLE, "payload-too-big"));
  if (p->payload.len > config_max_payload(&q->c))
    return no(refuse(q, ERR_NOT_ACCEPTABLE, "payload-too-big"));
  p->it.payload = slice_of(p->payload.s, p->payload.len);
  return true;
}

/* The one item of the action; a batch is not taken (s7.1.3.4 allows it, s7.1.3 does not ask). */
static bool
read_item(struct request *q, struct publish *p)
{
  p->item = xml_next(q->action, NULL);
  if (p->item && (!xml_is(p->item, NS_PUBSUB, "item") || xml_next(q->action, p->item)))
    return no(refuse(q, ERR_BAD_REQUEST, "invalid-payload"));
  if (!read_payload(q, p)) return false;
  p->it.id = p->item ? xml_attr(p->item, "id") : SLICE("");
  if (p->it.id.len > PUBSUB_ID_MAX)
    return no(refuse_text(q, ERR_NOT_ACCEPTABLE, NULL, SLICE("the id is too long")));
  p->it.publisher = q->ctx->from.bare;
  p->it.us = door_wall();
  return true;
}

/* s7.1.5: for a node that is there the options are conditions, else its configuration. */
static bool
read_options(struct request *q, struct publish *p)
{
  struct xml_node const *o = xml_child(q->e, NS_PUBSUB, "publish-options"), *x;
  struct slice wrong;

  x = o ? xml_child(o, FORM_NS, "x") : NULL;
  if (!x) return true;
  if (!slice_is(xml_attr(x, "type"), "submit"))
    return no(refuse(q, ERR_BAD_REQUEST, NULL));
  if (config_read(q->ctx->arena, x, q->host, q->pep, SLICE(""), true, &p->options,
                  &wrong))
    return true;
  return no(refuse_text(q, ERR_CONFLICT, "precondition-not-met", wrong));
}

static bool
meets_options(struct request *q, struct publish const *p)
{
  struct slice field = config_differs(&q->c, slice_of(p->options.s, p->options.len));

  if (!field.len) return true;
  return no(refuse_text(q, ERR_CONFLICT, "precondition-not-met", field));
}

static bool
any_subscription(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  (void)jid;
  *(bool *)cookie = sub->state == PUBSUB_SUBSCRIBED && !sub_is_over(sub);
  return !*(bool *)cookie;
}

/* s4.5: the publish model. */
static bool
may_publish(struct request *q)
{
  bool subscribed = false;

  if (q->aff == PUBSUB_OWNER || q->aff == PUBSUB_PUBLISHER ||
      q->aff == PUBSUB_PUBLISH_ONLY)
    return true;
  if (q->aff == PUBSUB_OUTCAST) return no(refuse(q, ERR_FORBIDDEN, NULL));
  if (config_is(&q->c, CONFIG_PUBLISH, "open")) return true;
  if (config_is(&q->c, CONFIG_PUBLISH, "subscribers") && q->n.node)
    pubsub_subs_of(pubsubd.pubsub, q->n.node, q->ctx->from.bare, any_subscription,
                   &subscribed);
  return subscribed || no(refuse(q, ERR_FORBIDDEN, NULL));
}

static bool
is_stored(struct request const *q)
{
  return config_on(&q->c, CONFIG_PERSIST) ||
         settings_bool(pubsubd.settings, "mod_pubsub.last_item_cache", q->host);
}

/* A publisher who has no affiliation, or publish-only, may replace items of his own. old: the item
 * that is replaced, or has no id. */
static bool
may_replace(struct request *q, struct slice id, struct pubsub_item *old)
{
  *old = (struct pubsub_item){.id = SLICE("")};
  if (!id.len || !q->n.node) return true;
  if (!pubsub_item_get(pubsubd.pubsub, &q->n, id, old)) {
    *old = (struct pubsub_item){.id = SLICE("")};
    return errno == ENOENT || no(refuse_failed(q));
  }
  if (q->aff == PUBSUB_OWNER || q->aff == PUBSUB_PUBLISHER ||
      slice_eq(old->publisher, q->ctx->from.bare))
    return true;
  return no(refuse(q, ERR_FORBIDDEN, NULL));
}

/* In a full node an item takes the place of the oldest one, unless it replaces another. */
static bool
has_room(struct request *q, struct publish const *p, struct pubsub_item *old)
{
  bool full = q->n.items >= config_max_items(&q->c, q->host, q->pep);

  if (!p->item || !is_stored(q)) return true;
  if (!old->id.len && full && config_on(&q->c, CONFIG_PERSIST) &&
      config_is(&q->c, CONFIG_FULL, "reject"))
    return no(refuse(q, ERR_CONFLICT, "node-full"));
  if (!old->id.len && full && q->n.node &&
      !pubsub_item_oldest(pubsubd.pubsub, &q->n, old) && errno != ENOENT)
    return no(refuse_failed(q));
  return room_for_item(q, &p->it, old->id.len ? old : NULL);
}

/* ---- a node that is made by publishing (s7.1.4) ---- */

/* Fill q with the node as it will be, before the node is made: the checks are those of a node that is
 * there. */
static bool
imagine(struct request *q, struct slice name, struct publish *p)
{
  p->make = true;
  if (q->pep && !q->own) return no(refuse(q, ERR_ITEM_NOT_FOUND, NULL));
  if (!may_create(q->host, &q->ctx->from)) return no(refuse(q, ERR_FORBIDDEN, NULL));
  q->n = (struct pubsub_node){.owner = q->owner,
                              .type = q->pep ? PUBSUB_PEP : usual_type(q->host),
                              .name = name,
                              .creator = q->ctx->from.bare,
                              .fields = slice_of(p->options.s, p->options.len)};
  config_of(&q->c, q->host, q->n.type, name, q->n.fields);
  q->aff = PUBSUB_OWNER;
  return true;
}

static bool
find_or_imagine(struct request *q, struct publish *p)
{
  struct slice name;

  if (!node_name(q, &name)) return false;
  if (q->owner && pubsub_node_find(pubsubd.pubsub, q->owner, name, &q->n))
    return take_node(q);
  if (q->owner && errno != ENOENT) return no(refuse_failed(q));
  return imagine(q, name, p);
}

/* ---- publishing ---- */

static bool
cat_node_open(stralloc *out, char const *element, struct slice node)
{
  return xml_cat(out, "<") && xml_cat(out, element) && xml_cat_attr(out, "node", node) &&
         xml_cat(out, ">");
}

static enum verdict
answer(struct request *q, struct publish const *p)
{
  bool ok = xml_cat(q->out, "<pubsub xmlns='" NS_PUBSUB "'>") &&
            cat_node_open(q->out, "publish", q->n.name);

  if (ok && p->it.id.len)
    ok = xml_cat(q->out, "<item") && xml_cat_attr(q->out, "id", p->it.id) &&
         xml_cat(q->out, "/>");
  ok = ok && xml_cat(q->out, "</publish></pubsub>");
  return ok ? DONE : refuse_failed(q);
}

/* The title of an entry of Atom is its text for people. */
static struct slice
body_of(struct request *q, struct publish const *p)
{
  struct xml_node const *entry = p->item ? xml_child(p->item, NS_ATOM, "entry") : NULL;
  struct xml_node const *title = entry ? xml_child(entry, NS_ATOM, "title") : NULL;

  return title ? xml_text(q->ctx->arena, title) : SLICE("");
}

/* s4.3: an event of a node without items and payloads has an empty items element. */
static void
tell(struct request *q, struct publish const *p)
{
  stralloc in = STRALLOC_ZERO;
  bool payload = config_on(&q->c, CONFIG_PAYLOADS);
  bool ok = cat_node_open(&in, "items", q->n.name) &&
            (!p->item || cat_item(&in, &q->c, &p->it, payload)) &&
            xml_cat(&in, "</items>");

  q->told = p->it.id;
  q->body = body_of(q, p);
  if (ok) event_send(q, slice_of(in.s, in.len), CONFIG_NOTIFICATIONS);
  q->told = q->body = SLICE("");
  stralloc_free(&in);
}

static enum verdict
store_and_tell(struct request *q, struct publish *p)
{
  uint64_t life = config_expire(&q->c, q->host);

  if (p->make && !make_node(q, q->n.name, q->n.type, q->n.fields)) return REFUSE;
  if (!p->it.id.len && p->item) {
    p->it.id = random_name(q, 'i');
    if (!p->it.id.s) return refuse_failed(q);
  }
  if (life) p->it.expiry = (uint32_t)(p->it.us / 1000000 + life);
  if (p->item && is_stored(q) &&
      (!pubsub_item_put(pubsubd.pubsub, &q->n, &p->it) || !evict(q, true)))
    return refuse_failed(q);
  tell(q, p);
  return answer(q, p);
}

static enum verdict
publish(struct request *q, struct publish *p)
{
  struct pubsub_item old;

  if (!read_options(q, p) || !find_or_imagine(q, p) || !meets_options(q, p) ||
      !may_publish(q) || !read_item(q, p) || !may_replace(q, p->it.id, &old) ||
      !has_room(q, p, &old))
    return REFUSE;
  return store_and_tell(q, p);
}

enum verdict
publish_items(struct request *q)
{
  struct publish p = {.payload = STRALLOC_ZERO, .options = STRALLOC_ZERO};
  enum verdict v = publish(q, &p);

  stralloc_free(&p.payload);
  stralloc_free(&p.options);
  return v;
}

/* ---- retracting (s7.2) ---- */

static bool
may_retract(struct request *q, struct pubsub_item const *it)
{
  return q->aff == PUBSUB_OWNER || q->aff == PUBSUB_PUBLISHER ||
         slice_eq(it->publisher, q->ctx->from.bare);
}

/* Say whether the sender may read the node. Others may not learn which items the node has, but for
 * their own. */
static bool
sees_items(struct request *q)
{
  return access_to(&q->n, &q->c, q->self, &q->ctx->from, q->aff) == ACCESS_YES;
}

/* All items are looked at before any is removed. */
static bool
check_retracted(struct request *q)
{
  struct xml_node const *i = xml_next(q->action, NULL);
  struct pubsub_item it;
  unsigned int n = 0;
  bool sees = sees_items(q);

  if (!i) return no(refuse(q, ERR_BAD_REQUEST, "item-required"));
  if (q->aff == PUBSUB_OUTCAST) return no(refuse(q, ERR_FORBIDDEN, NULL));
  for (; i; i = xml_next(q->action, i)) {
    struct slice id = xml_attr(i, "id");
    if (!xml_is(i, NS_PUBSUB, "item") || !id.len)
      return no(refuse(q, ERR_BAD_REQUEST, "item-required"));
    if (++n > PUBSUB_RETRACT_MAX)
      return no(
        refuse_text(q, ERR_NOT_ACCEPTABLE, NULL, SLICE("too many items at once")));
    if (!pubsub_item_get(pubsubd.pubsub, &q->n, id, &it)) {
      if (errno == ENOENT && is_again(q)) continue;
      if (errno != ENOENT) return no(refuse_failed(q));
      return no(refuse(q, sees ? ERR_ITEM_NOT_FOUND : ERR_FORBIDDEN, NULL));
    }
    if (!may_retract(q, &it)) return no(refuse(q, ERR_FORBIDDEN, NULL));
  }
  return true;
}

static bool
retract_all(struct request *q, stralloc *in)
{
  struct xml_node const *i;

  if (!cat_node_open(in, "items", q->n.name)) return false;
  for (i = xml_next(q->action, NULL); i; i = xml_next(q->action, i)) {
    struct slice id = xml_attr(i, "id");
    if (!pubsub_item_del(pubsubd.pubsub, &q->n, id)) {
      if (errno != ENOENT) return false;
      if (!is_again(q)) continue; /* named twice */
    }
    if (!xml_cat(in, "<retract") || !xml_cat_attr(in, "id", id) || !xml_cat(in, "/>"))
      return false;
  }
  return xml_cat(in, "</items>");
}

/* s7.2.2.1: the notify of the request stands over the configuration of the node. */
enum verdict
retract_items(struct request *q)
{
  struct slice notify = xml_attr(q->action, "notify");
  stralloc in = STRALLOC_ZERO;
  enum verdict v = DONE;

  if (!find_node(q)) return REFUSE;
  if (!config_on(&q->c, CONFIG_PERSIST)) return refuse_feature(q, "persistent-items");
  if (!check_retracted(q)) return REFUSE;
  if (!retract_all(q, &in))
    v = refuse_failed(q);
  else
    event_send(q, slice_of(in.s, in.len),
               slice_is(notify, "1") || slice_is(notify, "true") ? CONFIG_NOTIFICATIONS
                                                                 : CONFIG_NOTIFY_RETRACT);
  stralloc_free(&in);
  return v;
}
