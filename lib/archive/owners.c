#include "archive/archive_internal.h"

#include <errno.h>

/* ---- owners that are no accounts ---- */

/* The number of a JID, by its slot; 0 with errno ENOENT: *slot is free for it. */
static uint64_t
number_of(struct archive *a, struct slice bare, uint64_t *slot)
{
  char buf[16];
  uint64_t n;
  bool found;

  errno = EINVAL;
  if (!bare.len || bare.len > JID_MAX) return 0;
  if (!archive_slot(a, a->name, 0, bare, slot, &found)) return 0;
  errno = ENOENT;
  if (!found) return 0;
  return archive_number_get(a, a->name, archive_pack(buf, 2, (uint64_t[]){0, *slot}), &n)
           ? n
           : 0;
}

uint64_t
archive_owner_number(struct archive *a, struct slice bare)
{
  uint64_t slot;

  return number_of(a, bare, &slot);
}

bool
archive_owner_put(struct archive *a, struct slice bare, uint64_t slot, uint64_t n)
{
  char buf[16], packed[8];

  a->value.len = 0;
  archive_pack(packed, 1, &n);
  return stralloc_catb(&a->value, packed, 8) &&
         stralloc_catb(&a->value, bare.s, bare.len) &&
         store_put(a->store, a->name, archive_pack(buf, 2, (uint64_t[]){0, slot}),
                   slice_of(a->value.s, a->value.len)) &&
         store_put(a->store, a->number, slice_of(packed, 8),
                   slice_of(a->value.s + 8, bare.len)) &&
         archive_number_put(a, a->meta, SLICE("owner"), n + 1);
}

uint64_t
archive_owner_make(struct archive *a, struct slice bare)
{
  uint64_t slot = 0, n = number_of(a, bare, &slot);

  if (n || errno != ENOENT) return n;
  n = ARCHIVE_NAMED;
  if (!archive_number_get(a, a->meta, SLICE("owner"), &n) && errno != ENOENT) return 0;
  if (archive_owner_put(a, bare, slot, n)) return n;
  archive_lose(a);
  return 0;
}

bool
archive_owner_part(struct archive *a, uint64_t owner)
{
  struct slice bare;
  char buf[16];
  uint64_t slot, n;

  if (!archive_owner_jid(a, owner, &bare)) return errno == ENOENT;
  n = number_of(a, bare, &slot);
  if (n != owner) return n || errno == ENOENT;
  return store_del(a->store, a->name, archive_pack(buf, 2, (uint64_t[]){0, slot})) ||
         archive_lose(a);
}

bool
archive_owner_jid(struct archive *a, uint64_t number, struct slice *bare)
{
  char buf[8];

  return store_get(a->store, a->number, archive_pack(buf, 1, &number), bare);
}

/* ---- what there is ---- */

bool
archive_stat(struct archive *a, uint64_t owner, struct archive_stat *out)
{
  struct head h;

  *out = (struct archive_stat){.messages = 0};
  if (!archive_head(a, owner, 0, &h)) return errno == ENOENT;
  out->messages = h.next - h.first;
  out->bytes = h.bytes;
  out->waiting = h.waiting;
  return !out->messages || (archive_id_at(a, &h, h.first, &out->first_id) &&
                            archive_id_at(a, &h, h.next - 1, &out->last_id));
}

size_t
archive_messages(struct archive *a)
{
  return store_count(a->store, a->message);
}

size_t
archive_waiting(struct archive *a)
{
  return store_count(a->store, a->waiting);
}

/* The list of SLOT 0 is in its table from its making on: counters that this turn keeps back
 * do not matter here. It is the first of its owner's. */
bool
archive_owner_next(struct archive *a, uint64_t behind, uint64_t *owner)
{
  struct slice key, v;
  char buf[16];

  errno = ENOENT;
  if (behind == UINT64_MAX) return false;
  if (!store_next(a->store, a->list, archive_pack(buf, 2, (uint64_t[]){behind + 1, 0}),
                  &key, &v))
    return false;
  if (key.len != 16) return archive_bad("list", behind, 0);
  *owner = archive_unpack(key, 0);
  return true;
}
