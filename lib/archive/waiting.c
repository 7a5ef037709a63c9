#include "archive/archive_internal.h"

#include <errno.h>

static struct slice
pair(char buf[16], uint64_t owner, uint64_t n)
{
  return archive_pack(buf, 2, (uint64_t[]){owner, n});
}

/* ---- what waits ---- */

bool
archive_waiting_has(struct archive *a, uint64_t owner, uint64_t id)
{
  struct slice v;
  char buf[16];

  return store_get(a->store, a->waiting, pair(buf, owner, id), &v);
}

bool
archive_waiting_add(struct archive *a, uint64_t owner, uint64_t id)
{
  struct stored m;
  struct head *h;
  char buf[16];

  if (!archive_heads_room(a) || !archive_load(a, id, &m)) return false;
  errno = ENOENT;
  if (!archive_ref(&m, owner)) return false;
  if (archive_waiting_has(a, owner, id)) return true;
  if (errno != ENOENT) return false;
  h = archive_head_edit(a, owner, 0);
  if (!h) return false;
  if (!store_put(a->store, a->waiting, pair(buf, owner, id), SLICE("")))
    return archive_lose(a);
  h->waiting++;
  return true;
}

bool
archive_waiting_del(struct archive *a, uint64_t owner, uint64_t id)
{
  struct stored m;
  struct head *h;
  char buf[16];

  if (!archive_heads_room(a) || !archive_waiting_has(a, owner, id)) return false;
  if (!archive_load(a, id, &m))
    return errno == ENOENT ? archive_bad("no-message", owner, id) : false;
  h = archive_head_edit(a, owner, 0);
  if (!h) return errno == ENOENT ? archive_bad("list", owner, id) : false;
  if (!store_del(a->store, a->waiting, pair(buf, owner, id))) return archive_lose(a);
  if (h->waiting) h->waiting--;
  return archive_release(a, id, &m) || archive_lose(a);
}

bool
archive_waiting_count(struct archive *a, uint64_t owner, uint64_t *count)
{
  struct head h;
  bool there = archive_head(a, owner, 0, &h);

  *count = h.waiting;
  return there || errno == ENOENT;
}

bool
archive_waiting_next(struct archive *a, uint64_t owner, uint64_t behind, uint64_t *id)
{
  struct slice key, v;
  char buf[16];

  errno = ENOENT;
  if (behind == UINT64_MAX) return false;
  if (!store_next(a->store, a->waiting, pair(buf, owner, behind + 1), &key, &v))
    return false;
  errno = ENOENT;
  if (key.len != 16 || archive_unpack(key, 0) != owner) return false;
  *id = archive_unpack(key, 1);
  return true;
}

bool
archive_waiting_bytes(struct archive *a, uint64_t owner, uint64_t *bytes)
{
  struct ref const *r;
  struct stored m;
  uint64_t id = 0;

  *bytes = 0;
  while (archive_waiting_next(a, owner, id, &id)) {
    if (!archive_peek(a, id, &m)) return false;
    r = archive_ref(&m, owner);
    if (r && archive_holds(a, id, r)) continue;
    if (r && errno != ENOENT) return false;
    *bytes += m.bytes;
  }
  return errno == ENOENT;
}

/* ---- marks ---- */

#define MARK_BYTES 9

static bool
read_mark(struct slice v, struct archive_mark *m)
{
  if (v.len < MARK_BYTES) return archive_bad("mark", 0, 0);
  m->id = archive_unpack(v, 0);
  m->kind = ARCHIVE_MARK_OLD;
  if (v.len == MARK_BYTES && v.s[8] == 0) m->kind = ARCHIVE_MARK_LIVE;
  if (v.len == MARK_BYTES && v.s[8] == 1) m->kind = ARCHIVE_MARK_LOST;
  return true;
}

/* A mark of an older version stays one as long as its kind is said to be OLD. */
bool
archive_mark_set(struct archive *a, uint64_t owner, uint64_t session,
                 struct archive_mark m, bool later)
{
  char buf[16], packed[MARK_BYTES];

  archive_pack(packed, 1, &m.id);
  packed[8] = m.kind == ARCHIVE_MARK_OLD ? 'o' : m.kind == ARCHIVE_MARK_LOST;
  return (later ? store_put_later : store_put)(
    a->store, a->mark, pair(buf, owner, session), slice_of(packed, sizeof packed));
}

bool
archive_mark_get(struct archive *a, uint64_t owner, uint64_t session,
                 struct archive_mark *out)
{
  struct slice v;
  char buf[16];

  return store_get(a->store, a->mark, pair(buf, owner, session), &v) && read_mark(v, out);
}

bool
archive_mark_del(struct archive *a, uint64_t owner, uint64_t session)
{
  char buf[16];

  return store_del_later(a->store, a->mark, pair(buf, owner, session));
}

struct each {
  uint64_t owner;
  archive_mark_fn *fn;
  void *cookie;
};

static bool
on_mark(void *cookie, struct slice key, struct slice v)
{
  struct each const *e = cookie;
  struct archive_mark m;

  if (key.len != 16 || !read_mark(v, &m)) return false;
  if (e->owner && archive_unpack(key, 0) != e->owner) return false;
  return e->fn(e->cookie, archive_unpack(key, 0), archive_unpack(key, 1), m);
}

bool
archive_marks_each(struct archive *a, uint64_t owner, archive_mark_fn *fn, void *cookie)
{
  struct each e = {owner, fn, cookie};
  char buf[8];

  return store_each(a->store, a->mark, archive_pack(buf, 1, &owner), on_mark, &e);
}
