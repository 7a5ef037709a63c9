#include "left.h"

#include <stdlib.h>
#include <string.h>

/* Roles and affiliations (XEP-0045 s8, s9): lists, and changes, of which all items are checked
 * before one is done. */

struct item {
  struct xml_node const *e;
  struct slice jid; /* bare */
  struct slice nick, reason;
  struct occupant *o; /* of a role */
  int role, affiliation;
};

/* ---- lists ---- */

struct list {
  stralloc out;
  enum affiliation a;
  size_t n;
};

static void
cat_reason(stralloc *out, struct slice reason)
{
  if (!reason.len) {
    put(out, "/>");
    return;
  }
  put(out, "><reason>");
  put_text(out, reason);
  put(out, "</reason></item>");
}

static bool
cat_affil(void *cookie, struct slice bare, struct affil const *a)
{
  struct list *l = cookie;

  if (a->affiliation != l->a) return true;
  put(&l->out, "<item");
  put_attr(&l->out, "jid", bare);
  put_attr(&l->out, "affiliation", slice_str(affiliation_names[l->a]));
  if (a->nick.len) put_attr(&l->out, "nick", a->nick);
  cat_reason(&l->out, a->reason);
  return l->out.len < STANZA_MAX / 2;
}

static bool
may_list(struct in *in, int affiliation)
{
  enum affiliation own = affiliation_of(in);

  if (own >= AFF_ADMIN) return true;
  if (affiliation == AFF_OUTCAST || affiliation == AFF_NONE) return false;
  if (in->room->config.flags & FLAG_ANONYMOUS) return false;
  return own == AFF_MEMBER || (in->session && own != AFF_OUTCAST);
}

static void
list_roles(struct in *in, stralloc *out, int role)
{
  struct occupant *o;

  for (o = in->room->first; o; o = o->next) {
    if ((int)o->role != role) continue;
    put(out, "<item");
    put_attr(out, "nick", slice_str(o->nick));
    put_attr(out, "role", slice_str(role_names[o->role]));
    put_attr(out, "affiliation", slice_str(affiliation_names[o->affiliation]));
    put_attr(out, "jid", slice_str(o->sessions->full));
    put(out, "/>");
  }
}

void
admin_get(struct in *in, struct xml_node const *query)
{
  static struct list l;
  struct xml_node const *item = xml_child(query, NS_MUC_ADMIN, "item");
  struct slice a = xml_attr(item ? item : query, "affiliation");
  struct slice r = xml_attr(item ? item : query, "role");
  int aff = affiliation_find(a), role = role_named(r);

  if (!item || xml_next(query, item) || (aff < 0) == (role < 0)) {
    refuse(&in->st, ERR_BAD_REQUEST, "",
           "one item with a role or an affiliation is needed");
    return;
  }
  if (aff >= 0 ? !may_list(in, aff) : !may_moderate(in)) {
    refuse(&in->st, ERR_FORBIDDEN, "", "");
    return;
  }
  l.out.len = 0;
  l.a = (enum affiliation)(aff < 0 ? 0 : aff);
  put(&l.out, "<query xmlns='" NS_MUC_ADMIN "'>");
  if (aff >= 0 && aff != AFF_NONE) affil_each(in->room, cat_affil, &l);
  if (aff < 0) list_roles(in, &l.out, role);
  put(&l.out, "</query>");
  if (l.out.len < STANZA_MAX / 2)
    result(in, slice_of(l.out.s, l.out.len));
  else
    refuse(&in->st, ERR_RESOURCE_CONSTRAINT, "", "the list is too long");
}

/* ---- items ---- */

static bool
no(struct in *in, enum stanza_error e, char const *text)
{
  refuse(&in->st, e, "", text);
  return false;
}

/* An occupant by nick, or by the address of a session. */
static struct occupant *
find_occupant(struct in *in, struct slice nick, struct slice jid)
{
  struct slice n;
  struct jid j;
  struct session *s;

  if (nick.len) {
    n = jid_prep_nick(in->arena, nick);
    return n.s ? occupant_by_nick(in->room, jid_nick_key(in->arena, n)) : NULL;
  }
  if (!jid_parse(in->arena, jid, &j)) return NULL;
  s = session_find(in->room, &j);
  return s ? s->o : NULL;
}

/* A nick beside an address is reserved for it; an empty one is given back. */
static bool
read_nick(struct in *in, struct item *it)
{
  struct slice owner;
  struct occupant *o;

  if (!it->nick.len) return true;
  it->nick = jid_prep_nick(in->arena, it->nick);
  if (!it->nick.s || it->nick.len > 256)
    return no(in, ERR_NOT_ACCEPTABLE, "that is no nick");
  owner = nick_owner(in->room, jid_nick_key(in->arena, it->nick));
  o = occupant_by_nick(in->room, jid_nick_key(in->arena, it->nick));
  if (o && !slice_is(it->jid, o->account->bare) &&
      !slice_is(in->from.bare, o->account->bare) && o->affiliation >= AFF_ADMIN &&
      o->affiliation >= affiliation_of(in))
    return no(in, ERR_CONFLICT, "an admin has the nick");
  return !owner.len || slice_eq(owner, it->jid) ||
         no(in, ERR_CONFLICT, "the nick is reserved for somebody else");
}

/* The right to set anything of the kind is asked about before anything is looked up, so that strangers
 * do not learn who is there. */
static bool
may_set(struct in *in, bool role)
{
  return (role ? may_moderate(in) : affiliation_of(in) >= AFF_ADMIN) ||
         no(in, ERR_FORBIDDEN, "");
}

static bool
read_item(struct in *in, struct xml_node const *e, struct item *it)
{
  struct slice jid = xml_attr(e, "jid"), nick = xml_attr(e, "nick");
  struct xml_node const *reason = xml_child(e, NS_MUC_ADMIN, "reason");
  struct slice role = xml_attr(e, "role"), aff = xml_attr(e, "affiliation");
  struct jid j;

  *it = (struct item){
    .e = e, .nick = nick, .role = role_named(role), .affiliation = affiliation_find(aff)};
  if ((role.s && it->role < 0) || (aff.s && it->affiliation < 0) || !role.s == !aff.s)
    return no(in, ERR_BAD_REQUEST, "a role or an affiliation is needed");
  if (!may_set(in, role.s != NULL)) return false;
  if (reason) it->reason = xml_text(in->arena, reason);
  if (it->reason.len > MUC_REASON_MAX)
    return no(in, ERR_NOT_ACCEPTABLE, "the reason is too long");
  if (role.s || !jid.len) {
    it->o = find_occupant(in, nick, jid);
    if (!it->o) return no(in, ERR_ITEM_NOT_FOUND, "nobody has this nick");
    it->jid = arena_copy(in->arena, slice_str(it->o->account->bare));
    if (!it->jid.s) no_memory();
    if (aff.s) it->nick = (struct slice){NULL, 0};
    return true;
  }
  if (!jid_parse(in->arena, jid, &j) || j.bare.len > STORED_NAME_MAX)
    return no(in, ERR_JID_MALFORMED, "");
  it->jid = j.bare;
  if (!j.local.len && it->affiliation > AFF_NONE)
    return no(in, ERR_NOT_ACCEPTABLE, "a domain can only be banned");
  return read_nick(in, it);
}

static bool
may_set_role(struct in *in, struct item const *it)
{
  enum affiliation own = affiliation_of(in);
  enum standing now;

  if (!it->o) return no(in, ERR_ITEM_NOT_FOUND, "");
  now = it->o->role;
  if (it->role == IS_NOBODY && slice_is(in->from.bare, it->o->account->bare)) return true;
  if ((it->role == IS_MODERATOR || now == IS_MODERATOR) && it->role != IS_NOBODY &&
      (int)now != it->role) {
    if (own < AFF_ADMIN) return no(in, ERR_NOT_ALLOWED, "");
    if (now == IS_MODERATOR && it->o->affiliation >= AFF_ADMIN)
      return no(in, ERR_NOT_ALLOWED, "an admin's role cannot be taken");
    return true;
  }
  if (it->o->affiliation > own ||
      (it->o->affiliation == own && own >= AFF_ADMIN && it->role == IS_NOBODY) ||
      (it->role != IS_MODERATOR && it->o->affiliation >= AFF_ADMIN))
    return no(in, ERR_NOT_ALLOWED, "");
  return true;
}

static bool
may_set_affiliation(struct in *in, struct item const *it)
{
  enum affiliation own = affiliation_of(in), now;
  struct affil a;

  affil_get(in->room, it->jid, &a);
  now = a.affiliation;
  if (it->affiliation == AFF_OUTCAST && slice_eq(it->jid, in->from.bare))
    return no(in, ERR_CONFLICT, "you cannot ban yourself");
  if (own == AFF_ADMIN && it->affiliation >= AFF_ADMIN && (int)now != it->affiliation)
    return no(in, ERR_FORBIDDEN, "");
  if (own == AFF_ADMIN && now >= AFF_ADMIN && (int)now != it->affiliation)
    return no(in, ERR_NOT_ALLOWED, "");
  return true;
}

static bool
is_last_of(struct item const *items, size_t n, size_t i)
{
  size_t k;

  for (k = i + 1; k < n; k++)
    if (items[k].role < 0 && slice_eq(items[k].jid, items[i].jid)) return false;
  return true;
}

/* The room has an owner when all items are done. */
static bool
owner_stays(struct in *in, struct item const *items, size_t n)
{
  size_t before = affil_count(in->room, AFF_OWNER), gone = 0, fresh = 0, i;
  struct affil a;

  for (i = 0; i < n; i++) {
    if (items[i].role >= 0) continue;
    affil_get(in->room, items[i].jid, &a);
    if ((a.affiliation == AFF_OWNER) == (items[i].affiliation == AFF_OWNER) ||
        !is_last_of(items, n, i))
      continue;
    gone += a.affiliation == AFF_OWNER;
    fresh += a.affiliation != AFF_OWNER;
  }
  return !gone || before + fresh > gone || no(in, ERR_CONFLICT, "a room needs an owner");
}

/* ---- changes ---- */

void
set_role(struct occupant *o, enum standing role, struct change const *c)
{
  struct change d = *c;

  d.before = o->role;
  d.was = true;
  if (role == IS_NOBODY) {
    left_note(o, &d, true);
    d.gone = true;
    show(o, &d);
    while (o->sessions_n > 1)
      session_del(o->sessions->next);
    session_del(o->sessions);
    return;
  }
  o->role = role;
  occupant_save(o);
  show(o, &d);
  /* s9.6: a new moderator is shown who the others are. */
  if (role == IS_MODERATOR && d.before != role &&
      o->room->config.flags & FLAG_ANONYMOUS) {
    struct session *s;
    for (s = o->sessions; s; s = s->next)
      show_all_to(s);
  }
}

void
keep_role(struct occupant *o, enum standing role)
{
  enum standing usual = default_role(o->room, o->affiliation);
  struct affil a, b;
  char *nick, *reason;

  if (o->affiliation > AFF_MEMBER) return;
  affil_get(o->room, slice_str(o->account->bare), &a);
  b = a;
  b.role = role == IS_VISITOR && usual > IS_VISITOR           ? IS_VISITOR
           : role == IS_PARTICIPANT && usual < IS_PARTICIPANT ? IS_PARTICIPANT
                                                              : 0;
  if (a.role == b.role) return;
  b.since_us = door_wall();
  b.nick = slice_str(nick = must_dup(a.nick));
  b.reason = slice_str(reason = must_dup(a.reason));
  affil_put(o->room, slice_str(o->account->bare), &b);
  free(nick);
  free(reason);
}

static struct change
by_actor(struct in *in, struct item const *it)
{
  struct occupant const *o = moderator_of(in);
  struct change c = {.reason = it->reason};

  if (!o && in->session) o = in->session->o;
  c.actor = o ? arena_copy(in->arena, slice_str(o->nick)) : SLICE("");
  if (!c.actor.s) no_memory();
  c.actor_jid = in->from.bare;
  return c;
}

/* s9.8, s9.9: those who may see it are told of one who is not here. */
static void
tell_absent(struct room *r, struct slice bare, enum affiliation a, struct change const *c)
{
  static stralloc xml = STRALLOC_ZERO, tos = STRALLOC_ZERO;
  struct envelope e = {r->bare, SLICE("message"), SLICE(""), SLICE(""), SLICE("")};
  struct occupant *o;
  struct session *s;

  tos.len = xml.len = 0;
  for (o = r->first; o; o = o->next)
    for (s = sees_jids(o) ? o->sessions : NULL; s; s = s->next)
      add_to(&tos, slice_str(s->full));
  put(&xml, "<message");
  put_attr(&xml, "from", r->bare);
  put(&xml, "><x xmlns='" NS_MUC_USER "'><item");
  put_attr(&xml, "affiliation", slice_str(affiliation_names[a]));
  put_attr(&xml, "jid", bare);
  cat_reason(&xml, c->reason);
  if (a == AFF_OUTCAST) put(&xml, "<status code='301'/>");
  put(&xml, "</x></message>");
  send_fanout(slice_of(tos.s, tos.len), &e, slice_of(xml.s, xml.len));
}

static void
change_occupant(struct occupant *o, enum affiliation a, struct change const *c)
{
  enum affiliation before = o->affiliation;
  enum standing usual = default_role(o->room, a), role = o->role;
  struct change d = *c;

  if (a == AFF_NONE && o->admin) {
    a = AFF_OWNER;
    usual = IS_MODERATOR;
  }
  o->affiliation = a;
  if (a == AFF_OUTCAST || usual == IS_NOBODY) {
    d.codes = a == AFF_OUTCAST ? "301" : "321";
    set_role(o, IS_NOBODY, &d);
    return;
  }
  if (usual > role || a < before) role = usual;
  set_role(o, role, &d);
}

/* Say whether the new affiliation of the address, or the ban of the domain, is the occupant's. */
static bool
is_meant(struct occupant const *o, struct slice who, enum affiliation a)
{
  struct jid j = jid_cut(slice_str(o->account->bare));

  return slice_eq(j.bare, who) ||
         (a == AFF_OUTCAST && o->affiliation == AFF_NONE && slice_eq(j.domain, who));
}

void
set_affiliation(struct room *r, struct slice bare, enum affiliation a,
                struct change const *c)
{
  struct occupant *o, *next;
  bool any = false;

  for (o = r->first; o; o = next) {
    next = o->next;
    if (!is_meant(o, bare, a)) continue;
    any = true;
    change_occupant(o, a, c);
  }
  if (!any) tell_absent(r, bare, a, c);
}

/* Store the affiliation of an item. true: the reserved nick has changed. */
static bool
store_affiliation(struct in *in, struct item const *it)
{
  struct affil a, old;
  char *kept;
  bool changed;

  affil_get(in->room, it->jid, &old);
  kept = must_dup(old.nick);
  a = (struct affil){.affiliation = (enum affiliation)it->affiliation,
                     .reason = it->reason,
                     .nick = slice_str(kept)};
  if (it->nick.s) a.nick = it->nick;
  if (a.affiliation <= AFF_NONE) a.nick = SLICE("");
  changed = !slice_is(a.nick, kept);
  if (*kept && changed)
    nick_put(in->room, jid_nick_key(in->arena, slice_str(kept)), SLICE(""));
  if (a.nick.len) nick_put(in->room, jid_nick_key(in->arena, a.nick), it->jid);
  affil_put(in->room, it->jid, &a);
  free(kept);
  return changed;
}

/* s7.10: a person who has the nick that is now reserved for another leaves. */
static void
free_nick(struct in *in, struct item const *it)
{
  struct occupant *o = it->nick.len && it->affiliation > AFF_NONE
                         ? occupant_by_nick(in->room, jid_nick_key(in->arena, it->nick))
                         : NULL;
  struct change c = {.codes = "307", .reason = SLICE("This nickname is reserved")};

  if (o && !slice_is(it->jid, o->account->bare)) set_role(o, IS_NOBODY, &c);
}

static void
apply_affiliation(struct in *in, struct item const *it)
{
  struct change c = by_actor(in, it);
  struct occupant *o = NULL;
  struct affil a;
  bool renamed;

  affil_get(in->room, it->jid, &a);
  renamed = store_affiliation(in, it);
  free_nick(in, it);
  if ((int)a.affiliation != it->affiliation)
    set_affiliation(in->room, it->jid, (enum affiliation)it->affiliation, &c);
  else
    while (renamed && (o = occupant_of(in->room, it->jid, o)))
      show(o, &c);
}

static void
apply_role(struct in *in, struct item const *it)
{
  struct change c = by_actor(in, it);
  struct occupant *o = find_occupant(in, xml_attr(it->e, "nick"), xml_attr(it->e, "jid"));

  if (!o || (it->role != IS_NOBODY && (int)o->role == it->role)) return;
  if (it->role == IS_NOBODY)
    c.codes = "307";
  else
    keep_role(o, (enum standing)it->role);
  set_role(o, (enum standing)it->role, &c);
}

/* The sender may leave by an item of its own. */
static void
apply(struct in *in, struct item const *it)
{
  if (it->role >= 0)
    apply_role(in, it);
  else
    apply_affiliation(in, it);
  in->session = session_find(in->room, &in->from);
}

static bool
checks_hold(struct in *in, struct item *it)
{
  if (it->role >= 0) return may_set_role(in, it);
  return may_set_affiliation(in, it);
}

/* Say whether the item gives an affiliation to an address that the room does not know. */
static bool
is_fresh(struct in *in, struct item const *it)
{
  struct affil a;

  if (it->role >= 0 || it->affiliation == AFF_NONE) return false;
  affil_get(in->room, it->jid, &a);
  return a.affiliation == AFF_NONE && !a.role && !a.nick.len;
}

void
admin_set(struct in *in, struct xml_node const *query)
{
  static struct item items[MUC_ITEMS_MAX];
  struct xml_node const *e = NULL;
  struct room *r = in->room;
  size_t n = 0, fresh = 0, i;

  while ((e = xml_next(query, e))) {
    if (!xml_is(e, NS_MUC_ADMIN, "item")) continue;
    if (n == MUC_ITEMS_MAX) {
      refuse(&in->st, ERR_RESOURCE_CONSTRAINT, "", "too many items");
      return;
    }
    if (!read_item(in, e, &items[n]) || !checks_hold(in, &items[n])) return;
    fresh += is_fresh(in, &items[n]);
    n++;
  }
  if (!n) {
    refuse(&in->st, ERR_BAD_REQUEST, "", "an item is missing");
    return;
  }
  if (!owner_stays(in, items, n)) return;
  if (fresh && !affils_fit(r, fresh)) {
    refuse(&in->st, ERR_RESOURCE_CONSTRAINT, "", "the room has too many affiliations");
    return;
  }
  if (store_is_full(mucd.store)) {
    refuse(&in->st, ERR_INTERNAL, "wait", "the server has no room on its disk");
    return;
  }
  for (i = 0; i < n; i++)
    apply(in, &items[i]);
  result(in, SLICE(""));
  after_leave(r);
}
