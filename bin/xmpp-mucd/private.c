#include "mucd.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdio.h>
#include <string.h>

/* From one occupant to another, under their nicks: messages (XEP-0045 s7.5) and requests (s6.6,
 * s17.4). A request is passed on under an id that has all that the answer needs: session of who
 * asks, its id, a sum over both. So nothing is kept, and a mucd that was killed loses no answer. */

#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define ID_SUM 16
#define ID_MAX 700

static struct occupant *
target(struct in *in)
{
  return in->room ? occupant_by_nick(in->room, jid_nick_key(in->arena, in->to.resource))
                  : NULL;
}

static bool
may_write(struct in *in, struct occupant const *to)
{
  enum standing role = in->session->o->role;
  struct config const *c = &in->room->config;

  if (c->allowpm == PM_NONE) return false;
  if (role == IS_VISITOR && c->pm_visitor == PM_NONE) return to->role == IS_MODERATOR;
  if (to->role == IS_MODERATOR || role == IS_MODERATOR) return true;
  if (c->allowpm == PM_MODERATORS) return false;
  if (c->allowpm == PM_PARTICIPANTS && role == IS_VISITOR) return false;
  return role != IS_VISITOR || c->pm_visitor == PM_ANYONE;
}

static void
sessions_of(stralloc *tos, struct occupant const *o)
{
  struct session const *s;

  tos->len = 0;
  for (s = o->sessions; s; s = s->next)
    add_to(tos, slice_str(s->full));
}

/* The message is the same for all sessions of the nick, so it is one in their archive. */
static void
pass_message(struct in *in, struct occupant const *to)
{
  static stralloc xml = STRALLOC_ZERO, tos = STRALLOC_ZERO, tags = STRALLOC_ZERO;
  struct occupant const *o = in->session->o;
  struct envelope e = {nick_jid(in->room, slice_str(o->nick)), SLICE("message"),
                       in->st.type, message_id(in), SLICE("")};

  xml.len = tags.len = 0;
  room_cat_message(&xml, in, e.from);
  put(&xml, "<x xmlns='" NS_MUC_USER "'/><occupant-id xmlns='" NS_OCCUPANT "'");
  put_attr(&xml, "id", slice_str(o->oid));
  put(&xml, "/></message>");
  put(&tags, "muc");
  if (slice_has_word(in->st.tags, SLICE("body"))) put(&tags, " body");
  if (slice_has_word(in->st.tags, SLICE("wakes"))) put(&tags, " wakes");
  if (slice_has_word(in->st.tags, SLICE("store"))) put(&tags, " store");
  if (slice_has_word(in->st.tags, SLICE("no-store"))) put(&tags, " no-store");
  e.tags = slice_of(tags.s, tags.len);
  sessions_of(&tos, to);
  sent_note(in->room, e.id, true);
  send_fanout(slice_of(tos.s, tos.len), &e, slice_of(xml.s, xml.len));
}

void
private_message(struct in *in)
{
  struct occupant *to = target(in);

  if (slice_is(in->st.type, "groupchat"))
    refuse(&in->st, ERR_BAD_REQUEST, "", "a message to one occupant is no groupchat");
  else if (!in->session)
    refuse(&in->st, ERR_NOT_ACCEPTABLE, "cancel", "you are not in the room");
  else if (!to)
    refuse(&in->st, ERR_ITEM_NOT_FOUND, "", "nobody has this nick");
  else if (!may_write(in, to))
    refuse(&in->st, ERR_FORBIDDEN, "", "the room does not allow this private message");
  else
    pass_message(in, to);
}

/* An error of an occupant, as another gets it. Its `by`, and the address in a condition (RFC 6120
 * s8.3.3.5, s8.3.3.14), are real ones, which the room does not tell. */
static void
put_error(stralloc *out, struct xml_node const *err)
{
  struct xml_node const *c = NULL;

  put(out, "<error");
  if (xml_attr(err, "code").len) put_attr(out, "code", xml_attr(err, "code"));
  if (xml_attr(err, "type").len) put_attr(out, "type", xml_attr(err, "type"));
  put(out, ">");
  while ((c = xml_next(err, c))) {
    if (xml_is(c, NS_STANZAS, "gone") || xml_is(c, NS_STANZAS, "redirect")) {
      put(out, "<");
      put_slice(out, c->name);
      put(out, " xmlns='" NS_STANZAS "'/>");
    } else
      put_child(out, c);
  }
  put(out, "</error>");
}

/* A client refuses a private message: its sender is told, and nobody leaves. */
void
private_error(struct in *in)
{
  static stralloc xml = STRALLOC_ZERO, tos = STRALLOC_ZERO;
  struct occupant *to = target(in);
  struct xml_node const *err = xml_child(in->e, NS_CLIENT, "error");
  struct envelope e = {.kind = SLICE("message"), .type = SLICE("error"), .id = in->st.id};

  if (!to || !in->session || !err) return;
  e.from = nick_jid(in->room, slice_str(in->session->o->nick));
  xml.len = 0;
  put(&xml, "<message");
  put_attr(&xml, "from", e.from);
  put(&xml, " type='error'");
  put_attr(&xml, "id", in->st.id);
  put(&xml, "><x xmlns='" NS_MUC_USER "'/>");
  put_error(&xml, err);
  put(&xml, "</message>");
  sessions_of(&tos, to);
  send_fanout(slice_of(tos.s, tos.len), &e, slice_of(xml.s, xml.len));
}

/* ---- requests ---- */

static void
sum(char out[ID_SUM + 1], struct room const *r, uint32_t session, struct slice id)
{
  static stralloc text = STRALLOC_ZERO;
  char oid[33];

  text.len = 0;
  put(&text, "iq ");
  put_num(&text, session);
  put(&text, " ");
  put_slice(&text, id);
  occupant_id(oid, r, slice_of(text.s, text.len));
  memcpy(out, oid, ID_SUM);
  out[ID_SUM] = 0;
}

/* SUM-SESSION-ID */
static void
cat_id(stralloc *out, struct room const *r, uint32_t session, struct slice id)
{
  char check[ID_SUM + 1];

  sum(check, r, session, id);
  put(out, check);
  put(out, "-");
  put_num(out, session);
  put(out, "-");
  put_slice(out, id);
}

static bool
read_id(struct room const *r, struct slice id, struct session **asker, struct slice *own)
{
  struct slice rest = id, check, number;
  char want[ID_SUM + 1];
  uint64_t n;

  if (!slice_word(&rest, '-', &check) || !slice_word(&rest, '-', &number) ||
      !slice_u64(number, &n) || n > UINT32_MAX)
    return false;
  sum(want, r, (uint32_t)n, rest);
  if (!slice_is(check, want)) return false;
  *own = rest;
  *asker = session_numbered(r, n);
  return *asker != NULL;
}

static void
pass_iq(struct in *in, struct slice from, struct slice to, struct slice id)
{
  static stralloc xml = STRALLOC_ZERO;
  struct xml_node const *c = NULL;
  struct stanza st = {.to = to,
                      .from = from,
                      .kind = SLICE("iq"),
                      .type = in->st.type,
                      .id = id,
                      .tags = SLICE("")};
  char ns[STANZA_ID_MAX + 8];
  struct xml_node const *payload = xml_next(in->e, NULL);

  xml.len = 0;
  put(&xml, "<iq");
  put_attr(&xml, "from", from);
  put_attr(&xml, "to", to);
  put_attr(&xml, "type", in->st.type);
  put_attr(&xml, "id", id);
  put(&xml, ">");
  while ((c = xml_next(in->e, c)))
    if (xml_is(c, NS_CLIENT, "error"))
      put_error(&xml, c);
    else
      put_child(&xml, c);
  put(&xml, "</iq>");
  st.xml = slice_of(xml.s, xml.len);
  if (stanza_may_answer(&in->st) && payload && payload->ns.len < STANZA_ID_MAX) {
    snprintf(ns, sizeof ns, "ns=%.*s", (int)payload->ns.len, payload->ns.s);
    st.tags = slice_str(ns);
  }
  if (mucd.routed) stanza_put(mucd.routed, &st);
}

/* An answer, or an error: back to who asked, under the nick of who answers. */
static void
answer(struct in *in)
{
  struct session *asker;
  struct slice id;
  struct occupant *o;

  if (!in->room || !read_id(in->room, in->st.id, &asker, &id)) return;
  o = target(in);
  if (!o || o != asker->o) return;
  o = in->session ? in->session->o : occupant_of(in->room, in->from.bare, NULL);
  if (o) pass_iq(in, nick_jid(in->room, slice_str(o->nick)), slice_str(asker->full), id);
}

/* Data of the account, which its server has. */
static bool
is_of_account(struct in *in, struct xml_node const *p)
{
  return slice_is(in->st.type, "get") &&
         (slice_is(p->ns, NS_VCARD) ||
          slice_is(p->ns, "urn:ietf:params:xml:ns:vcard-4.0") ||
          slice_is(p->ns, "http://jabber.org/protocol/pubsub"));
}

static void
request(struct in *in, struct xml_node const *p)
{
  static stralloc id = STRALLOC_ZERO;
  struct session *s = in->session;
  struct occupant *to = target(in);
  bool disco = p && (slice_is(p->ns, NS_DISCO_INFO) || slice_is(p->ns, NS_DISCO_ITEMS));
  bool own = s && to == s->o;

  if (in->room && in->room->state == ROOM_TOMBSTONE) {
    refuse(&in->st, ERR_GONE, "", in->room->why);
  } else if (!s) {
    refuse(&in->st, disco ? ERR_BAD_REQUEST : ERR_NOT_ACCEPTABLE, disco ? "" : "cancel",
           "");
  } else if (!to) {
    refuse(&in->st, ERR_ITEM_NOT_FOUND, "", "nobody has this nick");
  } else if (own && p && slice_is(p->ns, NS_PING)) {
    result(in, SLICE("")); /* XEP-0410 s3.3 */
  } else if (!own && !(s->o->room->config.flags & FLAG_QUERY_USERS) &&
             !(p && slice_is(p->ns, NS_VCARD) && slice_is(in->st.type, "get"))) {
    refuse(&in->st, ERR_NOT_ALLOWED, "", "the room does not allow requests to occupants");
  } else if (in->st.id.len > ID_MAX || !p) {
    refuse(&in->st, ERR_BAD_REQUEST, "", "");
  } else {
    id.len = 0;
    cat_id(&id, in->room, s->id, in->st.id);
    pass_iq(in, nick_jid(in->room, slice_str(s->o->nick)),
            is_of_account(in, p) ? slice_str(to->account->bare)
                                 : slice_str(to->sessions->full),
            slice_of(id.s, id.len));
  }
}

void
private_iq(struct in *in)
{
  if (!stanza_may_answer(&in->st))
    answer(in);
  else
    request(in, xml_next(in->e, NULL));
}
