#include "archive/archive_internal.h"

#include <errno.h>
#include <string.h>

static bool
ends_in(struct slice value, size_t skip, struct slice text)
{
  return value.len >= skip && slice_eq(slice_of(value.s + skip, value.len - skip), text);
}

/* The slots of a text are looked at all, not up to the first that is free: one before it may
 * have become free later. */
bool
archive_slot(struct archive *a, MDB_dbi t, uint64_t owner, struct slice text,
             uint64_t *slot, bool *found)
{
  uint64_t first = (hash_keyed(a->key, owner, text) >> 1) + 1, i, free = 0;
  struct slice v;
  char buf[16];

  *found = true;
  for (i = 0; i < SLOTS_MAX; i++) {
    *slot = first + i;
    if (!store_get(a->store, t, archive_pack(buf, 2, (uint64_t[]){owner, *slot}), &v)) {
      if (errno != ENOENT) return false;
      if (!free) free = *slot;
    } else if (ends_in(v, t == a->list ? archive_jid_at(v) : 8, text)) {
      return true;
    }
  }
  *found = false;
  *slot = free;
  return free || archive_bad("slots", owner, first);
}
