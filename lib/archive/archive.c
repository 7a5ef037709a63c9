#include "archive/archive_internal.h"

#include <skalibs/uint64.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slice
archive_pack(char *buf, unsigned int n, uint64_t const *numbers)
{
  unsigned int i;

  for (i = 0; i < n; i++)
    uint64_pack_big(buf + (size_t)8 * i, numbers[i]);
  return slice_of(buf, (size_t)8 * n);
}

uint64_t
archive_unpack(struct slice s, unsigned int i)
{
  uint64_t n;

  uint64_unpack_big(s.s + (size_t)8 * i, &n);
  return n;
}

void
archive_log_bad(char const *what, uint64_t owner, uint64_t id)
{
  log_event(LOG_WARN, "archive-bad", "what", what, "number", log_num(owner), "id",
            log_num(id), "why", "the store is inconsistent", "do", "restore a backup",
            NULL);
  errno = EIO;
}

bool
archive_number_get(struct archive *a, MDB_dbi t, struct slice key, uint64_t *n)
{
  struct slice v;

  if (!store_get(a->store, t, key, &v)) return false;
  if (v.len < 8) return archive_bad("number", 0, 0);
  *n = archive_unpack(v, 0);
  return true;
}

bool
archive_number_put(struct archive *a, MDB_dbi t, struct slice key, uint64_t n)
{
  char buf[8];

  return store_put(a->store, t, key, archive_pack(buf, 1, &n));
}

/* ---- opening, turns ---- */

static bool
open_tables(struct archive *a)
{
  struct {
    char const *name;
    MDB_dbi *t;
  } const tables[] = {
    {"message", &a->message},
    {"list",    &a->list   },
    {"entry",   &a->entry  },
    {"waiting", &a->waiting},
    {"mark",    &a->mark   },
    {"prefs",   &a->prefs  },
    {"name",    &a->name   },
    {"number",  &a->number },
    {"source",  &a->source },
    {"meta",    &a->meta   },
  };

  size_t i;

  for (i = 0; i < sizeof tables / sizeof tables[0]; i++)
    if (!store_table(a->store, tables[i].name, tables[i].t)) return false;
  a->has_imported = store_table(a->store, "imported", &a->imported);
  return a->has_imported || (!a->writer && errno == ENOENT);
}

/* The writer draws the key once: without it, strangers cannot make texts collide. */
static bool
open_key(struct archive *a)
{
  char chance[16];
  struct slice v;

  if (!store_get(a->store, a->meta, SLICE("key"), &v)) {
    if (errno != ENOENT || !a->writer) return false;
    door_secret(chance, sizeof chance);
    v = slice_of(chance, sizeof chance);
    if (!store_put(a->store, a->meta, SLICE("key"), v)) return false;
  }
  if (v.len != 16) return archive_bad("key", 0, 0);
  a->key[0] = archive_unpack(v, 0);
  a->key[1] = archive_unpack(v, 1);
  return store_commit(a->store);
}

static bool
stored_last(struct archive *a, uint64_t *last)
{
  *last = 0;
  return archive_number_get(a, a->meta, SLICE("last"), last) || errno == ENOENT;
}

static struct slice
key_of(void const *item)
{
  struct head const *h = item;

  return slice_of(h->key, sizeof h->key);
}

static struct archive *
open_in(struct store *s, bool writer, bool shares)
{
  struct archive *a = calloc(1, sizeof *a);

  if (!a) {
    if (!shares) store_close(s);
    return NULL;
  }
  a->writer = writer;
  a->shares = shares;
  a->by_key.key = key_of;
  a->store = s;
  if (a->store && open_tables(a) && open_key(a) && stored_last(a, &a->last) &&
      store_commit(a->store))
    return a;
  archive_close(a);
  return NULL;
}

struct archive *
archive_open(char const *data, bool writer, size_t map_bytes)
{
  struct store *s;
  char path[512];

  snprintf(path, sizeof path, "%s/archive", data);
  s = store_open(path, writer, false, map_bytes ? map_bytes : ARCHIVE_MAP_BYTES);
  return s ? open_in(s, writer, false) : NULL;
}

struct archive *
archive_open_in(struct store *s, bool writer)
{
  return open_in(s, writer, true);
}

void
archive_close(struct archive *a)
{
  if (!a) return;
  if (!a->shares) store_close(a->store);
  table_wipe(&a->by_key);
  stralloc_free(&a->value);
  free(a);
}

/* A value that cannot be read counts as behind all ids, so nothing is taken. */
static void
reload_last(struct archive *a)
{
  if (!stored_last(a, &a->last)) a->last = UINT64_MAX;
}

/* Something that had to be there was not: that is not the caller's ENOENT. */
bool
archive_lose(struct archive *a)
{
  int e = errno == ENOENT ? EIO : errno;

  store_abandon(a->store);
  archive_heads_forget(a);
  reload_last(a);
  errno = e;
  return false;
}

static bool
put_last(struct archive *a)
{
  uint64_t last;

  return stored_last(a, &last) &&
         (last == a->last || archive_number_put(a, a->meta, SLICE("last"), a->last));
}

/* Writes that the turn has left may belong to what it has erased. */
bool
archive_commit(struct archive *a)
{
  if (a->writer) {
    store_erase_begin(a->store);
    if (!archive_heads_flush(a) || !put_last(a)) archive_lose(a);
    store_erase_end(a->store);
  }
  if (store_commit(a->store)) return true;
  if (a->writer) reload_last(a);
  store_commit(a->store);
  return false;
}

bool
archive_may_wait(struct archive const *a)
{
  return store_may_wait(a->store);
}

void
archive_refuse_when_full(struct archive *a)
{
  store_refuse_when_full(a->store);
}

bool
archive_is_full(struct archive *a)
{
  return store_is_full(a->store);
}

bool
archive_erase_begin(struct archive *a)
{
  return store_erase_begin(a->store);
}

void
archive_erase_end(struct archive *a)
{
  store_erase_end(a->store);
}

uint64_t
archive_last_id(struct archive *a)
{
  uint64_t last;

  if (a->writer) return a->last;
  return stored_last(a, &last) ? last : 0;
}

/* ---- sources, preferences ---- */

bool
archive_source_get(struct archive *a, struct slice name,
                   struct archive_source runs[ARCHIVE_SOURCE_RUNS], unsigned int *n)
{
  struct slice v;
  unsigned int i;

  if (!store_get(a->store, a->source, name, &v)) return false;
  *n = 1;
  runs[0].epoch = 0;
  if (v.len == 8) {
    runs[0].number = archive_unpack(v, 0);
    return true;
  }
  *n = (unsigned int)(v.len / 16);
  if (!*n || *n > ARCHIVE_SOURCE_RUNS || v.len % 16) return archive_bad("source", 0, 0);
  for (i = 0; i < *n; i++) {
    runs[i].epoch = archive_unpack(v, 2 * i);
    runs[i].number = archive_unpack(v, 2 * i + 1);
  }
  return true;
}

bool
archive_source_put(struct archive *a, struct slice name,
                   struct archive_source const *runs, unsigned int n)
{
  uint64_t numbers[2 * ARCHIVE_SOURCE_RUNS];
  char buf[sizeof numbers];
  unsigned int i;

  for (i = 0; i < n; i++) {
    numbers[2 * i] = runs[i].epoch;
    numbers[2 * i + 1] = runs[i].number;
  }
  return store_put(a->store, a->source, name, archive_pack(buf, 2 * n, numbers));
}

bool
archive_prefs_get(struct archive *a, uint64_t owner, struct slice *text)
{
  char buf[8];

  return store_get(a->store, a->prefs, archive_pack(buf, 1, &owner), text);
}

bool
archive_prefs_put(struct archive *a, uint64_t owner, struct slice text)
{
  char buf[8];
  struct slice key = archive_pack(buf, 1, &owner);

  if (text.len) return store_put(a->store, a->prefs, key, text);
  return store_del(a->store, a->prefs, key) || errno == ENOENT;
}
