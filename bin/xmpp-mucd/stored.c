#include "hats.h"
#include "mucd.h"

#include <skalibs/uint32.h>
#include <skalibs/uint64.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* DATA/rooms has the tables of lib/archive and these; one commit a turn takes all. Numbers are
 * big-endian, ROOM is the number of 8 bytes that lib/archive gives the room's bare JID, FIELDS are
 * fields of a record with TABs between.
 *   room    bare JID -> ROOM, 1 byte state, FIELDS (room_fields)
 *   affil   ROOM bare JID or domain -> 1 byte affiliation, 1 byte role that was taken, 8 bytes
 *           since (us), FIELDS nick, reason
 *   of      bare JID NUL ROOM -> bare JID of the room, for each row of affil
 *   vcard   ROOM -> XML
 *   muc     "key" -> 32 bytes of chance, of which occupant ids are made; "nicks" -> empty: the table
 *           nick (nicks.c) has its rows by service, which an older version did not write */

static struct {
  MDB_dbi room, affil, of, vcard, muc;
} t;

static char service_key[32];

static bool
open_key(void)
{
  struct slice v;

  if (!store_get(mucd.store, t.muc, SLICE("key"), &v)) {
    if (errno != ENOENT) return false;
    door_secret(service_key, sizeof service_key);
    return store_put(mucd.store, t.muc, SLICE("key"),
                     slice_of(service_key, sizeof service_key));
  }
  if (v.len != sizeof service_key) return false;
  memcpy(service_key, v.s, sizeof service_key);
  return true;
}

static bool
open_nicks(void)
{
  struct slice v;

  if (!nicks_open()) return false;
  if (store_get(mucd.store, t.muc, SLICE("nicks"), &v)) return true;
  if (errno != ENOENT) return false;
  nicks_complete();
  return store_put(mucd.store, t.muc, SLICE("nicks"), SLICE(""));
}

bool
stored_open(void)
{
  struct {
    char const *name;
    MDB_dbi *at;
  } const tables[] = {
    {"room",  &t.room },
    {"affil", &t.affil},
    {"of",    &t.of   },
    {"vcard", &t.vcard},
    {"muc",   &t.muc  },
  };

  char path[512];
  size_t i;

  snprintf(path, sizeof path, "%s/rooms", service_data());
  mucd.store = store_open(path, true, false, (size_t)mucd.rooms_bytes);
  if (!mucd.store || !(mucd.archive = archive_open_in(mucd.store, true))) return false;
  for (i = 0; i < sizeof tables / sizeof *tables; i++)
    if (!store_table(mucd.store, tables[i].name, tables[i].at)) return false;
  if (!open_nicks() || !hats_open() || !listed_open() || !open_key()) return false;
  archive_refuse_when_full(mucd.archive);
  return archive_commit(mucd.archive);
}

/* ---- keys ---- */

/* A key of these parts, until the next call. */
static struct slice
key_of(uint64_t room, struct slice rest)
{
  static stralloc key = STRALLOC_ZERO;
  char n[8];

  uint64_pack_big(n, room);
  key.len = 0;
  put_slice(&key, slice_of(n, 8));
  put_slice(&key, rest);
  return slice_of(key.s, key.len);
}

struct slice
stored_key(struct slice first, struct slice rest)
{
  static stralloc key = STRALLOC_ZERO;

  key.len = 0;
  put_slice(&key, first);
  put_slice(&key, slice_of("", 1));
  put_slice(&key, rest);
  return slice_of(key.s, key.len);
}

/* The next field of a value. */
static struct slice
field(struct slice *rest)
{
  struct slice word = {"", 0};

  slice_word(rest, '\t', &word);
  return word;
}

/* ---- rooms ---- */

bool
stored_room(struct slice bare, stralloc *value, uint64_t *number)
{
  struct slice v;

  if (!store_get(mucd.store, t.room, bare, &v) || v.len < 9) return false;
  uint64_unpack_big(v.s, number);
  value->len = 0;
  put_slice(value, v);
  return true;
}

/* The fields of a room in their order; rooms.c reads them. */
static void
cat_fields(stralloc *v, struct room const *r)
{
  struct config const *c = &r->config;
  uint64_t const numbers[] = {r->created_us, r->last_us,    r->subject_us, c->flags,
                              c->allowpm,    c->pm_visitor, c->broadcast,  c->max_users,
                              c->voice_s,    c->slow_s,     c->history};
  char const *const words[] = {r->subject, r->subject_nick, r->subject_by,
                               r->alt,     r->why,          r->avatar};
  size_t i;

  for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
    put_number(v, numbers[i]);
  for (i = 0; i < TEXTS_N; i++)
    put_field(v, slice_str(c->text[i]));
  for (i = 0; i < sizeof words / sizeof *words; i++)
    put_field(v, slice_str(words[i]));
}

void
stored_room_put(struct room *r)
{
  static stralloc v = STRALLOC_ZERO;
  char n[9];

  uint64_pack_big(n, r->number);
  n[8] = (char)r->state;
  v.len = 0;
  put_slice(&v, slice_of(n, 9));
  cat_fields(&v, r);
  store_put(mucd.store, t.room, r->bare, slice_of(v.s, v.len));
  listed_put(r, r->state == ROOM_OPEN && r->config.flags & FLAG_PUBLIC);
}

struct keys {
  uint64_t room;
  stralloc list;
};

static bool
note_affil(void *cookie, struct slice bare, struct affil const *a)
{
  struct keys *k = cookie;

  (void)a;
  put_slice(&k->list, bare);
  put_slice(&k->list, slice_of("", 1));
  return true;
}

static bool
note_wearer(void *cookie, struct slice worn, struct slice value)
{
  struct keys *k = cookie;
  struct slice bare;

  (void)value;
  if (!slice_word(&worn, 0, &bare)) return true;
  put_slice(&k->list, bare);
  put_slice(&k->list, slice_of("", 1));
  return true;
}

void
stored_room_del(struct room *r)
{
  struct keys k = {.room = r->number};
  char n[8];
  struct slice rest, bare;
  unsigned int done = 0;

  affil_each(r, note_affil, &k);
  hats_each_worn(r, note_wearer, &k);
  rest = slice_of(k.list.s, k.list.len);
  uint64_pack_big(n, r->number);
  while (slice_word(&rest, 0, &bare))
    store_del(mucd.store, t.of, stored_key(bare, slice_of(n, 8)));
  stralloc_free(&k.list);
  r->affils_counted = false;
  store_del_some(mucd.store, t.affil, slice_of(n, 8), UINT32_MAX, &done);
  nicks_forget(r);
  hats_forget(r);
  store_del(mucd.store, t.vcard, slice_of(n, 8));
  store_del(mucd.store, t.room, r->bare);
  listed_put(r, false);
}

/* The flags of the room with these fields (cat_fields), each behind a TAB. */
static uint64_t
flags_of(struct slice fields)
{
  uint64_t flags = 0;
  unsigned int i;

  for (i = 0; i < 4; i++)
    field(&fields);
  slice_u64(field(&fields), &flags);
  return flags;
}

bool
stored_next(stralloc *bare, enum room_state *state, bool *persistent)
{
  struct slice key, v;

  put_slice(bare, slice_of("", 1));
  if (!store_next(mucd.store, t.room, slice_of(bare->s, bare->len), &key, &v) ||
      v.len < 9)
    return false;
  *state = (enum room_state)v.s[8];
  *persistent = flags_of(slice_of(v.s + 9, v.len - 9)) & FLAG_PERSISTENT;
  bare->len = 0;
  put_slice(bare, key);
  return true;
}

static bool
note_room(void *cookie, struct slice key, struct slice value)
{
  (void)value;
  put_slice(cookie, key);
  put_slice(cookie, slice_of("", 1));
  return true;
}

void
stored_each(public_fn *fn, void *cookie)
{
  stralloc list = STRALLOC_ZERO;
  struct slice rest, bare;

  store_each(mucd.store, t.room, slice_of("", 1), note_room, &list);
  rest = slice_of(list.s, list.len);
  while (slice_word(&rest, 0, &bare) && fn(cookie, bare, SLICE(""))) {
  }
  stralloc_free(&list);
}

/* ---- affiliations ---- */

static void
read_affil(struct slice v, struct affil *a)
{
  *a = (struct affil){.affiliation = AFF_NONE, .nick = SLICE(""), .reason = SLICE("")};
  if (v.len < 10 || v.s[0] >= AFFS_N) return;
  a->affiliation = (enum affiliation)v.s[0];
  a->role = (uint8_t)v.s[1];
  uint64_unpack_big(v.s + 2, &a->since_us);
  v = slice_of(v.s + 10, v.len - 10);
  a->nick = field(&v);
  a->reason = v;
}

void
affil_get(struct room const *r, struct slice bare, struct affil *a)
{
  struct slice v = {"", 0};

  if (bare.len > STORED_NAME_MAX ||
      !store_get(mucd.store, t.affil, key_of(r->number, bare), &v))
    v.len = 0;
  read_affil(v, a);
}

/* A row of affil is there if it says more than none. */
static bool
is_row(struct affil const *a)
{
  return a->affiliation != AFF_NONE || a->role || a->nick.len;
}

static void
count_change(struct room *r, struct slice bare, struct affil const *a)
{
  struct affil old;

  if (!r->affils_counted) return;
  affil_get(r, bare, &old);
  if (is_row(&old)) r->affils[old.affiliation]--;
  if (is_row(a)) r->affils[a->affiliation]++;
}

void
affil_put(struct room *r, struct slice bare, struct affil const *a)
{
  static stralloc v = STRALLOC_ZERO;
  char n[8], head[10];
  struct slice of;

  if (bare.len > STORED_NAME_MAX) return;
  count_change(r, bare, a);
  uint64_pack_big(n, r->number);
  of = stored_key(bare, slice_of(n, 8));
  if (!is_row(a)) {
    store_del(mucd.store, t.affil, key_of(r->number, bare));
    affil_note(r, bare);
    return;
  }
  head[0] = (char)a->affiliation;
  head[1] = (char)a->role;
  uint64_pack_big(head + 2, a->since_us ? a->since_us : door_wall());
  v.len = 0;
  put_slice(&v, slice_of(head, 10));
  put_slice(&v, a->nick);
  put(&v, "\t");
  put_slice(&v, a->reason);
  store_put(mucd.store, t.affil, key_of(r->number, bare), slice_of(v.s, v.len));
  store_put(mucd.store, t.of, of, r->bare);
}

void
affil_note(struct room const *r, struct slice bare)
{
  struct slice v, of;
  char n[8];
  bool has =
    hats_count(r, bare) || store_get(mucd.store, t.affil, key_of(r->number, bare), &v);

  uint64_pack_big(n, r->number);
  of = stored_key(bare, slice_of(n, 8));
  if (has)
    store_put(mucd.store, t.of, of, r->bare);
  else
    store_del(mucd.store, t.of, of);
}

/* An account has its own affiliation, else it is as outcast as its domain. */
enum affiliation
affil_of(struct room const *r, struct jid const *who)
{
  struct affil a;

  affil_get(r, who->bare, &a);
  if (a.affiliation != AFF_NONE) return a.affiliation;
  affil_get(r, who->domain, &a);
  return a.affiliation == AFF_OUTCAST ? AFF_OUTCAST : AFF_NONE;
}

struct each {
  char room[8];
  affil_fn *fn;
  void *cookie;
};

static bool
each_affil(void *cookie, struct slice key, struct slice value)
{
  struct each *e = cookie;
  struct affil a;

  if (key.len < 8 || memcmp(key.s, e->room, 8) != 0) return false;
  read_affil(value, &a);
  return e->fn(e->cookie, slice_of(key.s + 8, key.len - 8), &a);
}

void
affil_each(struct room const *r, affil_fn *fn, void *cookie)
{
  struct each e = {.fn = fn, .cookie = cookie};

  uint64_pack_big(e.room, r->number);
  store_each(mucd.store, t.affil, slice_of(e.room, 8), each_affil, &e);
}

static bool
count_affil(void *cookie, struct slice bare, struct affil const *a)
{
  uint32_t *n = cookie;

  (void)bare;
  n[a->affiliation]++;
  return true;
}

size_t
affil_count(struct room *r, enum affiliation a)
{
  if (!r->affils_counted) {
    memset(r->affils, 0, sizeof r->affils);
    affil_each(r, count_affil, r->affils);
    r->affils_counted = true;
  }
  return r->affils[a];
}

bool
affils_fit(struct room *r, size_t more)
{
  size_t n = 0;
  int a;

  for (a = 0; a < AFFS_N; a++)
    n += affil_count(r, (enum affiliation)a);
  return n + more <= mucd.affiliations_max;
}

struct of {
  struct slice bare;
  of_fn *fn;
  void *cookie;
};

static bool
each_of(void *cookie, struct slice key, struct slice value)
{
  struct of *o = cookie;
  uint64_t n;

  (void)value;
  if (key.len != o->bare.len + 9 || memcmp(key.s, o->bare.s, o->bare.len) != 0 ||
      key.s[o->bare.len])
    return false;
  uint64_unpack_big(key.s + o->bare.len + 1, &n);
  return o->fn(o->cookie, n);
}

void
of_each(struct slice bare, of_fn *fn, void *cookie)
{
  struct of o = {bare, fn, cookie};

  store_each(mucd.store, t.of, stored_key(bare, SLICE("")), each_of, &o);
}

void
of_forget(uint64_t room, struct slice bare)
{
  char n[8];

  uint64_pack_big(n, room);
  store_del(mucd.store, t.of, stored_key(bare, slice_of(n, 8)));
}

/* ---- vCards, lists ---- */

struct slice
vcard_get(struct room const *r)
{
  struct slice v = {"", 0};

  if (!store_get(mucd.store, t.vcard, key_of(r->number, SLICE("")), &v)) v.len = 0;
  return v;
}

void
vcard_put(struct room const *r, struct slice xml)
{
  if (xml.len)
    store_put(mucd.store, t.vcard, key_of(r->number, SLICE("")), xml);
  else
    store_del(mucd.store, t.vcard, key_of(r->number, SLICE("")));
}

/* ---- XEP-0421 ---- */

/* s3: the same for a person in a room for ever, another in another room, and no way back. */
void
occupant_id(char out[33], struct room const *r, struct slice bare)
{
  static stralloc text = STRALLOC_ZERO;
  unsigned char sum[32];
  unsigned int len = sizeof sum;

  text.len = 0;
  put_slice(&text, r->bare);
  put_slice(&text, slice_of("", 1));
  put_slice(&text, bare);
  if (!HMAC(EVP_sha256(), service_key, sizeof service_key, (unsigned char *)text.s,
            text.len, sum, &len))
    no_memory();
  hex_z(out, sum, 16);
}
