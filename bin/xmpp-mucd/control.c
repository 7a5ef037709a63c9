#include "mucd.h"

/* xmpp-ctl rooms, xmpp-ctl room VERB: the record `room WORD ROOM A B` (xmpp-ctl(8)). */

#define DAY_US 86400000000u

static struct arena arena;

/* A copy of the text for a row, with a NUL; - for an empty one. */
static char const *
cell(struct slice text)
{
  struct slice z = arena_copy(&arena, text);

  if (!z.s) no_memory();
  return z.len ? z.s : "-";
}

/* A list that is asked for; before_us: of rooms without occupants whose last message is older, 0: all. */
struct asked {
  struct link *l;
  uint64_t before_us;
};

static bool
list_room(void *cookie, struct slice bare, struct slice title)
{
  struct asked *a = cookie;
  struct room *r = room_find(bare);
  char n[BASE_NUM], at[STAMP_SIZE];

  (void)title;
  if (!r) return true;
  if (a->before_us && (r->first || r->state != ROOM_OPEN || r->last_us >= a->before_us))
    return true;
  service_row(a->l, r->bare.s, num_u64(n, r->occupants_n).s,
              r->state == ROOM_TOMBSTONE          ? "destroyed"
              : r->state == ROOM_LOCKED           ? "locked"
              : r->config.flags & FLAG_PERSISTENT ? "persistent"
                                                  : "temporary",
              affil_count(r, AFF_OWNER) ? "-" : "no-owner", stamp_us(at, r->last_us).s,
              r->config.text[TEXT_TITLE], (char const *)NULL);
  return true;
}

/* All rooms; with days, those that nobody has used for so many days. */
static void
list(struct link *l, struct slice days)
{
  struct asked a = {l, 0};
  uint64_t n, most = door_wall() / DAY_US;

  if (days.len && (!slice_u64(days, &n) || !n || n >= most)) {
    service_error(l, "that is no number of days");
    return;
  }
  if (days.len) a.before_us = door_wall() - n * DAY_US;
  stored_each(list_room, &a);
  service_done(l);
}

static void
create(struct link *l, struct jid const *j, struct slice owner)
{
  struct muc const *m = muc_find(j->domain);
  struct affil a = {.affiliation = AFF_OWNER, .nick = SLICE(""), .reason = SLICE("")};
  struct jid o;
  struct room *r;

  if (!m || !j->local.len) {
    service_error(l, "no service of rooms has this name");
  } else if (room_find(j->bare)) {
    service_error(l, "the room is there already");
  } else if (owner.len &&
             (!jid_parse(&arena, owner, &o) || o.bare.len > STORED_NAME_MAX)) {
    service_error(l, "the owner is no address");
  } else if (!(r = room_make(m, j))) {
    service_error(l, "the room was not stored");
  } else {
    r->config.flags |= FLAG_PERSISTENT;
    room_open(r);
    if (owner.len) affil_put(r, o.bare, &a);
    service_done(l);
  }
}

static void
row_of_option(void *cookie, char const *name, struct slice value)
{
  service_row(cookie, name, cell(value), (char const *)NULL);
}

/* All options with their values, or one that is set. */
static void
config(struct link *l, struct room *r, struct slice name, struct slice value)
{
  struct config c;
  char const *why;

  if (!name.len) {
    config_each(&r->config, row_of_option, l);
    service_done(l);
    return;
  }
  config_copy(&c, &r->config);
  why = config_set(&c, name, value) ? config_fault(r, &c)
                                    : "there is no such option, or it has no such value";
  if (why) {
    config_wipe(&c);
    service_error(l, why);
    return;
  }
  room_apply(r, &c);
  after_leave(r);
  service_done(l);
}

static void
affiliation(struct link *l, struct room *r, struct slice jid, struct slice word)
{
  struct affil a;
  int to = affiliation_find(word);
  struct jid j;

  if (to < 0 || !jid_parse(&arena, jid, &j) || j.bare.len > STORED_NAME_MAX) {
    service_error(l, "an address and outcast, none, member, admin or owner are needed");
    return;
  }
  affil_get(r, j.bare, &a);
  if ((int)a.affiliation != to) {
    affil_give(r, j.bare, (enum affiliation)to);
    after_leave(r);
  }
  service_done(l);
}

static bool
row_of_affil(void *cookie, struct slice bare, struct affil const *a)
{
  service_row(cookie, cell(bare), affiliation_names[a->affiliation], cell(a->nick),
              (char const *)NULL);
  return true;
}

static void
occupants(struct link *l, struct room *r)
{
  struct occupant *o;
  struct session *s;

  for (o = r->first; o; o = o->next)
    for (s = o->sessions; s; s = s->next)
      service_row(l, o->nick, s->full, role_names[o->role],
                  affiliation_names[o->affiliation], (char const *)NULL);
  service_done(l);
}

static void
archive(struct link *l, struct room *r)
{
  struct archive_stat st;
  char a[BASE_NUM], b[BASE_NUM];

  if (!archive_stat(mucd.archive, r->number, &st)) {
    service_error(l, "the archive cannot be read");
    return;
  }
  service_row(l, "messages", num_u64(a, st.messages).s, (char const *)NULL);
  service_row(l, "bytes", num_u64(b, st.bytes).s, (char const *)NULL);
  service_done(l);
}

/* ---- messages ---- */

#define HISTORY_USUAL 20
#define HISTORY_MOST 1000

/* The newest n messages of the archive, oldest first: time, from, stanza-id, XML. */
static void
history(struct link *l, struct room *r, struct slice n)
{
  struct archive_range range;
  struct archive_message m;
  char stamp[STAMP_SIZE];
  uint64_t most = HISTORY_USUAL, place;

  if (n.len && (!slice_u64(n, &most) || most > HISTORY_MOST)) {
    service_error(l, "a number of messages is needed, 1000 at most");
    return;
  }
  if (!archive_range_open(mucd.archive, r->number, SLICE(""), &range)) {
    service_error(l, "the archive cannot be read");
    return;
  }
  place = range.to - range.from > most ? range.to - most : range.from;
  for (; place < range.to && archive_range_get(mucd.archive, &range, place, &m);
       place++) {
    link_begin(l, VERB_ROW);
    link_text(l, stamp_us(stamp, m.id >> ARCHIVE_ID_SHIFT));
    link_raw(l, m.text.from);
    link_num(l, m.id);
    link_raw(l, m.text.xml);
    link_end(l);
  }
  service_done(l);
}

/* XEP-0249, from the room. */
static void
invite(struct link *l, struct room *r, struct slice jid, struct slice why)
{
  static stralloc xml = STRALLOC_ZERO;
  struct config const *c = &r->config;
  struct stanza st = {
    .from = r->bare, .kind = SLICE("message"), .tags = SLICE("body muc")};
  struct jid to;

  if (!jid_parse(&arena, jid, &to) || !to.local.len) {
    service_error(l, "an address of an account is needed");
    return;
  }
  if (!mucd.routed || !mucd.routed->up) {
    service_error(l, "xmpp-routed is not there");
    return;
  }
  xml.len = 0;
  put(&xml, "<message");
  put_attr(&xml, "from", r->bare);
  put_attr(&xml, "to", to.full);
  put(&xml, "><x xmlns='jabber:x:conference'");
  put_attr(&xml, "jid", r->bare);
  if (c->flags & FLAG_PASSWORD)
    put_attr(&xml, "password", slice_str(c->text[TEXT_PASSWORD]));
  if (why.len) put_attr(&xml, "reason", why);
  put(&xml, "/><body>You are invited to the room ");
  put_text(&xml, r->bare);
  put(&xml, "</body></message>");
  st.to = to.full;
  st.xml = slice_of(xml.s, xml.len);
  stanza_put(mucd.routed, &st);
  service_done(l);
}

/* ---- a person ---- */

struct person {
  struct link *l;
  struct slice bare;
};

static bool
row_of_room(void *cookie, uint64_t number)
{
  struct person *p = cookie;
  struct slice bare;
  struct affil a;
  struct room *r;

  if (!archive_owner_jid(mucd.archive, number, &bare)) return true;
  r = room_find(arena_copy(&arena, bare));
  if (!r || occupant_of(r, p->bare, NULL)) return true;
  affil_get(r, p->bare, &a);
  if (a.affiliation != AFF_NONE)
    service_row(p->l, r->bare.s, affiliation_names[a.affiliation], "-", "-",
                (char const *)NULL);
  return true;
}

/* The rooms in which the person is, or has an affiliation. */
static void
rooms_of(struct link *l, struct slice bare)
{
  struct person p = {l, bare};
  struct account *a = account_find(bare);
  struct occupant *o;

  for (o = a ? a->first : NULL; o; o = o->next_of)
    service_row(l, o->room->bare.s, affiliation_names[o->affiliation], o->nick,
                role_names[o->role], (char const *)NULL);
  of_each(bare, row_of_room, &p);
  service_done(l);
}

/* ---- nicks of a service ---- */

static bool
row_of_nick(void *cookie, struct slice bare, struct slice nick)
{
  service_row(cookie, cell(bare), cell(nick), (char const *)NULL);
  return true;
}

/* All nicks; or the nick of a person, which goes if it is empty. */
static void
nicks(struct link *l, struct slice service, struct slice jid, struct slice nick)
{
  struct muc const *m = muc_find(service);
  struct slice key = SLICE("");
  struct jid who;

  if (nick.len) nick = jid_prep_nick(&arena, nick);
  if (nick.s && nick.len) key = jid_nick_key(&arena, nick);
  if (!m) {
    service_error(l, "no service of rooms has this name");
  } else if (!jid.len) {
    nick_each(m, row_of_nick, l);
    service_done(l);
  } else if (!jid_parse(&arena, jid, &who) || !who.local.len) {
    service_error(l, "an address of an account is needed");
  } else if (!nick.s || nick.len > 256 || !nick_fits(m, key, who.bare)) {
    service_error(l, "that is no nick");
  } else if (nick_is_others(m, key, who.bare)) {
    service_error(l, "the nick is somebody else's");
  } else {
    nick_set(m, who.bare, nick);
    service_done(l);
  }
}

static void
to_room(struct link *l, struct slice word, struct room *r, struct slice a, struct slice b)
{
  if (slice_is(word, "destroy")) {
    room_destroy(r, SLICE(""), a, SLICE(""));
    service_done(l);
  } else if (slice_is(word, "forget")) {
    room_destroy(r, SLICE(""), SLICE(""), SLICE(""));
    room_end(r);
    service_done(l);
  } else if (slice_is(word, "config")) {
    config(l, r, a, b);
  } else if (slice_is(word, "affiliation")) {
    if (b.len) {
      affiliation(l, r, a, b);
      return;
    }
    affil_each(r, row_of_affil, l);
    service_done(l);
  } else if (slice_is(word, "occupants")) {
    occupants(l, r);
  } else if (slice_is(word, "archive")) {
    archive(l, r);
  } else if (slice_is(word, "history")) {
    history(l, r, a);
  } else if (slice_is(word, "invite")) {
    invite(l, r, a, b);
  } else
    service_error(l, "unknown word");
}

/* Words that only read; some of them, if they name nothing to be set. */
static bool
only_reads(struct slice word, struct slice a)
{
  if (slice_is(word, "affiliation") || slice_is(word, "config") || slice_is(word, "nick"))
    return !a.len;
  return slice_is(word, "list") || slice_is(word, "occupants") || slice_is(word, "of") ||
         slice_is(word, "archive") || slice_is(word, "history") ||
         slice_is(word, "invite");
}

/* Words that a destroyed room, which is a name alone, has nothing for. */
static bool
needs_room(struct slice word)
{
  return slice_is(word, "destroy") || slice_is(word, "config") ||
         slice_is(word, "affiliation") || slice_is(word, "invite");
}

void
control_rooms(struct link *l, struct record *r)
{
  struct slice word = record_get(r, 1), name = record_get(r, 2);
  struct jid j;
  struct room *room;

  arena_reset(&arena);
  if (!only_reads(word, record_get(r, 3)) && store_is_full(mucd.store)) {
    service_error(l, "there is no room on the disk");
  } else if (slice_is(word, "list")) {
    list(l, record_get(r, 3));
  } else if (!jid_parse(&arena, name, &j)) {
    service_error(l, "that is no address of a room");
  } else if (slice_is(word, "of")) {
    rooms_of(l, j.bare);
  } else if (slice_is(word, "nick")) {
    nicks(l, j.bare, record_get(r, 3), record_get(r, 4));
  } else if (slice_is(word, "create")) {
    create(l, &j, record_get(r, 3));
  } else if (!(room = room_find(j.bare))) {
    service_error(l, "there is no such room");
  } else if (room->state == ROOM_TOMBSTONE && needs_room(word)) {
    service_error(l, "the room is destroyed");
  } else if (!room->muc)
    service_error(l, "the service of the room is not configured");
  else
    to_room(l, word, room, record_get(r, 3), record_get(r, 4));
}
