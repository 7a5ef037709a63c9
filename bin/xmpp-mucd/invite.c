#include "mucd.h"

#include <string.h>

/* Normal messages to a room: invitations and their refusals (XEP-0045 s7.8), requests for voice
 * (s7.13, s8.6). */

#define REQUEST NS_MUC "#request"

static bool
no(struct in *in, enum stanza_error e, char const *text)
{
  refuse(&in->st, e, "", text);
  return false;
}

static bool
may_invite(struct in *in)
{
  uint32_t f = in->room->config.flags;

  if (!in->session) {
    refuse(&in->st, ERR_NOT_ACCEPTABLE, "cancel", "you are not in the room");
    return false;
  }
  if (in->session->o->affiliation >= AFF_ADMIN) return true;
  if (f & FLAG_INVITES && in->session->o->role != IS_VISITOR) return true;
  if (in->session->o->role == IS_MODERATOR && !(f & FLAG_MEMBERS_ONLY)) return true;
  return no(in, ERR_FORBIDDEN, "you may not invite to this room");
}

static void
cat_text_child(stralloc *out, struct in *in, struct xml_node const *parent,
               char const *name)
{
  struct xml_node const *c = xml_child(parent, NS_MUC_USER, name);

  if (!c) return;
  put(out, "<");
  put(out, name);
  put(out, ">");
  put_text(out, xml_text(in->arena, c));
  put(out, "</");
  put(out, name);
  put(out, ">");
}

static struct slice
inviter(struct in *in)
{
  if (in->room->config.flags & FLAG_ANONYMOUS)
    return nick_jid(in->room, slice_str(in->session->o->nick));
  return in->from.full;
}

/* XEP-0249 and a body stand beside, for clients that know only them. */
static void
cat_invitation(stralloc *out, struct in *in, struct xml_node const *invite)
{
  struct xml_node const *why = xml_child(invite, NS_MUC_USER, "reason");
  struct xml_node const *go = xml_child(invite, NS_MUC_USER, "continue");
  struct config const *c = &in->room->config;

  put(out, "><x xmlns='" NS_MUC_USER "'><invite");
  put_attr(out, "from", inviter(in));
  put(out, "><reason>");
  if (why) put_text(out, xml_text(in->arena, why));
  put(out, "</reason>");
  if (go) {
    put(out, "<continue");
    if (xml_attr(go, "thread").len) put_attr(out, "thread", xml_attr(go, "thread"));
    put(out, "/>");
  }
  put(out, "</invite>");
  if (c->flags & FLAG_PASSWORD) {
    put(out, "<password>");
    put_text(out, slice_str(c->text[TEXT_PASSWORD]));
    put(out, "</password>");
  }
  put(out, "</x><x xmlns='jabber:x:conference'");
  put_attr(out, "jid", in->room->bare);
  if (c->flags & FLAG_PASSWORD)
    put_attr(out, "password", slice_str(c->text[TEXT_PASSWORD]));
  if (why) put_attr(out, "reason", xml_text(in->arena, why));
  put(out, "/><body>");
  put_text(out, inviter(in));
  put(out, " invited you to the room ");
  put_text(out, in->room->bare);
  if (why) {
    put(out, " (");
    put_text(out, xml_text(in->arena, why));
    put(out, ")");
  }
  put(out, "</body></message>");
}

static void
make_member(struct in *in, struct slice bare)
{
  struct affil a;
  struct change c = {.actor = slice_str(in->session->o->nick),
                     .actor_jid = in->from.bare};

  affil_get(in->room, bare, &a);
  if (!(in->room->config.flags & FLAG_MEMBERS_ONLY) || a.affiliation != AFF_NONE ||
      bare.len > STORED_NAME_MAX)
    return;
  a = (struct affil){.affiliation = AFF_MEMBER, .nick = SLICE(""), .reason = SLICE("")};
  affil_put(in->room, bare, &a);
  set_affiliation(in->room, bare, AFF_MEMBER, &c);
}

static void
send_to(struct in *in, struct slice to, stralloc const *xml)
{
  struct stanza st = {.to = to,
                      .from = in->room->bare,
                      .kind = SLICE("message"),
                      .type = SLICE(""),
                      .id = message_id(in),
                      .tags = SLICE("body muc")};

  st.xml = slice_of(xml->s, xml->len);
  if (mucd.routed) stanza_put(mucd.routed, &st);
}

static void
open_message(stralloc *xml, struct in *in, struct slice to)
{
  xml->len = 0;
  put(xml, "<message");
  put_attr(xml, "from", in->room->bare);
  put_attr(xml, "to", to);
  put_attr(xml, "id", message_id(in));
}

static bool
is_short(struct in *in, struct xml_node const *parent)
{
  struct xml_node const *why = xml_child(parent, NS_MUC_USER, "reason");

  return !why || xml_text(in->arena, why).len <= MUC_REASON_MAX ||
         no(in, ERR_NOT_ACCEPTABLE, "the reason is too long");
}

/* All invitations of a message are good, or none is sent. */
static bool
may_invite_all(struct in *in, struct xml_node const *x)
{
  struct xml_node const *c = NULL;
  struct jid to;
  unsigned int n = 0;

  if (!may_invite(in)) return false;
  while ((c = xml_next(x, c))) {
    if (!xml_is(c, NS_MUC_USER, "invite")) continue;
    if (++n > MUC_INVITES_MAX)
      return no(in, ERR_RESOURCE_CONSTRAINT, "too many are invited at once");
    if (!jid_parse(in->arena, xml_attr(c, "to"), &to) || !to.local.len)
      return no(in, ERR_JID_MALFORMED, "the address of the invited one is wrong");
    if (affil_of(in->room, &to) == AFF_OUTCAST)
      return no(in, ERR_NOT_ALLOWED, "the invited one is banned");
    if (!is_short(in, c)) return false;
  }
  if (!(in->room->config.flags & FLAG_MEMBERS_ONLY)) return true;
  if (!affils_fit(in->room, n))
    return no(in, ERR_RESOURCE_CONSTRAINT, "the room has too many members");
  return !store_is_full(mucd.store) ||
         no(in, ERR_INTERNAL_WAIT, "the server has no room on its disk");
}

static void
invite(struct in *in, struct xml_node const *x)
{
  static stralloc xml = STRALLOC_ZERO;
  struct xml_node const *c = NULL;
  struct jid to;

  if (!may_invite_all(in, x)) return;
  while ((c = xml_next(x, c))) {
    if (!xml_is(c, NS_MUC_USER, "invite") ||
        !jid_parse(in->arena, xml_attr(c, "to"), &to))
      continue;
    make_member(in, to.bare);
    open_message(&xml, in, to.full);
    cat_invitation(&xml, in, c);
    sent_note_invitation(in->room, message_id(in), to.bare, in->session->id);
    send_to(in, to.full, &xml);
  }
}

/* An invitation comes back: the session that sent it is told. */
void
invite_error(struct in *in)
{
  static stralloc xml = STRALLOC_ZERO;
  struct xml_node const *err = xml_child(in->e, NS_CLIENT, "error");
  struct session *s = NULL;
  struct envelope e = {in->room->bare, SLICE("message"), SLICE("error"), in->st.id,
                       SLICE("")};
  uint32_t number;

  if (sent_find_invitation(in->room, in->st.id, in->from.bare, &number))
    s = session_numbered(in->room, number);
  if (!s || !err) return;
  xml.len = 0;
  put(&xml, "<message");
  put_attr(&xml, "from", e.from);
  put(&xml, " type='error'");
  put_attr(&xml, "id", e.id);
  put(&xml, "><x xmlns='" NS_MUC_USER "'><invite");
  put_attr(&xml, "to", in->from.full);
  put(&xml, "/></x>");
  put_child(&xml, err);
  put(&xml, "</message>");
  send_one(slice_str(s->full), &e, slice_of(xml.s, xml.len));
}

/* The address to which a refusal goes: an occupant's, by nick or by a real address, or that of a
 * person with an affiliation. A room carries nothing to others, and does not say who they are. */
static struct slice
decline_to(struct in *in, struct jid const *j)
{
  struct occupant *o;

  if (slice_eq(j->bare, in->room->bare)) {
    o = occupant_by_nick(in->room, jid_nick_key(in->arena, j->resource));
    return o ? slice_str(o->sessions->full) : SLICE("");
  }
  if (!occupant_of(in->room, j->bare, NULL) && affil_of(in->room, j) < AFF_MEMBER)
    return SLICE("");
  return j->full;
}

static void
decline(struct in *in, struct xml_node const *d)
{
  static stralloc xml = STRALLOC_ZERO;
  struct slice to;
  struct jid j;

  if (!jid_parse(in->arena, xml_attr(d, "to"), &j)) {
    no(in, ERR_JID_MALFORMED, "");
    return;
  }
  if (affil_of(in->room, &in->from) == AFF_OUTCAST) {
    no(in, ERR_FORBIDDEN, "you are banned from this room");
    return;
  }
  if (!is_short(in, d)) return;
  to = decline_to(in, &j);
  if (!to.len) return;
  open_message(&xml, in, to);
  put(&xml, "><x xmlns='" NS_MUC_USER "'><decline");
  put_attr(&xml, "from", in->from.bare);
  put(&xml, ">");
  cat_text_child(&xml, in, d, "reason");
  put(&xml, "</decline></x></message>");
  send_to(in, to, &xml);
}

/* ---- voice ---- */

static struct form_field const voice_fields[] = {
  FORM_FIELD(FORM_LIST_SINGLE, "muc#role", "Requested role"),
  FORM_FIELD(FORM_JID_SINGLE, "muc#jid", "Address"),
  FORM_FIELD(FORM_TEXT_SINGLE, "muc#roomnick", "Nick"),
  FORM_FIELD(FORM_BOOLEAN, "muc#request_allow", "Give voice to this person?"),
};

static struct form const voice_form = {
  .form_type = REQUEST,
  .title = "A visitor asks for voice",
  .fields = voice_fields,
  .fields_n = sizeof voice_fields / sizeof *voice_fields,
};

static void
ask_moderators(struct in *in)
{
  static stralloc xml = STRALLOC_ZERO, tos = STRALLOC_ZERO;
  struct envelope e = {in->room->bare, SLICE("message"), SLICE(""), message_id(in),
                       SLICE("")};
  struct form_value v[4] = {
    {.given = true, .text = SLICE("participant")           },
    {.given = true, .text = in->from.full                  },
    {.given = true, .text = slice_str(in->session->o->nick)},
    {.given = true, .text = SLICE("0")                     }
  };
  struct occupant *o;
  struct session *s;

  xml.len = tos.len = 0;
  for (o = in->room->first; o; o = o->next)
    for (s = o->role == IS_MODERATOR ? o->sessions : NULL; s; s = s->next)
      add_to(&tos, slice_str(s->full));
  put(&xml, "<message");
  put_attr(&xml, "from", in->room->bare);
  put_attr(&xml, "id", message_id(in));
  put(&xml, ">");
  if (!form_cat(&xml, "form", &voice_form, v)) no_memory();
  put(&xml, "</message>");
  send_fanout(slice_of(tos.s, tos.len), &e, slice_of(xml.s, xml.len));
}

/* The last request of the sender in this room; it outlives a leaving. */
static struct voice_asked *
asked_before(struct in *in)
{
  struct room *r = in->room;
  uint32_t h = sent_hash(in->from.bare);
  unsigned int i;

  for (i = 0; i < VOICE_ASKED; i++)
    if (r->asked[i].us && r->asked[i].hash == h) return &r->asked[i];
  return NULL;
}

static void
note_asked(struct in *in, struct voice_asked *a)
{
  if (!a) a = &in->room->asked[in->room->asked_n++ % VOICE_ASKED];
  *a = (struct voice_asked){sent_hash(in->from.bare), door_now()};
}

static void
ask_voice(struct in *in)
{
  struct config const *c = &in->room->config;
  struct voice_asked *a = asked_before(in);

  if (!in->session) {
    refuse(&in->st, ERR_NOT_ACCEPTABLE, "cancel", "you are not in the room");
  } else if (!(c->flags & FLAG_VOICE)) {
    no(in, ERR_FORBIDDEN, "the room takes no such requests");
  } else if (in->session->o->role != IS_VISITOR) {
    no(in, ERR_BAD_REQUEST, "you have voice");
  } else if (a && door_now() - a->us < (uint64_t)c->voice_s * 1000000) {
    no(in, ERR_RESOURCE_CONSTRAINT, "you have asked already");
  } else {
    note_asked(in, a);
    ask_moderators(in);
  }
}

/* The first answer that gives voice counts; others come too late, which is no mistake. */
static void
answer_voice(struct in *in, struct xml_node const *form)
{
  struct slice allow = form_get(in->arena, form, "muc#request_allow");
  struct slice nick = form_get(in->arena, form, "muc#roomnick");
  struct occupant *by = moderator_of(in), *o;
  struct change c = {.codes = ""};

  if (!by) {
    no(in, ERR_FORBIDDEN, "");
    return;
  }
  if (!slice_is(allow, "1") && !slice_is(allow, "true")) return;
  nick = nick.len ? jid_prep_nick(in->arena, nick) : nick;
  o = nick.s ? occupant_by_nick(in->room, jid_nick_key(in->arena, nick)) : NULL;
  if (!o || o->role != IS_VISITOR) return;
  if (store_is_full(mucd.store)) {
    no(in, ERR_INTERNAL_WAIT, "the server has no room on its disk");
    return;
  }
  c.actor = slice_str(by->nick);
  keep_role(o, IS_PARTICIPANT);
  set_role(o, IS_PARTICIPANT, &c);
}

void
normal_in(struct in *in)
{
  struct xml_node const *x = xml_child(in->e, NS_MUC_USER, "x");
  struct xml_node const *form = xml_child(in->e, FORM_NS, "x");

  if (x && xml_child(x, NS_MUC_USER, "invite")) {
    invite(in, x);
  } else if (x && xml_child(x, NS_MUC_USER, "decline")) {
    decline(in, xml_child(x, NS_MUC_USER, "decline"));
  } else if (form && slice_is(form_get(in->arena, form, "FORM_TYPE"), REQUEST)) {
    if (form_next(form, "muc#request_allow", NULL))
      answer_voice(in, form);
    else
      ask_voice(in);
  } else {
    no(in, ERR_BAD_REQUEST, "messages to a room have the type groupchat");
  }
}
