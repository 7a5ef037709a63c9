#include "push/push.h"

#include <skalibs/uint64.h>

#include <openssl/evp.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAP_BYTES (4ull << 30)
#define HEAD 17 /* bytes in front of the texts */
#define ID PUSH_ID_BYTES
#define AWAY 25 /* bytes of an entry of the table away */

struct push {
  struct store *store;
  MDB_dbi service, away; /* away: the writer's alone */
};

void
push_key(char key[PUSH_KEY], struct slice jid, struct slice node)
{
  unsigned char digest[EVP_MAX_MD_SIZE] = {0};
  EVP_MD_CTX *c = EVP_MD_CTX_new();

  if (c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) &&
      EVP_DigestUpdate(c, jid.s, jid.len) && EVP_DigestUpdate(c, "", 1) &&
      EVP_DigestUpdate(c, node.s ? node.s : "", node.len))
    EVP_DigestFinal_ex(c, digest, NULL);
  EVP_MD_CTX_free(c);
  memcpy(key, digest, PUSH_KEY);
}

static struct slice
id_of(char out[ID], uint64_t account, char const key[PUSH_KEY])
{
  uint64_pack_big(out, account);
  memcpy(out + 8, key, PUSH_KEY);
  return slice_of(out, ID);
}

static bool
cat_text(stralloc *out, struct slice s)
{
  return stralloc_catb(out, s.s ? s.s : "", s.len) && stralloc_0(out);
}

static struct slice
take_text(struct slice *v)
{
  struct slice s = SLICE("");

  slice_word(v, 0, &s);
  return s;
}

static bool
read_value(struct slice v, struct push_service *out)
{
  *out = (struct push_service){0};
  errno = EIO;
  if (v.len < HEAD) return false;
  uint64_unpack_big(v.s, &out->used_us);
  uint64_unpack_big(v.s + 8, &out->lost_us);
  out->failures = (unsigned char)v.s[16];
  v = slice_of(v.s + HEAD, v.len - HEAD);
  out->account = take_text(&v);
  out->jid = take_text(&v);
  out->node = take_text(&v);
  out->client = take_text(&v);
  out->form = v;
  return true;
}

bool
push_put(struct push *p, uint64_t account, struct push_service const *s)
{
  static stralloc text = STRALLOC_ZERO;
  char id[ID], key[PUSH_KEY], head[HEAD];

  push_key(key, s->jid, s->node);
  uint64_pack_big(head, s->used_us);
  uint64_pack_big(head + 8, s->lost_us);
  head[16] = (char)(s->failures < 255 ? s->failures : 255);
  text.len = 0;
  return stralloc_catb(&text, head, HEAD) && cat_text(&text, s->account) &&
         cat_text(&text, s->jid) && cat_text(&text, s->node) &&
         cat_text(&text, s->client) &&
         stralloc_catb(&text, s->form.s ? s->form.s : "", s->form.len) &&
         store_put(p->store, p->service, id_of(id, account, key),
                   slice_of(text.s, text.len));
}

bool
push_del(struct push *p, uint64_t account, char const key[PUSH_KEY])
{
  struct push_away none = {.event_us = 0};
  char id[ID];

  return (store_del(p->store, p->service, id_of(id, account, key)) || errno == ENOENT) &&
         push_away_put(p, account, key, &none, true);
}

bool
push_get(struct push *p, uint64_t account, char const key[PUSH_KEY],
         struct push_service *out)
{
  char id[ID];
  struct slice v;

  return store_get(p->store, p->service, id_of(id, account, key), &v) &&
         read_value(v, out);
}

/* ---- what clients have coming ---- */

bool
push_away_put(struct push *p, uint64_t account, char const key[PUSH_KEY],
              struct push_away const *a, bool later)
{
  char id[ID], value[AWAY];
  struct slice k = id_of(id, account, key), v = slice_of(value, AWAY);

  if (!a->event_us && !a->session)
    return store_del_later(p->store, p->away, k) || errno == ENOENT;
  uint64_pack_big(value, a->event_us);
  uint64_pack_big(value + 8, a->session);
  uint64_pack_big(value + 16, a->until_us);
  value[24] = (char)a->what;
  return later ? store_put_later(p->store, p->away, k, v)
               : store_put(p->store, p->away, k, v);
}

bool
push_away_get(struct push *p, uint64_t account, char const key[PUSH_KEY],
              struct push_away *a)
{
  char id[ID];
  struct slice v;

  *a = (struct push_away){.event_us = 0};
  if (!store_get(p->store, p->away, id_of(id, account, key), &v)) return errno == ENOENT;
  if (v.len != AWAY) return true;
  uint64_unpack_big(v.s, &a->event_us);
  uint64_unpack_big(v.s + 8, &a->session);
  uint64_unpack_big(v.s + 16, &a->until_us);
  a->what = (unsigned char)v.s[24];
  return true;
}

/* ---- walks over registrations ---- */

/* A walk over the entries: the caller's function and cookie; account 0 is all. */
struct walk {
  uint64_t account;
  push_fn *fn;
  void *cookie;
};

static bool
visit(void *cookie, struct slice key, struct slice value)
{
  struct walk const *w = cookie;
  struct push_service s;
  uint64_t account;

  if (key.len != ID) return true;
  uint64_unpack_big(key.s, &account);
  if (w->account && account != w->account) return false;
  return !read_value(value, &s) || w->fn(w->cookie, account, key.s + 8, &s);
}

bool
push_each(struct push *p, uint64_t account, push_fn *fn, void *cookie)
{
  struct walk w = {account, fn, cookie};
  char from[8];

  uint64_pack_big(from, account);
  return store_each(p->store, p->service, slice_of(from, 8), visit, &w);
}

bool
push_each_from(struct push *p, char const id[PUSH_ID_BYTES], push_fn *fn, void *cookie)
{
  struct walk w = {0, fn, cookie};

  return store_each(p->store, p->service, slice_of(id, ID), visit, &w);
}

bool
push_next(struct push *p, uint64_t after, uint64_t *account)
{
  return store_next_number(p->store, &p->service, 1, after, account);
}

bool
push_purge(struct push *p, uint64_t account, unsigned int most, unsigned int *done)
{
  char prefix[8];
  unsigned int n = 0;

  uint64_pack_big(prefix, account);
  if (!store_del_some(p->store, p->service, slice_of(prefix, 8), most, &n) ||
      (n < most && !store_del_some(p->store, p->away, slice_of(prefix, 8), most - n, &n)))
    return false;
  *done += n;
  return true;
}

struct store *
push_store(struct push *p)
{
  return p->store;
}

struct push *
push_open(char const *data, bool writer)
{
  struct push *p = calloc(1, sizeof *p);
  char path[512];

  if (!p) return NULL;
  snprintf(path, sizeof path, "%s/push", data);
  p->store = store_open(path, writer, false, writer ? MAP_BYTES : 0);
  if (p->store && store_table(p->store, "service", &p->service) &&
      (!writer || store_table(p->store, "away", &p->away)))
    return p;
  push_close(p);
  return NULL;
}

void
push_close(struct push *p)
{
  if (!p) return;
  if (p->store) store_close(p->store);
  free(p);
}

/* The service keeps its address: the key of the entry is made of it. */
bool
push_rehost(struct jid_hosts const *h, char const *table, struct slice *key,
            struct slice *value, stralloc *room)
{
  char account[JID_MAX];
  struct push_service s;
  struct slice moved;

  (void)key;
  if (!strcmp(table, "away")) return true;
  errno = ENOTSUP;
  if (strcmp(table, "service") != 0) return false;
  if (!read_value(*value, &s)) return true;
  moved = jid_rehost(h, s.account, account, sizeof account);
  if (!moved.s) return false;
  if (moved.s == s.account.s) return true;
  room->len = 0;
  if (!stralloc_catb(room, value->s, HEAD) || !cat_text(room, moved) ||
      !cat_text(room, s.jid) || !cat_text(room, s.node) || !cat_text(room, s.client) ||
      !stralloc_catb(room, s.form.s, s.form.len))
    return false;
  *value = slice_of(room->s, room->len);
  return true;
}
