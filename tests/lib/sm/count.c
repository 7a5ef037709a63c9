#include "sm/sm.h"

#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

#define RAW "b@h\ta@h\tmessage\tchat\t1\tbody id=7\tc2sd:1\t<message/>"

static struct slice
raw(char const *text)
{
  return slice_str(text);
}

/* An r is answered when what came before it is handled, the oldest r first. */
static void
answers(void **state)
{
  struct sm_in in = {0};

  (void)state;
  assert_true(sm_in_asked(&in));
  in.received = 2;
  assert_false(sm_in_asked(&in));
  in.received = 3;
  assert_false(sm_in_asked(&in));
  assert_false(sm_in_handled(&in));
  assert_true(sm_in_handled(&in));
  assert_true(sm_in_handled(&in));
  assert_true(sm_in_is_done(&in));
  in.received++;
  assert_false(sm_in_handled(&in));
  /* Over 2^32. */
  in.received = in.handled = UINT32_MAX;
  in.received += 2;
  assert_false(sm_in_asked(&in));
  assert_false(sm_in_handled(&in));
  assert_true(sm_in_handled(&in));
}

static void
count(void *cookie, struct slice tags)
{
  assert_true(slice_is(tags, "body id=7"));
  ++*(unsigned int *)cookie;
}

/* An r follows at the timer, or when five stanzas are out; a partial answer is asked again. */
static void
asks(void **state)
{
  struct sm_out out = {.sent = UINT32_MAX, .acked = UINT32_MAX};
  struct sm_entry e;
  struct slice text;
  unsigned int n, acked = 0;

  (void)state;
  assert_int_equal(sm_out_ask(&out), SM_IDLE);
  for (n = 0; n < 6; n++)
    assert_true(sm_queue_add(&out.queue, raw(RAW), 9, n));
  assert_true(sm_out_next(&out, &e, &text));
  assert_int_equal(sm_out_ask(&out), SM_SOON);
  assert_int_equal(sm_out_ask(&out), SM_IDLE);
  for (n = 1; n < 5; n++)
    assert_true(sm_out_next(&out, &e, &text));
  assert_int_equal(sm_out_ask(&out), SM_ASKED);
  assert_true(sm_out_next(&out, &e, &text));
  assert_false(sm_out_next(&out, &e, &text));
  assert_int_equal(sm_out_ask(&out), SM_IDLE);
  assert_false(sm_out_take(&out, 6, count, &acked));
  assert_int_equal(acked, 0);
  assert_true(sm_out_take(&out, 1, count, &acked));
  assert_int_equal(acked, 2);
  assert_int_equal(out.queue.n, 4);
  assert_int_equal(sm_out_answered(&out), SM_SOON);
  assert_true(sm_out_take(&out, 5, count, &acked));
  assert_int_equal(acked, 6);
  assert_int_equal(out.queue.n, 0);
  sm_queue_wipe(&out.queue);
}

/* The stanzas that a stream had not acknowledged leave again on the next. */
static void
rewinds(void **state)
{
  struct sm_out out = {0};
  struct sm_entry e;
  struct slice text;
  unsigned int acked = 0;

  (void)state;
  assert_true(sm_queue_add(&out.queue, raw(RAW), 9, 1));
  assert_true(sm_queue_add(&out.queue, raw(RAW), 9, 2));
  assert_true(sm_out_next(&out, &e, &text) && sm_out_next(&out, &e, &text));
  assert_true(sm_out_take(&out, 1, count, &acked));
  sm_out_rewind(&out);
  assert_true(sm_out_next(&out, &e, &text));
  assert_int_equal(e.at_us, 2);
  assert_false(sm_out_next(&out, &e, &text));
  sm_queue_wipe(&out.queue);
}

static void
limits(void **state)
{
  struct sm_queue q = {.text = STRALLOC_ZERO};
  struct slice tags;
  unsigned int i;

  (void)state;
  for (i = 0; i < 100; i++)
    assert_true(sm_queue_add(&q, raw(RAW), 9, i));
  assert_int_equal(sm_queue_full(&q, 100, 1 << 20), SM_FITS);
  assert_int_equal(sm_queue_full(&q, 99, 1 << 20), SM_TOO_MANY);
  assert_int_equal(sm_queue_full(&q, 100, 1000), SM_TOO_LONG);
  for (i = 0; i < 95; i++)
    assert_true(sm_queue_drop(&q, &tags));
  assert_int_equal(sm_queue_full(&q, 99, 1000), SM_FITS);
  while (sm_queue_drop(&q, &tags)) {
  }
  assert_int_equal(q.n, 0);
  sm_queue_wipe(&q);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {cmocka_unit_test(answers), cmocka_unit_test(asks),
                                     cmocka_unit_test(rewinds), cmocka_unit_test(limits)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}
