/* slots: slots that are open, used and expired, the folders of owners, and another host. */
#include "slots/slots.h"

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

#include <cmocka.h>

char const *PROG = "test";

static char dir[sizeof top + 8];
static struct slots *s;

static int
start(void **state)
{
  static unsigned int n;

  (void)state;
  snprintf(dir, sizeof dir, "%s/%u", top, n++ % 1000);
  if (mkdir(dir, 0700)) return -1;
  s = slots_open(dir, true);
  return s ? 0 : -1;
}

static int
finish(void **state)
{
  (void)state;
  store_commit(slots_store(s));
  slots_close(s);
  return 0;
}

static struct slots_slot
make(char const *secret, uint64_t number, uint64_t size, uint64_t expires_us)
{
  struct slots_slot x = {.number = number, .size = size, .expires_us = expires_us};

  x.place = (struct slots_place){SLICE("folder"), slice_str(secret), SLICE("a.txt")};
  x.host = SLICE("old.example");
  x.owner = SLICE("romeo@old.example");
  x.type = SLICE("text/plain");
  assert_true(slots_put(s, &x));
  return x;
}

static void
a_slot_is_found_until_it_is_used(void **state)
{
  struct slots_slot x = make("one", 7, 5, 100), y;
  struct slots_place other = x.place;

  (void)state;
  assert_true(slots_get(s, &x.place, &y));
  assert_int_equal(y.size, 5);
  assert_int_equal(y.number, 7);
  assert_int_equal(y.expires_us, 100);
  assert_true(slice_is(y.owner, "romeo@old.example"));
  assert_true(slice_is(y.host, "old.example"));
  assert_true(slice_is(y.type, "text/plain"));
  assert_true(slice_is(y.place.secret, "one"));
  other.name = SLICE("b.txt");
  assert_false(slots_get(s, &other, &y));
  assert_int_equal(errno, ENOENT);
  assert_true(slots_del(s, &x));
  assert_false(slots_get(s, &x.place, &y));
}

static void
open_slots_are_counted_for_each_owner(void **state)
{
  struct slots_sum sum;

  (void)state;
  make("one", 1, 5, 100);
  make("two", 1, 7, 50);
  make("three", 2, 100, 60);
  assert_true(slots_sum(s, 1, 10, &sum));
  assert_int_equal(sum.n, 2);
  assert_int_equal(sum.bytes, 12);
  assert_int_equal(sum.first_us, 50);
  assert_true(slots_sum(s, 1, 50, &sum));
  assert_int_equal(sum.n, 1);
  assert_true(slots_sum(s, 3, 0, &sum));
  assert_int_equal(sum.n, 0);
  assert_true(slots_del_all(s, 1));
  assert_true(slots_sum(s, 1, 0, &sum));
  assert_int_equal(sum.n, 0);
  assert_true(slots_sum(s, 2, 0, &sum));
  assert_int_equal(sum.n, 1);
}

static void
expired_slots_go(void **state)
{
  struct slots_slot x = make("one", 1, 5, 100), y = make("two", 1, 5, 200), z;

  (void)state;
  assert_true(slots_prune(s, 99, 10));
  assert_true(slots_get(s, &x.place, &z));
  assert_true(slots_prune(s, 100, 10));
  assert_false(slots_get(s, &x.place, &z));
  assert_true(slots_get(s, &y.place, &z));
}

static void
an_owner_has_one_number_and_all_its_folders(void **state)
{
  struct slice bare = SLICE("romeo@old.example"), host = SLICE("old.example");
  uint64_t n = slots_owner_make(s, bare, host, SLICE("one"));
  struct slots_owner o;

  (void)state;
  assert_int_not_equal(n, 0);
  assert_int_equal(slots_owner_make(s, bare, host, SLICE("two")), n);
  assert_int_equal(slots_owner_make(s, bare, host, SLICE("one")), n);
  assert_int_not_equal(slots_owner_make(s, SLICE("a@b"), host, SLICE("one")), n);
  assert_true(slots_owner(s, bare, &o));
  assert_int_equal(o.number, n);
  assert_true(slice_eq(o.folders, slice_of("one\0two", 8)));
  assert_true(slots_owner_del(s, bare));
  assert_true(slots_owner_del(s, bare));
  assert_false(slots_owner(s, bare, &o));
  assert_int_equal(errno, ENOENT);
}

static void
an_address_that_is_too_long_is_no_owner(void **state)
{
  static char bare[600];

  (void)state;
  memset(bare, 'a', sizeof bare);
  assert_int_equal(
    slots_owner_make(s, slice_of(bare, sizeof bare), SLICE("h"), SLICE("f")), 0);
}

static bool
rehost(void *cookie, char const *table, struct slice *key, struct slice *value)
{
  static stralloc room = STRALLOC_ZERO;

  return slots_rehost(cookie, table, key, value, &room);
}

static void
owners_and_slots_get_another_host(void **state)
{
  struct jid_hosts h = {SLICE("old.example"), SLICE("new.example")};
  struct slots_slot x = make("one", 1, 5, 100), y;
  struct slots_owner o;
  char from[64], data[64], to[sizeof data + 8];

  (void)state;
  slots_owner_make(s, x.owner, x.host, SLICE("folder"));
  slots_owner_make(s, SLICE("carl@other.example"), SLICE("other.example"), SLICE("f"));
  assert_true(store_commit(slots_store(s)));
  slots_close(s);
  snprintf(from, sizeof from, "%s/slots", dir);
  snprintf(data, sizeof data, "%s/next", dir);
  assert_int_equal(mkdir(data, 0700), 0);
  snprintf(to, sizeof to, "%s/slots", data);
  assert_true(store_rewrite(from, to, rehost, &h));
  s = slots_open(data, true);
  assert_non_null(s);
  assert_false(slots_owner(s, x.owner, &o));
  assert_true(slots_owner(s, SLICE("romeo@new.example"), &o));
  assert_true(slice_is(o.host, "new.example"));
  assert_true(slice_eq(o.folders, slice_of("folder", 7)));
  assert_true(slots_owner(s, SLICE("carl@other.example"), &o));
  assert_true(slots_get(s, &x.place, &y));
  assert_true(slice_is(y.owner, "romeo@new.example"));
  assert_true(slice_is(y.host, "new.example"));
  assert_true(slice_is(y.place.folder, "folder"));
  assert_true(slice_is(y.type, "text/plain"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, finish)

int
main(void)
{
  struct CMUnitTest const tests[] = {
    T(a_slot_is_found_until_it_is_used),
    T(open_slots_are_counted_for_each_owner),
    T(expired_slots_go),
    T(an_owner_has_one_number_and_all_its_folders),
    T(an_address_that_is_too_long_is_no_owner),
    T(owners_and_slots_get_another_host),
  };

  return cmocka_run_group_tests(tests, group_start, group_end);
}
