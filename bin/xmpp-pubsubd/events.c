#include "pep.h"

#include <errno.h>
#include <string.h>

/* Events (XEP-0060 s7.1.2 and others): messages from the service or the account. One record to routed
 * has the addresses of many; routed puts the address into each copy, and leaves out who has blocked
 * the sender. */

#define NS_DELAY "urn:xmpp:delay"
/* Addresses of one record. */
#define FANOUT_MAX 512

uint64_t events_sent;

/* ---- writing ---- */

#define ID_LEN 20

static bool
cat_open(stralloc *out, struct slice self, struct slice to, char const *type,
         char id[ID_LEN])
{
  door_random_id(id, ID_LEN);
  return xml_cat(out, "<message") && xml_cat_attr(out, "from", self) &&
         (!to.len || xml_cat_attr(out, "to", to)) &&
         (!strcmp(type, "normal") || xml_cat_attr(out, "type", slice_str(type))) &&
         xml_cat_attr(out, "id", slice_of(id, ID_LEN)) && xml_cat(out, ">");
}

static bool
cat_event(stralloc *out, struct slice inside)
{
  return xml_cat(out, "<event xmlns='" NS_EVENT "'>") &&
         stralloc_catb(out, inside.s, inside.len) && xml_cat(out, "</event>");
}

bool
cat_item(stralloc *out, struct config const *c, struct pubsub_item const *it,
         bool payload)
{
  if (!xml_cat(out, "<item") || !xml_cat_attr(out, "id", it->id)) return false;
  if (config_is(c, CONFIG_ITEMREPLY, "publisher") &&
      !xml_cat_attr(out, "publisher", it->publisher))
    return false;
  if (!payload || !it->payload.len) return xml_cat(out, "/>");
  return xml_cat(out, ">") && stralloc_catb(out, it->payload.s, it->payload.len) &&
         xml_cat(out, "</item>");
}

static char const *
type_of(struct config const *c)
{
  return config_is(c, CONFIG_NOTIFICATION_TYPE, "normal") ? "normal" : "headline";
}

static void
lost(struct slice self, char const *why)
{
  log_event(LOG_WARN, "event-lost", "from", log_text(self), "why", why, NULL);
}

/* The tag pep lets an event wait while a client is inactive (XEP-0352); of several events that tell of the
 * same item the newest is enough then. The text lives until the next call. */
static char const *
tags_of(struct slice node, struct slice id)
{
  static char const digits[] = "0123456789abcdefghijklmnopqrstuv";
  static uint64_t const key[2];
  static char tags[] = "pep item=........";
  uint64_t h;
  size_t i;

  if (!id.len) return "pep";
  h = hash_keyed(key, 0, node) * 31 + hash_keyed(key, 0, id);
  for (i = sizeof tags - 2; tags[i] != '='; i--, h >>= 5)
    tags[i] = digits[h % 32];
  return tags;
}

/* ---- one address ---- */

/* A change of the node, or of an affiliation, ends subscriptions that it shuts out; a change of a roster
 * does not. */
bool
has_access(struct request const *q, struct slice jid)
{
  struct jid who = jid_cut(jid);

  if (config_is(&q->c, CONFIG_ACCESS, "open") ||
      config_is(&q->c, CONFIG_ACCESS, "authorize"))
    return true;
  return access_to(&q->n, &q->c, q->self, &who, affiliation_of(&q->n, q->self, &who)) ==
         ACCESS_YES;
}

static void
put(struct slice self, struct slice jid, char const *type, char const *tags,
    struct slice inside)
{
  char id[ID_LEN];
  stralloc xml = STRALLOC_ZERO;
  struct link *routed = link_find(ROUTED);
  struct stanza st = {.to = jid,
                      .from = self,
                      .kind = SLICE("message"),
                      .type = slice_str(type),
                      .id = slice_of(id, ID_LEN),
                      .tags = slice_str(tags)};

  if (!cat_open(&xml, self, jid, type, id) ||
      !stralloc_catb(&xml, inside.s, inside.len) || !xml_cat(&xml, "</message>"))
    lost(self, "out of memory");
  else if (routed) {
    st.xml = slice_of(xml.s, xml.len);
    stanza_put(routed, &st);
    events_sent++;
  }
  stralloc_free(&xml);
}

void
message_to(struct slice self, struct slice jid, char const *type, struct slice inside)
{
  put(self, jid, type, "", inside);
}

void
event_to(struct slice self, struct slice jid, struct config const *c, struct slice inside)
{
  stralloc event = STRALLOC_ZERO;

  if (cat_event(&event, inside))
    put(self, jid, type_of(c), "pep", slice_of(event.s, event.len));
  else
    lost(self, "out of memory");
  stralloc_free(&event);
}

static bool
cat_last(stralloc *out, struct request const *q, struct pubsub_item const *it)
{
  char stamp[STAMP_SIZE];

  return xml_cat(out, "<event xmlns='" NS_EVENT "'><items") &&
         xml_cat_attr(out, "node", q->n.name) && xml_cat(out, ">") &&
         cat_item(out, &q->c, it, config_on(&q->c, CONFIG_PAYLOADS)) &&
         xml_cat(out, "</items></event><delay xmlns='" NS_DELAY "'") &&
         xml_cat_attr(out, "from", q->self) &&
         xml_cat_attr(out, "stamp", stamp_us(stamp, it->us)) && xml_cat(out, "/>");
}

size_t
send_last(struct request const *q, struct slice jid)
{
  struct pubsub_item it;
  stralloc inside = STRALLOC_ZERO;
  size_t bytes;

  if (!config_on(&q->c, CONFIG_NOTIFICATIONS) ||
      !pubsub_item_newest(pubsubd.pubsub, &q->n, &it) ||
      (it.expiry && it.expiry <= door_wall() / 1000000))
    return 0;
  if (cat_last(&inside, q, &it))
    put(q->self, jid, type_of(&q->c), tags_of(q->n.name, it.id),
        slice_of(inside.s, inside.len));
  else
    lost(q->self, "out of memory");
  bytes = inside.len;
  stralloc_free(&inside);
  return bytes;
}

void
send_last_on_sub(struct request const *q, struct slice jid)
{
  if (!config_is(&q->c, CONFIG_SEND_LAST, "never") && has_access(q, jid))
    send_last(q, jid);
}

/* ---- all who are to be told ---- */

struct sending {
  struct request const *q;
  struct slice xml; /* without to */
  struct slice inside;
  char id[ID_LEN];
  enum config_field about;
  stralloc tos;
  size_t n;
  bool mixed; /* the node has subscriptions too */
  bool body;  /* the subscriber at hand wants a text for people (pubsub#include_body) */
  uint8_t shows; /* the subscriber at hand wants events in this presence only */
  struct jid_set got,
    bares; /* clients that got it for they want it, and their accounts */
};

static void
flush(struct sending *s)
{
  struct link *routed = link_find(ROUTED);

  if (routed && s->n) {
    link_begin(routed, VERB_FANOUT);
    link_text(routed, slice_of(s->tos.s, s->tos.len));
    link_text(routed, s->q->self);
    link_str(routed, "message");
    link_str(routed, type_of(&s->q->c));
    link_text(routed, slice_of(s->id, ID_LEN));
    link_str(routed, tags_of(s->q->n.name, s->q->told));
    link_origin(routed);
    link_text(routed, s->xml);
    link_end(routed);
    events_sent += s->n;
  }
  s->tos.len = s->n = 0;
}

static void
add(struct sending *s, struct slice jid)
{
  if ((s->n && !stralloc_catb(&s->tos, "\n", 1)) ||
      !stralloc_catb(&s->tos, jid.s, jid.len))
    lost(s->q->self, "out of memory");
  else if (++s->n == FANOUT_MAX)
    flush(s);
}

/* XEP-0060 s16.4.4, presence_based_delivery: the subscriber is there. */
static bool
is_there(struct sending const *s, struct jid const *who)
{
  if (pubsubd_is_host(who->domain))
    return who->resource.len ? who_is(who->full) : who_has(who->bare);
  return interest_has_bare(who->bare, s->q->self);
}

/* s8.4.2: who waits to be let in hears of the end of the node. */
static bool
wants(struct sending const *s, struct slice jid, struct pubsub_sub const *sub)
{
  struct jid who = jid_cut(jid);

  if (sub_is_over(sub)) return false;
  if (sub->options & PUBSUB_WHILE_PRESENT && !is_there(s, &who)) return false;
  if (sub->state == PUBSUB_PENDING) return s->about == CONFIG_NOTIFY_DELETE;
  return sub->state == PUBSUB_SUBSCRIBED && !(sub->options & PUBSUB_QUIET);
}

/* ---- clients that want it, and subscribers ---- */

static void
on_client(void *cookie, struct slice full)
{
  struct sending *s = cookie;

  add(s, full);
  if (s->mixed &&
      (!jid_set_add(&s->got, full) || !jid_set_add(&s->bares, jid_cut(full).bare)))
    lost(s->q->self, "out of memory");
}

/* A message of its own, with a body. */
static void
put_with_body(struct sending const *s, struct slice jid)
{
  stralloc in = STRALLOC_ZERO;

  if (xml_cat(&in, "<body>") && xml_cat_text(&in, s->q->body) &&
      xml_cat(&in, "</body>") && cat_event(&in, s->inside))
    put(s->q->self, jid, type_of(&s->q->c), "body pep", slice_of(in.s, in.len));
  else
    lost(s->q->self, "out of memory");
  stralloc_free(&in);
}

static void
give(struct sending *s, struct slice jid)
{
  if (s->body && s->q->body.len)
    put_with_body(s, jid);
  else
    add(s, jid);
}

static void
add_rest(void *cookie, struct slice full)
{
  struct sending *s = cookie;

  if (!jid_set_has(&s->got, full) && shows_want(s->shows, full)) give(s, full);
}

/* Note that a client of ours has the event, for the subscription of its account, which comes behind it. */
static void
note_client(struct sending *s, struct jid const *who)
{
  if (!who->resource.len || !who_is(who->full)) return;
  if (!jid_set_add(&s->got, who->full) || !jid_set_add(&s->bares, who->bare))
    lost(s->q->self, "out of memory");
}

/* Presence is that of sessions: the event of an account goes to those of its sessions that show what it
 * wants. */
static void
add_by_show(struct sending *s, struct jid const *who)
{
  shows_watch();
  if (!who->resource.len)
    who_each(who->bare, add_rest, s);
  else if (who_is(who->full) && shows_want(s->shows, who->full)) {
    add_rest(s, who->full);
    note_client(s, who);
  }
}

/* A subscriber gets the event once: an account of which some clients have it already gets it for the
 * others; one of another server, whose clients are not known, does not get it again. Two subscriptions
 * of another server's account, by its bare and by a full address, are two entities (s6.1.6). */
static void
add_subscriber(struct sending *s, struct slice jid)
{
  struct jid who = jid_cut(jid);

  if (config_on(&s->q->c, CONFIG_BY_PRESENCE) && !is_there(s, &who)) return;
  if (shows_are_some(s->shows) && pubsubd_is_host(who.domain)) {
    add_by_show(s, &who);
    return;
  }
  if (!jid_set_has(&s->bares, who.bare)) {
    give(s, jid);
    note_client(s, &who);
  } else if (who.resource.len) {
    add_rest(s, jid);
    note_client(s, &who);
  } else if (pubsubd_is_host(who.domain))
    who_each(jid, add_rest, s);
}

static bool
on_sub(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  struct sending *s = cookie;

  s->body = (sub->options & PUBSUB_BODY) != 0;
  s->shows = sub->shows;
  if (wants(s, jid, sub) && (sub->state == PUBSUB_PENDING || has_access(s->q, jid)))
    add_subscriber(s, jid);
  return true;
}

static bool
any_sub(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  (void)jid;
  (void)sub;
  ((struct sending *)cookie)->mixed = true;
  return false;
}

void
event_send(struct request const *q, struct slice inside, enum config_field about)
{
  struct sending s = {.q = q, .inside = inside, .about = about};
  stralloc xml = STRALLOC_ZERO;

  if (!config_on(&q->c, CONFIG_NOTIFICATIONS) || (about && !config_on(&q->c, about)))
    return;
  if (cat_open(&xml, q->self, SLICE(""), type_of(&q->c), s.id) &&
      cat_event(&xml, inside) && xml_cat(&xml, "</message>")) {
    s.xml = slice_of(xml.s, xml.len);
    if (!pubsub_subs(pubsubd.pubsub, q->n.node, any_sub, &s))
      lost(q->self, "the store failed");
    pep_each(q->self, &q->n, &q->c, on_client, &s);
    if (s.mixed && !pubsub_subs_back(pubsubd.pubsub, q->n.node, on_sub, &s))
      lost(q->self, "the store failed");
    flush(&s);
  } else
    lost(q->self, "out of memory");
  jid_set_wipe(&s.got);
  jid_set_wipe(&s.bares);
  stralloc_free(&s.tos);
  stralloc_free(&xml);
}
