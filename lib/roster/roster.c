#include "roster/roster_internal.h"

#include <skalibs/uint32.h>
#include <skalibs/uint64.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The tables, their keys, and the counts. */

#define META_BYTES 28
#define META_OLD_BYTES 20

struct roster *
roster_open(struct store *s)
{
  struct roster *r = calloc(1, sizeof *r);

  if (!r) return NULL;
  r->store = s;
  if (store_table(s, "roster", &r->items) && store_table(s, "pending", &r->pending) &&
      store_table(s, "blocked", &r->blocked) && store_table(s, "meta", &r->meta))
    return r;
  free(r);
  return NULL;
}

void
roster_close(struct roster *r)
{
  free(r);
}

struct roster *
roster_open_reader(char const *data, struct store **store)
{
  char path[512];
  struct roster *r;

  *store = NULL;
  snprintf(path, sizeof path, "%s/users/data.mdb", data);
  if (access(path, R_OK)) return NULL;
  snprintf(path, sizeof path, "%s/users", data);
  *store = store_open(path, false, false, ROSTER_MAP_BYTES);
  if (!*store) return NULL;
  r = roster_open(*store);
  if (r) return r;
  store_close(*store); /* the writer has made the environment and not its tables yet */
  *store = NULL;
  return NULL;
}

struct slice
roster_key(char buf[KEY_MAX], uint64_t account, struct slice jid)
{
  if (jid.len > ROSTER_JID_MAX) {
    errno = ENAMETOOLONG;
    return SLICE("");
  }
  uint64_pack_big(buf, account);
  if (jid.len) memcpy(buf + 8, jid.s, jid.len);
  return slice_of(buf, 8 + jid.len);
}

bool
roster_counts(struct roster *r, uint64_t account, struct roster_counts *out)
{
  char buf[KEY_MAX];
  struct slice v;

  memset(out, 0, sizeof *out);
  out->measured = true;
  if (!store_get(r->store, r->meta, roster_key(buf, account, SLICE("")), &v))
    return errno == ENOENT;
  if (v.len != META_BYTES && v.len != META_OLD_BYTES) {
    errno = EIO;
    return false;
  }
  uint64_unpack_big(v.s, &out->version);
  uint32_unpack_big(v.s + 8, &out->items);
  uint32_unpack_big(v.s + 12, &out->requests);
  uint32_unpack_big(v.s + 16, &out->blocked);
  out->measured = v.len == META_BYTES;
  if (!out->measured) return true;
  uint32_unpack_big(v.s + 20, &out->item_bytes);
  uint32_unpack_big(v.s + 24, &out->request_bytes);
  return true;
}

bool
roster_counts_forget(struct slice *value, char *room, size_t size)
{
  uint64_t version;

  errno = EIO;
  if ((value->len != META_BYTES && value->len != META_OLD_BYTES) || size < META_OLD_BYTES)
    return false;
  memcpy(room, value->s, META_OLD_BYTES);
  uint64_unpack_big(room, &version);
  uint64_pack_big(room, version + 1);
  *value = slice_of(room, META_OLD_BYTES);
  return true;
}

static bool
measure_item(void *cookie, struct roster_item const *item)
{
  if (item->listed)
    ((struct roster_counts *)cookie)->item_bytes += roster_item_bytes(item);
  return true;
}

static bool
measure_request(void *cookie, struct slice contact, struct slice xml)
{
  ((struct roster_counts *)cookie)->request_bytes += contact.len + xml.len;
  return true;
}

bool
roster_counts_measured(struct roster *r, uint64_t account, struct roster_counts *c)
{
  if (!roster_counts(r, account, c)) return false;
  if (c->measured) return true;
  c->measured = true;
  return roster_item_each(r, account, measure_item, c) &&
         roster_request_each(r, account, measure_request, c);
}

bool
roster_counts_put(struct roster *r, uint64_t account, struct roster_counts const *c)
{
  char buf[KEY_MAX], v[META_BYTES];

  uint64_pack_big(v, c->version);
  uint32_pack_big(v + 8, c->items);
  uint32_pack_big(v + 12, c->requests);
  uint32_pack_big(v + 16, c->blocked);
  uint32_pack_big(v + 20, c->item_bytes);
  uint32_pack_big(v + 24, c->request_bytes);
  return store_put(r->store, r->meta, roster_key(buf, account, SLICE("")),
                   slice_of(v, sizeof v));
}

bool
roster_touch(struct roster *r, uint64_t account)
{
  struct roster_counts c;

  if (!roster_counts_measured(r, account, &c)) return false;
  c.version++;
  return roster_counts_put(r, account, &c);
}

struct each {
  char account[8];
  roster_text_fn *fn;
  void *cookie;
};

static bool
on_entry(void *cookie, struct slice key, struct slice value)
{
  struct each *e = cookie;

  if (key.len < 8 || memcmp(key.s, e->account, 8) != 0) return false;
  return e->fn(e->cookie, slice_of(key.s + 8, key.len - 8), value);
}

bool
roster_each_of(struct roster *r, MDB_dbi t, uint64_t account, roster_text_fn *fn,
               void *cookie)
{
  struct each e = {.fn = fn, .cookie = cookie};

  uint64_pack_big(e.account, account);
  return store_each(r->store, t, slice_of(e.account, 8), on_entry, &e);
}

static bool
add_bytes(void *cookie, struct slice jid, struct slice value)
{
  *(uint64_t *)cookie += jid.len + value.len;
  return true;
}

bool
roster_sizes(struct roster *r, uint64_t account, struct roster_sizes *out)
{
  *out = (struct roster_sizes){0, 0, 0};
  return roster_each_of(r, r->items, account, add_bytes, &out->items) &&
         roster_each_of(r, r->pending, account, add_bytes, &out->requests) &&
         roster_each_of(r, r->blocked, account, add_bytes, &out->blocked);
}

bool
roster_purge(struct roster *r, uint64_t account, unsigned int most, unsigned int *done)
{
  MDB_dbi const tables[] = {r->items, r->pending, r->blocked, r->meta};
  char buf[KEY_MAX];
  struct slice key = roster_key(buf, account, SLICE(""));
  size_t i;

  for (i = 0; i < sizeof tables / sizeof *tables && *done < most; i++)
    if (!store_del_some(r->store, tables[i], key, most - *done, done)) return false;
  return true;
}

bool
roster_next(struct roster *r, uint64_t after, uint64_t *account)
{
  MDB_dbi const tables[] = {r->items, r->pending, r->blocked, r->meta};

  return store_next_number(r->store, tables, sizeof tables / sizeof *tables, after,
                           account);
}
