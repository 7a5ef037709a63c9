#include "archive/archive_internal.h"

#include <errno.h>

/* ---- the oldest message of an archive ---- */

/* Find the list with the contact of message id, in which the message must be the oldest too.
 * NULL: the store is inconsistent, which is seen before anything is written. */
static struct head *
oldest(struct archive *a, uint64_t owner, struct head const *own, uint64_t id,
       struct stored *m)
{
  struct ref const *r = archive_load(a, id, m) ? archive_ref(m, owner) : NULL;
  struct head *with = NULL;
  uint64_t first = 0;

  if (r && r->place == own->first) with = archive_head_edit(a, owner, r->slot);
  if (with && with->first < with->next && archive_id_at(a, with, with->first, &first) &&
      first == id)
    return with;
  archive_bad("oldest", owner, id);
  return NULL;
}

static bool
take(struct archive *a, struct head *own, struct head *with, uint64_t id,
     struct stored const *m)
{
  return archive_list_shift(a, own, m->bytes) && archive_list_shift(a, with, m->bytes) &&
         (with->first < with->next || archive_list_drop(a, with)) &&
         archive_release(a, id, m);
}

bool
archive_trim(struct archive *a, uint64_t owner, uint64_t before, uint64_t most,
             unsigned int steps, unsigned int *done)
{
  struct head *own, *with;
  struct stored m;
  uint64_t id = 0;

  for (*done = 0; *done < steps; (*done)++) {
    if (!archive_heads_room(a)) return false;
    own = archive_head_edit(a, owner, 0);
    if (!own) return errno == ENOENT;
    if (own->first == own->next) return true;
    if (!archive_id_at(a, own, own->first, &id)) return false;
    if (id >= before && own->next - own->first <= most) return true;
    with = oldest(a, owner, own, id, &m);
    if (!with) return false;
    if (!take(a, own, with, id, &m)) return archive_lose(a);
  }
  return true;
}

/* ---- an owner who is over ---- */

static bool
purge_waiting(struct archive *a, uint64_t owner, unsigned int steps, unsigned int *done)
{
  uint64_t id = 0;

  for (; *done < steps; (*done)++) {
    if (!archive_waiting_next(a, owner, id, &id)) return errno == ENOENT;
    if (!archive_waiting_del(a, owner, id)) return false;
  }
  return true;
}

static bool
purge_marks(struct archive *a, uint64_t owner, unsigned int steps, unsigned int *done)
{
  struct slice key, v;
  char from[16], buf[16];

  archive_pack(from, 2, (uint64_t[]){owner, 0});
  for (; *done < steps; (*done)++) {
    if (!store_next(a->store, a->mark, slice_of(from, 16), &key, &v))
      return errno == ENOENT;
    if (key.len != 16 || archive_unpack(key, 0) != owner) return true;
    key = archive_pack(buf, 2, (uint64_t[]){owner, archive_unpack(key, 1)});
    if (!store_del(a->store, a->mark, key)) return archive_lose(a);
  }
  return true;
}

static bool
purge_imported(struct archive *a, uint64_t owner, unsigned int steps, unsigned int *done)
{
  unsigned int left = *done < steps ? steps - *done : 0;
  char buf[8];

  return store_del_some(a->store, a->imported, archive_pack(buf, 1, &owner), left,
                        done) ||
         archive_lose(a);
}

/* ENOENT is as good as done. */
static bool
gone(bool deleted)
{
  return deleted || errno == ENOENT;
}

bool
archive_owner_drop(struct archive *a, uint64_t owner)
{
  char buf[16];

  if (!archive_owner_part(a, owner)) return false;
  return gone(store_del(a->store, a->number, archive_pack(buf, 1, &owner))) ||
         archive_lose(a);
}

static bool
purge_owner(struct archive *a, uint64_t owner)
{
  struct head *own = archive_head_edit(a, owner, 0);

  if (!own && errno != ENOENT) return false;
  if (own && !archive_list_drop(a, own)) return archive_lose(a);
  if (!archive_prefs_put(a, owner, SLICE(""))) return archive_lose(a);
  return archive_owner_drop(a, owner);
}

bool
archive_purge(struct archive *a, uint64_t owner, unsigned int steps, unsigned int *done)
{
  if (!archive_trim(a, owner, UINT64_MAX, UINT64_MAX, steps, done) ||
      !purge_waiting(a, owner, steps, done) || !purge_marks(a, owner, steps, done) ||
      !purge_imported(a, owner, steps, done))
    return false;
  return *done == steps || (archive_heads_room(a) && purge_owner(a, owner));
}
