#include "archive/archive_internal.h"

#include <errno.h>
#include <string.h>

/* ---- the table list ---- */

size_t
archive_jid_at(struct slice value)
{
  if (value.len < HEAD_BYTES) return value.len + 1;
  return HEAD_BYTES + (size_t)(archive_unpack(value, 1) % ARCHIVE_CHUNK) * 8;
}

static bool
stored_head(struct archive *a, struct slice key, struct head *out)
{
  struct slice v;

  *out = (struct head){.first = 0};
  memcpy(out->key, key.s, sizeof out->key);
  if (!store_get(a->store, a->list, key, &v)) return false;
  if (archive_jid_at(v) > v.len) return archive_bad("list", archive_unpack(key, 0), 0);
  memcpy(out->ids, v.s + HEAD_BYTES, archive_jid_at(v) - HEAD_BYTES);
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

/* The JID at the end stays. */
static bool
put_head(struct archive *a, struct head const *h)
{
  struct slice key = slice_of(h->key, sizeof h->key), v;
  char buf[HEAD_BYTES];
  size_t at;

  if (!store_get(a->store, a->list, key, &v)) return false;
  at = archive_jid_at(v);
  if (at > v.len) return archive_bad("list", archive_unpack(key, 0), 0);
  archive_pack(buf, 4, (uint64_t[]){h->first, h->next, h->bytes, h->waiting});
  a->value.len = 0;
  return stralloc_catb(&a->value, buf, sizeof buf) &&
         stralloc_catb(&a->value, h->ids, (size_t)(h->next % ARCHIVE_CHUNK) * 8) &&
         stralloc_catb(&a->value, v.s + at, v.len - at) &&
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

/* A message touches two lists for each of its owners. */
bool
archive_heads_room(struct archive *a)
{
  if (a->heads_n + 2 * ARCHIVE_OWNERS_MAX <= HEADS_MAX) return true;
  return archive_heads_flush(a) || archive_lose(a);
}

/* ---- places ---- */

uint64_t
archive_tail(struct head const *h)
{
  return h->next - h->next % ARCHIVE_CHUNK;
}

bool
archive_entry(struct archive *a, uint64_t owner, uint64_t slot, uint64_t place,
              uint64_t *id)
{
  char buf[24];
  struct slice key =
    archive_pack(buf, 3, (uint64_t[]){owner, slot, place / ARCHIVE_CHUNK});
  struct slice v;

  if (!store_get(a->store, a->entry, key, &v))
    return errno == ENOENT ? archive_bad("entry", owner, place) : false;
  if (v.len != (size_t)8 * ARCHIVE_CHUNK) return archive_bad("entry", owner, place);
  *id = archive_unpack(v, place % ARCHIVE_CHUNK);
  return true;
}

bool
archive_id_at(struct archive *a, struct head const *h, uint64_t place, uint64_t *id)
{
  struct slice key = slice_of(h->key, sizeof h->key);

  if (place < archive_tail(h))
    return archive_entry(a, archive_unpack(key, 0), archive_unpack(key, 1), place, id);
  if (place >= h->next) return archive_bad("place", archive_unpack(key, 0), place);
  *id = archive_unpack(slice_of(h->ids, sizeof h->ids), place % ARCHIVE_CHUNK);
  return true;
}

static struct slice
chunk_key(char buf[24], struct head const *h, uint64_t place)
{
  memcpy(buf, h->key, 16);
  archive_pack(buf + 16, 1, (uint64_t[]){place / ARCHIVE_CHUNK});
  return slice_of(buf, 24);
}

bool
archive_list_push(struct archive *a, struct head *h, uint64_t id, size_t bytes)
{
  uint64_t place = h->next++;
  char buf[24];

  archive_pack(h->ids + (size_t)(place % ARCHIVE_CHUNK) * 8, 1, &id);
  h->bytes += bytes;
  return h->next % ARCHIVE_CHUNK ||
         store_put(a->store, a->entry, chunk_key(buf, h, place),
                   slice_of(h->ids, sizeof h->ids));
}

/* A chunk goes with the last of its places; it was full. */
bool
archive_list_shift(struct archive *a, struct head *h, size_t bytes)
{
  uint64_t place = h->first++;
  char buf[24];

  h->bytes -= bytes < h->bytes ? bytes : h->bytes;
  return h->first % ARCHIVE_CHUNK ||
         store_del(a->store, a->entry, chunk_key(buf, h, place));
}

bool
archive_list_drop(struct archive *a, struct head *h)
{
  struct slice list = slice_of(h->key, sizeof h->key);

  if (!store_del(a->store, a->list, list)) return false;
  table_del(&a->by_key, list);
  h->gone = true;
  return true;
}
