#include "mucd.h"

#include <string.h>

/* Presence of occupants as others see it (XEP-0045 s7.2, s9). One change of one occupant leaves in
 * at most four pieces, each for many: to those who see JIDs, to those who do not, to the occupant's
 * own sessions, and to the session that made the change. */

#define ITEMS_MAX 8

static struct {
  stralloc jids, plain, own;
} tos;

bool
sees_jids(struct occupant const *viewer)
{
  return !(viewer->room->config.flags & FLAG_ANONYMOUS) || viewer->role == IS_MODERATOR;
}

bool
is_shown(struct occupant const *o, enum standing role)
{
  if (o->room->silent && role != IS_MODERATOR) return false;
  return o->room->config.broadcast >> role & 1;
}

static void
cat_item_open(stralloc *out, struct occupant const *o, struct change const *c,
              struct session const *s)
{
  bool none = c->destroy.len != 0;
  enum standing role = c->gone && c->nick.len == 0 ? IS_NOBODY : o->role;

  put(out, "<item");
  put_attr(out, "affiliation",
           slice_str(none ? "none" : affiliation_names[o->affiliation]));
  put_attr(out, "role", slice_str(role_names[role]));
  if (s) put_attr(out, "jid", slice_str(s->full));
  if (c->nick.len) put_attr(out, "nick", c->nick);
}

static void
cat_item(stralloc *out, struct occupant const *o, struct change const *c,
         struct session const *s)
{
  cat_item_open(out, o, c, s);
  if (!c->actor.len && !c->reason.len && !(s && c->actor_jid.len)) {
    put(out, "/>");
    return;
  }
  put(out, ">");
  if (c->actor.len || (s && c->actor_jid.len)) {
    put(out, "<actor");
    if (c->actor.len) put_attr(out, "nick", c->actor);
    if (s && c->actor_jid.len) put_attr(out, "jid", c->actor_jid);
    put(out, "/>");
  }
  if (c->reason.len) {
    put(out, "<reason>");
    put_text(out, c->reason);
    put(out, "</reason>");
  }
  put(out, "</item>");
}

static void
cat_codes(stralloc *out, char const *codes)
{
  struct slice rest = slice_str(codes), code;

  while (slice_word(&rest, ' ', &code)) {
    put(out, "<status");
    put_attr(out, "code", code);
    put(out, "/>");
  }
}

/* Items name sessions for who sees JIDs: each session, the shown one first; only `one` if it is
 * not NULL. */
static void
cat_x(stralloc *out, struct occupant const *o, struct change const *c, bool jids,
      struct session const *one, char const *self_codes)
{
  struct session const *s;
  unsigned int n = 0;

  put(out, "<x xmlns='" NS_MUC_USER "'>");
  if (one || !jids)
    cat_item(out, o, c, jids ? one : NULL);
  else
    for (s = o->sessions; s && n < ITEMS_MAX; s = s->next, n++)
      cat_item(out, o, c, s);
  put_slice(out, c->destroy);
  if (self_codes) cat_codes(out, "110");
  if (self_codes) cat_codes(out, self_codes);
  cat_codes(out, c->codes ? c->codes : "");
  put(out, "</x>");
}

static bool
shows_hats(struct room const *r)
{
  return r->config.flags & FLAG_HATS;
}

static void
cat_presence(stralloc *out, struct occupant const *o, struct change const *c, bool jids,
             struct session const *one, char const *self_codes)
{
  struct session const *shown = o->sessions;

  out->len = 0;
  put(out, "<presence");
  put_attr(out, "from", nick_jid(o->room, slice_str(o->nick)));
  if (c->gone) put(out, " type='unavailable'");
  if (self_codes && c->id.len) put_attr(out, "id", c->id);
  if (!c->gone && *shown->lang) put_attr(out, "xml:lang", slice_str(shown->lang));
  put(out, ">");
  if (c->gone)
    put_slice(out, c->status);
  else
    put(out, shown->presence);
  cat_x(out, o, c, jids, one, self_codes);
  put(out, "<occupant-id xmlns='" NS_OCCUPANT "'");
  put_attr(out, "id", slice_str(o->oid));
  put(out, "/>");
  if (o->hats && !c->gone && shows_hats(o->room)) put(out, o->hats);
  put(out, "</presence>");
}

static void
send(struct occupant const *o, struct change const *c, struct slice to, bool jids,
     struct session const *one, char const *self_codes)
{
  static stralloc xml = STRALLOC_ZERO;
  struct envelope e = {.kind = SLICE("presence")};

  if (!to.len) return;
  cat_presence(&xml, o, c, jids, one, self_codes);
  e.from = nick_jid(o->room, slice_str(o->nick));
  e.type = c->gone ? SLICE("unavailable") : SLICE("");
  e.id = self_codes ? c->id : SLICE("");
  send_fanout(to, &e, slice_of(xml.s, xml.len));
}

static void
gather(struct occupant const *o, struct change const *c)
{
  struct occupant const *v;
  struct session const *s;

  tos.jids.len = tos.plain.len = 0;
  for (v = o->room->first; v; v = v->next) {
    if (v == o) continue;
    for (s = v->sessions; s; s = s->next)
      if (sees_jids(v))
        add_to(&tos.jids, slice_str(s->full));
      else if (!c->jids)
        add_to(&tos.plain, slice_str(s->full));
  }
}

static void
show_others(struct occupant *o, struct change const *c)
{
  struct change d = *c;
  bool shown = !c->hidden && is_shown(o, o->role);
  bool was = c->was ? is_shown(o, c->before) : shown;

  d.id = SLICE("");
  if (c->gone || c->hidden ? !was && !o->seen : !shown && !was) return;
  if (!c->gone && !shown) d.gone = true;
  gather(o, &d);
  send(o, &d, slice_of(tos.jids.s, tos.jids.len), true, NULL, NULL);
  send(o, &d, slice_of(tos.plain.s, tos.plain.len), false, NULL, NULL);
  o->seen = !d.gone;
}

void
show(struct occupant *o, struct change const *c)
{
  struct change d = *c;
  struct session *s;

  if (!c->quiet) show_others(o, c);
  tos.own.len = 0;
  for (s = o->sessions; s && !(c->quiet && c->self); s = s->next)
    if (s != c->self) add_to(&tos.own, slice_str(s->full));
  d.id = SLICE("");
  if (!sees_jids(o)) d.actor_jid = SLICE("");
  send(o, &d, slice_of(tos.own.s, tos.own.len), true, NULL, "");
  d.id = c->id;
  if (c->self && !c->not_self)
    send(o, &d, slice_str(c->self->full), true, NULL, c->self_codes ? c->self_codes : "");
}

void
show_gone_to(struct session *s, struct change const *c)
{
  struct change d = *c;

  d.gone = true;
  send(s->o, &d, slice_str(s->full), true, s, c->self_codes ? c->self_codes : "");
}

/* ---- to one who enters ---- */

void
view_wipe(struct occupant *o)
{
  stralloc_free(&o->view.from);
  stralloc_free(&o->view.xml);
}

static bool
is_fresh(struct occupant const *o, bool jids)
{
  struct view const *v = &o->view;

  return v->xml.len && v->seq == o->sessions->seq && v->jids == jids &&
         v->hats == shows_hats(o->room) && v->affiliation == o->affiliation &&
         v->role == o->role;
}

static void
view_make(struct occupant *o, bool jids)
{
  static stralloc xml = STRALLOC_ZERO;
  struct change c = {.codes = ""};
  struct view *v = &o->view;

  cat_presence(&xml, o, &c, jids, NULL, NULL);
  v->from.len = v->xml.len = 0;
  if (!record_put_more(&v->from, nick_jid(o->room, slice_str(o->nick))) ||
      !record_put_more(&v->xml, slice_of(xml.s, xml.len)))
    no_memory();
  v->seq = o->sessions->seq;
  v->affiliation = o->affiliation;
  v->role = o->role;
  v->jids = jids;
  v->hats = shows_hats(o->room);
}

/* A room of N is written N times for each that enters, so what most see is written once. */
static void
view_send(struct occupant *o, struct slice to, bool jids)
{
  struct link *l = mucd.routed;

  if (!is_fresh(o, jids)) view_make(o, jids);
  if (!l) return;
  link_begin(l, VERB_FANOUT);
  link_text(l, to);
  link_raw(l, slice_of(o->view.from.s, o->view.from.len));
  link_raw(l, SLICE("presence\t\t\t"));
  link_origin(l);
  link_raw(l, slice_of(o->view.xml.s, o->view.xml.len));
  link_end(l);
}

void
show_to(struct occupant *o, struct session *to)
{
  struct change c = {.codes = ""};
  bool jids = sees_jids(to->o), open = !(o->room->config.flags & FLAG_ANONYMOUS);

  if (jids == open && (!jids || o->sessions_n == 1))
    view_send(o, slice_str(to->full), jids);
  else
    send(o, &c, slice_str(to->full), jids, NULL, NULL);
}

void
show_away(struct session *to, struct slice from, struct slice bare, struct affil const *a)
{
  static stralloc xml = STRALLOC_ZERO;
  struct envelope e = {
    .from = from, .kind = SLICE("presence"), .type = SLICE("unavailable")};
  char oid[33];

  xml.len = 0;
  put(&xml, "<presence");
  put_attr(&xml, "from", from);
  put(&xml, " type='unavailable'><x xmlns='" NS_MUC_USER "'><item");
  put_attr(&xml, "affiliation", slice_str(affiliation_names[a->affiliation]));
  put(&xml, " role='none'");
  if (sees_jids(to->o)) put_attr(&xml, "jid", bare);
  if (a->nick.len) put_attr(&xml, "nick", a->nick);
  put(&xml, "/></x><occupant-id xmlns='" NS_OCCUPANT "'");
  occupant_id(oid, to->o->room, bare);
  put_attr(&xml, "id", slice_str(oid));
  put(&xml, "/></presence>");
  send_one(slice_str(to->full), &e, slice_of(xml.s, xml.len));
}

struct absent {
  struct session *to;
  unsigned int n;
};

/* A person who is away is shown under the reserved nick, or, where all see addresses, as the room
 * itself. */
static bool
show_absent(void *cookie, struct slice bare, struct affil const *a)
{
  struct absent *x = cookie;
  struct room const *r = x->to->o->room;

  if (a->affiliation <= AFF_NONE || occupant_of(r, bare, NULL)) return true;
  if (!a->nick.len && r->config.flags & FLAG_ANONYMOUS) return true;
  show_away(x->to, a->nick.len ? nick_jid(r, a->nick) : r->bare, bare, a);
  return ++x->n < MUC_ABSENT_MAX;
}

void
show_all_to(struct session *to)
{
  struct occupant *o;
  struct absent x = {to, 0};

  for (o = to->o->room->first; o; o = o->next)
    if (o != to->o && is_shown(o, o->role)) show_to(o, to);
  if (to->o->room->config.broadcast >> IS_NOBODY & 1)
    affil_each(to->o->room, show_absent, &x);
}

/* XEP-0045 s10.2.1: a change of the room, to all. */
void
room_codes(struct room *r, char const *codes)
{
  static stralloc xml = STRALLOC_ZERO;
  struct envelope e = {r->bare, SLICE("message"), SLICE("groupchat"), SLICE(""),
                       SLICE("")};
  char id[16];

  door_random_id(id, sizeof id);
  e.id = slice_of(id, sizeof id);
  xml.len = 0;
  put(&xml, "<message");
  put_attr(&xml, "from", r->bare);
  put_attr(&xml, "type", e.type);
  put_attr(&xml, "id", e.id);
  put(&xml, "><x xmlns='" NS_MUC_USER "'>");
  cat_codes(&xml, codes);
  put(&xml, "</x></message>");
  broadcast(r, &e, slice_of(xml.s, xml.len));
}
