/* link: what a link keeps of its output when it was written, and the memory for that. */
#include "link/link_internal.h"

#include "base/base.h"

#include <skalibs/stralloc.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

#define DATA "data\t1\t<message/>\n"
#define STANZA "stanza\t\t\t\t\t\t\thostd:1\t<message/>\n"

static struct link l;

static void
put(char const *line, unsigned int n)
{
  while (n--) {
    assert_true(stralloc_cats(&l.out, line));
    if (!strncmp(line, "stanza", 6)) l.stanzas++;
  }
}

static int
start(void **state)
{
  (void)state;
  memset(&l, 0, sizeof l);
  return 0;
}

static int
finish(void **state)
{
  (void)state;
  stralloc_free(&l.out);
  return 0;
}

/* Conduits are never acknowledged, and so nothing but being written ends their records. */
static void
conduits_are_not_kept(void **state)
{
  unsigned int turn;

  (void)state;
  for (turn = 0; turn < 1000; turn++) {
    put(DATA, 1000);
    l.sent = l.out.len;
    link_trim(&l);
    assert_int_equal(l.out.len, 0);
    assert_int_equal(l.sent, 0);
    assert_int_equal(l.kept_from, 0);
  }
  assert_true(l.out.a <= LINK_LOW_WATER);
}

static void
what_is_acknowledged_is_not_kept(void **state)
{
  (void)state;
  put(STANZA, 3);
  put(DATA, 100000);
  l.sent = l.out.len;
  l.acked = l.stanzas;
  link_trim(&l);
  assert_int_equal(l.out.len, 0);
  assert_null(l.out.s); /* above LINK_LOW_WATER the memory goes back */
}

static void
what_awaits_its_ack_is_kept(void **state)
{
  size_t whole;

  (void)state;
  put(STANZA, 3);
  put(DATA, 10);
  whole = l.sent = l.out.len;
  l.acked = 2;
  link_trim(&l);
  assert_int_equal(l.out.len, whole);
  assert_int_equal(l.sent, whole);
  l.kept_from = 2 * strlen(STANZA); /* as an ack has moved it: the greater part stays */
  link_trim(&l);
  assert_int_equal(l.out.len, whole);
}

/* The greater part was written: the rest moves to the front. */
static void
what_is_not_written_is_kept(void **state)
{
  size_t rest = 100 * strlen(DATA);

  (void)state;
  put(DATA, 100000);
  l.sent = l.out.len - rest;
  link_trim(&l);
  assert_int_equal(l.out.len, rest);
  assert_int_equal(l.sent, 0);
  assert_memory_equal(l.out.s, DATA, strlen(DATA));
  assert_true(l.out.a < LINK_LOW_WATER);
}

/* Half of a line is written when an acknowledgement to a service overtakes what waits. */
static void
an_ack_does_not_cut_a_line_in_two(void **state)
{
  static char const want[] = DATA "ack\t7\n" DATA;

  (void)state;
  l.roles = ROLE_SERVICE;
  l.up = true;
  put(DATA, 100);
  l.sent = l.out.len - strlen(DATA) - strlen(DATA) / 2;
  link_trim(&l);
  link_ack(&l, 7);
  assert_int_equal(l.out.len, strlen(want));
  assert_memory_equal(l.out.s, want, strlen(want));
  assert_int_equal(l.sent, strlen(DATA) - strlen(DATA) / 2);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(conduits_are_not_kept, start, finish),
    cmocka_unit_test_setup_teardown(what_is_acknowledged_is_not_kept, start, finish),
    cmocka_unit_test_setup_teardown(what_awaits_its_ack_is_kept, start, finish),
    cmocka_unit_test_setup_teardown(what_is_not_written_is_kept, start, finish),
    cmocka_unit_test_setup_teardown(an_ack_does_not_cut_a_line_in_two, start, finish),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
