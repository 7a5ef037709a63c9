#include "event/event.h"

#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* A cancelled callback is never called again, whoever cancels it in the turn that would. */

static struct event_io a = EVENT_IO_ZERO, b = EVENT_IO_ZERO;
static struct event_timer timer;
static int pipes[2][2], calls;

static int
begin(void **state)
{
  (void)state;
  calls = 0;
  door_tick();
  return !event_init() || pipe(pipes[0]) || pipe(pipes[1]) ||
         write(pipes[0][1], "a", 1) != 1 || write(pipes[1][1], "b", 1) != 1;
}

static int
end(void **state)
{
  unsigned int i;

  (void)state;
  event_io_cancel(&a);
  event_io_cancel(&b);
  for (i = 0; i < 4; i++)
    close(pipes[i / 2][i % 2]);
  return 0;
}

static void
stop(void *cookie)
{
  (void)cookie;
  event_stop();
}

static void
cancel_other(void *cookie, uint32_t what)
{
  (void)what;
  calls++;
  event_io_cancel(cookie);
  event_stop();
}

static void
cancel_both(void *cookie)
{
  (void)cookie;
  event_io_cancel(&a);
  event_io_cancel(&b);
  event_timer_start(&timer, door_now() + 1000, stop, NULL);
}

static void
by_another_io(void **state)
{
  (void)state;
  assert_true(event_io_start(&a, pipes[0][0], EVENT_READ, cancel_other, &b));
  assert_true(event_io_start(&b, pipes[1][0], EVENT_READ, cancel_other, &a));
  assert_true(event_run());
  assert_int_equal(calls, 1);
}

/* The timer is overdue, so it fires in the turn that brings both, before them. */
static void
by_a_timer(void **state)
{
  (void)state;
  assert_true(event_io_start(&a, pipes[0][0], EVENT_READ, cancel_other, &b));
  assert_true(event_io_start(&b, pipes[1][0], EVENT_READ, cancel_other, &a));
  event_timer_start(&timer, door_now() - 2000, cancel_both, NULL);
  assert_true(event_run());
  assert_int_equal(calls, 0);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(by_another_io, begin, end),
    cmocka_unit_test_setup_teardown(by_a_timer, begin, end),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
