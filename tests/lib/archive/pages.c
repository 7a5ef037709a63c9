/* archive: messages, pages of archives, tombstones. */
#include "archive_test.h"

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

/* A refused append loses nothing of the turn. */
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
  MDB_dbi t = 0;
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

/* A commit takes the archive and the tables of the program that has the environment. */
static void
shared(void **state)
{
  char path[600];
  struct store *s;
  struct archive_owner const o = {ALICE, SLICE("bob@x"), true, false};
  struct archive_text t = text_of(1);
  struct archive_message m;
  struct slice v;
  MDB_dbi own;
  struct archive *b;

  (void)state;
  snprintf(path, sizeof path, "%s/shared", data);
  s = store_open(path, true, false, 1 << 24);
  b = archive_open_in(s, true);
  assert_non_null(b);
  assert_true(store_table(s, "own", &own) && store_put(s, own, SLICE("k"), SLICE("v")));
  assert_true(archive_append(b, 1, &o, 1, &t) && archive_commit(b));
  archive_close(b);
  assert_true(store_get(s, own, SLICE("k"), &v) && slice_is(v, "v"));
  b = archive_open_in(s, true);
  assert_true(archive_get(b, ALICE, 1, &m));
  archive_close(b);
  store_close(s);
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
    cmocka_unit_test_setup_teardown(shared, start, finish),
  };

  return cmocka_run_group_tests(tests, group_start, group_end);
}
