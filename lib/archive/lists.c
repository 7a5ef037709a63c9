#include "archive/archive_internal.h"

#include <errno.h>
#include <string.h>

/* ---- counters ---- */

static bool
stored_head(struct archive *a, struct slice key, struct head *out)
{
  struct slice v;

  *out = (struct head){.first = 0};
  memcpy(out->key, key.s, sizeof out->key);
  if (!store_get(a->store, a->list, key, &v)) return false;
  if (v.len < HEAD_BYTES) return archive_bad("list", archive_unpack(key, 0), 0);
  out->first = archive_unpack(v, 0);
  out->next = archive_unpack(v, 1);
  out->bytes = archive_unpack(v, 2);
  out->waiting = archive_unpack(v, 3);
  return out->first <= out->next || archive_bad("list", archive_unpack(key, 0), 0);
}

bool
archive_head(struct archive *a, uint64_t owner, uint64_t slot, struct head *out)
{
  char buf[16];
  struct slice key = archive_pack(buf, 2, (uint64_t[]){owner, slot});
  struct head const *h = table_get(&a->by_key, key);

  if (!h) return stored_head(a, key, out);
  *out = *h;
  return true;
}

struct head *
archive_head_edit(struct archive *a, uint64_t owner, uint64_t slot)
{
  char buf[16];
  struct slice key = archive_pack(buf, 2, (uint64_t[]){owner, slot});
  struct head *h = table_get(&a->by_key, key);

  if (h) return h;
  if (a->heads_n == HEADS_MAX) {
    errno = ENOMEM;
    return NULL;
  }
  h = &a->heads[a->heads_n];
  if (!stored_head(a, key, h) || !table_put(&a->by_key, h)) return NULL;
  a->heads_n++;
  return h;
}

struct head *
archive_head_make(struct archive *a, uint64_t owner, uint64_t slot, struct slice jid)
{
  struct head *h = archive_head_edit(a, owner, slot);
  char buf[16], zero[HEAD_BYTES] = {0};

  if (h || errno != ENOENT) return h;
  a->value.len = 0;
  if (!stralloc_catb(&a->value, zero, sizeof zero) ||
      !stralloc_catb(&a->value, jid.s, jid.len) ||
      !store_put(a->store, a->list, archive_pack(buf, 2, (uint64_t[]){owner, slot}),
                 slice_of(a->value.s, a->value.len)))
    return NULL;
  return archive_head_edit(a, owner, slot);
}

/* The JID behind the counters stays. */
static bool
put_head(struct archive *a, struct head const *h)
{
  struct slice key = slice_of(h->key, sizeof h->key), v;
  char buf[HEAD_BYTES];

  if (!store_get(a->store, a->list, key, &v)) return false;
  if (v.len < HEAD_BYTES) return archive_bad("list", archive_unpack(key, 0), 0);
  archive_pack(buf, 4, (uint64_t[]){h->first, h->next, h->bytes, h->waiting});
  a->value.len = 0;
  return stralloc_catb(&a->value, buf, sizeof buf) &&
         stralloc_catb(&a->value, v.s + HEAD_BYTES, v.len - HEAD_BYTES) &&
         store_put(a->store, a->list, key, slice_of(a->value.s, a->value.len));
}

void
archive_heads_forget(struct archive *a)
{
  table_wipe(&a->by_key);
  a->heads_n = 0;
}

bool
archive_heads_flush(struct archive *a)
{
  unsigned int i;
  bool ok = true;

  for (i = 0; i < a->heads_n && ok; i++)
    ok = a->heads[i].gone || put_head(a, &a->heads[i]);
  archive_heads_forget(a);
  return ok;
}

/* One message touches two lists for each of its owners. */
bool
archive_heads_room(struct archive *a)
{
  if (a->heads_n + 2 * ARCHIVE_OWNERS_MAX <= HEADS_MAX) return true;
  return archive_heads_flush(a) || archive_lose(a);
}

/* ---- entries ---- */

static struct slice
chunk_key(char buf[24], struct slice list, uint64_t place)
{
  memcpy(buf, list.s, 16);
  archive_pack(buf + 16, 1, (uint64_t[]){place / ARCHIVE_CHUNK});
  return slice_of(buf, 24);
}

bool
archive_entry(struct archive *a, uint64_t owner, uint64_t slot, uint64_t place,
              uint64_t *id)
{
  char buf[24];
  unsigned int at = (unsigned int)(place % ARCHIVE_CHUNK);
  struct slice key =
    archive_pack(buf, 3, (uint64_t[]){owner, slot, place / ARCHIVE_CHUNK});
  struct slice v;

  if (!store_get(a->store, a->entry, key, &v))
    return errno == ENOENT ? archive_bad("entry", owner, place) : false;
  if (v.len < ((size_t)at + 1) * 8) return archive_bad("entry", owner, place);
  *id = archive_unpack(v, at);
  return true;
}

bool
archive_list_push(struct archive *a, struct head *h, uint64_t id, size_t bytes)
{
  char buf[24], ids[8 * ARCHIVE_CHUNK];
  struct slice key = chunk_key(buf, slice_of(h->key, sizeof h->key), h->next), v;
  size_t len = (size_t)(h->next % ARCHIVE_CHUNK) * 8;

  if (len) {
    if (!store_get(a->store, a->entry, key, &v)) return false;
    if (v.len != len) return archive_bad("entry", archive_unpack(key, 0), id);
    memcpy(ids, v.s, len);
  }
  archive_pack(ids + len, 1, &id);
  if (!store_put(a->store, a->entry, key, slice_of(ids, len + 8))) return false;
  h->next++;
  h->bytes += bytes;
  return true;
}

bool
archive_list_shift(struct archive *a, struct head *h, size_t bytes)
{
  char buf[24];
  struct slice key = chunk_key(buf, slice_of(h->key, sizeof h->key), h->first);

  h->first++;
  h->bytes -= bytes < h->bytes ? bytes : h->bytes;
  return h->first % ARCHIVE_CHUNK || store_del(a->store, a->entry, key);
}

/* Of a list that has no entries any more: what is left is the last chunk, if begun. */
bool
archive_list_drop(struct archive *a, struct head *h)
{
  char buf[24];
  struct slice list = slice_of(h->key, sizeof h->key);

  if (h->next % ARCHIVE_CHUNK &&
      !store_del(a->store, a->entry, chunk_key(buf, list, h->next)))
    return false;
  if (!store_del(a->store, a->list, list)) return false;
  table_del(&a->by_key, list);
  h->gone = true;
  return true;
}
