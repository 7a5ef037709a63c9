#include "left.h"
#include "said.h"

#include <skalibs/uint32.h>
#include <skalibs/uint64.h>

/* Occupants who have left. DATA/occupants is committed before the output of a turn leaves: a mucd that is
 * killed in between has let an occupant go, and told nobody. So the occupant is stored in the same commit:
 *
 *   left  ROOM (8) occupant (4), big-endian -> fields of a record (enum field)
 *
 * The row goes in the turn behind, when the output has left. The next mucd shows each row that is still
 * there, if nobody has the nick by then, and ends rooms that nobody is in any more. What a stanza does that
 * said.c tells again is not noted. */

#define KEY_SIZE 12

enum field {
  FIELD_FROM = 1, /* room/nick */
  FIELD_KEY,      /* of the nick */
  FIELD_AFFILIATION,
  FIELD_ID, /* XEP-0421 */
  FIELD_SHOWN,
  FIELD_CODES,
  FIELD_STATUS,  /* XML beside x */
  FIELD_DESTROY, /* XML in x */
  FIELD_TOLD     /* full JIDs of the occupant's own sessions, a line each */
};

static MDB_dbi table;
static stralloc shown; /* keys of rows that this turn has put or shown */
static stralloc spent; /* of earlier turns */
static struct event_timer timer;
static bool loaded; /* rows of an earlier process may be there */

bool
left_open(void)
{
  return store_table(mucd.present, "left", &table);
}

void
left_load(void)
{
  shown.len = spent.len = 0;
  loaded = true;
}

void
left_note(struct occupant const *o, struct change const *c, bool told)
{
  static stralloc row = STRALLOC_ZERO, tos = STRALLOC_ZERO;
  struct session const *s;
  char key[KEY_SIZE];

  if (said_is_on()) return;
  row.len = tos.len = 0;
  for (s = told ? o->sessions : NULL; s; s = s->next)
    add_to(&tos, slice_str(s->full));
  put_field(&row, nick_jid(o->room, slice_str(o->nick)));
  put_field(&row, slice_str(o->key));
  put_field(&row,
            slice_str(affiliation_names[c->destroy.len ? AFF_NONE : o->affiliation]));
  put_field(&row, slice_str(o->oid));
  put_number(&row, o->seen || is_shown(o, o->role));
  put_field(&row, slice_str(c->codes ? c->codes : ""));
  put_field(&row, c->status);
  put_field(&row, c->destroy);
  put_field(&row, slice_of(tos.s, tos.len));
  uint64_pack_big(key, o->room->number);
  uint32_pack_big(key + 8, o->id);
  store_erase_put(mucd.present, table, slice_of(key, KEY_SIZE), slice_of(row.s, row.len));
  put_slice(&shown, slice_of(key, KEY_SIZE));
}

/* Another turn follows at once, so that rows do not wait for the next stanza. */
void
left_turn(void)
{
  size_t at;

  if (output_has_left()) {
    for (at = 0; at < spent.len; at += KEY_SIZE)
      store_erase(mucd.present, table, slice_of(spent.s + at, KEY_SIZE));
    spent.len = 0;
  }
  if (shown.len) event_again();
  put_slice(&spent, slice_of(shown.s, shown.len));
  shown.len = 0;
}

/* ---- after a restart ---- */

static void
cat_presence(stralloc *out, struct record *f, bool self)
{
  struct slice codes = record_get(f, FIELD_CODES), code;

  out->len = 0;
  put(out, "<presence");
  put_attr(out, "from", record_get(f, FIELD_FROM));
  put(out, " type='unavailable'>");
  put_slice(out, record_get(f, FIELD_STATUS));
  put(out, "<x xmlns='" NS_MUC_USER "'><item");
  put_attr(out, "affiliation", record_get(f, FIELD_AFFILIATION));
  put(out, " role='none'/>");
  put_slice(out, record_get(f, FIELD_DESTROY));
  if (self) put(out, "<status code='110'/>");
  while (slice_word(&codes, ' ', &code)) {
    put(out, "<status");
    put_attr(out, "code", code);
    put(out, "/>");
  }
  put(out, "</x><occupant-id xmlns='" NS_OCCUPANT "'");
  put_attr(out, "id", record_get(f, FIELD_ID));
  put(out, "/></presence>");
}

/* Give the full JIDs among sessions that are not in the room again; r NULL: there is no room. */
static struct slice
who_is_out(struct room const *r, struct slice sessions)
{
  static stralloc tos = STRALLOC_ZERO;
  struct slice full;
  struct jid j;

  tos.len = 0;
  while (slice_word(&sessions, '\n', &full)) {
    j = jid_cut(full);
    if (!r || !session_find(r, &j)) add_to(&tos, full);
  }
  return slice_of(tos.s, tos.len);
}

static void
tell(struct record *f, struct room *r)
{
  static stralloc xml = STRALLOC_ZERO;
  struct envelope e = {.from = record_get(f, FIELD_FROM),
                       .kind = SLICE("presence"),
                       .type = SLICE("unavailable")};

  if (r && occupant_by_nick(r, record_get(f, FIELD_KEY))) return;
  if (r && record_u64(f, FIELD_SHOWN)) {
    cat_presence(&xml, f, false);
    broadcast(r, &e, slice_of(xml.s, xml.len));
  }
  cat_presence(&xml, f, true);
  send_fanout(who_is_out(r, record_get(f, FIELD_TOLD)), &e, slice_of(xml.s, xml.len));
}

static bool
tell_row(void *cookie, struct slice key, struct slice value)
{
  static stralloc copy = STRALLOC_ZERO;
  struct record f;
  struct slice bare;

  put_slice(&shown, key);
  copy.len = 0;
  put_slice(&copy, value);
  if (!record_split(&f, copy.s, copy.len)) return true;
  bare = jid_cut(record_get(&f, FIELD_FROM)).bare;
  tell(&f, room_find(bare));
  add_to(cookie, bare);
  return true;
}

static void
tell_all(void *cookie)
{
  stralloc rooms = STRALLOC_ZERO;
  struct slice rest, bare;
  struct room *r;

  (void)cookie;
  loaded = false;
  store_each(mucd.present, table, slice_of("", 1), tell_row, &rooms);
  rest = slice_of(rooms.s, rooms.len);
  while (slice_word(&rest, '\n', &bare))
    if ((r = room_find(bare))) after_leave(r);
  stralloc_free(&rooms);
}

/* A stanza that is put while the link comes up would stand before those that are said again, and
 * routed would take them for known. */
void
left_up(void)
{
  if (loaded) event_timer_start(&timer, door_now(), tell_all, NULL);
}

void
left_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "left", true)) return;
  snapshot_timer(k, &timer, tell_all, NULL);
  SNAPSHOT_INT(k, loaded);
  snapshot_bytes(k, &spent);
}
