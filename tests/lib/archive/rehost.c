/* archive: a host that gets another name. */
#include "archive_test.h"

static struct jid_hosts const hosts = {
  {"x",  1},
  {"yy", 2}
};
static uint64_t room, other, parted, newest;

static void
prefs_are(struct slice want)
{
  struct slice got;

  assert_true(archive_prefs_get(a, ALICE, &got));
  assert_true(slice_eq(got, want));
}

/* Messages 1 to 100 of ALICE and BOB, of which ALICE has the first 10 no more, 50 was taken back;
 * others of one owner; and an entry in each table. */
static void
store_all(void)
{
  struct archive_source const run = {3, 4};
  struct archive_mark const mark = {90, ARCHIVE_MARK_LOST};
  unsigned int done = 0;
  uint64_t i;

  for (i = 1; i <= 100; i++)
    talk(i);
  one(101, ALICE, "c@z", true, false);
  one(102, BOB, "alice@x", false, true);
  one(103, ALICE, "bob@yy", true, false);
  parted = archive_owner_make(a, SLICE("room@x"));
  assert_true(archive_owner_part(a, parted) && archive_owner_part(a, parted));
  room = archive_owner_make(a, SLICE("room@x"));
  other = archive_owner_make(a, SLICE("room@z"));
  newest = archive_owner_make(a, SLICE("last@x"));
  assert_true(archive_owner_part(a, newest));
  one(104, room, "bob@x", true, false);
  assert_true(archive_trim(a, ALICE, 11, UINT64_MAX, 100, &done));
  assert_true(archive_replace(a, ALICE, 50, SLICE("t"), SLICE("<message to='bob@x'/>")));
  assert_true(
    archive_prefs_put(a, ALICE, SLICE("always\n*\n-bob@x\n+x\n+c@z/r\n-bob@x/r")));
  assert_true(archive_mark_set(a, ALICE, 5, mark, false));
  assert_true(archive_source_put(a, SLICE("c2sd"), &run, 1));
  commit();
}

static void
move(void)
{
  char to[sizeof data + 8];
  uint64_t n = 0;

  snprintf(to, sizeof to, "%s/moved", data);
  assert_int_equal(mkdir(to, 0700), 0);
  archive_close(a);
  a = NULL;
  assert_true(archive_rehost(data, to, &hosts, &n));
  assert_int_equal(n, 104);
  a = archive_open(to, true, 0);
  assert_non_null(a);
}

/* The ids of a range rise, and there are so many. */
static void
rises(uint64_t owner, char const *with, uint64_t want, uint64_t last)
{
  struct archive_range r = range(owner, with);
  uint64_t place, id, before = 0;

  assert_int_equal(archive_range_count(&r), want);
  for (place = r.from; place < r.to; place++) {
    assert_true(archive_range_id(a, &r, place, &id));
    assert_true(id > before);
    before = id;
  }
  assert_int_equal(before, last);
}

static void
messages(void)
{
  struct archive_message m;

  rises(ALICE, "", 92, 103);
  rises(ALICE, "bob@x", 0, 0);
  rises(ALICE, "bob@yy", 91, 103); /* joined by those that were of that name before */
  rises(ALICE, "c@z", 1, 101);
  rises(BOB, "alice@yy", 100, 100);
  rises(room, "bob@yy", 1, 104);
  has_not(ALICE, 10);
  assert_true(archive_get(a, BOB, 10, &m));
  assert_true(slice_is(m.text.from, "alice@yy/a") && slice_is(m.text.to, "bob@yy"));
  assert_true(slice_is(m.text.xml, "<message><body>10\\n</body></message>"));
  assert_false(m.tombstone);
  assert_true(archive_get(a, ALICE, 50, &m));
  assert_true(m.tombstone && slice_is(m.text.tags, "t"));
  assert_true(slice_is(m.text.xml, "<message to='bob@yy'/>"));
  assert_true(archive_get(a, BOB, 102, &m));
  assert_false(m.archived);
}

static void
tables(void)
{
  struct archive_source runs[ARCHIVE_SOURCE_RUNS];
  struct archive_mark mark;
  struct archive_stat st;
  struct slice jid;
  unsigned int n;

  prefs_are(SLICE("always\n*\n-bob@yy\n+yy\n+c@z/r\n-bob@yy/r"));
  assert_true(archive_mark_get(a, ALICE, 5, &mark));
  assert_true(mark.id == 90 && mark.kind == ARCHIVE_MARK_LOST);
  assert_true(archive_source_get(a, SLICE("c2sd"), runs, &n));
  assert_true(n == 1 && runs[0].epoch == 3 && runs[0].number == 4);
  assert_int_equal(archive_owner_number(a, SLICE("room@yy")), room);
  assert_int_equal(archive_owner_number(a, SLICE("room@z")), other);
  assert_int_equal(archive_owner_number(a, SLICE("room@x")), 0);
  assert_true(archive_owner_jid(a, room, &jid) && slice_is(jid, "room@yy"));
  assert_true(archive_owner_jid(a, parted, &jid) && slice_is(jid, "room@yy"));
  assert_int_equal(archive_owner_number(a, SLICE("last@yy")), 0);
  assert_true(archive_owner_drop(a, parted));
  assert_int_equal(archive_owner_number(a, SLICE("room@yy")), room);
  assert_false(archive_owner_jid(a, parted, &jid));
  assert_true(archive_stat(a, BOB, &st));
  assert_int_equal(st.waiting, 1);
}

static void
all_of_it(void **state)
{
  unsigned int done = 0;

  (void)state;
  store_all();
  move();
  messages();
  tables();
  /* And it goes on. */
  assert_int_equal(archive_last_id(a), 104);
  assert_false(archive_owner_make(a, SLICE("new@z")) <= newest);
  one(105, ALICE, "bob@yy", true, false);
  assert_true(archive_waiting_del(a, BOB, 102));
  assert_true(archive_trim(a, ALICE, UINT64_MAX, UINT64_MAX, 1000, &done));
  assert_int_equal(done, 93);
  assert_true(archive_purge(a, BOB, 1000, &done));
  commit();
  has_not(BOB, 20);
  rises(ALICE, "bob@yy", 0, 0);
}

static void
bytes_that_wait(void **state)
{
  uint64_t bytes;

  (void)state;
  assert_true(archive_waiting_bytes(a, ALICE, &bytes));
  assert_int_equal(bytes, 0);
  one(1, ALICE, "bob@x", true, true);
  assert_true(archive_waiting_bytes(a, ALICE, &bytes));
  assert_int_equal(bytes, 0); /* they count in the archive */
  one(2, ALICE, "bob@x", false, true);
  one(3, BOB, "alice@x", false, true);
  assert_true(archive_waiting_bytes(a, ALICE, &bytes));
  assert_in_range(bytes, 60, 120);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(all_of_it, start, finish),
    cmocka_unit_test_setup_teardown(bytes_that_wait, start, finish),
  };
  return cmocka_run_group_tests(tests, group_start, group_end);
}
