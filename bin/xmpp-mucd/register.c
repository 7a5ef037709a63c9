#include "rtbl.h"

#include <stdlib.h>
#include <string.h>

/* Registration of nicks with a room (XEP-0045 s7.10) or with the service, for all its rooms. */

#define FORM_REGISTER NS_MUC "#register"

static struct form_field const fields[] = {
  FORM_FIELD(FORM_TEXT_SINGLE, "muc#register_roomnick", "Nickname", .required = true),
};

static struct form const form = {
  .form_type = FORM_REGISTER,
  .title = "Register a nick",
  .fields = fields,
  .fields_n = 1,
};

/* The nick that the sender has registered, in the arena; empty. */
static struct slice
registered(struct in *in)
{
  struct affil a;

  if (!in->room) return arena_copy(in->arena, nick_of(in->muc, in->from.bare));
  affil_get(in->room, in->from.bare, &a);
  return arena_copy(in->arena, a.nick);
}

/* Membership gives voice and the archive, so a nick is no way to either: who has lost voice, and who
 * is outside of a room that asks for a password, registers none. */
static bool
may_be_member(struct in *in)
{
  struct affil stored;

  if (in->room->config.flags & FLAG_PASSWORD && !in->session) return false;
  if (default_role(in->room, AFF_NONE) != IS_PARTICIPANT) return false;
  if (in->session) return in->session->o->role != IS_VISITOR;
  affil_get(in->room, in->from.bare, &stored);
  return stored.role != IS_VISITOR;
}

static bool
may_register(struct in *in)
{
  enum affiliation a = in->room ? affil_of(in->room, &in->from) : AFF_MEMBER;

  if (rtbl_refuses(in)) return false;
  if (in->from.bare.len > STORED_NAME_MAX) {
    refuse(&in->st, ERR_JID_MALFORMED, "", "your address is too long for rooms");
    return false;
  }
  if (a == AFF_OUTCAST) {
    refuse(&in->st, ERR_FORBIDDEN, "", "");
    return false;
  }
  if (a == AFF_NONE && in->room->config.flags & FLAG_MEMBERS_ONLY) {
    refuse(&in->st, ERR_REGISTRATION_REQUIRED, "", "the room is for members");
    return false;
  }
  if (!muc_allows(in->muc, RULE_REGISTER, &in->from) ||
      (a == AFF_NONE && !may_be_member(in))) {
    refuse(&in->st, ERR_NOT_ALLOWED, "", "");
    return false;
  }
  return true;
}

void
register_get(struct in *in)
{
  static stralloc out = STRALLOC_ZERO;
  struct slice nick = registered(in);
  struct form_value v = {.given = true, .text = nick};

  if (!may_register(in)) return;
  out.len = 0;
  put(&out, "<query xmlns='" NS_REGISTER "'>");
  if (nick.len) {
    put(&out, "<registered/><username>");
    put_text(&out, nick);
    put(&out, "</username>");
  }
  if (!form_cat(&out, "form", &form, &v)) no_memory();
  put(&out, "</query>");
  result(in, slice_of(out.s, out.len));
}

/* Reserve the nick of this key (empty: none) in the room, in the place of what the sender has. */
static void
put_nick(struct in *in, struct slice key)
{
  struct slice old = registered(in);

  if (old.len) nick_put(in->room, jid_nick_key(in->arena, old), SLICE(""));
  if (key.len) nick_put(in->room, key, in->from.bare);
}

/* Say whether the store takes writes. false: refused. */
static bool
may_write(struct in *in)
{
  if (!store_is_full(mucd.store)) return true;
  refuse(&in->st, ERR_INTERNAL, "wait", "the server has no room on its disk");
  return false;
}

static void
unregister(struct in *in)
{
  struct affil a;
  struct change c = {.codes = ""};

  if (!may_write(in)) return;
  if (!in->room) {
    nick_set(in->muc, in->from.bare, SLICE(""));
  } else {
    put_nick(in, SLICE(""));
    affil_get(in->room, in->from.bare, &a);
    a.nick = a.reason = SLICE("");
    if (a.affiliation == AFF_MEMBER) {
      a.affiliation = AFF_NONE;
      affil_put(in->room, in->from.bare, &a);
      set_affiliation(in->room, in->from.bare, AFF_NONE, &c);
    } else
      affil_put(in->room, in->from.bare, &a);
  }
  result(in, SLICE(""));
  if (in->room) after_leave(in->room);
}

static bool
is_free(struct in *in, struct slice key)
{
  struct occupant *o;
  struct slice owner;

  if (!in->room) return !nick_is_others(in->muc, key, in->from.bare);
  o = occupant_by_nick(in->room, key);
  owner = nick_owner(in->room, key);
  return (!owner.len || slice_eq(owner, in->from.bare)) &&
         (!o || slice_is(in->from.bare, o->account->bare));
}

/* Say whether the store can have the nick. */
static bool
fits(struct in *in, struct slice key)
{
  return in->room ? key.len <= STORED_NAME_MAX : nick_fits(in->muc, key, in->from.bare);
}

static void
take(struct in *in, struct slice nick, struct slice key)
{
  struct affil a;
  struct change c = {.codes = ""};
  struct occupant *o = NULL;
  bool fresh;

  if (!in->room) {
    nick_set(in->muc, in->from.bare, nick);
    return;
  }
  put_nick(in, key);
  affil_get(in->room, in->from.bare, &a);
  fresh = a.affiliation == AFF_NONE;
  if (fresh) a.affiliation = AFF_MEMBER;
  a.nick = nick;
  a.reason = SLICE("");
  affil_put(in->room, in->from.bare, &a);
  if (fresh) set_affiliation(in->room, in->from.bare, AFF_MEMBER, &c);
  while (!fresh && (o = occupant_of(in->room, in->from.bare, o)))
    show(o, &c);
}

void
register_set(struct in *in, struct xml_node const *query)
{
  struct xml_node const *x = xml_child(query, FORM_NS, "x");
  struct slice nick, key;
  bool submit = x && !slice_is(xml_attr(x, "type"), "cancel");
  bool given = submit && form_next(x, "muc#register_roomnick", NULL);

  nick = given ? form_get(in->arena, x, "muc#register_roomnick") : SLICE("");
  if (xml_child(query, NS_REGISTER, "remove") || (given && !nick.len)) {
    unregister(in);
    return;
  }
  if (!may_register(in)) return;
  if (x && !submit) {
    result(in, SLICE(""));
  } else if (!nick.len) {
    refuse(&in->st, ERR_BAD_REQUEST, "", "the nick is missing");
  } else if (!(nick = jid_prep_nick(in->arena, nick)).s || nick.len > 256) {
    refuse(&in->st, ERR_NOT_ACCEPTABLE, "", "that is no nick");
  } else if (!fits(in, key = jid_nick_key(in->arena, nick))) {
    refuse(&in->st, ERR_NOT_ACCEPTABLE, "", "the nick or your address is too long");
  } else if (!is_free(in, key)) {
    refuse(&in->st, ERR_CONFLICT, "", "the nick is somebody else's");
  } else if (in->room && affil_of(in->room, &in->from) == AFF_NONE &&
             !affils_fit(in->room, 1)) {
    refuse(&in->st, ERR_RESOURCE_CONSTRAINT, "", "the room has too many members");
  } else if (may_write(in)) {
    take(in, nick, key);
    result(in, SLICE(""));
  }
}
