/* push: registrations are stored, found, walked over and deleted, and get another host. */
#include "push/push.h"

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
static struct push *p;

static int
start(void **state)
{
  static unsigned int n;

  (void)state;
  snprintf(dir, sizeof dir, "%s/%u", top, n++ % 1000);
  if (mkdir(dir, 0700)) return -1;
  p = push_open(dir, true);
  return p ? 0 : -1;
}

static int
finish(void **state)
{
  (void)state;
  store_commit(push_store(p));
  push_close(p);
  return 0;
}

static void
put(uint64_t account, char const *bare, char const *jid, char const *node)
{
  struct push_service s = {.used_us = 5, .lost_us = 7, .failures = 2};

  s.account = slice_str(bare);
  s.jid = slice_str(jid);
  s.node = slice_str(node);
  s.client = SLICE("/r");
  s.form = SLICE("<field/>");
  assert_true(push_put(p, account, &s));
}

static bool
find(uint64_t account, char const *jid, char const *node, struct push_service *s)
{
  char key[PUSH_KEY];

  push_key(key, slice_str(jid), slice_str(node));
  return push_get(p, account, key, s);
}

static void
what_is_stored_is_found(void **state)
{
  struct push_service s;

  (void)state;
  put(3, "romeo@old.example", "push.example", "n");
  assert_true(find(3, "push.example", "n", &s));
  assert_true(slice_is(s.account, "romeo@old.example"));
  assert_true(slice_is(s.jid, "push.example"));
  assert_true(slice_is(s.node, "n"));
  assert_true(slice_is(s.client, "/r"));
  assert_true(slice_is(s.form, "<field/>"));
  assert_int_equal(s.used_us, 5);
  assert_int_equal(s.lost_us, 7);
  assert_int_equal(s.failures, 2);
  assert_false(find(4, "push.example", "n", &s));
  assert_false(find(3, "push.example", "", &s));
  /* An empty node is a node. */
  put(3, "romeo@old.example", "push.example", "");
  assert_true(find(3, "push.example", "", &s));
  assert_int_equal(s.node.len, 0);
}

static bool
count(void *cookie, uint64_t account, char const *key, struct push_service const *s)
{
  unsigned int *n = cookie;

  (void)key;
  (void)s;
  *n += account == 3 ? 1 : 100;
  return true;
}

static void
an_account_is_walked_over_and_purged(void **state)
{
  unsigned int n = 0, done = 0;
  char key[PUSH_KEY];
  uint64_t account;

  (void)state;
  put(2, "a@x", "push.example", "n");
  put(3, "b@x", "push.example", "n");
  put(3, "b@x", "push.example", "m");
  put(4, "c@x", "push.example", "n");
  assert_true(push_each(p, 3, count, &n));
  assert_int_equal(n, 2);
  assert_true(push_each(p, 0, count, &n));
  assert_int_equal(n, 204);
  assert_true(push_next(p, 2, &account));
  assert_int_equal(account, 3);
  assert_true(push_purge(p, 3, 10, &done));
  assert_int_equal(done, 2);
  assert_true(push_next(p, 2, &account));
  assert_int_equal(account, 4);
  push_key(key, SLICE("push.example"), SLICE("n"));
  assert_true(push_del(p, 4, key));
  assert_true(push_del(p, 4, key));
  assert_false(push_next(p, 2, &account));
  assert_int_equal(errno, ENOENT);
}

static bool
is_due(uint64_t account, char const key[PUSH_KEY])
{
  struct push_away a;

  return push_away_get(p, account, key, &a) && a.event_us;
}

static void
what_is_due_goes_with_its_registration(void **state)
{
  struct push_away const due = {5, 6, UINT64_MAX, PUSH_AWAY_MESSAGE | PUSH_AWAY_CALL};
  struct push_away a, none = {.event_us = 0};
  unsigned int done = 0;
  char key[PUSH_KEY], other[PUSH_KEY];

  (void)state;
  push_key(key, SLICE("push.example"), SLICE("n"));
  push_key(other, SLICE("push.example"), SLICE("m"));
  put(3, "b@x", "push.example", "n");
  put(3, "b@x", "push.example", "m");
  put(4, "c@x", "push.example", "n");
  assert_true(push_away_get(p, 3, key, &a));
  assert_int_equal(a.event_us + a.session + a.until_us + a.what, 0);
  assert_true(push_away_put(p, 3, key, &due, false));
  assert_true(push_away_put(p, 3, other, &due, true));
  assert_true(push_away_put(p, 4, key, &due, false));
  assert_true(push_away_get(p, 3, key, &a));
  assert_int_equal(a.event_us, 5);
  assert_int_equal(a.session, 6);
  assert_true(a.until_us == UINT64_MAX);
  assert_int_equal(a.what, PUSH_AWAY_MESSAGE | PUSH_AWAY_CALL);
  assert_true(is_due(3, other) && is_due(4, key));
  assert_true(push_away_put(p, 3, other, &none, false));
  assert_true(push_away_put(p, 3, other, &none, false));
  assert_true(push_del(p, 4, key));
  assert_true(push_purge(p, 3, 10, &done));
  assert_int_equal(done, 3);
  assert_false(is_due(3, key) || is_due(3, other) || is_due(4, key));
}

static void
accounts_get_another_host(void **state)
{
  struct jid_hosts const hosts = {SLICE("old.example"), SLICE("new.example")};
  stralloc room = STRALLOC_ZERO;
  struct slice key = SLICE(""), value = SLICE(""), was;
  char text[] =
    "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\3r@old.example\0push.old.example\0n\0/r\0<f/>";

  (void)state;
  value = slice_of(text, sizeof text - 1);
  assert_true(push_rehost(&hosts, "service", &key, &value, &room));
  assert_memory_equal(value.s + 17, "r@new.example\0push.old.example\0n\0/r\0<f/>", 39);
  was = value = SLICE("\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\3r@other\0j\0n\0c");
  assert_true(push_rehost(&hosts, "service", &key, &value, &room));
  assert_ptr_equal(value.s, was.s);
  assert_true(push_rehost(&hosts, "away", &key, &value, &room));
  assert_ptr_equal(value.s, was.s);
  assert_false(push_rehost(&hosts, "other", &key, &value, &room));
  assert_int_equal(errno, ENOTSUP);
  stralloc_free(&room);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(what_is_stored_is_found, start, finish),
    cmocka_unit_test_setup_teardown(an_account_is_walked_over_and_purged, start, finish),
    cmocka_unit_test_setup_teardown(what_is_due_goes_with_its_registration, start,
                                    finish),
    cmocka_unit_test_setup_teardown(accounts_get_another_host, start, finish),
  };

  return cmocka_run_group_tests(tests, group_start, group_end);
}
