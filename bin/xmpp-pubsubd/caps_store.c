#include "pep.h"

#include <skalibs/uint16.h>

#include <errno.h>

/* Capabilities that were verified, in DATA/pubsub:
 *   caps   1 byte number of the algorithm, digest -> 2 bytes, big-endian, the day since 1970 on
 *          which it was last shown; the names of nodes that are wanted, NUL behind each
 * The day is written when a week has passed. Of CAPS_HASHES_MAX the least recent go. */

#define DAY_US 86400000000u
#define CAPS_KEPT_DAYS 90u
#define CAPS_LATER_DAYS 7u
#define LOOKED_AT_A_TICK 1000u
#define TICK_US 1000000u

static MDB_dbi table;
static struct event_timer timer;
static stralloc walked = STRALLOC_ZERO; /* the key that the walk looked at last */

static unsigned int
today(void)
{
  return (unsigned int)(door_wall() / DAY_US) & 0xffff;
}

bool
caps_store_open(void)
{
  return store_table(pubsubd.store, "caps", &table);
}

static unsigned int
day_of(struct slice value)
{
  uint16_t day;

  if (value.len < 2) return 0;
  uint16_unpack_big(value.s, &day);
  return day;
}

static bool
read_names(struct arena *a, struct slice rest, struct caps_names *out)
{
  struct slice name;

  out->n = 0;
  while (out->n < CAPS_NAMES_MAX && slice_word(&rest, 0, &name)) {
    out->name[out->n] = arena_copy(a, name);
    if (!out->name[out->n++].s) return false;
  }
  return true;
}

static bool
put(struct slice key, struct caps_names const *names, bool later)
{
  static stralloc sa = STRALLOC_ZERO;
  char day[2];
  size_t i;

  sa.len = 0;
  uint16_pack_big(day, (uint16_t)today());
  if (!stralloc_catb(&sa, day, 2)) return false;
  for (i = 0; i < names->n; i++)
    if (!stralloc_catb(&sa, names->name[i].s, names->name[i].len) ||
        !stralloc_catb(&sa, "", 1))
      return false;
  return (later ? store_put_later : store_put)(pubsubd.store, table, key,
                                               slice_of(sa.s, sa.len));
}

bool
caps_store_get(struct arena *a, struct slice key, struct caps_names *out)
{
  struct slice value;
  unsigned int day;

  if (!store_get(pubsubd.store, table, key, &value)) return false;
  day = day_of(value);
  if (!read_names(a, slice_of(value.s + 2, value.len < 2 ? 0 : value.len - 2), out))
    return false;
  if (today() - day >= CAPS_LATER_DAYS && !store_is_full(pubsubd.store))
    put(key, out, true);
  return true;
}

/* ---- what goes ---- */

struct oldest {
  unsigned int day, n;
  stralloc keys; /* each with its length in front, one byte */
};

static bool
note_key(struct oldest *o, struct slice key)
{
  char len = (char)key.len;

  return stralloc_catb(&o->keys, &len, 1) && stralloc_catb(&o->keys, key.s, key.len);
}

static bool
look(void *cookie, struct slice key, struct slice value)
{
  struct oldest *o = cookie;

  if (day_of(value) < o->day) {
    o->day = day_of(value);
    o->keys.len = o->n = 0;
  }
  return day_of(value) != o->day || o->n >= LOOKED_AT_A_TICK ||
         (o->n++, note_key(o, key));
}

static void
delete_keys(struct slice keys)
{
  while (keys.len) {
    size_t len = (unsigned char)keys.s[0];
    if (!store_del(pubsubd.store, table, slice_of(keys.s + 1, len)) && errno != ENOENT)
      return;
    keys = slice_of(keys.s + 1 + len, keys.len - 1 - len);
  }
}

/* The day that is furthest back goes, or a piece of it. */
static void
make_room(void)
{
  struct oldest o = {.day = UINT32_MAX, .keys = STRALLOC_ZERO};

  store_each(pubsubd.store, table, slice_of("", 1), look, &o);
  delete_keys(slice_of(o.keys.s, o.keys.len));
  stralloc_free(&o.keys);
}

bool
caps_store_put(struct slice key, struct caps_names const *names)
{
  if (store_is_full(pubsubd.store)) return false;
  if (store_count(pubsubd.store, table) >= CAPS_HASHES_MAX) make_room();
  return put(key, names, false);
}

struct walk {
  unsigned int n;
  struct oldest old;
};

static bool
walk(void *cookie, struct slice key, struct slice value)
{
  struct walk *w = cookie;

  if (++w->n > LOOKED_AT_A_TICK) return false;
  if (!stralloc_copyb(&walked, key.s, key.len)) return false;
  return today() - day_of(value) < CAPS_KEPT_DAYS || note_key(&w->old, key);
}

static void
on_time(void *cookie)
{
  struct walk w = {.n = 0, .old = {.keys = STRALLOC_ZERO}};

  (void)cookie;
  if (!stralloc_catb(&walked, "", 1)) return;
  if (!store_is_full(pubsubd.store)) {
    store_each(pubsubd.store, table, slice_of(walked.s, walked.len), walk, &w);
    delete_keys(slice_of(w.old.keys.s, w.old.keys.len));
  }
  stralloc_free(&w.old.keys);
  if (w.n <= LOOKED_AT_A_TICK) walked.len = 0;
  event_timer_start(&timer, door_now() + (walked.len ? TICK_US : DAY_US), on_time, NULL);
}

void
caps_store_start(void)
{
  event_timer_start(&timer, door_now() + TICK_US, on_time, NULL);
}

void
caps_store_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "caps", true)) return;
  snapshot_timer(k, &timer, on_time, NULL);
  snapshot_bytes(k, &walked);
}
