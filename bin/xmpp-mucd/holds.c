#include "holds.h"

#include <skalibs/uint32.h>
#include <skalibs/uint64.h>

#include <stdlib.h>
#include <string.h>

/* Messages and changes of presence that come too early, by the least intervals and the shapers of
 * the service. A session has at most one message that is held, and the newest of its changes; a
 * room holds MUC_HELD_MAX bytes of messages. A held message is acknowledged to routed, so it is
 * stored beside the session, and a mucd that was killed sends it in its time. The row goes when
 * DATA/rooms has the message (holds_turn). */

#define KEY_SIZE 12

static MDB_dbi holds;  /* ROOM (8) session (4), big-endian -> fields of a stanza */
static stralloc spent; /* keys of rows whose messages were handled in this turn */

static struct slice
key_of(char key[KEY_SIZE], struct session const *s)
{
  uint64_pack_big(key, s->o->room->number);
  uint32_pack_big(key + 8, s->id);
  return slice_of(key, KEY_SIZE);
}

bool
holds_open(void)
{
  return store_table(mucd.present, "held", &holds);
}

/* ---- shapers ---- */

static void
shaper_of(struct session const *s, struct slice rule, uint64_t *rate, uint64_t *burst)
{
  struct jid j = jid_cut(slice_str(s->full));
  struct access_who who = {j.local, j.domain, j.resource, SLICE("")};

  *rate = *burst = 0;
  if (rule.len)
    access_shaper(mucd.access, rule, s->o->room->muc->host, &who, rate, burst);
}

/* Give the time from which the shaper lets n bytes more pass, and let *at, the time at which all
 * bytes before have passed, be behind them. */
static uint64_t
shape(uint64_t *at, uint64_t n, uint64_t rate, uint64_t burst)
{
  uint64_t now = door_now(), ahead, from;

  if (!rate) return now;
  ahead = burst * 1000000 / rate;
  from = *at + ahead < now ? now - ahead : *at;
  *at = from + n * 1000000 / rate;
  return from > now ? from : now;
}

static uint64_t
later(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

/* The time at which the message of n bytes may go to the room. */
static uint64_t
message_due(struct session *s, uint64_t n)
{
  struct muc const *m = s->o->room->muc;
  uint64_t rate, burst, due = s->said_us ? s->said_us + m->message_us : 0;

  shaper_of(s, m->message_shaper, &rate, &burst);
  due = later(due, shape(&s->message_at, n, rate, burst));
  shaper_of(s, m->room_shaper, &rate, &burst);
  return later(due, shape(&s->o->room->shaped_at, n, rate, burst));
}

uint64_t
presence_due(struct session *s, uint64_t n)
{
  struct muc const *m = s->o->room->muc;
  uint64_t rate, burst, due = s->shown_us ? s->shown_us + m->presence_us : 0;

  shaper_of(s, m->presence_shaper, &rate, &burst);
  due = later(due, shape(&s->presence_at, n, rate, burst));
  shaper_of(s, m->room_shaper, &rate, &burst);
  return later(due, shape(&s->o->room->shaped_at, n, rate, burst));
}

/* ---- messages ---- */

void
holds_release(struct session *s)
{
  event_timer_cancel(&s->speaks);
  s->o->room->held_bytes -= s->message.len;
  stralloc_free(&s->message);
}

static void
forget(struct session *s)
{
  char key[KEY_SIZE];

  holds_release(s);
  store_erase(mucd.present, holds, key_of(key, s));
}

void
holds_drop(struct session *s)
{
  if (s->message.len) forget(s);
}

void
holds_flush(struct session *s)
{
  stralloc line = s->message;
  struct record r;
  struct stanza st;
  char key[KEY_SIZE];

  if (!line.len) return;
  put_slice(&spent, key_of(key, s));
  s->message = stralloc_zero;
  s->o->room->held_bytes -= line.len;
  holds_release(s);
  if (record_split(&r, line.s, line.len)) {
    stanza_read(&r, 0, &st);
    st.xml = record_get(&r, STANZA_XML);
    stanza_in(&st, true);
  }
  stralloc_free(&line);
}

/* A session may hold another message by now, which has the same row. */
static void
unspend(struct slice key)
{
  size_t i;

  for (i = 0; i + KEY_SIZE <= spent.len; i += KEY_SIZE) {
    if (memcmp(spent.s + i, key.s, KEY_SIZE) != 0) continue;
    spent.len -= KEY_SIZE;
    memmove(spent.s + i, spent.s + spent.len, KEY_SIZE);
    return;
  }
}

bool
holds_turn(bool kept)
{
  size_t i;
  bool any = kept && spent.len;

  for (i = 0; any && i + KEY_SIZE <= spent.len; i += KEY_SIZE)
    store_del(mucd.present, holds, slice_of(spent.s + i, KEY_SIZE));
  spent.len = 0;
  return any;
}

/* Before routed's first hello the message would reach nobody. */
static void
on_due(void *cookie)
{
  struct session *s = cookie;

  if (mucd.routed)
    holds_flush(s);
  else
    event_timer_start(&s->speaks, door_now() + HOLD_RETRY_US, on_due, s);
}

static bool
cat_stanza(stralloc *out, struct stanza const *st)
{
  return stralloc_cats(out, "held") && record_put(out, st->to) &&
         record_put(out, st->from) && record_put(out, st->kind) &&
         record_put(out, st->type) && record_put(out, st->id) &&
         record_put(out, st->tags) && record_put(out, st->origin) &&
         record_put(out, st->xml);
}

static bool
is_held_already(struct session const *s, struct slice origin)
{
  static stralloc copy = STRALLOC_ZERO;
  struct record r;

  copy.len = 0;
  put_slice(&copy, slice_of(s->message.s, s->message.len));
  return s->message.len && record_split(&r, copy.s, copy.len) &&
         slice_eq(record_get(&r, STANZA_ORIGIN), origin);
}

static void
keep(struct session *s, stralloc *line, uint64_t due)
{
  s->message = *line;
  s->o->room->held_bytes += line->len;
  event_timer_start(&s->speaks, due, on_due, s);
}

enum hold
holds_take(struct in *in)
{
  struct session *s = in->session;
  struct room *r = in->room;
  stralloc line = STRALLOC_ZERO;
  char key[KEY_SIZE];
  uint64_t due;

  if (!s || in->held) return HOLD_NOT;
  if (in->again && is_held_already(s, in->st.origin)) return HOLD_HELD;
  if (s->message.len) return HOLD_FULL;
  due = message_due(s, in->st.xml.len);
  if (due <= door_now()) return HOLD_NOT;
  if (!cat_stanza(&line, &in->st)) no_memory();
  if (r->held_bytes + line.len > MUC_HELD_MAX) {
    stralloc_free(&line);
    return HOLD_FULL;
  }
  unspend(key_of(key, s));
  store_put(mucd.present, holds, key_of(key, s), slice_of(line.s, line.len));
  keep(s, &line, due);
  return HOLD_HELD;
}

/* ---- after a restart ---- */

/* The stanza as one that comes again: the archive may have it, though its row is still there. */
static bool
cat_again(stralloc *out, struct record *f)
{
  static stralloc tags = STRALLOC_ZERO;
  struct stanza st;

  stanza_read(f, 0, &st);
  st.xml = record_get(f, STANZA_XML);
  tags.len = 0;
  put_slice(&tags, st.tags);
  if (!stanza_is_again(&st)) put(&tags, tags.len ? " again" : "again");
  st.tags = slice_of(tags.s, tags.len);
  return cat_stanza(out, &st);
}

static bool
load(void *cookie, struct slice key, struct slice value)
{
  static stralloc copy = STRALLOC_ZERO;
  stralloc line = STRALLOC_ZERO;
  struct record f;
  struct room *r;
  struct session *s;
  struct jid from;

  (void)cookie;
  copy.len = 0;
  put_slice(&copy, value);
  if (record_split(&f, copy.s, copy.len)) {
    r = room_find(jid_cut(record_get(&f, STANZA_TO)).bare);
    from = jid_cut(record_get(&f, STANZA_FROM));
    s = r && r->muc ? session_find(r, &from) : NULL;
    if (s && !s->message.len) {
      if (!cat_again(&line, &f)) no_memory();
      keep(s, &line, door_now() + s->o->room->muc->message_us);
      return true;
    }
  }
  put_slice(&spent, key);
  return true;
}

/* Rows of sessions that are no more go. */
void
holds_load(void)
{
  spent.len = 0;
  store_each(mucd.present, holds, slice_of("", 1), load, NULL);
  holds_turn(true);
}
