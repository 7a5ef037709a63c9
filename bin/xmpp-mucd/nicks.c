#include "mucd.h"

#include <skalibs/uint64.h>

#include <string.h>

/* Nicks that persons have reserved, in a table of DATA/rooms. Numbers are big-endian; KEY is the key
 * of a nick (jid_nick_key).
 *   nick    ROOM KEY -> bare JID, of a room, by its number in lib/archive
 *           0 service NUL KEY -> bare JID, of all rooms of a service
 *           0 service NUL newline bare JID -> nick, the way back of these
 *           1 service NUL KEY NUL ROOM -> bare JID, the rows of rooms by service and nick
 * Numbers of rooms have their highest bit set. */

#define OF_SERVICE 0
#define BY_SERVICE 1
#define KEY_MAX 500 /* of LMDB: 511 */

static MDB_dbi nicks;

/* The key of these parts, until the next call; s NULL: no part. */
static struct slice
key_of(uint64_t first, struct slice service, struct slice rest)
{
  static stralloc key = STRALLOC_ZERO;
  char n[8];

  uint64_pack_big(n, first);
  key.len = 0;
  put_slice(&key, slice_of(n, 8));
  if (service.s) {
    put_slice(&key, service);
    put_slice(&key, slice_of("", 1));
  }
  put_slice(&key, rest);
  return slice_of(key.s, key.len);
}

static struct slice const no_service = {NULL, 0};

/* The key of the row by service of a nick of the room number, until the next call; room 0: the part
 * that all rows of this nick have. */
static struct slice
key_by_service(struct slice service, struct slice nick, uint64_t room)
{
  static stralloc rest = STRALLOC_ZERO;
  char n[8];

  uint64_pack_big(n, room);
  rest.len = 0;
  put_slice(&rest, nick);
  put_slice(&rest, slice_of("", 1));
  if (room) put_slice(&rest, slice_of(n, 8));
  return key_of(BY_SERVICE, service, slice_of(rest.s, rest.len));
}

/* Put the row, or take it away (bare empty). A key that is too long for a row belongs to a nick that is too
 * long for the service. */
static void
put_row(struct slice key, struct slice bare)
{
  if (key.len > KEY_MAX) return;
  if (bare.len)
    store_put(mucd.store, nicks, key, bare);
  else
    store_del(mucd.store, nicks, key);
}

struct slice
nick_of_service(struct muc const *m, struct slice key)
{
  struct slice v = {"", 0}, at = key_of(OF_SERVICE, m->name, key);

  if (at.len > KEY_MAX || !store_get(mucd.store, nicks, at, &v)) v.len = 0;
  return v;
}

struct slice
nick_owner(struct room const *r, struct slice key)
{
  struct slice v = {"", 0};

  if (key.len <= STORED_NAME_MAX &&
      store_get(mucd.store, nicks, key_of(r->number, no_service, key), &v))
    return v;
  return nick_of_service(r->muc, key);
}

/* The place of a bare JID among the keys of nicks, of which none has a newline. */
static struct slice
way_back(struct slice bare)
{
  static stralloc key = STRALLOC_ZERO;

  key.len = 0;
  put(&key, "\n");
  put_slice(&key, bare);
  return slice_of(key.s, key.len);
}

struct slice
nick_of(struct muc const *m, struct slice bare)
{
  return nick_of_service(m, way_back(bare));
}

bool
nick_fits(struct muc const *m, struct slice key, struct slice bare)
{
  size_t used = sizeof(uint64_t) + m->name.len + 1;

  return used + key.len <= KEY_MAX && used + way_back(bare).len <= KEY_MAX;
}

void
nick_set(struct muc const *m, struct slice bare, struct slice nick)
{
  static struct arena arena = ARENA_ZERO;
  struct slice old, none = SLICE("");

  arena_reset(&arena);
  old = arena_copy(&arena, nick_of(m, bare));
  if (!old.s) no_memory();
  if (old.len) put_row(key_of(OF_SERVICE, m->name, jid_nick_key(&arena, old)), none);
  if (old.len || nick.len) put_row(key_of(OF_SERVICE, m->name, way_back(bare)), nick);
  if (nick.len) put_row(key_of(OF_SERVICE, m->name, jid_nick_key(&arena, nick)), bare);
}

void
nick_put(struct room const *r, struct slice key, struct slice bare)
{
  if (key.len > STORED_NAME_MAX) return;
  put_row(key_of(r->number, no_service, key), bare);
  put_row(key_by_service(jid_cut(r->bare).domain, key, r->number), bare);
}

struct each {
  struct slice prefix;
  nick_fn *fn;
  void *cookie;
};

static bool
each_nick(void *cookie, struct slice key, struct slice nick)
{
  struct each *n = cookie;

  if (key.len < n->prefix.len || memcmp(key.s, n->prefix.s, n->prefix.len) != 0)
    return false;
  return n->fn(n->cookie, slice_of(key.s + n->prefix.len, key.len - n->prefix.len), nick);
}

void
nick_each(struct muc const *m, nick_fn *fn, void *cookie)
{
  struct each n = {.fn = fn, .cookie = cookie};
  stralloc prefix = STRALLOC_ZERO;

  put_slice(&prefix, key_of(OF_SERVICE, m->name, SLICE("\n")));
  n.prefix = slice_of(prefix.s, prefix.len);
  store_each(mucd.store, nicks, n.prefix, each_nick, &n);
  stralloc_free(&prefix);
}

/* ---- the rows by service ---- */

struct walk {
  struct slice prefix, bare;
  bool found; /* a row of another than bare */
};

static bool
is_others(void *cookie, struct slice key, struct slice value)
{
  struct walk *w = cookie;

  if (key.len != w->prefix.len + 8 || memcmp(key.s, w->prefix.s, w->prefix.len) != 0)
    return false;
  w->found = !slice_eq(value, w->bare);
  return !w->found;
}

bool
nick_is_others(struct muc const *m, struct slice key, struct slice bare)
{
  struct slice owner = nick_of_service(m, key);
  struct walk w = {.bare = bare};

  if (owner.len && !slice_eq(owner, bare)) return true;
  w.prefix = key_by_service(m->name, key, 0);
  if (w.prefix.len + 8 <= KEY_MAX) store_each(mucd.store, nicks, w.prefix, is_others, &w);
  return w.found;
}

struct keys {
  char room[8];
  stralloc list; /* keys of nicks, each with a NUL behind it */
};

static bool
note_key(void *cookie, struct slice key, struct slice value)
{
  struct keys *k = cookie;

  (void)value;
  if (key.len < 8 || memcmp(key.s, k->room, 8) != 0) return false;
  put_slice(&k->list, slice_of(key.s + 8, key.len - 8));
  put_slice(&k->list, slice_of("", 1));
  return true;
}

/* The keys of all nicks that are reserved in a room, until the next call. */
static struct slice
keys_of(uint64_t room)
{
  static struct keys k;

  uint64_pack_big(k.room, room);
  k.list.len = 0;
  store_each(mucd.store, nicks, slice_of(k.room, 8), note_key, &k);
  return slice_of(k.list.s, k.list.len);
}

void
nicks_forget(struct room const *r)
{
  struct slice rest = keys_of(r->number), key;

  while (slice_word(&rest, 0, &key))
    nick_put(r, key, SLICE(""));
}

static bool
complete_room(void *cookie, struct slice bare, struct slice unused)
{
  static stralloc value = STRALLOC_ZERO;
  struct slice rest, key, v;
  uint64_t room;

  (void)cookie;
  (void)unused;
  if (!stored_room(bare, &value, &room)) return true;
  rest = keys_of(room);
  while (slice_word(&rest, 0, &key)) {
    if (!store_get(mucd.store, nicks, key_of(room, no_service, key), &v)) continue;
    value.len = 0;
    put_slice(&value, v);
    put_row(key_by_service(jid_cut(bare).domain, key, room),
            slice_of(value.s, value.len));
  }
  return true;
}

bool
nicks_open(void)
{
  return store_table(mucd.store, "nick", &nicks);
}

void
nicks_complete(void)
{
  stored_each(complete_room, NULL);
}
