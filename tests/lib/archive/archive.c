/* archive: messages, their lists, what waits, marks, retention. */
#include "archive/archive_internal.h"

#include <skalibs/djbunix.h>

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

static char top[] = "/tmp/tabber-archive-XXXXXX";
static char data[sizeof top + 8];
static struct archive *a;

static int
group_start(void **state)
{
  (void)state;
  log_verbosity = 0;
  return mkdtemp(top) ? 0 : -1;
}

static int
group_end(void **state)
{
  (void)state;
  rm_rf(top);
  return 0;
}

static void
reopen(size_t map_bytes)
{
  archive_close(a);
  a = archive_open(data, true, map_bytes);
  assert_non_null(a);
}

static int
start(void **state)
{
  static unsigned int n;

  (void)state;
  snprintf(data, sizeof data, "%s/%u", top, n++ % 1000);
  if (mkdir(data, 0700)) return -1;
  a = archive_open(data, true, 0);
  return a ? 0 : -1;
}

static int
finish(void **state)
{
  (void)state;
  archive_close(a);
  a = NULL;
  return 0;
}

static void
commit(void)
{
  assert_true(archive_commit(a));
}

/* ---- writing ---- */

static struct archive_text
text_of(uint64_t id)
{
  static char xml[64];

  snprintf(xml, sizeof xml, "<message><body>%llu\\n</body></message>",
           (unsigned long long)id);
  return (struct archive_text){SLICE("alice@x/a"), SLICE("bob@x"), SLICE("chat"),
                               SLICE("id1"),       SLICE("body"),  slice_str(xml)};
}

static bool
try(uint64_t id, struct archive_owner const *o, unsigned int n)
{
  struct archive_text t = text_of(id);

  return archive_append(a, id, o, n, &t);
}

/* Between ALICE and BOB. */
static void
talk(uint64_t id)
{
  struct archive_owner const o[] = {
    {ALICE, SLICE("bob@x"),   true, false},
    {BOB,   SLICE("alice@x"), true, false}
  };

  assert_true(try(id, o, 2));
}

/* Of one owner. */
static void
one(uint64_t id, uint64_t owner, char const *contact, bool archived, bool waits)
{
  struct archive_owner const o = {owner, slice_str(contact), archived, waits};

  assert_true(try(id, &o, 1));
}

static void
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

static void
has(uint64_t owner, uint64_t id, bool archived)
{
  struct archive_message m;

  assert_true(archive_get(a, owner, id, &m));
  is(&m, id);
  assert_int_equal(m.archived, archived);
}

static void
has_not(uint64_t owner, uint64_t id)
{
  struct archive_message m;

  errno = 0;
  assert_false(archive_get(a, owner, id, &m));
  assert_int_equal(errno, ENOENT);
}

static struct archive_range
range(uint64_t owner, char const *with)
{
  struct archive_range r;

  assert_true(archive_range_open(a, owner, slice_str(with), &r));
  return r;
}

/* All of r are shown and right; there are so many. */
static void
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

static void
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

static void
append_get(void **state)
{
  (void)state;
  assert_int_equal(archive_last_id(a), 0);
  stat_is(ALICE, 0, 0, 0, 0);
  holds(range(ALICE, ""), 0);
  holds(range(ALICE, "bob@x"), 0);
  talk(ID(1, 0));
  has(ALICE, ID(1, 0), true); /* within its turn */
  stat_is(ALICE, 1, 0, ID(1, 0), ID(1, 0));
  talk(ID(1, 1));
  holds(range(ALICE, ""), 2);
  commit();
  one(ID(2, 0), ALICE, "carol@x", true, true);
  commit();
  reopen(0);
  assert_int_equal(archive_last_id(a), ID(2, 0));
  has(ALICE, ID(1, 0), true);
  has(BOB, ID(1, 1), true);
  has(ALICE, ID(2, 0), true);
  has_not(BOB, ID(2, 0)); /* not theirs */
  has_not(ALICE, ID(2, 1));
  has_not(99, ID(1, 0));
  holds(range(ALICE, ""), 3);
  holds(range(ALICE, "bob@x"), 2);
  holds(range(ALICE, "carol@x"), 1);
  holds(range(BOB, ""), 2);
  holds(range(BOB, "carol@x"), 0);
  stat_is(ALICE, 3, 1, ID(1, 0), ID(2, 0));
}

/* What is refused loses nothing of the turn. */
static void
refusals(void **state)
{
  static char long_jid[JID_MAX + 2];
  struct archive_owner const ok = {ALICE, SLICE("bob@x"), true, false};
  struct archive_owner o[ARCHIVE_OWNERS_MAX + 1] = {ok, ok};
  struct archive_text t = text_of(5);

  (void)state;
  talk(5);
  errno = 0;
  assert_false(try(5, &ok, 1));
  assert_int_equal(errno, EEXIST);
  assert_false(try(4, &ok, 1));
  assert_int_equal(errno, EEXIST);
  errno = 0;
  assert_false(try(6, o, 2)); /* twice the same */
  assert_false(try(6, o, 0));
  assert_false(try(6, o, ARCHIVE_OWNERS_MAX + 1));
  o[0].archived = false;
  assert_false(try(6, o, 1));
  o[0] = ok;
  o[0].number = 0;
  assert_false(try(6, o, 1));
  o[0].number = ALICE;
  memset(long_jid, 'j', sizeof long_jid - 1);
  o[0].contact = slice_str(long_jid);
  assert_false(try(6, o, 1));
  t.tags = SLICE("a\tb");
  assert_false(archive_append(a, 6, &ok, 1, &t));
  assert_int_equal(errno, EINVAL);
  o[0].contact.len--;
  assert_true(try(6, o, 1));
  commit();
  holds(range(ALICE, ""), 2);
  long_jid[JID_MAX] = 0;
  holds(range(ALICE, long_jid), 1);
}

/* ---- pages ---- */

/* Every second a message with each of three contacts: many chunks. */
static void
fill(unsigned int seconds)
{
  char const *const contacts[] = {"a@x", "b@x", "c@x"};
  unsigned int s, c;

  for (s = 1; s <= seconds; s++)
    for (c = 0; c < 3; c++)
      one(ID(s, c), ALICE, contacts[c], true, false);
  commit();
}

static void
by_time(char const *with, uint64_t from_s, uint64_t to_s, uint64_t want)
{
  struct archive_range r = range(ALICE, with);

  assert_true(archive_range_time(a, &r, from_s * 1000000,
                                 to_s == UINT64_MAX ? to_s : to_s * 1000000));
  holds(r, want);
}

static void
times(void **state)
{
  struct archive_range r;

  (void)state;
  fill(100);
  holds(range(ALICE, ""), 300);
  holds(range(ALICE, "b@x"), 100);
  by_time("", 0, UINT64_MAX, 300);
  by_time("", 0, 100, 300);
  by_time("", 1, 1, 3);
  by_time("", 41, 60, 60);
  by_time("c@x", 41, 60, 20);
  by_time("", 101, 200, 0);
  by_time("", 0, 0, 0);
  by_time("", 60, 41, 0);
  by_time("nobody@x", 1, 100, 0);
  r = range(ALICE, "");
  assert_true(archive_range_time(a, &r, UINT64_MAX - 1, UINT64_MAX - 1));
  holds(r, 0);
}

static void
by_ids(char const *with, uint64_t after, uint64_t before, uint64_t want)
{
  struct archive_range r = range(ALICE, with);

  if (after) assert_true(archive_range_after(a, &r, after));
  if (before) assert_true(archive_range_before(a, &r, before));
  holds(r, want);
}

static void
ids(void **state)
{
  struct archive_range r;
  uint64_t place, id;

  (void)state;
  fill(100);
  one(ID(101, 0), BOB, "a@x", true, false);
  one(ID(101, 1), ALICE, "a@x", false, true);
  by_ids("", ID(1, 0), 0, 299);
  by_ids("", ID(100, 2), 0, 0);
  by_ids("", 0, ID(1, 0), 0);
  by_ids("", 0, ID(100, 2), 299);
  by_ids("", ID(10, 0), ID(11, 0), 2);
  by_ids("b@x", ID(10, 1), ID(12, 1), 1);
  by_ids("b@x", ID(10, 0), 0, 91); /* of another contact */
  by_ids("b@x", ID(10, 2), 0, 90);
  by_ids("b@x", 0, ID(10, 0), 9);
  by_ids("", ID(20, 0), ID(10, 0), 0);
  r = range(ALICE, "");
  errno = 0;
  assert_false(archive_range_after(a, &r, ID(10, 7)));
  assert_int_equal(errno, ENOENT);
  errno = 0;
  assert_false(archive_range_before(a, &r, ID(101, 0))); /* BOB's */
  assert_int_equal(errno, ENOENT);
  errno = 0;
  assert_false(archive_range_before(a, &r, ID(101, 1))); /* only waits */
  assert_int_equal(errno, ENOENT);
  holds(r, 300);
  assert_true(archive_range_find(a, &r, ID(10, 7), &place));
  assert_int_equal(place - r.from, 30);
  assert_true(archive_range_id(a, &r, place, &id));
  assert_true(id == ID(11, 0));
  assert_true(archive_range_find(a, &r, UINT64_MAX, &place));
  assert_int_equal(place, r.to);
}

/* Another text has the slot of a contact: each has its own messages. */
static void
collisions(void **state)
{
  struct store *s;
  MDB_dbi t;
  char key[16], path[sizeof data + 8], other[HEAD_BYTES + 8 + 5];
  struct slice v;
  uint64_t slot;
  bool found;

  (void)state;
  one(1, ALICE, "aa@xy", true, false);
  commit();
  assert_true(archive_slot(a, a->list, ALICE, SLICE("aa@xy"), &slot, &found));
  assert_true(found);
  archive_pack(key, 2, (uint64_t[]){ALICE, slot});
  finish(NULL);
  snprintf(path, sizeof path, "%s/archive", data);
  s = store_open(path, true, false, ARCHIVE_MAP_BYTES);
  assert_true(s && store_table(s, "list", &t));
  assert_true(store_get(s, t, slice_of(key, 16), &v) && v.len == sizeof other);
  memcpy(other, v.s, v.len);
  memcpy(other + HEAD_BYTES + 8, "bb@xy", 5);
  assert_true(store_put(s, t, slice_of(key, 16), slice_of(other, sizeof other)));
  assert_true(store_commit(s));
  store_close(s);
  reopen(0);
  holds(range(ALICE, "aa@xy"), 0);
  one(2, ALICE, "aa@xy", true, false);
  one(3, ALICE, "aa@xy", true, false);
  commit();
  holds(range(ALICE, "aa@xy"), 2);
  holds(range(ALICE, ""), 3);
  assert_true(archive_slot(a, a->list, ALICE, SLICE("aa@xy"), &slot, &found));
  assert_int_equal(slot, archive_unpack(slice_of(key, 16), 1) + 1);
}

/* ---- tombstones ---- */

static void
replace(void **state)
{
  struct archive_message m;
  struct archive_stat before, after;

  (void)state;
  talk(1);
  talk(2);
  assert_true(archive_stat(a, BOB, &before));
  commit();
  assert_true(archive_replace(a, ALICE, 1, SLICE("gone"), SLICE("<message/>")));
  commit();
  assert_true(archive_get(a, BOB, 1, &m));
  assert_true(m.tombstone && m.archived);
  assert_true(slice_is(m.text.xml, "<message/>") && slice_is(m.text.tags, "gone"));
  assert_true(slice_is(m.text.from, "alice@x/a") && slice_is(m.text.id, "id1"));
  assert_true(archive_get(a, BOB, 2, &m) && !m.tombstone);
  assert_true(archive_stat(a, BOB, &after));
  assert_int_equal(before.bytes - after.bytes, text_of(1).xml.len - strlen("<message/>"));
  errno = 0;
  assert_false(archive_replace(a, 99, 2, SLICE(""), SLICE("<message/>")));
  assert_int_equal(errno, ENOENT);
  errno = 0;
  assert_false(archive_replace(a, BOB, 2, SLICE(""), SLICE("\t")));
  assert_int_equal(errno, EINVAL);
}

/* ---- what waits ---- */

static void
waits(uint64_t owner, uint64_t want)
{
  uint64_t id = 0, before = 0, n = 0, count;

  while (archive_waiting_next(a, owner, id, &id)) {
    assert_true(id > before);
    before = id;
    n++;
  }
  assert_int_equal(errno, ENOENT);
  assert_int_equal(n, want);
  assert_true(archive_waiting_count(a, owner, &count));
  assert_int_equal(count, want);
}

static void
waiting(void **state)
{
  (void)state;
  waits(ALICE, 0);
  one(1, ALICE, "", false, true);
  one(2, ALICE, "b@x", true, true);
  one(3, BOB, "a@x", true, false);
  one(4, ALICE, "b@x", true, false);
  waits(ALICE, 2);
  commit();
  waits(ALICE, 2);
  waits(BOB, 0);
  has(ALICE, 1, false);
  has(ALICE, 2, true);
  holds(range(ALICE, ""), 2);
  assert_true(archive_waiting_add(a, ALICE, 4));
  assert_true(archive_waiting_add(a, ALICE, 4));
  waits(ALICE, 3);
  errno = 0;
  assert_false(archive_waiting_add(a, ALICE, 3)); /* BOB's alone */
  assert_int_equal(errno, ENOENT);
  errno = 0;
  assert_false(archive_waiting_add(a, ALICE, 5));
  assert_int_equal(errno, ENOENT);
  assert_true(archive_waiting_has(a, ALICE, 4));
  assert_true(archive_waiting_del(a, ALICE, 1)); /* nobody has it now */
  has_not(ALICE, 1);
  errno = 0;
  assert_false(archive_waiting_del(a, ALICE, 1));
  assert_int_equal(errno, ENOENT);
  assert_true(archive_waiting_del(a, ALICE, 2));
  has(ALICE, 2, true);
  commit();
  waits(ALICE, 1);
}

/* It goes when the last of its owners lets go of it, in either order. */
static void
last_one_out(void **state)
{
  struct archive_owner const o[] = {
    {ALICE, SLICE("bob@x"),   true,  false},
    {BOB,   SLICE("alice@x"), false, true }
  };
  unsigned int done;
  struct slice v;
  char buf[8];
  uint64_t id;

  (void)state;
  assert_true(try(1, o, 2) && try(2, o, 2));
  assert_true(archive_waiting_del(a, BOB, 1));
  has(ALICE, 1, true);
  has_not(BOB, 1);
  assert_true(archive_trim(a, ALICE, UINT64_MAX, UINT64_MAX, 10, &done));
  assert_int_equal(done, 2);
  has_not(ALICE, 1);
  has_not(ALICE, 2);
  has(BOB, 2, false);
  assert_true(archive_waiting_del(a, BOB, 2));
  commit();
  for (id = 1; id <= 2; id++)
    assert_false(store_get(a->store, a->message, archive_pack(buf, 1, &id), &v));
}

/* ---- small tables ---- */

static char seen[256];

static bool
see(void *cookie, uint64_t owner, struct slice resource, uint64_t id)
{
  size_t n = strlen(seen);

  assert_null(cookie);
  snprintf(seen + n, sizeof seen - n, "%u/%.1s=%u ", (unsigned int)owner, resource.s,
           (unsigned int)id);
  return id != 99;
}

static void
marks(void **state)
{
  static char long_name[JID_PART_MAX + 2];
  uint64_t id;

  (void)state;
  memset(long_name, 'r', sizeof long_name - 1);
  assert_false(archive_mark_set(a, ALICE, slice_str(long_name), 3));
  assert_int_equal(errno, EINVAL);
  long_name[JID_PART_MAX] = 0;
  assert_true(archive_mark_set(a, ALICE, SLICE("phone"), 1));
  assert_true(archive_mark_set(a, ALICE, SLICE("phone"), 2));
  assert_true(archive_mark_set(a, BOB, slice_str(long_name), 3));
  commit();
  assert_true(archive_mark_get(a, ALICE, SLICE("phone"), &id));
  assert_int_equal(id, 2);
  assert_true(archive_mark_get(a, BOB, slice_str(long_name), &id));
  assert_int_equal(id, 3);
  errno = 0;
  assert_false(archive_mark_get(a, BOB, SLICE("phone"), &id));
  assert_int_equal(errno, ENOENT);
  seen[0] = 0;
  assert_true(archive_marks_each(a, 0, see, NULL));
  assert_string_equal(seen, "7/p=2 9/r=3 ");
  seen[0] = 0;
  assert_true(archive_marks_each(a, ALICE, see, NULL));
  assert_string_equal(seen, "7/p=2 ");
  assert_true(archive_mark_del(a, ALICE, SLICE("phone")));
  errno = 0;
  assert_false(archive_mark_del(a, ALICE, SLICE("phone")));
  assert_int_equal(errno, ENOENT);
}

static void
small_tables(void **state)
{
  struct slice v;
  uint64_t n, m;

  (void)state;
  errno = 0;
  assert_false(archive_source_get(a, SLICE("c2sd"), &n));
  assert_int_equal(errno, ENOENT);
  assert_true(archive_source_put(a, SLICE("c2sd"), 12));
  assert_true(archive_source_put(a, SLICE("c2sd"), 13));
  assert_true(archive_prefs_put(a, ALICE, SLICE("always")));
  assert_true(archive_prefs_put(a, BOB, SLICE("")));
  commit();
  assert_true(archive_source_get(a, SLICE("c2sd"), &n));
  assert_int_equal(n, 13);
  assert_true(archive_prefs_get(a, ALICE, &v) && slice_is(v, "always"));
  assert_true(archive_prefs_put(a, ALICE, SLICE("")));
  errno = 0;
  assert_false(archive_prefs_get(a, ALICE, &v));
  assert_int_equal(errno, ENOENT);
  errno = 0;
  assert_int_equal(archive_owner_number(a, SLICE("room@c")), 0);
  assert_int_equal(errno, ENOENT);
  n = archive_owner_make(a, SLICE("room@c"));
  m = archive_owner_make(a, SLICE("den@c"));
  assert_true(n == ARCHIVE_NAMED && m == ARCHIVE_NAMED + 1);
  commit();
  assert_true(archive_owner_make(a, SLICE("room@c")) == n);
  assert_true(archive_owner_number(a, SLICE("den@c")) == m);
  assert_true(archive_owner_jid(a, n, &v) && slice_is(v, "room@c"));
  errno = 0;
  assert_false(archive_owner_jid(a, ALICE, &v));
  assert_int_equal(errno, ENOENT);
  assert_int_equal(archive_owner_number(a, SLICE("")), 0);
  assert_int_equal(errno, EINVAL);
}

/* ---- retention ---- */

static void
trim(uint64_t before, uint64_t most, unsigned int steps, unsigned int want)
{
  unsigned int done;

  assert_true(archive_trim(a, ALICE, before, most, steps, &done));
  assert_int_equal(done, want);
}

static void
trims(void **state)
{
  struct archive_range r;

  (void)state;
  trim(UINT64_MAX, 0, 10, 0);
  fill(100);
  trim(0, UINT64_MAX, 1000, 0);
  trim(ID(11, 0), UINT64_MAX, 20, 20);
  commit();
  trim(ID(11, 0), UINT64_MAX, 20, 10);
  trim(ID(11, 0), UINT64_MAX, 20, 0);
  holds(range(ALICE, ""), 270);
  holds(range(ALICE, "a@x"), 90);
  by_time("b@x", 1, 20, 10);
  r = range(ALICE, "");
  assert_int_equal(r.from, 30); /* places go on */
  has_not(ALICE, ID(10, 2));
  has(ALICE, ID(11, 0), true);
  stat_is(ALICE, 270, 0, ID(11, 0), ID(100, 2));
  trim(0, 3, 1000, 267);
  commit();
  holds(range(ALICE, "c@x"), 1);
  trim(UINT64_MAX, UINT64_MAX, 1000, 3);
  stat_is(ALICE, 0, 0, 0, 0);
  holds(range(ALICE, "c@x"), 0);
  commit();
  reopen(0);
  assert_int_equal(archive_last_id(a), ID(100, 2));
  one(ID(101, 0), ALICE, "c@x", true, false);
  r = range(ALICE, "");
  assert_int_equal(r.from, 300);
  holds(r, 1);
  holds(range(ALICE, "c@x"), 1);
}

/* Nothing is left of an owner, and all of the others. */
static void
purge(void **state)
{
  unsigned int done, turns = 0;
  uint64_t room, i, owner = 0, id;
  struct slice v;

  (void)state;
  room = archive_owner_make(a, SLICE("room@c"));
  for (i = 1; i <= 100; i++) {
    struct archive_owner const o[] = {
      {room, SLICE("bob@x"),  true, i % 2},
      {BOB,  SLICE("room@c"), true, false}
    };
    assert_true(try(i, o, 2));
  }
  assert_true(archive_mark_set(a, room, SLICE("r"), 1));
  assert_true(archive_mark_set(a, BOB, SLICE("r"), 1));
  assert_true(archive_prefs_put(a, room, SLICE("p")));
  commit();
  do {
    assert_true(archive_purge(a, room, 7, &done));
    commit();
  } while (done == 7 && ++turns < 100);
  assert_int_equal(turns, 21); /* 100 messages, 50 that wait, a mark */
  stat_is(room, 0, 0, 0, 0);
  waits(room, 0);
  assert_false(archive_prefs_get(a, room, &v));
  assert_false(archive_mark_get(a, room, SLICE("r"), &id));
  assert_true(archive_mark_get(a, BOB, SLICE("r"), &id));
  assert_int_equal(archive_owner_number(a, SLICE("room@c")), 0);
  assert_true(archive_owner_next(a, 0, &owner) && owner == BOB);
  assert_false(archive_owner_next(a, owner, &owner));
  assert_int_equal(errno, ENOENT);
  holds(range(BOB, "room@c"), 100);
  has_not(room, 5);
  assert_true(archive_owner_make(a, SLICE("room@c")) == room + 1);
}

static void
owners(void **state)
{
  uint64_t owner = 0, n;

  (void)state;
  for (n = 3; n < 2000; n += 3)
    one(n, n, "a@x", n % 2, !(n % 2));
  for (n = 3; archive_owner_next(a, owner, &owner); n += 3)
    assert_int_equal(owner, n);
  assert_int_equal(errno, ENOENT);
  assert_int_equal(n, 2001);
  commit(); /* more lists than a turn keeps back */
  for (n = 3; n < 2000; n += 3)
    stat_is(n, n % 2, !(n % 2), n % 2 ? n : 0, n % 2 ? n : 0);
}

/* Pages that retention gives back are used again: the file stops growing. */
static void
pages_are_used_again(void **state)
{
  char path[sizeof data + 24];
  struct stat st;
  off_t full = 0;
  unsigned int i, done;

  (void)state;
  snprintf(path, sizeof path, "%s/archive/data.mdb", data);
  for (i = 1; i <= 20000; i++) {
    talk(i);
    if (i % 100) continue;
    assert_true(archive_trim(a, ALICE, 0, 2000, 200, &done));
    assert_true(archive_trim(a, BOB, 0, 2000, 200, &done));
    commit();
    assert_false(stat(path, &st));
    if (i == 5000) full = st.st_size;
  }
  assert_true(st.st_size <= full + full / 4);
  holds(range(ALICE, "bob@x"), 2000);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(append_get, start, finish),
    cmocka_unit_test_setup_teardown(refusals, start, finish),
    cmocka_unit_test_setup_teardown(times, start, finish),
    cmocka_unit_test_setup_teardown(ids, start, finish),
    cmocka_unit_test_setup_teardown(collisions, start, finish),
    cmocka_unit_test_setup_teardown(replace, start, finish),
    cmocka_unit_test_setup_teardown(waiting, start, finish),
    cmocka_unit_test_setup_teardown(last_one_out, start, finish),
    cmocka_unit_test_setup_teardown(marks, start, finish),
    cmocka_unit_test_setup_teardown(small_tables, start, finish),
    cmocka_unit_test_setup_teardown(trims, start, finish),
    cmocka_unit_test_setup_teardown(purge, start, finish),
    cmocka_unit_test_setup_teardown(owners, start, finish),
    cmocka_unit_test_setup_teardown(pages_are_used_again, start, finish),
  };

  return cmocka_run_group_tests(tests, group_start, group_end);
}
