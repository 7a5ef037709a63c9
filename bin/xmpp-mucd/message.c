#include "holds.h"
#include "rtbl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Messages to a room (XEP-0045 s7.4, s8.1): stored, then reflected to all. */

#define LAST_STEP_US 60000000

static void
list_all(struct room *r)
{
  struct occupant *o;
  struct session *s;

  for (o = r->first; o; o = o->next)
    for (s = o->sessions; s; s = s->next)
      if ((r->all.len && !record_put_more(&r->all, SLICE("\n"))) ||
          !record_put_more(&r->all, slice_str(s->full)))
        no_memory();
}

void
broadcast(struct room *r, struct envelope const *e, struct slice xml)
{
  if (!r->all.len) list_all(r);
  if (slice_is(e->kind, "message")) sent_note(r, e->id, false);
  send_fanout_raw(slice_of(r->all.s, r->all.len), e, xml);
}

/* The id of a message that has none is made of its origin, so that it is the same when the message
 * comes again. */
struct slice
message_id(struct in *in)
{
  return in->st.id.len ? in->st.id : in->st.origin;
}

/* Children that the room alone gives, and the id that names the sender by its real address, do not pass. */
static bool
is_of_room(struct in *in, struct xml_node const *c)
{
  struct slice by = xml_attr(c, "by"), from = xml_attr(c, "from");

  return slice_is(c->ns, NS_MUC_USER) || slice_is(c->ns, NS_OCCUPANT) ||
         slice_is(c->ns, NS_HATS) || slice_is(c->ns, "http://jabber.org/protocol/nick") ||
         (xml_is(c, NS_SID, "stanza-id") &&
          (slice_eq(by, in->room->bare) || slice_eq(by, in->from.bare))) ||
         (xml_is(c, NS_DELAY, "delay") && slice_eq(from, in->room->bare));
}

/* The message as from the room, without its end tag. */
void
room_cat_message(stralloc *out, struct in *in, struct slice from)
{
  struct xml_node const *c = NULL;
  struct slice lang = xml_lang(in->e);

  put(out, "<message");
  put_attr(out, "from", from);
  if (in->st.type.len) put_attr(out, "type", in->st.type);
  if (message_id(in).len) put_attr(out, "id", message_id(in));
  if (lang.len) put_attr(out, "xml:lang", lang);
  put(out, ">");
  while ((c = xml_next(in->e, c)))
    if (!is_of_room(in, c)) put_child(out, c);
}

/* ---- storing, history ---- */

static bool
is_encrypted(struct xml_node const *e)
{
  return xml_child(e, "urn:xmpp:eme:0", "encryption") ||
         xml_child(e, "eu.siacs.conversations.axolotl", "encrypted") ||
         xml_child(e, "urn:xmpp:omemo:2", "encrypted");
}

bool
is_subject(struct xml_node const *e)
{
  return xml_child(e, NS_CLIENT, "subject") && !xml_child(e, NS_CLIENT, "body") &&
         !xml_child(e, NS_CLIENT, "thread");
}

/* Messages about another message. They may have a body, for clients that do not know them. */
static bool
is_about_another(struct xml_node const *e)
{
  return xml_child(e, NS_RETRACT, "retract") ||
         xml_child(e, "urn:xmpp:reactions:0", "reactions") ||
         xml_child(e, "urn:xmpp:chat-markers:0", "displayed");
}

bool
is_history(struct xml_node const *e)
{
  return !is_subject(e) && !is_about_another(e) &&
         (xml_child(e, NS_CLIENT, "body") || xml_child(e, NS_CLIENT, "subject") ||
          is_encrypted(e));
}

/* The archive of a room that shows it to nobody has few places, which are for the history. */
static bool
is_stored(struct room const *r, struct xml_node const *e)
{
  if (xml_child(e, NS_HINTS, "no-store") || xml_child(e, NS_HINTS, "no-permanent-store"))
    return false;
  if (is_history(e)) return true;
  return history_is_open(r) &&
         (is_subject(e) || is_about_another(e) || xml_child(e, NS_HINTS, "store"));
}

/* ---- subjects ---- */

static void
replace(char **at, struct slice text)
{
  char *z = must_dup(text);

  free(*at);
  *at = z;
}

static void
take_subject(struct in *in)
{
  struct room *r = in->room;
  struct xml_node const *s = xml_child(in->e, NS_CLIENT, "subject");

  replace(&r->subject, xml_text(in->arena, s));
  replace(&r->subject_nick, slice_str(in->session ? in->session->o->nick : ""));
  replace(&r->subject_by, in->from.bare);
  r->subject_us = door_wall();
  room_changed(r);
}

static bool
may_set_subject(struct in *in)
{
  enum standing role = in->session ? in->session->o->role : IS_MODERATOR;

  return role == IS_MODERATOR ||
         (role == IS_PARTICIPANT && in->room->config.flags & FLAG_CHANGE_SUBJECT);
}

/* s7.2.15: the last that is sent to who enters. */
void
subject_send(struct session *to)
{
  static stralloc xml = STRALLOC_ZERO;
  struct room *r = to->o->room;
  struct envelope e = {.from = r->bare,
                       .kind = SLICE("message"),
                       .type = SLICE("groupchat"),
                       .id = SLICE(""),
                       .tags = SLICE("")};
  char stamp[STAMP_SIZE], oid[33];

  if (*r->subject_nick) e.from = nick_jid(r, slice_str(r->subject_nick));
  xml.len = 0;
  put(&xml, "<message");
  put_attr(&xml, "from", e.from);
  put_attr(&xml, "type", e.type);
  put(&xml, "><subject>");
  put_text(&xml, slice_str(r->subject));
  put(&xml, "</subject>");
  if (r->subject_us) {
    if (*r->subject_nick) {
      occupant_id(oid, r, slice_str(r->subject_by));
      put(&xml, "<occupant-id xmlns='" NS_OCCUPANT "'");
      put_attr(&xml, "id", slice_str(oid));
      put(&xml, "/>");
    }
    put(&xml, "<delay xmlns='" NS_DELAY "'");
    put_attr(&xml, "from", r->bare);
    put_attr(&xml, "stamp", stamp_us(stamp, r->subject_us));
    put(&xml, "/>");
  }
  put(&xml, "</message>");
  send_one(slice_str(to->full), &e, slice_of(xml.s, xml.len));
}

/* ---- groupchat ---- */

static bool
may_speak(struct in *in)
{
  struct room *r = in->room;
  struct session *s = in->session;

  if (!s && !in->admin) {
    refuse(&in->st, ERR_NOT_ACCEPTABLE, "cancel", "you are not in the room");
    return false;
  }
  if (s && s->o->role == IS_VISITOR && r->config.flags & FLAG_MODERATED) {
    refuse(&in->st, ERR_FORBIDDEN, "", "visitors may not speak in this room");
    return false;
  }
  if (is_subject(in->e) && !may_set_subject(in)) {
    refuse(&in->st, ERR_FORBIDDEN, "", "you may not change the subject");
    return false;
  }
  if (is_subject(in->e) &&
      xml_text(in->arena, xml_child(in->e, NS_CLIENT, "subject")).len > MUC_TEXT_MAX) {
    refuse(&in->st, ERR_NOT_ACCEPTABLE, "", "the subject is too long");
    return false;
  }
  return true;
}

/* Slow mode and intervals. What comes again and is not stored may have been shown to all: slow mode lets it
 * pass. false: refused, or held. */
static bool
comes_in_time(struct in *in)
{
  char text[80];

  if (slow_refuses(in) && (!in->again || is_stored(in->room, in->e))) {
    snprintf(text, sizeof text, "the room is in slow mode: one message in %u s",
             (unsigned int)in->room->config.slow_s);
    refuse(&in->st, ERR_POLICY_VIOLATION, "wait", text);
    return false;
  }
  switch (holds_take(in)) {
  case HOLD_NOT: return true;
  case HOLD_HELD: return false;
  case HOLD_FULL:
    refuse(&in->st, ERR_RESOURCE_CONSTRAINT, "", "messages come too fast");
    return false;
  }
  return true;
}

/* Say whether the archive has the message, which comes again, and under which id. */
static bool
is_there(struct in *in, stralloc *xml, uint64_t *id)
{
  size_t before = xml->len;
  bool found;

  if (!in->again || !is_stored(in->room, in->e)) return false;
  put(xml, "</message>");
  found = history_again(in, slice_of(xml->s, xml->len), id);
  xml->len = before;
  return found;
}

static bool
store(struct in *in, struct slice from, stralloc *xml, uint64_t *id)
{
  struct slice text;

  if (!is_stored(in->room, in->e)) return true;
  put(xml, "</message>");
  text = slice_of(xml->s, xml->len);
  if (store_is_full(mucd.store) || !(*id = history_store(in, from, text))) {
    refuse(&in->st, ERR_INTERNAL, "wait", "the server cannot store the message");
    return false;
  }
  xml->len -= 10;
  return true;
}

static void
cat_stanza_id(stralloc *xml, struct room *r, uint64_t id)
{
  char buf[BASE_NUM];

  if (!id) return;
  put(xml, "<stanza-id xmlns='" NS_SID "'");
  put_attr(xml, "by", r->bare);
  put_attr(xml, "id", num_u64(buf, id));
  put(xml, "/>");
}

/* The row of the room need not be written for each message to say when it last heard one. */
static void
note_message(struct room *r)
{
  uint64_t now = door_wall();

  if (now - r->last_us < LAST_STEP_US) return;
  r->last_us = now;
  room_changed(r);
}

/* The parts of a message that decide whether it wakes its readers' devices: those of its author, who gets
 * it too, are not woken. */
static struct slice
waking_tags(struct in *in)
{
  static stralloc tags = STRALLOC_ZERO;
  bool keeps = !slice_has_word(in->st.tags, SLICE("no-store"));

  tags.len = 0;
  put(&tags, xml_child(in->e, NS_CLIENT, "body") ? " body" : "");
  put(&tags, slice_has_word(in->st.tags, SLICE("wakes")) ? " wakes" : "");
  if (tags.len && keeps) {
    put(&tags, " author=");
    put_slice(&tags, in->from.bare);
  }
  put(&tags, keeps ? "" : " no-store");
  return tags.len ? slice_of(tags.s + 1, tags.len - 1) : SLICE("");
}

static void
groupchat(struct in *in)
{
  static stralloc xml = STRALLOC_ZERO;
  struct room *r = in->room;
  struct session *s = in->session;
  struct xml_node const *take = xml_child(in->e, NS_RETRACT, "retract");
  struct slice from = s ? nick_jid(r, slice_str(s->o->nick)) : r->bare;
  struct envelope e = {from, SLICE("message"), SLICE("groupchat"), message_id(in),
                       SLICE("")};
  uint64_t id = 0, of;
  bool there;

  if (!may_speak(in)) return;
  xml.len = 0;
  room_cat_message(&xml, in, from);
  if (s) {
    put(&xml, "<occupant-id xmlns='" NS_OCCUPANT "'");
    put_attr(&xml, "id", slice_str(s->o->oid));
    put(&xml, "/>");
  }
  there = is_there(in, &xml, &id);
  if (!there && (!comes_in_time(in) || !store(in, from, &xml, &id))) return;
  if (s) s->said_us = door_now();
  if (!there) slow_note(in);
  cat_stanza_id(&xml, r, id);
  put(&xml, "</message>");
  e.tags = waking_tags(in);
  if (is_subject(in->e)) take_subject(in);
  broadcast(r, &e, slice_of(xml.s, xml.len));
  if (take && slice_u64(xml_attr(take, "id"), &of)) retract(in, of);
  if (id) note_message(r);
}

/* ---- to the service ---- */

/* A service administrator speaks to all rooms. */
static void
announce(struct in *in)
{
  static stralloc xml = STRALLOC_ZERO;
  struct envelope e = {.kind = SLICE("message"), .type = SLICE("groupchat")};
  struct xml_node const *b = xml_child(in->e, NS_CLIENT, "body");
  struct room *r;

  if (!in->admin || !b) {
    refuse(&in->st, in->admin ? ERR_BAD_REQUEST : ERR_FORBIDDEN, "", "");
    return;
  }
  for (r = room_next(NULL); r; r = room_next(r)) {
    if (r->muc != in->muc || !r->first || r->state != ROOM_OPEN) continue;
    xml.len = 0;
    e.from = r->bare;
    e.id = message_id(in);
    put(&xml, "<message");
    put_attr(&xml, "from", r->bare);
    put_attr(&xml, "type", e.type);
    put_attr(&xml, "id", e.id);
    put(&xml, ">");
    put_child(&xml, b);
    put(&xml, "</message>");
    broadcast(r, &e, slice_of(xml.s, xml.len));
  }
}

void
message_in(struct in *in)
{
  struct slice type = in->st.type;

  if (slice_is(type, "error")) {
    error_in(in);
  } else if (!in->to.local.len && in->to.resource.len) {
    refuse(&in->st, ERR_SERVICE_UNAVAILABLE, "", "");
  } else if (!in->to.local.len) {
    announce(in);
  } else if (!in->room || in->room->state == ROOM_LOCKED) {
    refuse(&in->st, ERR_ITEM_NOT_FOUND, "", "there is no such room");
  } else if (in->room->state == ROOM_TOMBSTONE) {
    refuse(&in->st, ERR_GONE, "", "");
  } else if (!in->session && rtbl_refuses(in)) {
    return;
  } else if (in->to.resource.len) {
    private_message(in);
  } else if (slice_is(type, "groupchat")) {
    groupchat(in);
  } else if (!type.len || slice_is(type, "normal")) {
    normal_in(in);
  } else {
    refuse(&in->st, ERR_BAD_REQUEST, "", "messages to a room have the type groupchat");
  }
}
