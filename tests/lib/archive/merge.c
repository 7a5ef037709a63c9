/* archive: messages of another server take their places by time. */
#include "archive_test.h"

static struct {
  struct archive_import all[4];
  unsigned int n, at;
} given;

static bool
give(void *cookie, struct archive_import *out)
{
  (void)cookie;
  if (given.at == given.n) return false;
  *out = given.all[given.at++];
  return true;
}

static void
add(uint64_t us, uint64_t owner, char const *contact, bool archived, bool waits)
{
  struct archive_import *m = &given.all[given.n++];

  *m = (struct archive_import){.us = us * 1000000, .n = 1};
  memset(m->digest, 'a' + (int)given.n, sizeof m->digest);
  m->owners[0] = (struct archive_owner){owner, archived ? slice_str(contact) : SLICE(""),
                                        archived, waits};
  m->text = (struct archive_text){SLICE("c@z"), SLICE("alice@x"), SLICE(""),
                                  SLICE(""),    SLICE(""),        SLICE("<message/>")};
}

static void
merge(bool has_from)
{
  char to[sizeof data + 8];
  uint64_t n = 0;

  snprintf(to, sizeof to, "%s/merged", data);
  assert_int_equal(mkdir(to, 0700), 0);
  archive_close(a);
  a = NULL;
  assert_true(archive_merge(has_from ? data : NULL, to, give, NULL, &n));
  assert_int_equal(n, given.n);
  a = archive_open(to, true, 0);
  assert_non_null(a);
}

static void
ids_are(uint64_t const *want, uint64_t n)
{
  struct archive_range r = range(ALICE, "");
  uint64_t id, i;

  assert_int_equal(archive_range_count(&r), n);
  for (i = 0; i < n; i++) {
    assert_true(archive_range_id(a, &r, r.from + i, &id));
    assert_int_equal(id, want[i]);
  }
}

static void
into_what_is_there(void **state)
{
  uint64_t const want[] = {ID(1, 0), ID(1, 1), ID(2, 0), ID(2, 1), ID(3, 0)};
  struct archive_message m;
  unsigned int done = 0;

  (void)state;
  memset(&given, 0, sizeof given);
  one(ID(2, 0), ALICE, "bob@x", true, false);
  one(ID(3, 0), ALICE, "bob@x", true, true);
  commit();
  add(1, ALICE, "c@z", true, false);
  add(1, ALICE, "c@z", true, false);
  add(2, ALICE, "c@z", true, false);
  add(9, BOB, "", false, true);
  merge(true);
  ids_are(want, 5);
  assert_int_equal(archive_last_id(a), ID(9, 0));
  assert_true(archive_get(a, BOB, ID(9, 0), &m) && !m.archived);
  assert_true(archive_waiting_has(a, ALICE, ID(3, 0)));
  assert_true(archive_is_imported(a, ALICE, given.all[0].digest));
  assert_false(archive_is_imported(a, BOB, given.all[0].digest));
  assert_int_equal(errno, ENOENT);
  /* The end of an account takes what is noted of it along. */
  assert_true(archive_purge(a, ALICE, 1000, &done));
  assert_int_equal(done, 5 + 1 + 3);
  commit();
  assert_false(archive_is_imported(a, ALICE, given.all[0].digest));
  assert_true(archive_is_imported(a, BOB, given.all[3].digest));
}

static void
into_nothing(void **state)
{
  uint64_t const want[] = {ID(7, 0)};

  (void)state;
  memset(&given, 0, sizeof given);
  add(7, ALICE, "c@z", true, false);
  merge(false);
  ids_are(want, 1);
  one(ID(8, 0), ALICE, "bob@x", true, false);
  commit();
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(into_what_is_there, start, finish),
    cmocka_unit_test_setup_teardown(into_nothing, start, finish),
  };
  return cmocka_run_group_tests(tests, group_start, group_end);
}
