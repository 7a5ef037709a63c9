#include "profile/profile.h"

#include <skalibs/uint64.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct profile {
  struct store *store;
  MDB_dbi vcard, search, private, last;
};

struct profile *
profile_open(struct store *s)
{
  struct profile *p = calloc(1, sizeof *p);

  if (!p) return NULL;
  p->store = s;
  if (store_table(s, "vcard", &p->vcard) && store_table(s, "search", &p->search) &&
      store_table(s, "private", &p->private) && store_table(s, "last", &p->last))
    return p;
  free(p);
  return NULL;
}

void
profile_close(struct profile *p)
{
  free(p);
}

/* A tree is written with the prefixes that its parents declare; text that is stored has no
 * parents, so the element has none either while it is written. */
static struct slice
key_of(char buf[8], uint64_t number)
{
  uint64_pack_big(buf, number);
  return slice_of(buf, 8);
}

static bool
bad_value(void)
{
  errno = EIO;
  return false;
}

/* The head of s that has at most max bytes and ends with a whole character of UTF-8. */
static struct slice
cut(struct slice s, size_t max)
{
  if (s.len <= max) return s;
  while (max && ((unsigned char)s.s[max] & 0xc0) == 0x80)
    max--;
  return slice_of(s.s, max);
}

static bool
cat(stralloc *out, struct slice s)
{
  return !s.len || stralloc_catb(out, s.s, s.len);
}

/* Put what is in value, if it came to be whole; and free it. */
static bool
put_value(struct profile *p, MDB_dbi table, struct slice key, stralloc *value, bool whole)
{
  bool ok = whole && store_put(p->store, table, key, slice_of(value->s, value->len));

  if (!whole) errno = ENOMEM;
  stralloc_free(value);
  return ok;
}

/* ---- vCard ---- */

bool
profile_vcard_get(struct profile *p, uint64_t number, struct slice *text,
                  struct slice *hash)
{
  char buf[8];
  struct slice v;
  size_t n;

  if (!store_get(p->store, p->vcard, key_of(buf, number), &v)) return false;
  n = v.len ? (unsigned char)v.s[0] : 1;
  if ((n && n != PROFILE_HASH) || v.len < 1 + n) return bad_value();
  if (hash) *hash = slice_of(v.s + 1, n);
  if (text) *text = slice_of(v.s + 1 + n, v.len - 1 - n);
  return true;
}

static bool
put_card(struct profile *p, struct slice key, struct profile_card const *card)
{
  stralloc value = STRALLOC_ZERO;
  bool whole = cat(&value, card->bare) && stralloc_0(&value);
  size_t i;

  for (i = 0; i < PROFILE_FIELDS_N; i++)
    whole =
      whole && cat(&value, cut(card->field[i], PROFILE_FIELD_MAX)) && stralloc_0(&value);
  return put_value(p, p->search, key, &value, whole);
}

bool
profile_vcard_put(struct profile *p, uint64_t number, struct slice text,
                  struct slice hash, struct profile_card const *card)
{
  char buf[8], len = (char)hash.len;
  struct slice key = key_of(buf, number);
  stralloc value = STRALLOC_ZERO;
  bool whole;

  if (text.len > PROFILE_VCARD_MAX || (hash.len && hash.len != PROFILE_HASH)) {
    errno = EINVAL;
    return false;
  }
  whole = stralloc_catb(&value, &len, 1) && cat(&value, hash) && cat(&value, text);
  return put_value(p, p->vcard, key, &value, whole) && put_card(p, key, card);
}

bool
profile_hash_put(struct profile *p, uint64_t number, struct slice hash)
{
  char buf[8], len = (char)hash.len;
  struct slice text = SLICE("");
  stralloc value = STRALLOC_ZERO;
  bool whole;

  if (!profile_vcard_get(p, number, &text, NULL) && errno != ENOENT) return false;
  whole = stralloc_catb(&value, &len, 1) && cat(&value, hash) && cat(&value, text);
  return put_value(p, p->vcard, key_of(buf, number), &value, whole);
}

struct cards {
  profile_cards_fn *fn;
  void *cookie;
};

static bool
on_card(void *cookie, struct slice key, struct slice value)
{
  struct cards *c = cookie;
  struct profile_card card = {0};
  uint64_t number;
  size_t i;

  if (key.len != 8 || !slice_word(&value, 0, &card.bare)) return true;
  uint64_unpack_big(key.s, &number);
  for (i = 0; i < PROFILE_FIELDS_N; i++)
    slice_word(&value, 0, &card.field[i]);
  return c->fn(c->cookie, number, &card);
}

bool
profile_cards(struct profile *p, uint64_t from, profile_cards_fn *fn, void *cookie)
{
  struct cards c = {fn, cookie};
  char buf[8];

  return store_each(p->store, p->search, key_of(buf, from), on_card, &c);
}

/* ---- private XML ---- */

/* buf has room for the longest; s NULL: the name is longer. */
static struct slice
private_key(char buf[8 + PROFILE_PRIVATE_NAME_MAX + 1], uint64_t number, struct slice ns,
            struct slice name)
{
  if (ns.len + name.len > PROFILE_PRIVATE_NAME_MAX) return (struct slice){NULL, 0};
  uint64_pack_big(buf, number);
  if (name.len) memcpy(buf + 8, name.s, name.len);
  buf[8 + name.len] = 0;
  if (ns.len) memcpy(buf + 8 + name.len + 1, ns.s, ns.len);
  return slice_of(buf, 8 + name.len + 1 + ns.len);
}

bool
profile_private_get(struct profile *p, uint64_t number, struct slice ns,
                    struct slice name, struct slice *text)
{
  char buf[8 + PROFILE_PRIVATE_NAME_MAX + 1];
  struct slice key = private_key(buf, number, ns, name);

  if (key.s) return store_get(p->store, p->private, key, text);
  errno = ENOENT;
  return false;
}

bool
profile_private_put(struct profile *p, uint64_t number, struct slice ns,
                    struct slice name, struct slice text)
{
  char buf[8 + PROFILE_PRIVATE_NAME_MAX + 1];
  struct slice key = private_key(buf, number, ns, name);

  if (key.s && text.len <= PROFILE_PRIVATE_MAX)
    return store_put(p->store, p->private, key, text);
  errno = EINVAL;
  return false;
}

struct count {
  struct slice prefix;
  unsigned int n;
  size_t bytes;
};

static bool
on_private(void *cookie, struct slice key, struct slice value)
{
  struct count *c = cookie;

  if (key.len < 8 || memcmp(key.s, c->prefix.s, 8) != 0) return false;
  c->bytes += key.len - 8 + value.len;
  return ++c->n <= PROFILE_PRIVATE_ELEMENTS_MAX;
}

bool
profile_private_size(struct profile *p, uint64_t number, unsigned int *n, size_t *bytes)
{
  char buf[8];
  struct count c = {key_of(buf, number), 0, 0};

  if (!store_each(p->store, p->private, c.prefix, on_private, &c)) return false;
  *n = c.n;
  *bytes = c.bytes;
  return true;
}

struct private_each {
  struct slice prefix;
  profile_private_fn *fn;
  void *cookie;
  bool ok;
};

static bool
give_private(void *cookie, struct slice key, struct slice value)
{
  struct private_each *e = cookie;

  if (key.len < e->prefix.len || memcmp(key.s, e->prefix.s, e->prefix.len) != 0)
    return false;
  e->ok = e->fn(e->cookie, value);
  return e->ok;
}

bool
profile_private_each(struct profile *p, uint64_t number, profile_private_fn *fn,
                     void *cookie)
{
  char buf[8];
  struct private_each e = {key_of(buf, number), fn, cookie, true};

  return store_each(p->store, p->private, e.prefix, give_private, &e) && e.ok;
}

/* ---- last activity ---- */

bool
profile_last_get(struct profile *p, uint64_t number, uint64_t *us, struct slice *status)
{
  char buf[8];
  struct slice v;

  if (!store_get(p->store, p->last, key_of(buf, number), &v)) return false;
  if (v.len < 8) return bad_value();
  uint64_unpack_big(v.s, us);
  *status = slice_of(v.s + 8, v.len - 8);
  return true;
}

bool
profile_last_put(struct profile *p, uint64_t number, uint64_t us, struct slice status)
{
  char buf[8], value[8 + PROFILE_STATUS_MAX];

  status = cut(status, PROFILE_STATUS_MAX);
  uint64_pack_big(value, us);
  if (status.len) memcpy(value + 8, status.s, status.len);
  return store_put(p->store, p->last, key_of(buf, number),
                   slice_of(value, 8 + status.len));
}

/* ---- the end of an account ---- */

bool
profile_purge(struct profile *p, uint64_t number, unsigned int most, unsigned int *done)
{
  MDB_dbi const tables[] = {p->vcard, p->search, p->private, p->last};
  char buf[8];
  size_t i;

  for (i = 0; i < sizeof tables / sizeof *tables && *done < most; i++)
    if (!store_del_some(p->store, tables[i], key_of(buf, number), most - *done, done))
      return false;
  return true;
}

bool
profile_next(struct profile *p, uint64_t after, uint64_t *number)
{
  MDB_dbi const tables[] = {p->vcard, p->search, p->private, p->last};

  return store_next_number(p->store, tables, sizeof tables / sizeof *tables, after,
                           number);
}
