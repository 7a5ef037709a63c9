/* Shared by the tests of archive: a new folder each, and messages that say what they are. */
#ifndef ARCHIVE_TEST_H
#define ARCHIVE_TEST_H

#include "archive/archive_internal.h"

#include "../folder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

char const *PROG = "test";

#define ALICE 7
#define BOB 9
/* An id in second s; the n-th of it. */
#define ID(s, n) (((uint64_t)(s)*1000000 << ARCHIVE_ID_SHIFT) + (n))

static char data[sizeof top + 8];
static struct archive *a;

static inline void
reopen(size_t map_bytes)
{
  archive_close(a);
  a = archive_open(data, true, map_bytes);
  assert_non_null(a);
}

static inline int
start(void **state)
{
  static unsigned int n;

  (void)state;
  snprintf(data, sizeof data, "%s/%u", top, n++ % 1000);
  if (mkdir(data, 0700)) return -1;
  a = archive_open(data, true, 0);
  return a ? 0 : -1;
}

static inline int
finish(void **state)
{
  (void)state;
  archive_close(a);
  a = NULL;
  return 0;
}

static inline void
commit(void)
{
  assert_true(archive_commit(a));
}

/* ---- writing ---- */

static inline struct archive_text
text_of(uint64_t id)
{
  static char xml[64];

  snprintf(xml, sizeof xml, "<message><body>%llu\\n</body></message>",
           (unsigned long long)id);
  return (struct archive_text){SLICE("alice@x/a"), SLICE("bob@x"), SLICE("chat"),
                               SLICE("id1"),       SLICE("body"),  slice_str(xml)};
}

static inline bool
try(uint64_t id, struct archive_owner const *o, unsigned int n)
{
  struct archive_text t = text_of(id);

  return archive_append(a, id, o, n, &t);
}

/* Between ALICE and BOB. */
static inline void
talk(uint64_t id)
{
  struct archive_owner const o[] = {
    {ALICE, SLICE("bob@x"),   true, false},
    {BOB,   SLICE("alice@x"), true, false}
  };

  assert_true(try(id, o, 2));
}

/* Of one owner. */
static inline void
one(uint64_t id, uint64_t owner, char const *contact, bool archived, bool waits)
{
  struct archive_owner const o = {owner, slice_str(contact), archived, waits};

  assert_true(try(id, &o, 1));
}

static inline void
is(struct archive_message const *m, uint64_t id)
{
  struct archive_text t = text_of(id);

  assert_int_equal(m->id, id);
  assert_true(slice_eq(m->text.from, t.from));
  assert_true(slice_eq(m->text.to, t.to));
  assert_true(slice_eq(m->text.type, t.type));
  assert_true(slice_eq(m->text.id, t.id));
  assert_true(slice_eq(m->text.tags, t.tags));
  assert_true(slice_eq(m->text.xml, t.xml));
}

static inline void
has(uint64_t owner, uint64_t id, bool archived)
{
  struct archive_message m;

  assert_true(archive_get(a, owner, id, &m));
  is(&m, id);
  assert_int_equal(m.archived, archived);
}

static inline void
has_not(uint64_t owner, uint64_t id)
{
  struct archive_message m;

  errno = 0;
  assert_false(archive_get(a, owner, id, &m));
  assert_int_equal(errno, ENOENT);
}

static inline struct archive_range
range(uint64_t owner, char const *with)
{
  struct archive_range r;

  assert_true(archive_range_open(a, owner, slice_str(with), &r));
  return r;
}

/* All of r are shown and right; there are so many. */
static inline void
holds(struct archive_range r, uint64_t want)
{
  struct archive_message m;
  uint64_t place, before = 0, found;

  assert_int_equal(archive_range_count(&r), want);
  for (place = r.from; place < r.to; place++) {
    assert_true(archive_range_get(a, &r, place, &m));
    is(&m, m.id);
    assert_true(m.id > before);
    before = m.id;
    assert_true(archive_range_find(a, &r, m.id, &found));
    assert_int_equal(found, place);
  }
}

static inline void
stat_is(uint64_t owner, uint64_t messages, uint64_t waiting, uint64_t first,
        uint64_t last)
{
  struct archive_stat s;

  assert_true(archive_stat(a, owner, &s));
  assert_int_equal(s.messages, messages);
  assert_int_equal(s.waiting, waiting);
  assert_int_equal(s.first_id, first);
  assert_int_equal(s.last_id, last);
  assert_int_equal(!s.bytes, !messages);
}

/* ---- pages ---- */

/* Every second a message with each of three contacts: many chunks. */
static inline void
fill(unsigned int seconds)
{
  char const *const contacts[] = {"a@x", "b@x", "c@x"};
  unsigned int s, c;

  for (s = 1; s <= seconds; s++)
    for (c = 0; c < 3; c++)
      one(ID(s, c), ALICE, contacts[c], true, false);
  commit();
}

static inline void
by_time(char const *with, uint64_t from_s, uint64_t to_s, uint64_t want)
{
  struct archive_range r = range(ALICE, with);

  assert_true(archive_range_time(a, &r, from_s * 1000000,
                                 to_s == UINT64_MAX ? to_s : to_s * 1000000));
  holds(r, want);
}

#endif
