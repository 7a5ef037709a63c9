#include "accounts/accounts.h"

#include "../folder.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

char const *PROG = "test";

static char data[sizeof top + 8];
static struct accounts *a;

static int
start(void **state)
{
  static unsigned int n;

  (void)state;
  snprintf(data, sizeof data, "%s/%u", top, n++ % 1000);
  if (mkdir(data, 0700)) return -1;
  a = accounts_open(data, true);
  return a ? 0 : -1;
}

static int
finish(void **state)
{
  (void)state;
  accounts_close(a);
  a = NULL;
  return 0;
}

static void
again(void)
{
  accounts_close(a);
  a = accounts_open(data, true);
  assert_non_null(a);
}

static void
add(char const *jid, uint64_t want)
{
  assert_int_equal(accounts_next(a), want);
  assert_true(accounts_add(a, slice_str(jid)));
  assert_int_equal(accounts_number(a, slice_str(jid)), want);
}

static void
is_none(char const *jid)
{
  errno = 0;
  assert_int_equal(accounts_number(a, slice_str(jid)), 0);
  assert_int_equal(errno, ENOENT);
}

/* A reader that starts before the writer has nothing to open. */
static void
readers(void **state)
{
  char none[sizeof top + 16];
  struct accounts *r;

  (void)state;
  snprintf(none, sizeof none, "%s/none", top);
  assert_null(accounts_open_reader(none));
  accounts_close(a);
  r = accounts_open_reader(data);
  assert_non_null(r);
  accounts_close(r);
  a = accounts_open(data, true);
}

static void
numbers_rise(void **state)
{
  (void)state;
  is_none("a@x");
  add("a@x", 1);
  add("b@x", 2);
  assert_true(accounts_commit(a));
  add("c@x", 3);
  assert_true(accounts_commit(a));
  again();
  add("d@x", 4);
  assert_int_equal(accounts_number(a, SLICE("a@x")), 1);
  assert_int_equal(accounts_number(a, SLICE("c@x")), 3);
}

/* No store is left that has the account. */
static void
all_erased(uint64_t n)
{
  assert_true(accounts_erased(a, n, SLICE(""), SLICE("")));
}

/* Neither within a turn, nor in the next, nor by the next process. */
static void
never_reused(void **state)
{
  uint64_t n;

  (void)state;
  for (n = 1; n < 30; n++) {
    add("a@x", n);
    if (n % 3) assert_true(accounts_commit(a));
    assert_true(accounts_del(a, SLICE("a@x")));
    all_erased(n);
    is_none("a@x");
    if (n % 2) assert_true(accounts_commit(a));
    if (n % 5 == 0) {
      assert_true(accounts_commit(a));
      again();
    }
  }
  add("last@x", n);
}

static void
refusals(void **state)
{
  (void)state;
  add("a@x", 1);
  errno = 0;
  assert_false(accounts_add(a, SLICE("a@x")));
  assert_int_equal(errno, EEXIST);
  errno = 0;
  assert_false(accounts_del(a, SLICE("b@x")));
  assert_int_equal(errno, ENOENT);
  assert_true(accounts_commit(a)); /* refusals cost the turn nothing */
  again();
  assert_int_equal(accounts_number(a, SLICE("a@x")), 1);
  errno = 0;
  assert_false(accounts_add(a, SLICE("a@x")));
  assert_int_equal(errno, EEXIST);
  assert_int_equal(accounts_next(a), 2);
}

/* A turn that is not committed did not give its numbers to anybody. */
static void
lost_turn(void **state)
{
  (void)state;
  add("a@x", 1);
  assert_true(accounts_commit(a));
  add("b@x", 2);
  again();
  is_none("b@x");
  add("c@x", 2);
}

static char seen[128];
static size_t stop_after;

static bool
see(void *cookie, struct slice bare, uint64_t number)
{
  size_t n = strlen(seen);

  assert_ptr_equal(cookie, seen);
  snprintf(seen + n, sizeof seen - n, "%.*s=%llu ", (int)bare.len, bare.s,
           (unsigned long long)number);
  return !stop_after || --stop_after;
}

static void
each_is(size_t most, char const *want)
{
  seen[0] = 0;
  stop_after = most;
  assert_true(accounts_each(a, see, seen));
  assert_string_equal(seen, want);
}

static void
each(void **state)
{
  (void)state;
  each_is(0, "");
  add("c@x", 1);
  add("a@x", 2);
  add("b@y", 3);
  each_is(0, "a@x=2 b@y=3 c@x=1 ");
  assert_true(accounts_del(a, SLICE("b@y")));
  each_is(0, "a@x=2 c@x=1 ");
  each_is(1, "a@x=2 ");
  assert_true(accounts_commit(a));
  each_is(0, "a@x=2 c@x=1 ");
}

static void
must(bool b)
{
  if (!b) _exit(2);
}

/* Another program: it reads, and cannot write. */
static void
as_reader(void)
{
  struct accounts *r = accounts_open(data, false);

  must(r != NULL);
  must(accounts_number(r, SLICE("a@x")) == 1);
  errno = 0;
  must(!accounts_number(r, SLICE("b@x")) && errno == ENOENT);
  must(accounts_next(r) == 2);
  must(!accounts_add(r, SLICE("evil@x")));
  accounts_commit(r);
  must(!accounts_del(r, SLICE("a@x")));
  accounts_commit(r);
  must(accounts_number(r, SLICE("a@x")) == 1);
  accounts_close(r);
}

static void
reader(void **state)
{
  int status;
  pid_t pid;

  (void)state;
  add("a@x", 1);
  assert_true(accounts_commit(a));
  add("b@x", 2); /* not committed: nobody else sees it */
  pid = fork();
  assert_true(pid >= 0);
  if (!pid) {
    as_reader();
    _exit(0);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
  assert_true(accounts_commit(a));
  assert_int_equal(accounts_number(a, SLICE("b@x")), 2);
  is_none("evil@x");
}

static void
no_data(void **state)
{
  (void)state;
  assert_null(accounts_open("/nonexistent/data", true));
  assert_null(accounts_open(top, false));
}

static void
end_is(uint64_t after, uint64_t count, uint64_t number, char const *jid)
{
  uint64_t n;
  struct slice bare;

  errno = 0;
  if (!accounts_ended(a, &after, &n, &bare)) {
    assert_int_equal(errno, ENOENT);
    assert_null(jid);
    return;
  }
  assert_int_equal(after, count);
  assert_int_equal(n, number);
  assert_true(jid && slice_is(bare, jid));
}

/* A store that keeps something of an account is told that the account has ended, also long after. */
static void
ends_are_remembered(void **state)
{
  (void)state;
  end_is(0, 0, 0, NULL);
  add("a@x", 1);
  add("b@x", 2);
  assert_true(accounts_del(a, SLICE("b@x")));
  all_erased(2);
  assert_true(accounts_commit(a));
  add("b@x", 3);
  assert_true(accounts_del(a, SLICE("b@x")) && accounts_del(a, SLICE("a@x")));
  assert_true(accounts_commit(a));
  again();
  end_is(0, 1, 2, "b@x");
  end_is(1, 2, 3, "b@x");
  end_is(2, 3, 1, "a@x");
  end_is(3, 0, 0, NULL);
}

static void
oldest_ends_are_forgotten(void **state)
{
  uint64_t n;

  (void)state;
  for (n = 1; n <= ACCOUNTS_ENDED_MAX + 2; n++) {
    add("a@x", n);
    assert_true(accounts_del(a, SLICE("a@x")));
    all_erased(n);
  }
  assert_true(accounts_commit(a));
  again();
  end_is(0, 3, 3, "a@x");
  end_is(3, 4, 4, "a@x");
  end_is(ACCOUNTS_ENDED_MAX + 1, ACCOUNTS_ENDED_MAX + 2, ACCOUNTS_ENDED_MAX + 2, "a@x");
  end_is(ACCOUNTS_ENDED_MAX + 2, 0, 0, NULL);
}

static void
due_is(uint64_t after_us, uint64_t after, uint64_t due_us, uint64_t number,
       char const *jid)
{
  struct slice bare;

  errno = 0;
  if (!accounts_next_due(a, &after_us, &after, &bare)) {
    assert_int_equal(errno, ENOENT);
    assert_null(jid);
    return;
  }
  assert_true(jid && slice_is(bare, jid));
  assert_int_equal(after_us, due_us);
  assert_int_equal(after, number);
}

/* A removed account is there as before, and comes in the order of its end. */
static void
removed_until_restored_or_ended(void **state)
{
  (void)state;
  add("a@x", 1);
  add("b@x", 2);
  add("c@x", 3);
  errno = 0;
  assert_false(accounts_remove(a, SLICE("nobody@x"), 7));
  assert_int_equal(errno, ENOENT);
  assert_false(accounts_restore(a, SLICE("a@x")));
  assert_int_equal(errno, ENOENT);
  assert_true(accounts_remove(a, SLICE("a@x"), 900));
  assert_true(accounts_remove(a, SLICE("c@x"), 500));
  assert_true(accounts_remove(a, SLICE("b@x"), 500));
  assert_false(accounts_remove(a, SLICE("b@x"), 800));
  assert_int_equal(errno, ENOENT);
  assert_true(accounts_commit(a));
  again();
  assert_int_equal(accounts_number(a, SLICE("b@x")), 2);
  assert_int_equal(accounts_due(a, 2), 500);
  due_is(0, 0, 500, 2, "b@x");
  due_is(500, 2, 500, 3, "c@x");
  due_is(500, 3, 900, 1, "a@x");
  due_is(900, 1, 0, 0, NULL);
  assert_true(accounts_restore(a, SLICE("b@x")));
  assert_true(accounts_del(a, SLICE("c@x")));
  assert_true(accounts_commit(a));
  assert_int_equal(accounts_due(a, 2), 0);
  assert_int_equal(accounts_due(a, 3), 0);
  due_is(0, 0, 900, 1, "a@x");
}

static void
ends_until_all_have_erased(void **state)
{
  struct slice all = SLICE("users archive"), bare, erased;
  uint64_t n = 0;

  (void)state;
  add("a@x", 1);
  add("b@x", 2);
  assert_false(accounts_erased(a, 1, SLICE("users"), all)); /* is there */
  assert_true(accounts_del(a, SLICE("a@x")));
  assert_true(accounts_del(a, SLICE("b@x")));
  assert_true(accounts_erased(a, 1, SLICE("users"), all));
  assert_true(accounts_erased(a, 1, SLICE("users"), all));
  assert_true(accounts_erased(a, 1, SLICE("weather"), all));
  assert_true(accounts_commit(a));
  again();
  assert_true(accounts_ending(a, &n, &bare, &erased));
  assert_true(n == 1 && slice_is(bare, "a@x") && slice_is(erased, "users"));
  assert_true(accounts_ending(a, &n, &bare, &erased));
  assert_true(n == 2 && slice_is(bare, "b@x") && !erased.len);
  assert_false(accounts_ending(a, &n, &bare, &erased));
  assert_int_equal(errno, ENOENT);
  errno = 0;
  assert_false(accounts_add(a, SLICE("a@x"))); /* the name is taken, over restarts too */
  assert_int_equal(errno, EBUSY);
  assert_int_equal(accounts_taken(a, SLICE("a@x")), 1);
  assert_true(accounts_erased(a, 1, SLICE("archive"), all));
  assert_false(accounts_erased(a, 1, SLICE("archive"), all)); /* has ended */
  assert_int_equal(accounts_taken(a, SLICE("a@x")), 0);
  add("a@x", 3);
  n = 0;
  assert_true(accounts_ending(a, &n, &bare, &erased));
  assert_int_equal(n, 2);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(readers, start, finish),
    cmocka_unit_test_setup_teardown(numbers_rise, start, finish),
    cmocka_unit_test_setup_teardown(never_reused, start, finish),
    cmocka_unit_test_setup_teardown(ends_are_remembered, start, finish),
    cmocka_unit_test_setup_teardown(oldest_ends_are_forgotten, start, finish),
    cmocka_unit_test_setup_teardown(removed_until_restored_or_ended, start, finish),
    cmocka_unit_test_setup_teardown(ends_until_all_have_erased, start, finish),
    cmocka_unit_test_setup_teardown(refusals, start, finish),
    cmocka_unit_test_setup_teardown(lost_turn, start, finish),
    cmocka_unit_test_setup_teardown(each, start, finish),
    cmocka_unit_test_setup_teardown(reader, start, finish),
    cmocka_unit_test(no_data),
  };
  return cmocka_run_group_tests(tests, group_start, group_end);
}
