#include "slots/slots.h"

#include <skalibs/uint64.h>

#include <openssl/evp.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAP_BYTES (4ull << 30)
#define KEY_MAX 511 /* of LMDB */

struct slots {
  struct store *store;
  MDB_dbi owner, slot, open, due, meta;
};

static stralloc text = STRALLOC_ZERO;

static bool
cat_u64(stralloc *out, uint64_t n)
{
  char buf[8];

  uint64_pack_big(buf, n);
  return stralloc_catb(out, buf, 8);
}

static bool
cat_text(stralloc *out, struct slice s)
{
  return stralloc_catb(out, s.s ? s.s : "", s.len) && stralloc_0(out);
}

/* Cut a number, or a text, off the front of *v; 0, or empty, when there is none. */
static uint64_t
take_u64(struct slice *v)
{
  uint64_t n = 0;

  if (v->len >= 8) {
    uint64_unpack_big(v->s, &n);
    *v = slice_of(v->s + 8, v->len - 8);
  }
  return n;
}

static struct slice
take_text(struct slice *v)
{
  struct slice s = SLICE("");

  slice_word(v, 0, &s);
  return s;
}

static struct slice
key_pair(char out[8 + SLOTS_KEY], uint64_t n, char const key[SLOTS_KEY])
{
  uint64_pack_big(out, n);
  memcpy(out + 8, key, SLOTS_KEY);
  return slice_of(out, 8 + SLOTS_KEY);
}

/* ---- owners ---- */

static bool
is_key(struct slice bare)
{
  errno = ENOENT;
  return bare.len && bare.len <= KEY_MAX;
}

static void
read_owner(struct slice v, struct slots_owner *out)
{
  out->number = take_u64(&v);
  out->host = take_text(&v);
  out->folders = v;
}

bool
slots_owner(struct slots *s, struct slice bare, struct slots_owner *out)
{
  struct slice v;

  *out = (struct slots_owner){0};
  if (!is_key(bare) || !store_get(s->store, s->owner, bare, &v)) return false;
  read_owner(v, out);
  return true;
}

static bool
has_folder(struct slice folders, struct slice folder)
{
  struct slice f;

  while (slice_word(&folders, 0, &f))
    if (slice_eq(f, folder)) return true;
  return false;
}

static uint64_t
next_number(struct slots *s)
{
  char buf[8];
  struct slice v;
  uint64_t n = 1;

  if (store_get(s->store, s->meta, SLICE("next"), &v) && v.len == 8)
    uint64_unpack_big(v.s, &n);
  else if (errno == EIO)
    return 0;
  uint64_pack_big(buf, n + 1);
  return store_put(s->store, s->meta, SLICE("next"), slice_of(buf, 8)) ? n : 0;
}

uint64_t
slots_owner_make(struct slots *s, struct slice bare, struct slice host,
                 struct slice folder)
{
  struct slots_owner o;
  bool known = slots_owner(s, bare, &o);
  uint64_t number = o.number;

  if (known && slice_eq(o.host, host) && has_folder(o.folders, folder)) return number;
  if (!known && (errno != ENOENT || !is_key(bare))) return 0;
  text.len = 0;
  if (!cat_u64(&text, number) || !cat_text(&text, host) ||
      !stralloc_catb(&text, o.folders.s ? o.folders.s : "", o.folders.len) ||
      (!has_folder(o.folders, folder) && !cat_text(&text, folder)))
    return 0;
  if (!known) {
    number = next_number(s);
    uint64_pack_big(text.s, number);
  }
  if (!number || !store_put(s->store, s->owner, bare, slice_of(text.s, text.len)))
    return 0;
  return number;
}

bool
slots_owner_del(struct slots *s, struct slice bare)
{
  return !is_key(bare) || store_del(s->store, s->owner, bare) || errno == ENOENT;
}

/* ---- slots ---- */

static bool
key_of(struct slots_place const *p, char key[SLOTS_KEY])
{
  unsigned char md[EVP_MAX_MD_SIZE];
  size_t n = 0;

  text.len = 0;
  if (!stralloc_catb(&text, p->folder.s, p->folder.len) ||
      !stralloc_catb(&text, "/", 1) ||
      !stralloc_catb(&text, p->secret.s, p->secret.len) ||
      !stralloc_catb(&text, "/", 1) || !stralloc_catb(&text, p->name.s, p->name.len) ||
      !EVP_Q_digest(NULL, "SHA256", NULL, text.s, text.len, md, &n)) {
    errno = EIO;
    return false;
  }
  memcpy(key, md, SLOTS_KEY);
  return true;
}

static bool
cat_slot(struct slots_slot const *s)
{
  text.len = 0;
  return cat_u64(&text, s->expires_us) && cat_u64(&text, s->size) &&
         cat_u64(&text, s->number) && cat_text(&text, s->host) &&
         cat_text(&text, s->owner) && cat_text(&text, s->place.folder) &&
         cat_text(&text, s->place.secret) && cat_text(&text, s->place.name) &&
         cat_text(&text, s->type);
}

bool
slots_put(struct slots *s, struct slots_slot *slot)
{
  char pair[8 + SLOTS_KEY], value[16];

  if (!key_of(&slot->place, slot->key) || !cat_slot(slot)) return false;
  uint64_pack_big(value, slot->expires_us);
  uint64_pack_big(value + 8, slot->size);
  return store_put(s->store, s->slot, slice_of(slot->key, SLOTS_KEY),
                   slice_of(text.s, text.len)) &&
         store_put(s->store, s->open, key_pair(pair, slot->number, slot->key),
                   slice_of(value, 16)) &&
         store_put(s->store, s->due, key_pair(pair, slot->expires_us, slot->key),
                   SLICE(""));
}

static void
read_slot(struct slice v, struct slots_slot *out)
{
  out->expires_us = take_u64(&v);
  out->size = take_u64(&v);
  out->number = take_u64(&v);
  out->host = take_text(&v);
  out->owner = take_text(&v);
  out->place.folder = take_text(&v);
  out->place.secret = take_text(&v);
  out->place.name = take_text(&v);
  out->type = take_text(&v);
}

static bool
get_by_key(struct slots *s, struct slots_slot *out)
{
  struct slice v;

  if (!store_get(s->store, s->slot, slice_of(out->key, SLOTS_KEY), &v)) return false;
  read_slot(v, out);
  return true;
}

bool
slots_get(struct slots *s, struct slots_place const *p, struct slots_slot *out)
{
  return key_of(p, out->key) && get_by_key(s, out);
}

static bool
del(struct slots *s, MDB_dbi t, struct slice key)
{
  return store_del(s->store, t, key) || errno == ENOENT;
}

bool
slots_del(struct slots *s, struct slots_slot const *slot)
{
  char pair[8 + SLOTS_KEY];

  return del(s, s->open, key_pair(pair, slot->number, slot->key)) &&
         del(s, s->due, key_pair(pair, slot->expires_us, slot->key)) &&
         del(s, s->slot, slice_of(slot->key, SLOTS_KEY));
}

struct sum {
  struct slots_sum *out;
  uint64_t number, now_us;
};

static bool
add(void *cookie, struct slice key, struct slice value)
{
  struct sum *s = cookie;
  uint64_t expires_us, size;

  if (take_u64(&key) != s->number) return false;
  expires_us = take_u64(&value);
  size = take_u64(&value);
  if (expires_us <= s->now_us) return true;
  s->out->n++;
  s->out->bytes += size;
  if (!s->out->first_us || expires_us < s->out->first_us) s->out->first_us = expires_us;
  return true;
}

bool
slots_sum(struct slots *s, uint64_t number, uint64_t now_us, struct slots_sum *out)
{
  struct sum sum = {out, number, now_us};
  char from[8];

  *out = (struct slots_sum){0};
  uint64_pack_big(from, number);
  return store_each(s->store, s->open, slice_of(from, 8), add, &sum);
}

/* ---- deleting ---- */

bool
slots_del_all(struct slots *s, uint64_t number)
{
  char from[8];
  struct slice key, value;
  struct slots_slot slot;

  uint64_pack_big(from, number);
  while (store_next(s->store, s->open, slice_of(from, 8), &key, &value)) {
    if (key.len != 8 + SLOTS_KEY || memcmp(key.s, from, 8) != 0) return true;
    memcpy(slot.key, key.s + 8, SLOTS_KEY);
    if (!get_by_key(s, &slot) || !slots_del(s, &slot)) return false;
  }
  return errno == ENOENT;
}

bool
slots_prune(struct slots *s, uint64_t now_us, unsigned int most)
{
  static char const first[1] = {0};
  struct slice key, value;
  struct slots_slot slot;

  for (; most; most--) {
    if (!store_next(s->store, s->due, slice_of(first, 1), &key, &value))
      return errno == ENOENT;
    if (key.len != 8 + SLOTS_KEY || take_u64(&key) > now_us) return true;
    memcpy(slot.key, key.s, SLOTS_KEY);
    if (!get_by_key(s, &slot) || !slots_del(s, &slot)) return false;
  }
  return true;
}

/* ---- all owners ---- */

struct walk {
  slots_owner_fn *fn;
  void *cookie;
};

static bool
on_owner(void *cookie, struct slice key, struct slice value)
{
  struct walk const *w = cookie;
  struct slots_owner o;

  read_owner(value, &o);
  return w->fn(w->cookie, key, &o);
}

bool
slots_owners(struct slots *s, slots_owner_fn *fn, void *cookie)
{
  static char const first[1] = {0};
  struct walk w = {fn, cookie};

  return store_each(s->store, s->owner, slice_of(first, 1), on_owner, &w);
}

/* ---- another host ---- */

/* Append address, with the other host, and a NUL. */
static bool
cat_rehosted(stralloc *out, struct jid_hosts const *h, struct slice address)
{
  char buf[JID_MAX];
  struct slice moved = jid_rehost(h, address, buf, sizeof buf);

  return moved.s && cat_text(out, moved);
}

/* A number of numbers, then so many addresses; the rest stays. */
static bool
rehost_value(struct jid_hosts const *h, struct slice *value, size_t numbers,
             unsigned int addresses, stralloc *room)
{
  struct slice v = *value;
  size_t n = 8 * numbers, at = room->len;

  if (v.len < n || !stralloc_catb(room, v.s, n)) return false;
  v = slice_of(v.s + n, v.len - n);
  for (; addresses; addresses--)
    if (!cat_rehosted(room, h, take_text(&v))) return false;
  if (!stralloc_catb(room, v.s ? v.s : "", v.len)) return false;
  *value = slice_of(room->s + at, room->len - at);
  return true;
}

bool
slots_rehost(struct jid_hosts const *h, char const *table, struct slice *key,
             struct slice *value, stralloc *room)
{
  size_t n;

  room->len = 0;
  if (!strcmp(table, "slot")) return rehost_value(h, value, 3, 2, room);
  if (!strcmp(table, "open") || !strcmp(table, "due") || !strcmp(table, "meta"))
    return true;
  errno = ENOTSUP;
  if (strcmp(table, "owner") != 0 || !rehost_value(h, value, 1, 1, room)) return false;
  n = room->len;
  if (!cat_rehosted(room, h, *key)) return false;
  *value = slice_of(room->s, n);
  *key = slice_of(room->s + n, room->len - n - 1);
  return true;
}

/* ---- the store ---- */

static bool
open_tables(struct slots *s)
{
  return store_table(s->store, "owner", &s->owner) &&
         store_table(s->store, "slot", &s->slot) &&
         store_table(s->store, "open", &s->open) &&
         store_table(s->store, "due", &s->due) && store_table(s->store, "meta", &s->meta);
}

struct slots *
slots_open(char const *data, bool writer)
{
  struct slots *s = calloc(1, sizeof *s);
  char path[512];

  if (!s) return NULL;
  snprintf(path, sizeof path, "%s/slots", data);
  s->store = store_open(path, writer, true, MAP_BYTES);
  if (s->store && open_tables(s)) return s;
  slots_close(s);
  return NULL;
}

void
slots_close(struct slots *s)
{
  if (s && s->store) store_close(s->store);
  free(s);
}

struct store *
slots_store(struct slots *s)
{
  return s->store;
}
