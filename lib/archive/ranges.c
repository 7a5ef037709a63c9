#include "archive/archive_internal.h"

#include <errno.h>

bool
archive_range_open(struct archive *a, uint64_t owner, struct slice with,
                   struct archive_range *out)
{
  struct head h;
  bool found;

  *out = (struct archive_range){.owner = owner};
  if (with.len) {
    if (!archive_slot(a, a->list, owner, with, &out->slot, &found)) return false;
    if (!found) return true;
  }
  if (!archive_head(a, owner, out->slot, &h)) return errno == ENOENT;
  out->from = h.first;
  out->to = h.next;
  out->tail = archive_tail(&h);
  return true;
}

uint64_t
archive_range_count(struct archive_range const *r)
{
  return r->to - r->from;
}

bool
archive_range_id(struct archive *a, struct archive_range const *r, uint64_t place,
                 uint64_t *id)
{
  struct head h;

  if (place < r->tail) return archive_entry(a, r->owner, r->slot, place, id);
  if (!archive_head(a, r->owner, r->slot, &h))
    return errno == ENOENT ? archive_bad("list", r->owner, place) : false;
  return archive_id_at(a, &h, place, id);
}

bool
archive_range_find(struct archive *a, struct archive_range const *r, uint64_t id,
                   uint64_t *place)
{
  uint64_t low = r->from, high = r->to, at = 0;

  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    if (!archive_range_id(a, r, middle, &at)) return false;
    if (at < id)
      low = middle + 1;
    else
      high = middle;
  }
  *place = low;
  return true;
}

/* The first id of a microsecond; UINT64_MAX: it is behind all ids. */
static uint64_t
id_at(uint64_t us)
{
  return us > UINT64_MAX >> ARCHIVE_ID_SHIFT ? UINT64_MAX : us << ARCHIVE_ID_SHIFT;
}

bool
archive_range_time(struct archive *a, struct archive_range *r, uint64_t start_us,
                   uint64_t end_us)
{
  if (start_us && !archive_range_find(a, r, id_at(start_us), &r->from)) return false;
  return end_us == UINT64_MAX || archive_range_find(a, r, id_at(end_us + 1), &r->to);
}

/* The place where the id is in r, or would be. */
static bool
place_of(struct archive *a, struct archive_range const *r, uint64_t id, uint64_t *place)
{
  struct archive_message m;

  if (!archive_get(a, r->owner, id, &m)) return false;
  errno = ENOENT;
  return m.archived && archive_range_find(a, r, id, place);
}

bool
archive_range_after(struct archive *a, struct archive_range *r, uint64_t id)
{
  uint64_t place, at = 0;

  if (!place_of(a, r, id, &place)) return false;
  if (place < r->to) {
    if (!archive_range_id(a, r, place, &at)) return false;
    if (at == id) place++;
  }
  r->from = place;
  return true;
}

bool
archive_range_before(struct archive *a, struct archive_range *r, uint64_t id)
{
  return place_of(a, r, id, &r->to);
}

/* The message must say the same of its place as the list does: then it is the right one,
 * whatever happened to the files. */
static bool
range_message(struct archive *a, struct archive_range const *r, uint64_t place,
              bool (*load)(struct archive *, uint64_t, struct stored *),
              struct archive_message *out)
{
  struct stored m;
  struct ref const *ref;
  uint64_t id = 0;

  if (!archive_range_id(a, r, place, &id)) return false;
  if (!load(a, id, &m))
    return errno == ENOENT ? archive_bad("no-message", r->owner, id) : false;
  ref = archive_ref(&m, r->owner);
  if (!ref || ref->place == NO_PLACE ||
      (r->slot ? ref->slot != r->slot : ref->place != place))
    return archive_bad("place", r->owner, id);
  archive_show(id, &m, true, out);
  return true;
}

bool
archive_range_get(struct archive *a, struct archive_range const *r, uint64_t place,
                  struct archive_message *out)
{
  return range_message(a, r, place, archive_load, out);
}

bool
archive_range_peek(struct archive *a, struct archive_range const *r, uint64_t place,
                   struct archive_message *out)
{
  return range_message(a, r, place, archive_peek, out);
}
