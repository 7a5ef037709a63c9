/* archive: what waits, marks, small tables, retention. */
#include "archive_test.h"

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

/* A message is deleted when the last of its owners lets go of it, in either order. */
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
see(void *cookie, uint64_t owner, uint64_t session, struct archive_mark m)
{
  size_t n = strlen(seen);

  assert_null(cookie);
  snprintf(seen + n, sizeof seen - n, "%u/%u=%u%c ", (unsigned int)owner,
           (unsigned int)session, (unsigned int)m.id, "vlo"[m.kind]);
  return true;
}

static struct archive_mark
mark(uint64_t id, enum archive_mark_kind kind)
{
  return (struct archive_mark){id, kind};
}

static void
marks(void **state)
{
  struct archive_mark m;

  (void)state;
  assert_true(archive_mark_set(a, ALICE, 5, mark(1, ARCHIVE_MARK_LIVE), false));
  assert_true(archive_mark_set(a, ALICE, 5, mark(2, ARCHIVE_MARK_LIVE), false));
  assert_true(archive_mark_set(a, ALICE, 6, mark(4, ARCHIVE_MARK_LOST), false));
  assert_true(archive_mark_set(a, BOB, 5, mark(3, ARCHIVE_MARK_OLD), false));
  commit();
  assert_true(archive_mark_get(a, ALICE, 5, &m));
  assert_int_equal(m.id, 2);
  assert_int_equal(m.kind, ARCHIVE_MARK_LIVE);
  assert_true(archive_mark_get(a, BOB, 5, &m));
  assert_int_equal(m.kind, ARCHIVE_MARK_OLD);
  errno = 0;
  assert_false(archive_mark_get(a, BOB, 6, &m));
  assert_int_equal(errno, ENOENT);
  seen[0] = 0;
  assert_true(archive_marks_each(a, 0, see, NULL));
  assert_string_equal(seen, "7/5=2v 7/6=4l 9/5=3o ");
  seen[0] = 0;
  assert_true(archive_marks_each(a, ALICE, see, NULL));
  assert_string_equal(seen, "7/5=2v 7/6=4l ");
  assert_true(archive_mark_del(a, ALICE, 5));
  errno = 0;
  assert_false(archive_mark_del(a, ALICE, 5));
  assert_int_equal(errno, ENOENT);
}

/* A version before this one had ID and resource as value, under a hash of the resource. */
static void
marks_of_an_older_version(void **state)
{
  static char const *const resources[] = {"r", "phone"};
  char buf[16], value[16];
  struct archive_mark m;
  uint64_t id = 77;
  size_t i;

  (void)state;
  for (i = 0; i < 2; i++) {
    size_t n = strlen(resources[i]);
    archive_pack(value, 1, &id);
    memcpy(value + 8, resources[i], n);
    assert_true(store_put(a->store, a->mark,
                          archive_pack(buf, 2, (uint64_t[]){ALICE, 1000 + i}),
                          slice_of(value, 8 + n)));
    assert_true(archive_mark_get(a, ALICE, 1000 + i, &m));
    assert_int_equal(m.id, 77);
    assert_int_equal(m.kind, ARCHIVE_MARK_OLD);
  }
}

static void
small_tables(void **state)
{
  struct slice v;
  uint64_t n, m;

  (void)state;
  assert_true(archive_prefs_put(a, ALICE, SLICE("always")));
  assert_true(archive_prefs_put(a, BOB, SLICE("")));
  commit();
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
  uint64_t room, i, owner = 0;
  struct archive_mark m;
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
  assert_true(archive_mark_set(a, room, 5, mark(1, ARCHIVE_MARK_LIVE), false));
  assert_true(archive_mark_set(a, BOB, 5, mark(1, ARCHIVE_MARK_LIVE), false));
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
  assert_false(archive_mark_get(a, room, 5, &m));
  assert_true(archive_mark_get(a, BOB, 5, &m));
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

static void
sources(void **state)
{
  struct archive_source runs[ARCHIVE_SOURCE_RUNS], some[ARCHIVE_SOURCE_RUNS];
  unsigned int n, i;

  (void)state;
  errno = 0;
  assert_false(archive_source_get(a, SLICE("c2sd"), runs, &n));
  assert_int_equal(errno, ENOENT);
  for (i = 0; i < ARCHIVE_SOURCE_RUNS; i++)
    some[i] = (struct archive_source){UINT64_MAX - i, i};
  assert_true(archive_source_put(a, SLICE("c2sd"), some, 1));
  assert_true(archive_source_put(a, SLICE("c2sd"), some, ARCHIVE_SOURCE_RUNS));
  commit();
  assert_true(archive_source_get(a, SLICE("c2sd"), runs, &n));
  assert_int_equal(n, ARCHIVE_SOURCE_RUNS);
  for (i = 0; i < n; i++)
    assert_true(runs[i].epoch == some[i].epoch && runs[i].number == i);
  errno = 0;
  assert_false(archive_source_get(a, SLICE("c2sd-2"), runs, &n));
  assert_int_equal(errno, ENOENT);
}

/* As an older version wrote it: a number alone. Then, of no such length at all. */
static void
old_source(void **state)
{
  struct archive_source runs[ARCHIVE_SOURCE_RUNS];
  unsigned int n;

  (void)state;
  assert_true(archive_number_put(a, a->source, SLICE("c2sd"), 1792000000000000));
  assert_true(archive_source_get(a, SLICE("c2sd"), runs, &n));
  assert_int_equal(n, 1);
  assert_true(runs[0].epoch == 0 && runs[0].number == 1792000000000000);
  assert_true(store_put(a->store, a->source, SLICE("c2sd"), SLICE("12345678901234567")));
  errno = 0;
  assert_false(archive_source_get(a, SLICE("c2sd"), runs, &n));
  assert_int_equal(errno, EIO);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(waiting, start, finish),
    cmocka_unit_test_setup_teardown(last_one_out, start, finish),
    cmocka_unit_test_setup_teardown(marks, start, finish),
    cmocka_unit_test_setup_teardown(marks_of_an_older_version, start, finish),
    cmocka_unit_test_setup_teardown(small_tables, start, finish),
    cmocka_unit_test_setup_teardown(sources, start, finish),
    cmocka_unit_test_setup_teardown(old_source, start, finish),
    cmocka_unit_test_setup_teardown(trims, start, finish),
    cmocka_unit_test_setup_teardown(purge, start, finish),
    cmocka_unit_test_setup_teardown(owners, start, finish),
    cmocka_unit_test_setup_teardown(pages_are_used_again, start, finish),
  };

  return cmocka_run_group_tests(tests, group_start, group_end);
}
