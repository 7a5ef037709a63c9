#include "hats.h"

#include <skalibs/uint64.h>

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

/* XEP-0317: the hats of a room, and those who wear them, by their bare JIDs. The table hat:
 *   ROOM 1 URI            -> title TAB hue
 *   ROOM 2 bare NUL URI   -> empty
 * Who wears a hat has a row of the table `of` too (stored.c), by which an account that ends is found. */

static MDB_dbi hats;

bool
hats_open(void)
{
  return store_table(mucd.store, "hat", &hats);
}

/* ROOM KIND, bare NUL if not empty, URI; until the next call but one. */
static struct slice
key_of(struct room const *r, char kind, struct slice bare, struct slice uri)
{
  static stralloc keys[2];
  static unsigned int turn;
  stralloc *key = &keys[turn++ % 2];
  char n[8];

  uint64_pack_big(n, r->number);
  key->len = 0;
  put_slice(key, slice_of(n, 8));
  put_slice(key, slice_of(&kind, 1));
  if (kind == 2) {
    put_slice(key, bare);
    put_slice(key, slice_of("", 1));
  }
  put_slice(key, uri);
  return slice_of(key->s, key->len);
}

/* ---- walking ---- */

struct walk {
  char prefix[520];
  size_t len;
  hat_fn *fn;
  void *cookie;
};

static bool
step(void *cookie, struct slice key, struct slice value)
{
  struct walk *w = cookie;

  if (key.len < w->len || memcmp(key.s, w->prefix, w->len) != 0) return false;
  return w->fn(w->cookie, slice_of(key.s + w->len, key.len - w->len), value);
}

static void
walk(struct slice prefix, hat_fn *fn, void *cookie)
{
  struct walk w = {.len = prefix.len, .fn = fn, .cookie = cookie};

  if (prefix.len > sizeof w.prefix) return;
  memcpy(w.prefix, prefix.s, prefix.len);
  store_each(mucd.store, hats, prefix, step, &w);
}

void
hats_each(struct room const *r, hat_fn *fn, void *cookie)
{
  walk(key_of(r, 1, SLICE(""), SLICE("")), fn, cookie);
}

void
hats_each_of(struct room const *r, struct slice bare, hat_fn *fn, void *cookie)
{
  if (bare.len <= HAT_BARE_MAX) walk(key_of(r, 2, bare, SLICE("")), fn, cookie);
}

/* Call fn with bare NUL URI of each that is worn. */
void
hats_each_worn(struct room const *r, hat_fn *fn, void *cookie)
{
  struct slice key = key_of(r, 2, SLICE(""), SLICE(""));

  walk(slice_of(key.s, key.len - 1), fn, cookie);
}

static bool
count(void *cookie, struct slice uri, struct slice value)
{
  (void)uri;
  (void)value;
  ++*(size_t *)cookie;
  return true;
}

size_t
hats_count(struct room const *r, struct slice bare)
{
  size_t n = 0;

  if (bare.len)
    hats_each_of(r, bare, count, &n);
  else
    hats_each(r, count, &n);
  return n;
}

bool
hat_get(struct room const *r, struct slice uri, struct slice *value)
{
  return uri.len <= HAT_URI_MAX &&
         store_get(mucd.store, hats, key_of(r, 1, SLICE(""), uri), value);
}

/* ---- in presence ---- */

struct shown {
  struct room const *room;
  stralloc xml;
};

static bool
cat_hat(void *cookie, struct slice uri, struct slice value)
{
  struct shown *s = cookie;
  struct slice title;

  (void)value;
  if (!hat_get(s->room, uri, &value)) return true;
  if (!slice_word(&value, '\t', &title)) return true;
  put(&s->xml, "<hat");
  put_attr(&s->xml, "title", title);
  put_attr(&s->xml, "uri", uri);
  if (value.len) put_attr(&s->xml, "hue", value);
  put(&s->xml, "/>");
  return true;
}

void
hats_put_on(struct occupant *o)
{
  struct shown s = {.room = o->room};

  free(o->hats);
  o->hats = NULL;
  view_wipe(o);
  put(&s.xml, "<hats xmlns='" NS_HATS "'>");
  hats_each_of(o->room, slice_str(o->account->bare), cat_hat, &s);
  if (s.xml.s[s.xml.len - 1] == '>' && s.xml.s[s.xml.len - 2] == '/') {
    put(&s.xml, "</hats>");
    o->hats = must_dup_sa(&s.xml);
  }
  stralloc_free(&s.xml);
}

/* ---- changes ---- */

/* Show the occupant with the hats of now, if they have changed. */
static void
show_again(struct occupant *o)
{
  struct change c = {.codes = ""};
  char *before = o->hats;
  bool same;

  o->hats = NULL;
  hats_put_on(o);
  same = before && o->hats ? !strcmp(before, o->hats) : before == o->hats;
  free(before);
  if (!same && o->room->config.flags & FLAG_HATS) show(o, &c);
}

void
hat_put(struct room *r, struct slice uri, struct slice title, struct slice hue)
{
  stralloc v = STRALLOC_ZERO;
  struct occupant *o;

  put_slice(&v, title);
  put(&v, "\t");
  put_slice(&v, hue);
  store_put(mucd.store, hats, key_of(r, 1, SLICE(""), uri), slice_of(v.s, v.len));
  stralloc_free(&v);
  for (o = r->first; o; o = o->next)
    if (o->hats) show_again(o);
}

void
hat_wear(struct room *r, struct slice bare, struct slice uri, bool on)
{
  struct occupant *o = NULL;

  if (on)
    store_put(mucd.store, hats, key_of(r, 2, bare, uri), SLICE(""));
  else
    store_del(mucd.store, hats, key_of(r, 2, bare, uri));
  affil_note(r, bare);
  while ((o = occupant_of(r, bare, o)))
    show_again(o);
}

struct wearers {
  struct slice uri;
  stralloc list;
};

static bool
note_wearer(void *cookie, struct slice rest, struct slice value)
{
  struct wearers *w = cookie;
  struct slice bare;

  (void)value;
  if (slice_word(&rest, 0, &bare) && slice_eq(rest, w->uri)) add_to(&w->list, bare);
  return true;
}

void
hat_del(struct room *r, struct slice uri)
{
  struct wearers w = {.uri = uri};
  struct slice rest, bare;

  hats_each_worn(r, note_wearer, &w);
  store_del(mucd.store, hats, key_of(r, 1, SLICE(""), uri));
  rest = slice_of(w.list.s, w.list.len);
  while (slice_word(&rest, '\n', &bare))
    hat_wear(r, bare, uri, false);
  stralloc_free(&w.list);
}

static bool
note_hat(void *cookie, struct slice uri, struct slice value)
{
  (void)value;
  add_to(cookie, uri);
  return true;
}

void
hats_take_off(struct room *r, struct slice bare)
{
  stralloc list = STRALLOC_ZERO;
  struct slice rest, uri;

  hats_each_of(r, bare, note_hat, &list);
  rest = slice_of(list.s, list.len);
  while (slice_word(&rest, '\n', &uri))
    hat_wear(r, bare, uri, false);
  stralloc_free(&list);
}

void
hats_forget(struct room const *r)
{
  unsigned int done = 0;
  char n[8];

  uint64_pack_big(n, r->number);
  store_del_some(mucd.store, hats, slice_of(n, 8), UINT32_MAX, &done);
}

/* ---- s3 of XEP-0317: by its hash clients know that the list has changed ---- */

static bool
add_hash(void *cookie, struct slice uri, struct slice value)
{
  EVP_MD_CTX *c = cookie;

  return EVP_DigestUpdate(c, uri.s, uri.len) && EVP_DigestUpdate(c, "\n", 1) &&
         EVP_DigestUpdate(c, value.s, value.len) && EVP_DigestUpdate(c, "\n", 1);
}

bool
hats_hash(struct room const *r, char out[41])
{
  EVP_MD_CTX *c = hats_count(r, SLICE("")) ? EVP_MD_CTX_new() : NULL;
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned int len;

  if (!c) return false;
  if (!EVP_DigestInit_ex(c, EVP_sha1(), NULL)) no_memory();
  hats_each(r, add_hash, c);
  if (!EVP_DigestFinal_ex(c, sum, &len)) no_memory();
  EVP_MD_CTX_free(c);
  hex_z(out, sum, 20);
  return true;
}
