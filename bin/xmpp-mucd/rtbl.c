#include "rtbl.h"

#include <stdlib.h>
#include <string.h>

/* mod_muc_rtbl: a list of addresses that may not enter rooms, as items of a node of another service
 * (XEP-0060), whose ids are hashes of bare JIDs and of domains.
 *   1. mucd subscribes as SERVICE/rtbl, so that each change comes as an event.
 *   2. It asks for all items, a page at a time; what was known before and is not among them goes.
 *   3. It does both again after REFRESH_US; after RETRY_US when an answer fails to come.
 * Moderators, and persons with an affiliation in the room, are not asked about. */

#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_EVENT NS_PUBSUB "#event"
#define RETRY_US 60000000ull
#define REFRESH_US (6 * 3600 * 1000000ull)
#define PAGE "500"

enum stage { LIST_RESTS, LIST_SUBSCRIBES, LIST_READS };

struct list {
  struct list *next;
  char *service, *server, *node;
  enum stage stage;
  uint64_t since; /* when it began to read */
  size_t n;       /* entries */
  struct event_timer timer;
};

static struct list *lists;

static struct list *
find(struct slice service)
{
  struct list *l;

  for (l = lists; l && !slice_is(service, l->service); l = l->next) {
  }
  return l;
}

/* ---- asking ---- */

static struct slice
own_jid(struct list const *l)
{
  static stralloc jid = STRALLOC_ZERO;

  jid.len = 0;
  put(&jid, l->service);
  put(&jid, "/rtbl");
  return slice_of(jid.s, jid.len);
}

static void
send(struct list const *l, char const *type, char const *id, struct slice inside)
{
  static stralloc xml = STRALLOC_ZERO;
  struct stanza st = {.to = slice_str(l->server),
                      .from = own_jid(l),
                      .kind = SLICE("iq"),
                      .type = slice_str(type),
                      .id = slice_str(id),
                      .tags = SLICE("ns=" NS_PUBSUB)};

  xml.len = 0;
  put(&xml, "<iq");
  put_attr(&xml, "from", st.from);
  put_attr(&xml, "to", st.to);
  put_attr(&xml, "type", st.type);
  put_attr(&xml, "id", st.id);
  put(&xml, "><pubsub xmlns='" NS_PUBSUB "'>");
  put_slice(&xml, inside);
  put(&xml, "</pubsub></iq>");
  st.xml = slice_of(xml.s, xml.len);
  stanza_put(mucd.routed, &st);
}

static void begin(void *cookie);

static void
wait_for(struct list *l, enum stage stage, uint64_t us)
{
  l->stage = stage;
  event_timer_start(&l->timer, door_now() + us, begin, l);
}

static void
failed(struct list *l, char const *why)
{
  log_event(LOG_WARN, "block-list-failed", "service", l->service, "from", l->server,
            "node", l->node, "why", why, NULL);
  wait_for(l, LIST_RESTS, RETRY_US);
}

static void
begin(void *cookie)
{
  static stralloc x = STRALLOC_ZERO;
  struct list *l = cookie;

  if (!mucd.routed || !mucd.routed->up) return; /* rtbl_up begins anew */
  if (l->stage != LIST_RESTS) {
    failed(l, "no answer");
    return;
  }
  x.len = 0;
  put(&x, "<subscribe");
  put_attr(&x, "node", slice_str(l->node));
  put_attr(&x, "jid", own_jid(l));
  put(&x, "/>");
  send(l, "set", "rtbl-subscribe", slice_of(x.s, x.len));
  wait_for(l, LIST_SUBSCRIBES, RETRY_US);
}

static void
ask(struct list *l, struct slice after)
{
  static stralloc x = STRALLOC_ZERO;

  x.len = 0;
  put(&x, "<items");
  put_attr(&x, "node", slice_str(l->node));
  put(&x, "/><set xmlns='" MAM_NS_RSM "'><max>" PAGE "</max>");
  if (after.len) {
    put(&x, "<after>");
    put_text(&x, after);
    put(&x, "</after>");
  }
  put(&x, "</set>");
  send(l, "get", "rtbl-items", slice_of(x.s, x.len));
  wait_for(l, LIST_READS, RETRY_US);
}

/* ---- who is on the list ---- */

static bool
has(struct list const *l, struct slice bare)
{
  struct slice service = slice_str(l->service);
  char hash[RTBL_HASH];

  rtbl_hash(bare, hash);
  if (rtbl_has(service, hash)) return true;
  rtbl_hash(jid_cut(bare).domain, hash);
  return rtbl_has(service, hash);
}

bool
rtbl_refuses(struct in *in)
{
  struct list const *l = lists ? find(in->muc->name) : NULL;

  if (!l || !l->n || in->admin || !has(l, in->from.bare)) return false;
  if (in->room && affil_of(in->room, &in->from) > AFF_NONE) return false;
  refuse(&in->st, ERR_FORBIDDEN, "", "you are on a list of those who may not enter");
  return true;
}

static void
clear_room(struct list const *l, struct room *r)
{
  struct change c = {.codes = "307",
                     .reason = SLICE("on the block list of this service")};
  struct occupant *o, *next;

  for (o = r->first; o; o = next) {
    next = o->next;
    if (o->role == IS_MODERATOR || o->affiliation != AFF_NONE ||
        !has(l, slice_str(o->account->bare)))
      continue;
    set_role(o, IS_NOBODY, &c);
  }
  after_leave(r);
}

static void
clear_rooms(struct list const *l)
{
  struct room *r;

  for (r = room_next(NULL); r; r = room_next(r))
    if (r->muc && r->first && slice_is(r->muc->name, l->service)) clear_room(l, r);
}

/* ---- items ---- */

/* Take the items, or what is retracted. Give the number of items; added: one was not known. */
static size_t
take_items(struct list *l, struct xml_node const *items, bool *added)
{
  struct slice service = slice_str(l->service);
  struct xml_node const *c = NULL;
  char hash[RTBL_HASH];
  size_t n = 0;
  bool known;

  while ((c = xml_next(items, c))) {
    n++;
    if (!rtbl_read_hash(xml_attr(c, "id"), hash)) continue;
    known = rtbl_has(service, hash);
    if (slice_is(c->name, "retract")) {
      l->n -= known;
      if (known) rtbl_del(service, hash);
    } else if (slice_is(c->name, "item") && (known || l->n < MUC_RTBL_MAX)) {
      l->n += !known;
      *added |= !known;
      rtbl_put(service, hash, door_wall());
    }
  }
  return n;
}

static void
forget_before(struct list *l, uint64_t since)
{
  rtbl_forget(slice_str(l->service), since);
  l->n = rtbl_count(slice_str(l->service));
}

static void
complete(struct list *l)
{
  forget_before(l, l->since);
  log_event(LOG_INFO, "block-list", "service", l->service, "from", l->server, "node",
            l->node, "items", log_num(l->n), NULL);
  wait_for(l, LIST_RESTS, REFRESH_US);
}

/* A page may say of how many it is, and its last item: then the next one is asked for. */
static void
take_page(struct list *l, struct in *in, struct xml_node const *pubsub)
{
  struct xml_node const *items = xml_child(pubsub, NS_PUBSUB, "items");
  struct xml_node const *set = xml_child(pubsub, MAM_NS_RSM, "set");
  struct xml_node const *first = set ? xml_child(set, MAM_NS_RSM, "first") : NULL;
  struct xml_node const *last = set ? xml_child(set, MAM_NS_RSM, "last") : NULL;
  struct xml_node const *count = set ? xml_child(set, MAM_NS_RSM, "count") : NULL;
  uint64_t index, all;
  bool added = false;
  size_t n;

  if (!items) {
    failed(l, "the answer has no items");
    return;
  }
  n = take_items(l, items, &added);
  if (added) clear_rooms(l);
  if (n && last && first && count && l->n < MUC_RTBL_MAX &&
      slice_u64(xml_attr(first, "index"), &index) &&
      slice_u64(xml_text(in->arena, count), &all) && index < all && n < all - index)
    ask(l, xml_text(in->arena, last));
  else
    complete(l);
}

static void
take_answer(struct list *l, struct in *in)
{
  bool items = slice_is(in->st.id, "rtbl-items");
  struct xml_node const *pubsub = xml_child(in->e, NS_PUBSUB, "pubsub");

  if (l->stage != (items ? LIST_READS : LIST_SUBSCRIBES)) return;
  if (slice_is(in->st.type, "error")) {
    failed(l, items ? "the items are refused" : "the subscription is refused");
  } else if (items && !pubsub) {
    failed(l, "the answer has no items");
  } else if (items) {
    take_page(l, in, pubsub);
  } else {
    l->since = door_wall();
    ask(l, SLICE(""));
  }
}

static void
take_event(struct list *l, struct in *in)
{
  struct xml_node const *event = xml_child(in->e, NS_EVENT, "event"), *c = NULL;
  bool added = false;

  while (event && (c = xml_next(event, c))) {
    if (!slice_is(xml_attr(c, "node"), l->node)) continue;
    if (xml_is(c, NS_EVENT, "items"))
      take_items(l, c, &added);
    else if (xml_is(c, NS_EVENT, "purge"))
      forget_before(l, UINT64_MAX);
    else if (xml_is(c, NS_EVENT, "delete"))
      failed(l, "the node was deleted");
  }
  if (added) clear_rooms(l);
}

bool
rtbl_in(struct in *in)
{
  struct list *l = NULL;

  if (!in->to.local.len && slice_is(in->to.resource, "rtbl")) l = find(in->muc->name);
  if (!l || !slice_is(in->from.full, l->server)) return false;
  if (slice_is(in->st.kind, "iq") && stanza_may_answer(&in->st)) return false;
  if (store_is_full(mucd.store)) return true;
  if (slice_is(in->st.kind, "iq"))
    take_answer(l, in);
  else if (slice_is(in->st.kind, "message") && !slice_is(in->st.type, "error"))
    take_event(l, in);
  return true;
}

/* ---- settings ---- */

static void
drop(struct list *l)
{
  event_timer_cancel(&l->timer);
  free(l->service);
  free(l->server);
  free(l->node);
  free(l);
}

static bool
is_as(struct list const *l, struct muc const *m)
{
  return m && slice_is(m->rtbl_server, l->server) && slice_is(m->rtbl_node, l->node);
}

static void
add(struct muc const *m)
{
  struct list *l = calloc(1, sizeof *l);

  if (!l) no_memory();
  l->service = must_dup(m->name);
  l->server = must_dup(m->rtbl_server);
  l->node = must_dup(m->rtbl_node);
  l->n = rtbl_count(m->name);
  l->next = lists;
  lists = l;
  begin(l);
}

static bool
is_known(struct slice service)
{
  return find(service) != NULL;
}

void
rtbl_take(void)
{
  struct list **at = &lists, *l;
  struct muc const *m;
  size_t i;

  while ((l = *at)) {
    if (is_as(l, muc_find(slice_str(l->service)))) {
      at = &l->next;
      continue;
    }
    *at = l->next;
    rtbl_forget(slice_str(l->service), UINT64_MAX);
    drop(l);
  }
  for (i = 0; (m = muc_at(i)); i++)
    if (m->rtbl_server.len && !find(m->name)) add(m);
  if (!store_is_full(mucd.store)) rtbl_forget_others(is_known);
}

/* A stanza that is put while the link comes up would stand before those that are said again, and
 * routed would take them for known. */
void
rtbl_up(void)
{
  struct list *l;

  for (l = lists; l; l = l->next)
    wait_for(l, LIST_RESTS, 0);
}

void
rtbl_reload(void)
{
  struct list *l;

  for (l = lists; l; l = l->next)
    l->n = rtbl_count(slice_str(l->service));
}

void
rtbl_snapshot(struct snapshot *k)
{
  struct list *l;

  for (l = lists; l; l = l->next) {
    if (!snapshot_record(k, "block-list", true)) return;
    SNAPSHOT_INT(k, l->stage);
    SNAPSHOT_INT(k, l->since);
    SNAPSHOT_INT(k, l->n);
    snapshot_timer(k, &l->timer, begin, l);
  }
}
