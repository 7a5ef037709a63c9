#include "holds.h"
#include "left.h"

#include <stdlib.h>
#include <string.h>

/* Presence to rooms (XEP-0045 s7.2 to s7.7, s7.14): who comes, changes, leaves. */

#define PRESENCE_MAX 8192
#define LANG_MAX 64 /* RFC 5646 s4.4.1 asks for 35 */

enum standing
default_role(struct room const *r, enum affiliation a)
{
  uint32_t f = r->config.flags;

  if (a == AFF_OUTCAST) return IS_NOBODY;
  if (a >= AFF_ADMIN) return IS_MODERATOR;
  if (a == AFF_MEMBER) return IS_PARTICIPANT;
  if (f & FLAG_MEMBERS_ONLY) return IS_NOBODY;
  return f & FLAG_MEMBERS_BY_DEFAULT || !(f & FLAG_MODERATED) ? IS_PARTICIPANT
                                                              : IS_VISITOR;
}

enum affiliation
affiliation_of(struct in const *in)
{
  enum affiliation a = affil_of(in->room, &in->from);

  return a == AFF_NONE && in->admin ? AFF_OWNER : a;
}

bool
may_moderate(struct in const *in)
{
  return affiliation_of(in) >= AFF_ADMIN || moderator_of(in);
}

/* ---- the content of a presence ---- */

static bool
is_ours(struct xml_node const *c)
{
  return slice_is(c->ns, NS_MUC) || slice_is(c->ns, NS_MUC_USER) ||
         slice_is(c->ns, NS_OCCUPANT) || slice_is(c->ns, NS_HATS);
}

/* The part that is left of presence over PRESENCE_MAX bytes. */
static bool
is_short(struct xml_node const *c)
{
  return xml_is(c, NS_CLIENT, "show") || xml_is(c, NS_CLIENT, "status") ||
         xml_is(c, NS_CLIENT, "priority") ||
         xml_is(c, "http://jabber.org/protocol/caps", "c") ||
         xml_is(c, "urn:xmpp:idle:1", "idle") || slice_is(c->ns, NS_UPDATE);
}

static void
cat_children(stralloc *out, struct in *in, bool status, bool all)
{
  struct xml_node const *c = NULL;
  size_t before;

  out->len = 0;
  while ((c = xml_next(in->e, c))) {
    if (is_ours(c) || (!status && xml_is(c, NS_CLIENT, "status"))) continue;
    if (!all && !is_short(c)) continue;
    before = out->len;
    put_child(out, c);
    if (!all && out->len > PRESENCE_MAX) out->len = before;
  }
}

static char *
presence_children(struct in *in, bool status)
{
  static stralloc out = STRALLOC_ZERO;

  cat_children(&out, in, status, true);
  if (out.len > PRESENCE_MAX) cat_children(&out, in, status, false);
  return must_dup_sa(&out);
}

static bool
may_have_status(struct session const *s)
{
  return s->o->role != IS_VISITOR || s->o->room->config.flags & FLAG_VISITOR_STATUS;
}

static int
priority_of(struct in *in)
{
  struct xml_node const *p = xml_child(in->e, NS_CLIENT, "priority");
  char text[8] = "";
  struct slice t = p ? xml_text(in->arena, p) : SLICE("");

  if (t.len && t.len < sizeof text) memcpy(text, t.s, t.len);
  return atoi(text) < -128 || atoi(text) > 127 ? 0 : atoi(text);
}

/* The number of the session that sends the presence itself; 0: another server's, or xmpp-userd says
 * that a session has ended. */
static uint64_t
number_of(struct in *in)
{
  uint64_t n;

  return slice_u64(stanza_tag(in->st.tags, "session"), &n) ? n : 0;
}

/* Take the presence as that of the sender's session. false: it is as it was. */
bool
session_take(struct in *in)
{
  struct session *s = in->session;
  static uint64_t seq = 1ull << 32;
  struct slice lang = xml_lang(in->e);
  char *fresh = presence_children(in, may_have_status(s));
  bool changed = strcmp(fresh, s->presence) != 0;

  free(s->presence);
  s->presence = fresh;
  free(s->lang);
  s->lang = must_dup(lang.len > LANG_MAX ? SLICE("") : lang);
  s->priority = priority_of(in);
  s->seq = ++seq;
  s->number = number_of(in);
  s->away = false;
  return changed;
}

/* ---- leaving ---- */

/* The room of nobody: a temporary one is gone, and one that was never opened. Rooms of services that are not
 * configured now stay. */
void
after_leave(struct room *r)
{
  uint64_t most;

  if (!r->muc) return;
  most = r->muc->users_presence;
  if (r->silent && r->sessions_n < most - most / 10) r->silent = false;
  if (r->first || r->state == ROOM_TOMBSTONE) return;
  if (r->state == ROOM_LOCKED || !(r->config.flags & FLAG_PERSISTENT)) room_end(r);
}

void
leave(struct session *s, struct change const *c)
{
  struct occupant *o = s->o;
  struct room *r = o->room;
  struct change d = *c, rest = {.jids = o->sessions != s};

  holds_flush(s);
  if (o->sessions_n == 1) {
    left_note(o, &d, false);
    d.gone = true;
    d.self = s;
    show(o, &d);
    session_del(s);
  } else {
    show_gone_to(s, &d);
    session_del(s);
    occupant_order(o);
    show(o, &rest);
  }
  after_leave(r);
}

/* s14: taken out for an error. */
void
remove_session(struct session *s, char const *codes, char const *status)
{
  static stralloc text = STRALLOC_ZERO;
  struct change c = {.codes = codes};

  text.len = 0;
  if (status) {
    put(&text, "<status>");
    put_text(&text, slice_str(status));
    put(&text, "</status>");
  }
  c.status = slice_of(text.s, text.len);
  leave(s, &c);
}

static void
leave_in(struct in *in)
{
  static stralloc text = STRALLOC_ZERO;
  struct session *s = in->session;
  struct xml_node const *st = xml_child(in->e, NS_CLIENT, "status");
  struct change c = {.id = in->st.id};

  text.len = 0;
  if (st && may_have_status(s)) put_child(&text, st);
  c.status = slice_of(text.s, text.len);
  leave(s, &c);
}

/* ---- nicks ---- */

/* Prepare the nick that is asked for. false: refused. */
static bool
read_nick(struct in *in, struct slice *nick, struct slice *key)
{
  struct slice n = in->to.resource;

  while (n.len && n.s[0] == ' ')
    n = slice_of(n.s + 1, n.len - 1);
  while (n.len && n.s[n.len - 1] == ' ')
    n.len--;
  if (in->to.resource.len && !n.len) {
    refuse(&in->st, ERR_NOT_ALLOWED, "modify", "a nick is not blank");
    return false;
  }
  *nick = jid_prep_nick(in->arena, n);
  if (!nick->s) {
    refuse(&in->st, ERR_JID_MALFORMED, "",
           in->to.resource.len ? "the nick has characters that many servers do not know"
                               : "a nick is missing");
    return false;
  }
  if (nick->len > 256) {
    refuse(&in->st, ERR_NOT_ACCEPTABLE, "", "the nick is too long");
    return false;
  }
  *key = jid_nick_key(in->arena, *nick);
  return true;
}

static bool
may_have_nick(struct in *in, struct slice key)
{
  struct occupant *o = occupant_by_nick(in->room, key);
  struct slice owner = nick_owner(in->room, key);

  return (!o || slice_is(in->from.bare, o->account->bare)) &&
         (!owner.len || slice_eq(owner, in->from.bare));
}

/* s7.6: the code that tells a client that its nick is not quite the one that it asked for. */
static char const *
altered(struct in const *in, struct slice nick)
{
  return in->to.resource.len && !slice_eq(nick, in->to.resource) ? "210" : "";
}

static void
rename_all(struct occupant *o, struct in *in, struct slice nick, struct slice key)
{
  struct change c = {.codes = "303", .nick = nick, .gone = true, .self = in->session};
  struct change d = {.self = in->session, .id = in->st.id};

  d.self_codes = altered(in, nick);
  show(o, &c);
  occupant_rename(o, nick, key);
  show(o, &d);
}

/* The other sessions keep the old nick. */
static void
rename_one(struct in *in, struct slice nick, struct slice key)
{
  struct session *s = in->session;
  struct occupant *old = s->o, *o = occupant_by_nick(in->room, key);
  struct change c = {.codes = "303", .nick = nick}, d = {.self = s, .id = in->st.id};
  struct change rest = {.jids = old->sessions != s};
  bool stays = old->sessions_n > 1;

  d.self_codes = altered(in, nick);
  if (stays)
    show_gone_to(s, &c);
  else {
    c.gone = true;
    c.self = s;
    show(old, &c);
  }
  session_move(s, o, nick, key);
  if (stays) {
    occupant_order(old);
    show(old, &rest);
  }
  occupant_order(s->o);
  show(s->o, &d);
}

static bool
change_nick(struct in *in, struct slice nick, struct slice key)
{
  struct occupant *o = in->session->o, *there = occupant_by_nick(in->room, key);

  if (o->role == IS_VISITOR && !(in->room->config.flags & FLAG_VISITOR_NICK)) {
    refuse(&in->st, ERR_NOT_ALLOWED, "", "visitors may not change their nicks");
    return false;
  }
  if (!may_have_nick(in, key)) {
    refuse(&in->st, ERR_CONFLICT, "", "the nick is somebody else's");
    return false;
  }
  if (there && there != o && there->sessions_n >= MUC_SESSIONS_MAX) {
    refuse(&in->st, ERR_RESOURCE_CONSTRAINT, "", "too many sessions with this nick");
    return false;
  }
  session_take(in);
  if (there == o || (o->sessions_n == 1 && !there))
    rename_all(o, in, nick, key);
  else
    rename_one(in, nick, key);
  session_save(in->session);
  return true;
}

/* ---- presence of who is in ---- */

/* Say whether the stanza comes again that has made the room, as far as one can tell. */
static bool
is_creating(struct in const *in)
{
  return in->again && in->room->state == ROOM_LOCKED && affiliation_of(in) == AFF_OWNER;
}

/* s7.2: a client that enters anew has lost sight of the room, and is told all. */
static void
sync_in(struct in *in, struct xml_node const *x)
{
  struct session *s = in->session;
  struct change c = {.self = s, .id = in->st.id, .quiet = true};
  struct slice nick = slice_str(s->o->nick);

  c.self_codes = entering_codes(in->room, is_creating(in), *altered(in, nick));
  avatar_send(in->room, s);
  show_all_to(s);
  show(s->o, &c);
  history_send(s, x);
  subject_send(s);
}

/* Before routed's first hello the change would be shown to nobody. */
static void
show_held(void *cookie)
{
  struct session *s = cookie;
  struct change c = {.codes = ""};

  if (!mucd.routed) {
    presence_hold(s, door_now() + HOLD_RETRY_US);
    return;
  }
  s->shown_us = door_now();
  session_save(s);
  show(s->o, &c);
}

void
presence_hold(struct session *s, uint64_t due)
{
  event_timer_start(&s->held, due, show_held, s);
}

/* Say whether a change comes too early: the newest one is shown in time. */
static bool
is_held(struct session *s, uint64_t bytes)
{
  uint64_t due;

  if (event_timer_on(&s->held)) return true;
  due = presence_due(s, bytes);
  if (due <= door_now()) {
    s->shown_us = door_now();
    return false;
  }
  presence_hold(s, due);
  return true;
}

/* A presence that comes again is shown to the others again: a mucd that was killed may have taken it, and
 * told nobody. */
static void
update(struct in *in, struct xml_node const *x)
{
  struct session *s = in->session;
  struct occupant *o = s->o;
  struct session *before = o->sessions;
  bool changed = session_take(in), held;
  struct change c = {.self = s, .id = in->st.id};

  occupant_order(o);
  if (o->sessions != before)
    changed = true;
  else if (o->sessions != s)
    changed = false;
  held = changed && !x && !in->again && is_held(s, in->st.xml.len);
  if (in->again) changed = true;
  session_save(s);
  if (x) {
    struct change others = {.self = s, .not_self = true};
    if (changed) show(o, &others);
    sync_in(in, x);
    return;
  }
  if (held) return;
  c.quiet = !changed;
  show(o, &c);
}

static void
available(struct in *in, struct xml_node const *x)
{
  struct slice nick, key;
  bool comes; /* under this nick */

  if (in->session && !in->to.resource.len) {
    update(in, x);
    return;
  }
  if (!read_nick(in, &nick, &key)) return;
  comes = in->session ? !slice_is(nick, in->session->o->nick) : x != NULL;
  if (comes && store_is_full(mucd.present))
    refuse(&in->st, ERR_INTERNAL, "wait", "the server has no room on its disk");
  else if (!in->session)
    enter(in, x, nick, key);
  else if (slice_is(nick, in->session->o->nick))
    update(in, x);
  else if (change_nick(in, nick, key) && x)
    sync_in(in, x);
}

/* s7.2.18: a client that believes to be in is told that it is not. */
static void
not_in(struct in *in)
{
  static stralloc xml = STRALLOC_ZERO;
  struct envelope e = {in->to.full, SLICE("presence"), SLICE("unavailable"), in->st.id,
                       SLICE("")};

  xml.len = 0;
  put(&xml, "<presence");
  put_attr(&xml, "from", in->to.full);
  put(&xml, " type='unavailable'");
  if (in->st.id.len) put_attr(&xml, "id", in->st.id);
  put(&xml,
      "><x xmlns='" NS_MUC_USER "'><item affiliation='none' role='none'/>"
      "<status code='110'/><status code='307'/><status code='333'/></x></presence>");
  send_one(in->from.full, &e, slice_of(xml.s, xml.len));
}

static void
probe(struct in *in)
{
  struct slice key = jid_nick_key(in->arena, in->to.resource);
  struct occupant *o = in->room ? occupant_by_nick(in->room, key) : NULL;
  struct slice owner;
  struct affil a;

  if (!in->session) {
    refuse(&in->st, ERR_NOT_ACCEPTABLE, "", "");
    return;
  }
  if (o && o != in->session->o && !(in->room->config.broadcast >> o->role & 1)) return;
  if (o) {
    struct change own = {.self = in->session, .quiet = true};
    if (o == in->session->o)
      show(o, &own);
    else
      show_to(o, in->session);
    return;
  }
  owner = in->to.resource.len ? nick_owner(in->room, key) : SLICE("");
  if (!owner.len) return;
  owner = arena_copy(in->arena, owner);
  affil_get(in->room, owner, &a);
  show_away(in->session, in->to.full, owner, &a);
}

/* A client that comes back under its old name may be in the room before xmpp-userd has told of the end
 * of its earlier session. */
static bool
is_of_earlier(struct in *in)
{
  struct session const *s = in->session;

  return s && s->number && number_of(in) != s->number && !s->away;
}

static void
unavailable(struct in *in)
{
  if (!is_of_earlier(in) && in->session) leave_in(in);
}

void
presence_in(struct in *in)
{
  struct xml_node const *x = xml_child(in->e, NS_MUC, "x");
  struct slice type = in->st.type;

  if (slice_is(type, "error")) {
    error_in(in);
  } else if (slice_is(type, "unavailable")) {
    unavailable(in);
  } else if (slice_is(type, "probe")) {
    probe(in);
  } else if (type.len) {
    return;
  } else if (!in->to.local.len) {
    refuse(&in->st, ERR_JID_MALFORMED, "", "a room is missing");
  } else if (!in->session && in->to.resource.len && !x) {
    not_in(in);
  } else {
    available(in, x);
  }
}
