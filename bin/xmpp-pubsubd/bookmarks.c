#include "pep.h"

#include "convert/convert.h"

#include <errno.h>

/* Bookmarks in two forms. The node NS_BOOKMARKS has an item a room (XEP-0402) and is what is stored;
 * the node NS_BOOKMARKS_OLD has one item with all of them (XEP-0048 s4, XEP-0411) and is made of it:
 *
 *   A publish to the old node changes the new one: rooms that are new or differ are published,
 *   rooms that are missing retracted, each by a request of the account to itself. With the item id
 *   MERGE, which xmpp-userd gives to what it finds in private XML, nothing is retracted or replaced.
 *   An answer of the old node, and its events to the account's own clients, are written anew from
 *   the new one. Nobody else sees it. */

#define OLD_ITEM "current"
#define MERGE "tabber-merge"

bool
bookmarks_converts(struct slice host)
{
  return pubsubd_has_pep(host) &&
         settings_has(pubsubd.settings, "module", host, "mod_private");
}

/* ---- the old form ---- */

static bool
cat_items(uint64_t owner, stralloc *out)
{
  return xml_cat(out, "<items node='" NS_BOOKMARKS_OLD "'><item id='" OLD_ITEM "'>") &&
         xml_cat(out, "<storage xmlns='" NS_BOOKMARKS_OLD "'>") &&
         pubsub_cat_bookmarks(pubsubd.pubsub, owner, out) &&
         xml_cat(out, "</storage></item></items>");
}

/* ---- events ---- */

struct event {
  struct slice self;
  struct slice inside;
};

static void
send_event(void *cookie, struct slice full)
{
  struct event const *e = cookie;
  struct config c;

  config_of(&c, jid_cut(e->self).domain, PUBSUB_PEP, SLICE(NS_BOOKMARKS_OLD), SLICE(""));
  event_to(e->self, full, &c, e->inside);
}

void
bookmarks_changed(struct request const *q)
{
  stralloc sa = STRALLOC_ZERO;
  struct event e = {.self = q->self};

  if (!q->pep || !bookmarks_converts(q->host) || !interest_any(SLICE(NS_BOOKMARKS_OLD)))
    return;
  if (cat_items(q->owner, &sa)) {
    e.inside = slice_of(sa.s, sa.len);
    interest_each(q->self, true, SLICE(NS_BOOKMARKS_OLD), send_event, &e);
  }
  stralloc_free(&sa);
}

void
bookmarks_send_last(struct slice self, uint64_t owner, struct slice full)
{
  stralloc sa = STRALLOC_ZERO;
  struct event e = {.self = self};
  struct pubsub_node n;

  if (!bookmarks_converts(jid_cut(self).domain) ||
      !pubsub_node_find(pubsubd.pubsub, owner, SLICE(NS_BOOKMARKS), &n) || !n.items)
    return;
  if (cat_items(owner, &sa)) {
    e.inside = slice_of(sa.s, sa.len);
    send_event(&e, full);
  }
  stralloc_free(&sa);
}

/* ---- publishing the old form ---- */

/* Do a request of the account to its new node, whose action is the element xml. */
static bool
do_request(struct request *q, struct slice xml, use_fn *fn)
{
  stralloc out = STRALLOC_ZERO;
  struct request sub = *q;
  enum xml_error why;
  enum verdict v;

  sub.e = xml_parse(q->ctx->arena, xml, "", &why);
  if (!sub.e) return refuse_failed(q) == DONE;
  sub.action = xml_next(sub.e, NULL);
  sub.out = &out;
  v = fn(&sub);
  stralloc_free(&out);
  return v == DONE;
}

#define FIELD(var, value) "<field var='pubsub#" var "'><value>" value "</value></field>"

/* XEP-0402 s4, XEP-0223 s3: what the node is when it is made by this. */
static char const options[] =
  "<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' "
  "type='hidden'><value>" NS_PUBLISH_OPTIONS
  "</value></field>" FIELD("persist_items", "1") FIELD("max_items", "max")
    FIELD("send_last_published_item", "never")
      FIELD("access_model", "whitelist") "</x></publish-options>";

static bool
publish_room(struct request *q, struct bookmark const *b, struct xml_node const *old,
             bool make)
{
  stralloc sa = STRALLOC_ZERO;
  bool ok = xml_cat(&sa, "<pubsub xmlns='" NS_PUBSUB "'><publish node='" NS_BOOKMARKS
                         "'><item") &&
            xml_cat_attr(&sa, "id", b->room) && xml_cat(&sa, ">") &&
            bookmark_cat(&sa, b, old) && xml_cat(&sa, "</item></publish>") &&
            (!make || xml_cat(&sa, options)) && xml_cat(&sa, "</pubsub>");

  if (ok)
    ok = do_request(q, slice_of(sa.s, sa.len), publish_items);
  else
    refuse_failed(q);
  stralloc_free(&sa);
  return ok;
}

static bool
retract_room(struct request *q, struct slice room)
{
  stralloc sa = STRALLOC_ZERO;
  bool ok = xml_cat(&sa, "<pubsub xmlns='" NS_PUBSUB "'><retract node='" NS_BOOKMARKS
                         "' notify='1'><item") &&
            xml_cat_attr(&sa, "id", room) && xml_cat(&sa, "/></retract></pubsub>");

  if (ok)
    ok = do_request(q, slice_of(sa.s, sa.len), retract_items);
  else
    refuse_failed(q);
  stralloc_free(&sa);
  return ok;
}

struct difference {
  struct request *q;
  struct pubsub_node n;
  bool made, merges;    /* made: the node is there */
  struct jid_set rooms; /* of the old form */
};

/* The payload of a room's item as a tree in the request's arena; NULL: there is none. */
static struct xml_node const *
stored_room(struct difference const *d, struct slice room)
{
  struct pubsub_item it;
  enum xml_error why;

  if (!d->made || !pubsub_item_get(pubsubd.pubsub, &d->n, room, &it)) return NULL;
  return xml_parse(d->q->ctx->arena, arena_copy(d->q->ctx->arena, it.payload), "", &why);
}

static bool
put_room(struct difference *d, struct xml_node const *e)
{
  struct arena *a = d->q->ctx->arena;
  struct bookmark b, was;
  struct xml_node const *old;

  if (!bookmark_read_old(a, e, &b)) return true;
  if (jid_set_has(&d->rooms, b.room)) return true; /* the first of several counts */
  if (!jid_set_add(&d->rooms, b.room)) return refuse_failed(d->q) == DONE;
  old = stored_room(d, b.room);
  if (old &&
      (d->merges || (bookmark_read(a, b.room, old, &was) && bookmark_same(&b, &was))))
    return true;
  if (!publish_room(d->q, &b, old, !d->made)) return false;
  d->made = pubsub_node_find(pubsubd.pubsub, d->q->owner, SLICE(NS_BOOKMARKS), &d->n);
  return true;
}

struct missing {
  struct difference *d;
  stralloc ids; /* NUL behind each */
};

static bool
find_missing(void *cookie, struct pubsub_item const *it)
{
  struct missing *m = cookie;
  struct arena *a = m->d->q->ctx->arena;
  enum xml_error why;
  struct xml_node const *e = xml_parse(a, arena_copy(a, it->payload), "", &why);
  struct bookmark b;

  if (!e || !bookmark_read(a, arena_copy(a, it->id), e, &b) ||
      jid_set_has(&m->d->rooms, b.room))
    return true;
  return stralloc_catb(&m->ids, it->id.s, it->id.len) && stralloc_catb(&m->ids, "", 1);
}

static bool
retract_missing(struct difference *d)
{
  struct missing m = {.d = d};
  struct slice rest, id;
  bool ok = !d->made || pubsub_items(pubsubd.pubsub, &d->n, 0, find_missing, &m);

  if (!ok) refuse_failed(d->q);
  rest = slice_of(m.ids.s, m.ids.len);
  while (ok && slice_word(&rest, 0, &id))
    ok = retract_room(d->q, id);
  stralloc_free(&m.ids);
  return ok;
}

/* Append the fields with another value of one. */
static bool
config_set(stralloc *out, struct slice fields, enum config_field f, struct slice value)
{
  struct slice v;
  unsigned int i;

  for (i = 0; i < CONFIG_FIELDS_N; i++)
    if (i != (unsigned int)f && pubsub_field(fields, i + 1, &v) &&
        !pubsub_cat_field(out, i + 1, v))
      return false;
  return pubsub_cat_field(out, (unsigned int)f + 1, value);
}

/* XEP-0411 s5: nobody else may read the node that the bookmarks go to. */
static bool
close_node(struct difference *d)
{
  stralloc fields = STRALLOC_ZERO;
  struct config c;
  bool ok;

  if (!d->made) return true;
  config_of(&c, d->q->host, d->n.type, d->n.name, d->n.fields);
  if (config_is(&c, CONFIG_ACCESS, "whitelist")) return true;
  ok = pubsub_node_keep(d->q->ctx->arena, &d->n) &&
       config_set(&fields, d->n.fields, CONFIG_ACCESS, SLICE("whitelist")) &&
       pubsub_node_configure(pubsubd.pubsub, &d->n, slice_of(fields.s, fields.len));
  stralloc_free(&fields);
  return ok || refuse_failed(d->q) == DONE;
}

static bool
apply(struct difference *d, struct xml_node const *storage)
{
  struct xml_node const *e;

  d->made = pubsub_node_find(pubsubd.pubsub, d->q->owner, SLICE(NS_BOOKMARKS), &d->n);
  if (!d->made && errno != ENOENT) return refuse_failed(d->q) == DONE;
  if (!close_node(d)) return false;
  for (e = xml_next(storage, NULL); e; e = xml_next(storage, e))
    if (!put_room(d, e)) return false;
  return d->merges || retract_missing(d);
}

static enum verdict
publish_old(struct request *q)
{
  struct xml_node const *item = xml_next(q->action, NULL);
  struct xml_node const *storage = item ? xml_next(item, NULL) : NULL;
  struct difference d = {.q = q};
  bool ok;

  if (!item || !xml_is(item, NS_PUBSUB, "item"))
    return refuse(q, ERR_BAD_REQUEST, "item-required");
  if (!storage || !xml_is(storage, NS_BOOKMARKS_OLD, "storage") ||
      xml_next(item, storage))
    return refuse(q, ERR_BAD_REQUEST, "invalid-payload");
  d.merges = slice_is(xml_attr(item, "id"), MERGE);
  ok = apply(&d, storage);
  jid_set_wipe(&d.rooms);
  if (!ok) return REFUSE;
  bookmarks_changed(q);
  return xml_cat(q->out, "<pubsub xmlns='" NS_PUBSUB "'><publish node='" NS_BOOKMARKS_OLD
                         "'><item id='" OLD_ITEM "'/></publish></pubsub>")
           ? DONE
           : refuse_failed(q);
}

static enum verdict
get_old(struct request *q)
{
  return xml_cat(q->out, "<pubsub xmlns='" NS_PUBSUB "'>") &&
             cat_items(q->owner, q->out) && xml_cat(q->out, "</pubsub>")
           ? DONE
           : refuse_failed(q);
}

/* A client may ask for any configuration: the node keeps its own, in which nobody else reads it. */
static enum verdict
configure_old(struct request *q)
{
  struct config c;

  if (slice_is(q->in->type, "set")) return DONE;
  config_of(&c, q->host, PUBSUB_PEP, SLICE(NS_BOOKMARKS_OLD), SLICE(""));
  c.value[CONFIG_ACCESS] = SLICE("whitelist");
  return xml_cat(q->out, "<pubsub xmlns='" NS_OWNER "'><configure node='" NS_BOOKMARKS_OLD
                         "'>") &&
             config_cat_form(q->out, "form", &c, SLICE("")) &&
             xml_cat(q->out, "</configure></pubsub>")
           ? DONE
           : refuse_failed(q);
}

/* The node is always there, and its configuration is that of the new one. */
bool
bookmarks_request(struct request *q, enum verdict *v)
{
  struct slice action = q->action->name;

  if (!q->pep || !slice_is(xml_attr(q->action, "node"), NS_BOOKMARKS_OLD) ||
      !bookmarks_converts(q->host))
    return false;
  if (!q->own)
    *v = refuse(q, ERR_NOT_ALLOWED, "closed-node");
  else if (slice_is(action, "publish"))
    *v = publish_old(q);
  else if (slice_is(action, "items"))
    *v = get_old(q);
  else if (slice_is(action, "create"))
    *v = refuse(q, ERR_CONFLICT, NULL);
  else if (slice_is(action, "configure"))
    *v = configure_old(q);
  else
    *v = refuse(q, ERR_NOT_ALLOWED, NULL);
  return true;
}
