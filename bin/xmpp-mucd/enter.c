#include "rtbl.h"

#include <stdio.h>
#include <string.h>

/* Entering a room (XEP-0045 s7.2): the checks in their order, then all that the one who comes is
 * told, in one turn. */

/* Rooms that wait for their forms: of a service, of one account. */
#define LOCKED_MAX 50
#define LOCKED_OF_ONE_MAX 5

static bool
no(struct in *in, enum stanza_error e, char const *type, char const *text)
{
  refuse(&in->st, e, type, text);
  return false;
}

/* ---- a room that is not there ---- */

static bool
is_in_few_rooms(struct in *in)
{
  struct account *a = account_find(in->from.bare);

  return !a || a->n < in->muc->conferences_max ||
         no(in, ERR_RESOURCE_CONSTRAINT, "", "you are in too many rooms");
}

static bool
may_create(struct in *in, struct slice key)
{
  struct muc const *m = in->muc;
  struct slice owner = nick_of_service(m, key);

  if (!muc_allows(m, RULE_CREATE, &in->from))
    return no(in, ERR_NOT_ALLOWED, "", "you may not make rooms here");
  if (in->to.local.len > m->max_room_id || in->to.bare.len > STORED_NAME_MAX)
    return no(in, ERR_NOT_ALLOWED, "", "the name of the room is too long");
  if (m->room_regexp.len && !access_regexp_holds(m->room_regexp, in->to.local))
    return no(in, ERR_NOT_ALLOWED, "", "no room may have this name");
  if (owner.len && !slice_eq(owner, in->from.bare))
    return no(in, ERR_CONFLICT, "", "the nick is somebody else's");
  return is_in_few_rooms(in);
}

static unsigned int
locked_of(struct muc const *m)
{
  struct room *r;
  unsigned int n = 0;

  for (r = room_next_locked(NULL); r; r = room_next_locked(r))
    n += r->muc == m;
  return n;
}

static unsigned int
locked_by(struct account const *a)
{
  struct occupant *o;
  unsigned int n = 0;

  for (o = a ? a->first : NULL; o; o = o->next_of)
    n += o->room->state == ROOM_LOCKED;
  return n;
}

static bool
create(struct in *in, struct xml_node const *x)
{
  struct xml_node const *p = xml_child(x, NS_MUC, "password");
  struct slice secret = p ? xml_text(in->arena, p) : SLICE("");
  struct affil a = {.affiliation = AFF_OWNER, .nick = SLICE(""), .reason = SLICE("")};

  if (store_is_full(mucd.store))
    return no(in, ERR_INTERNAL, "wait", "the server has no room on its disk");
  if (locked_by(account_find(in->from.bare)) >= LOCKED_OF_ONE_MAX ||
      locked_of(in->muc) >= LOCKED_MAX)
    return no(in, ERR_RESOURCE_CONSTRAINT, "", "too many rooms wait for their forms");
  if (secret.len > MUC_TEXT_MAX || secret.len > in->muc->max_password)
    return no(in, ERR_NOT_ACCEPTABLE, "", "the password is too long");
  in->room = room_make(in->muc, &in->to);
  if (!in->room) return no(in, ERR_INTERNAL, "wait", "");
  affil_put(in->room, in->from.bare, &a);
  if (secret.len) {
    config_set_text(&in->room->config, TEXT_PASSWORD, secret);
    in->room->config.flags |= FLAG_PASSWORD;
  }
  return true;
}

/* ---- the checks ---- */

static bool
has_password(struct in *in, struct xml_node const *x)
{
  struct xml_node const *p = xml_child(x, NS_MUC, "password");

  return p && slice_is(xml_text(in->arena, p), in->room->config.text[TEXT_PASSWORD]);
}

static bool
is_tombstone(struct in *in)
{
  static char alt[JID_MAX + 16];
  struct room *r = in->room;

  if (!r || r->state != ROOM_TOMBSTONE) return false;
  if (in->admin) {
    room_end(r);
    in->room = NULL;
    return false;
  }
  snprintf(alt, sizeof alt, "xmpp:%s?join", r->alt);
  refuse_more(&in->st, ERR_GONE, "", r->why, *r->alt ? slice_str(alt) : SLICE(""));
  return true;
}

static bool
affiliation_lets_in(struct in *in, struct xml_node const *x, enum affiliation a)
{
  struct room *r = in->room;

  if (a == AFF_OUTCAST) return no(in, ERR_FORBIDDEN, "", "you are banned from this room");
  if (r->state == ROOM_LOCKED && a != AFF_OWNER)
    return no(in, ERR_ITEM_NOT_FOUND, "", "the room is not open yet");
  if (r->config.flags & FLAG_MEMBERS_ONLY && a == AFF_NONE)
    return no(in, ERR_REGISTRATION_REQUIRED, "", "the room is for members");
  if (r->config.flags & FLAG_PASSWORD && a != AFF_OWNER && !in->admin &&
      !has_password(in, x))
    return no(in, ERR_NOT_AUTHORIZED, "", "the room has a password");
  return true;
}

static bool
has_room(struct in *in, enum affiliation a, struct occupant const *o)
{
  struct room *r = in->room;
  uint64_t most = r->config.max_users;

  if (!most || most > in->muc->users_max) most = in->muc->users_max;
  if (a >= AFF_ADMIN) most += in->muc->users_threshold;
  if (in->admin) most = UINT64_MAX;
  if (r->sessions_n >= mucd.sessions_max || (!o && r->sessions_n >= most))
    return no(in, ERR_SERVICE_UNAVAILABLE, "wait", "the room is full");
  if (o && o->sessions_n >= MUC_SESSIONS_MAX)
    return no(in, ERR_RESOURCE_CONSTRAINT, "", "too many sessions with this nick");
  return o || is_in_few_rooms(in);
}

static bool
checks_hold(struct in *in, struct xml_node const *x, struct slice key)
{
  struct occupant *o;
  struct slice owner;
  enum affiliation a;

  if (in->from.bare.len > STORED_NAME_MAX)
    return no(in, ERR_JID_MALFORMED, "", "your address is too long for rooms");
  if (!muc_allows(in->muc, RULE_ACCESS, &in->from) && !in->admin)
    return no(in, ERR_FORBIDDEN, "", "you may not enter rooms here");
  if (is_tombstone(in) || rtbl_refuses(in)) return false;
  if (!in->room) return may_create(in, key);
  a = affiliation_of(in);
  if (!affiliation_lets_in(in, x, a)) return false;
  o = occupant_by_nick(in->room, key);
  owner = nick_owner(in->room, key);
  if ((o && !slice_is(in->from.bare, o->account->bare)) ||
      (owner.len && !slice_eq(owner, in->from.bare)))
    return no(in, ERR_CONFLICT, "", "the nick is somebody else's");
  return has_room(in, a, o);
}

/* ---- inside ---- */

/* A role that was taken comes back for 30 days. */
static enum standing
role_of(struct in *in, enum affiliation a)
{
  struct affil stored;
  enum standing usual = default_role(in->room, a);

  affil_get(in->room, in->from.bare, &stored);
  if (a > AFF_MEMBER || !stored.role || !(in->room->config.flags & FLAG_MODERATED) ||
      door_wall() - stored.since_us > 30ull * 86400 * 1000000)
    return usual;
  return (enum standing)stored.role;
}

static void
admit(struct in *in, struct slice nick, struct slice key)
{
  struct room *r = in->room;
  struct occupant *o = occupant_by_nick(r, key), *other = NULL;
  bool fresh = !o;
  struct session *s = session_add(r, o, &in->from, nick, key);

  in->session = s;
  if (!fresh) return;
  other = occupant_of(r, in->from.bare, NULL);
  if (other == s->o) other = occupant_of(r, in->from.bare, other);
  s->o->affiliation = affiliation_of(in);
  s->o->admin = in->admin;
  s->o->role = other ? other->role : role_of(in, s->o->affiliation);
  if (r->sessions_n > in->muc->users_presence) r->silent = true;
}

char const *
entering_codes(struct room const *r, bool created, bool altered)
{
  static char codes[32];

  *codes = 0;
  if (!(r->config.flags & FLAG_ANONYMOUS)) strcat(codes, "100 ");
  if (created) strcat(codes, "201 ");
  if (altered) strcat(codes, "210 ");
  if (*codes) codes[strlen(codes) - 1] = 0;
  return codes;
}

static void
welcome(struct in *in, struct xml_node const *x, bool created, bool altered, bool jids)
{
  struct session *s = in->session;
  struct change c = {.self = s, .id = in->st.id, .jids = jids};

  c.self_codes = entering_codes(in->room, created, altered);
  avatar_send(in->room, s);
  show_all_to(s);
  show(s->o, &c);
  history_send(s, x);
  subject_send(s);
}

void
enter(struct in *in, struct xml_node const *x, struct slice nick, struct slice key)
{
  bool created, same;
  struct session *before;
  struct occupant *o;

  if (!x) {
    if (in->room || in->to.resource.len) refuse(&in->st, ERR_NOT_ACCEPTABLE, "", "");
    return;
  }
  if (!checks_hold(in, x, key)) return;
  created = !in->room;
  if (created && !create(in, x)) return;
  o = occupant_by_nick(in->room, key);
  before = o ? o->sessions : NULL;
  admit(in, nick, key);
  session_take(in);
  o = in->session->o;
  occupant_order(o);
  occupant_save(o);
  /* Occupants who see no JIDs see nothing of another session that looks like the first. */
  same = before && !strcmp(before->presence, o->sessions->presence);
  welcome(in, x, created, !slice_eq(nick, in->to.resource), same);
}
