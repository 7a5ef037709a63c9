#include "pubsub/internal.h"

#include <openssl/sha.h>
#include <skalibs/uint64.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Readers need not have the tables behind the others: a store that an earlier version has written
 * has none of them until its writer has opened it. */
static bool
open_tables(struct pubsub *p, bool writes)
{
  struct {
    char const *name;
    MDB_dbi *table;
  } const all[] = {
    {"services", &p->services},
    {"nodes",    &p->nodes   },
    {"node",     &p->node    },
    {"items",    &p->items   },
    {"ids",      &p->ids     },
    {"expiry",   &p->expiry  },
    {"affs",     &p->affs    },
    {"subs",     &p->subs    },
    {"byjid",    &p->byjid   },
    {"moved",    &p->moved   },
    {"owners",   &p->owners  },
    {"done",     &p->done    },
    {"gone",     &p->gone    },
    {"meta",     &p->meta    },
    {"dropped",  &p->dropped },
    {"leavers",  &p->leavers }
  };

  size_t i, n = sizeof all / sizeof *all - (writes ? 0 : 2);

  for (i = 0; i < n; i++)
    if (!store_table(p->store, all[i].name, all[i].table)) return false;
  return true;
}

static struct pubsub *
open_in(struct store *s, bool writes)
{
  struct pubsub *p = calloc(1, sizeof *p);

  if (!p) return NULL;
  p->store = s;
  if (open_tables(p, writes)) return p;
  free(p);
  return NULL;
}

struct pubsub *
pubsub_open(struct store *s)
{
  return open_in(s, true);
}

void
pubsub_close(struct pubsub *p)
{
  free(p);
}

struct pubsub *
pubsub_open_reader(char const *data, struct store **store)
{
  char path[512];
  struct pubsub *p;

  snprintf(path, sizeof path, "%s/pubsub/data.mdb", data);
  if (access(path, R_OK)) return NULL;
  snprintf(path, sizeof path, "%s/pubsub", data);
  *store = store_open(path, false, false, PUBSUB_MAP_BYTES);
  if (!*store) return NULL;
  p = open_in(*store, false);
  if (p) return p;
  store_close(*store);
  *store = NULL;
  return NULL;
}

/* ---- keys and values ---- */

struct slice
pubsub_key(struct pubsub_key *k, uint64_t a, struct slice rest)
{
  size_t n = rest.len > sizeof k->bytes - 8 ? sizeof k->bytes - 8 : rest.len;

  uint64_pack_big(k->bytes, a);
  if (n) memcpy(k->bytes + 8, rest.s, n);
  k->len = 8 + n;
  return slice_of(k->bytes, k->len);
}

struct slice
pubsub_key2(struct pubsub_key *k, uint64_t a, uint64_t b)
{
  uint64_pack_big(k->bytes, a);
  uint64_pack_big(k->bytes + 8, b);
  k->len = 16;
  return slice_of(k->bytes, 16);
}

bool
pubsub_bad(void)
{
  errno = EIO;
  return false;
}

bool
pubsub_number(struct slice *rest, size_t bytes, uint64_t *out)
{
  size_t i;

  if (rest->len < bytes) return pubsub_bad();
  *out = 0;
  for (i = 0; i < bytes; i++)
    *out = *out << 8 | (unsigned char)rest->s[i];
  *rest = slice_of(rest->s + bytes, rest->len - bytes);
  return true;
}

bool
pubsub_cat_number(stralloc *out, size_t bytes, uint64_t n)
{
  char buf[8];

  uint64_pack_big(buf, n);
  return stralloc_catb(out, buf + 8 - bytes, bytes);
}

bool
pubsub_text(struct slice *rest, struct slice *out)
{
  uint64_t n;

  if (!pubsub_number(rest, 2, &n) || rest->len < n) return pubsub_bad();
  *out = slice_of(rest->s, n);
  *rest = slice_of(rest->s + n, rest->len - n);
  return true;
}

bool
pubsub_cat_text(stralloc *out, struct slice text)
{
  if (text.len > UINT16_MAX) {
    errno = ENAMETOOLONG;
    return false;
  }
  return pubsub_cat_number(out, 2, text.len) &&
         (!text.len || stralloc_catb(out, text.s, text.len));
}

bool
pubsub_put(struct pubsub *p, MDB_dbi t, struct slice key, stralloc *sa, bool whole)
{
  bool ok = whole && store_put(p->store, t, key, slice_of(sa->s, sa->len));
  int e = errno;

  stralloc_free(sa);
  errno = e;
  return ok;
}

uint64_t
pubsub_take_number(struct pubsub *p, struct slice name)
{
  char buf[8];
  struct slice v;
  uint64_t n = 1;

  if (store_get(p->store, p->meta, name, &v)) {
    if (!pubsub_number(&v, 8, &n)) return 0;
  } else if (errno != ENOENT)
    return 0;
  uint64_pack_big(buf, n + 1);
  return store_put(p->store, p->meta, name, slice_of(buf, 8)) ? n : 0;
}

/* ---- owners ---- */

struct domain {
  uint64_t owner;
  struct slice name;
};

static bool
is_domain(void *cookie, struct slice key, struct slice value)
{
  struct domain *d = cookie;
  uint64_t owner;

  if (value.len != 8) return true;
  uint64_unpack_big(value.s, &owner);
  if (owner == d->owner) d->name = key;
  return owner != d->owner;
}

bool
pubsub_service_domain(struct pubsub *p, uint64_t owner, struct slice *domain)
{
  struct domain d = {owner, SLICE("")};

  if (!store_each(p->store, p->services, slice_of("", 1), is_domain, &d)) return false;
  *domain = d.name;
  if (!d.name.len) errno = ENOENT;
  return d.name.len > 0;
}

uint64_t
pubsub_service(struct pubsub *p, struct slice domain, bool create)
{
  char buf[8];
  struct slice v;
  uint64_t n;

  if (store_get(p->store, p->services, domain, &v))
    return pubsub_number(&v, 8, &n) ? n : 0;
  if (errno != ENOENT || !create) return 0;
  n = pubsub_take_number(p, SLICE("service"));
  if (!n) return 0;
  n |= PUBSUB_SERVICE;
  uint64_pack_big(buf, n);
  return store_put(p->store, p->services, domain, slice_of(buf, 8)) ? n : 0;
}

bool
pubsub_totals(struct pubsub *p, size_t *nodes, size_t *items)
{
  *nodes = store_count(p->store, p->node);
  *items = store_count(p->store, p->items);
  return *nodes != SIZE_MAX && *items != SIZE_MAX;
}

struct slice
pubsub_id_key(struct pubsub_key *k, uint64_t node, struct slice id)
{
  unsigned char digest[SHA256_DIGEST_LENGTH];

  SHA256((unsigned char const *)id.s, id.len, digest);
  return pubsub_key(k, node, slice_of((char const *)digest, 16));
}
