#include "event/event.h"

#include "base/base.h"

#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

char const *PROG = "test";

#define MS 1000ull
#define SECOND (1000 * MS)
#define DAY (86400 * SECOND)

/* Time only moves forward from test to test: the wheel is one for the process. */
static uint64_t now_us = 1700000000000000ull;

static void
move(uint64_t us)
{
  now_us += us;
  door_set_clock(now_us, 7);
  event_timers_run();
}

/* The tests' timers: static, so that a test that fails leaves none behind. */
static struct event_timer timers[8];
static struct event_timer *const a = &timers[0], *const b = &timers[1],
                                 *const c = &timers[2];

/* The timers that fired, in order. */
static void *fired[200000];
static size_t fired_n;

static void
note(void *cookie)
{
  fired[fired_n++] = cookie;
}

static int
begin(void **state)
{
  (void)state;
  fired_n = 0;
  move(SECOND);
  return 0;
}

static int
end(void **state)
{
  size_t i;

  (void)state;
  for (i = 0; i < sizeof timers / sizeof *timers; i++)
    event_timer_cancel(&timers[i]);
  return 0;
}

static void
deadlines(void **state)
{
  (void)state;
  assert_false(event_timer_on(a));
  event_timer_start(a, now_us + 20 * MS, note, a);
  event_timer_start(b, now_us + 10 * MS + 1, note, b);
  event_timer_start(c, now_us + 30 * MS, note, c);
  assert_true(event_timer_on(a));
  move(10 * MS);
  assert_int_equal(fired_n, 0); /* rounded up: never early */
  move(1 * MS);
  assert_int_equal(fired_n, 1);
  assert_ptr_equal(fired[0], b);
  assert_false(event_timer_on(b));
  move(9 * MS);
  assert_int_equal(fired_n, 2);
  event_timer_cancel(c);
  event_timer_cancel(c);
  assert_false(event_timer_on(c));
  move(DAY);
  assert_int_equal(fired_n, 2);
}

static void
restart_moves(void **state)
{
  (void)state;
  event_timer_start(a, now_us + 10 * MS, note, NULL);
  event_timer_start(a, now_us + 50 * MS, note, NULL);
  move(49 * MS);
  assert_int_equal(fired_n, 0);
  move(1 * MS);
  assert_int_equal(fired_n, 1);
  event_timer_start(a, now_us + DAY, note, NULL);
  event_timer_start(a, now_us + 5 * MS, note, NULL);
  move(5 * MS);
  assert_int_equal(fired_n, 2);
  move(2 * DAY);
  assert_int_equal(fired_n, 2);
}

/* The past is the next turn: even when the clock has not moved. */
static void
past_is_next_turn(void **state)
{
  (void)state;
  event_timer_start(a, now_us, note, a);
  event_timer_start(b, 0, note, b);
  move(0);
  assert_int_equal(fired_n, 2);
}

static struct event_timer *const self = &timers[7];
static unsigned int rounds;

static void
restart_in_the_past(void *cookie)
{
  (void)cookie;
  if (++rounds < 100000) event_timer_start(self, 0, restart_in_the_past, NULL);
}

/* A callback that starts its own timer in the past waits for the next turn, also when
 * this turn has to catch up with a clock that jumped. */
static void
past_in_a_callback(void **state)
{
  (void)state;
  rounds = 0;
  event_timer_start(self, now_us + MS, restart_in_the_past, NULL);
  move(10 * SECOND);
  event_timer_cancel(self);
  assert_int_equal(rounds, 1);
}

static struct event_timer *const victims = &timers[3];

static void
cancel_others(void *cookie)
{
  note(cookie);
  event_timer_cancel(&victims[1]);
  event_timer_cancel(&victims[2]);
}

/* Cancelled is never called again, be it due in the same millisecond. */
static void
cancel_in_a_callback(void **state)
{
  (void)state;
  event_timer_start(&victims[0], now_us + 7 * MS, cancel_others, &victims[0]);
  event_timer_start(&victims[1], now_us + 7 * MS, note, &victims[1]);
  event_timer_start(&victims[2], now_us + 9 * MS, note, &victims[2]);
  move(SECOND);
  assert_int_equal(fired_n, 1);
  assert_ptr_equal(fired[0], &victims[0]);
}

static void
start_others(void *cookie)
{
  note(cookie);
  event_timer_start(&victims[1], now_us, note, &victims[1]); /* still this turn */
  event_timer_start(&victims[2], now_us + 10 * MS, note, &victims[2]); /* later */
}

static void
start_in_a_callback(void **state)
{
  (void)state;
  event_timer_start(&victims[0], now_us + 7 * MS, start_others, &victims[0]);
  move(7 * MS);
  move(1 * MS);
  assert_int_equal(fired_n, 2);
  move(9 * MS);
  assert_int_equal(fired_n, 3);
  assert_ptr_equal(fired[2], &victims[2]);
}

static void
periodic(void *cookie)
{
  note(cookie);
  event_timer_start(self, now_us + 30 * SECOND, periodic, cookie);
}

static void
big_jumps(void **state)
{
  int day;

  (void)state;
  event_timer_start(self, now_us + 30 * SECOND, periodic, NULL);
  for (day = 0; day < 400; day++)
    move(DAY);
  assert_int_equal(fired_n, 400); /* measured from now, so once a jump */
  event_timer_cancel(self);
  fired_n = 0;
  event_timer_start(b, now_us + 400 * DAY, note, b);
  event_timer_start(a, now_us + 399 * DAY, note, a);
  move(1000 * DAY);
  assert_int_equal(fired_n, 2);
  assert_ptr_equal(fired[0], a);
  assert_ptr_equal(fired[1], b);
}

/* "Never" is a deadline too. */
static void
far_deadlines(void **state)
{
  static uint64_t const at[] = {UINT64_MAX,       UINT64_MAX - 1,    UINT64_MAX - 998,
                                UINT64_MAX - 999, UINT64_MAX - 5000, UINT64_MAX / 2,
                                1ull << 62};
  size_t i;

  (void)state;
  for (i = 0; i < sizeof at / sizeof *at; i++)
    event_timer_start(&timers[i], at[i], note, NULL);
  move(MS);
  move(10000 * DAY);
  assert_int_equal(fired_n, 0);
  for (i = 0; i < sizeof at / sizeof *at; i++) {
    assert_true(event_timer_on(&timers[i]));
    event_timer_cancel(&timers[i]);
  }
}

#define MANY 100000

static struct {
  struct event_timer t;
  uint64_t at_us;
  bool cancelled;
} many[MANY];

static int
by_deadline(void const *p, void const *q)
{
  uint64_t x = *(uint64_t const *)p, y = *(uint64_t const *)q;

  return x < y ? -1 : x > y;
}

static uint64_t
random_delay(void)
{
  uint64_t r = ((uint64_t)(unsigned int)rand() << 31) ^ (unsigned int)rand();

  /* Every level of a wheel gets its share. */
  return r >> (14 + rand() % 40);
}

/* Against a sorted list: each once, in order, never early and never later than the turn.
 */
static void
many_random(void **state)
{
  static uint64_t want[MANY], due;
  size_t i, n = 0, seen = 0;

  (void)state;
  srand(2);
  for (i = 0; i < MANY; i++) {
    many[i].at_us = now_us + MS + random_delay();
    many[i].cancelled = false;
    event_timer_start(&many[i].t, many[i].at_us, note, &many[i]);
  }
  for (i = 0; i < MANY; i += 3) {
    if (i % 2) {
      event_timer_cancel(&many[i].t);
      many[i].cancelled = true;
    } else {
      many[i].at_us = now_us + MS + random_delay();
      event_timer_start(&many[i].t, many[i].at_us, note, &many[i]);
    }
  }
  for (i = 0; i < MANY; i++)
    if (!many[i].cancelled) want[n++] = (many[i].at_us + 999) / 1000;
  qsort(want, n, sizeof *want, by_deadline);
  while (seen < n) {
    move(random_delay() + MS);
    for (; seen < fired_n; seen++) {
      size_t who = (size_t)((char *)fired[seen] - (char *)many) / sizeof *many;
      due = (many[who].at_us + 999) / 1000;
      assert_false(many[who].cancelled);
      assert_true(due == want[seen]);
      assert_true(due <= now_us / 1000);
    }
    assert_true(seen == n || want[seen] > now_us / 1000);
  }
  assert_int_equal(fired_n, n);
}

/* A clock that is set back (NTP at start-up): what is started after it still fires. Last:
 * it leaves the clock behind the others' time. */
static void
clock_set_back(void **state)
{
  (void)state;
  now_us -= 3600 * SECOND;
  door_set_clock(now_us, 7);
  event_timers_run();
  event_timer_start(a, now_us + 10 * MS, note, a);
  move(SECOND);
  event_timer_cancel(a);
  assert_int_equal(fired_n, 1);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(deadlines, begin, end),
    cmocka_unit_test_setup_teardown(restart_moves, begin, end),
    cmocka_unit_test_setup_teardown(past_is_next_turn, begin, end),
    cmocka_unit_test_setup_teardown(past_in_a_callback, begin, end),
    cmocka_unit_test_setup_teardown(cancel_in_a_callback, begin, end),
    cmocka_unit_test_setup_teardown(start_in_a_callback, begin, end),
    cmocka_unit_test_setup_teardown(big_jumps, begin, end),
    cmocka_unit_test_setup_teardown(far_deadlines, begin, end),
    cmocka_unit_test_setup_teardown(many_random, begin, end),
    cmocka_unit_test_setup_teardown(clock_set_back, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
