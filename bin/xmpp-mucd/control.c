#include "mucd.h"

#include <string.h>

/* xmpp-ctl rooms, xmpp-ctl room VERB: the record `room WORD ROOM A B` (xmpp-ctl(8)). */

static struct arena arena;

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
  uint64_t n, most = door_wall() / 86400000000u;

  if (days.len && (!slice_u64(days, &n) || !n || n >= most)) {
    service_error(l, "that is no number of days");
    return;
  }
  if (days.len) a.before_us = door_wall() - n * 86400000000u;
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
  } else if (owner.len && !jid_parse(&arena, owner, &o)) {
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
config(struct link *l, struct room *r, struct slice name, struct slice value)
{
  struct config c;

  config_copy(&c, &r->config);
  if (!config_set(&c, name, value)) {
    config_wipe(&c);
    service_error(l, "there is no such option, or it has no such value");
    return;
  }
  room_apply(r, &c);
  service_done(l);
}

static void
affiliation(struct link *l, struct room *r, struct slice jid, struct slice word)
{
  struct affil a;
  int to = affiliation_find(word);
  struct jid j;

  if (to < 0 || !jid_parse(&arena, jid, &j)) {
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
  struct slice z = arena_copy(&arena, bare), nick = arena_copy(&arena, a->nick);

  service_row(cookie, z.s, affiliation_names[a->affiliation], nick.len ? nick.s : "-",
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
  } else
    service_error(l, "unknown word");
}

/* Words that only read; affiliation is one of them if it names no address. */
static bool
only_reads(struct slice word, struct slice a)
{
  return slice_is(word, "list") || slice_is(word, "occupants") ||
         slice_is(word, "archive") || (slice_is(word, "affiliation") && !a.len);
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
  } else if (slice_is(word, "create")) {
    create(l, &j, record_get(r, 3));
  } else if (!(room = room_find(j.bare))) {
    service_error(l, "there is no such room");
  } else if (!room->muc)
    service_error(l, "the service of the room is not configured");
  else
    to_room(l, word, room, record_get(r, 3), record_get(r, 4));
}
