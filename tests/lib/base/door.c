#include "base/base.h"

#include <skalibs/strerr.h>

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

char const *PROG = "test";

/* Stands before the C library's: the wall clock can be set. */
static time_t step;

int
clock_gettime(clockid_t id, struct timespec *ts)
{
  int r = (int)syscall(SYS_clock_gettime, id, ts);

  if (id == CLOCK_REALTIME) ts->tv_sec += step;
  return r;
}

static void
live_clock(void **state)
{
  uint64_t before = (uint64_t)time(NULL) * 1000000u, now = door_now(), wall = door_wall();

  (void)state;
  assert_true(wall + 1000000u >= before && wall < before + 60000000u);
  assert_true(now == wall);                              /* as the process starts */
  assert_true(door_now() == now && door_wall() == wall); /* still until the next tick */
}

/* The machine's clock is set in the middle of things, to hours before and years after. */
static void
stepped_clock(void **state)
{
  static time_t const steps[] = {-3600, 3600, -1000000000, 1000000000};
  uint64_t now = door_now(), wall = door_wall();
  size_t i;

  (void)state;
  for (i = 0; i < sizeof steps / sizeof *steps; i++) {
    step = steps[i];
    door_tick();
    assert_true(door_now() >= now && door_now() < now + 60000000u);
    assert_true(door_wall() - (uint64_t)step * 1000000u >= wall);
    assert_true(door_wall() - (uint64_t)step * 1000000u < wall + 60000000u);
  }
  step = 0;
  door_tick();
}

static void
live_chance(void **state)
{
  unsigned char a[32] = {0}, b[32] = {0};

  (void)state;
  door_random(a, sizeof a);
  door_random(b, sizeof b);
  assert_memory_not_equal(a, b, sizeof a);
  door_random(a, 0);
}

static void
fixed_clock(void **state)
{
  (void)state;
  door_set_clock(0, 3);
  assert_true(door_now() == 0 && door_wall() == 3);
  door_tick();
  assert_true(door_now() == 0 && door_wall() == 3);
  door_set_clock(UINT64_MAX, 0);
  door_tick();
  assert_true(door_now() == UINT64_MAX && door_wall() == 0);
  door_set_clock(5, 4);
  assert_true(door_now() == 5 && door_wall() == 4);
}

/* The seed alone decides the stream, however it is read. */
static void
seeded_chance(void **state)
{
  unsigned char a[100], b[100], c[100];
  char const longest[] =
    "0123456789012345678901234567890123456789012345678901234567890123456789"
    "0123456789012345678901234567890123456789012345678901234567890123456789"
    "0123456789012345678901234567890123456789";
  size_t i;

  (void)state;
  door_seed(SLICE("one"));
  door_random(a, sizeof a);
  door_seed(SLICE("one"));
  for (i = 0; i < sizeof b; i++)
    door_random(b + i, 1);
  assert_memory_equal(a, b, sizeof a);
  door_seed(SLICE("two"));
  door_random(c, sizeof c);
  assert_memory_not_equal(a, c, sizeof a);
  door_seed(SLICE(""));
  door_random(c, sizeof c);
  door_seed(slice_str(longest));
  door_random(c, sizeof c);
}

/* A live program draws secrets from the kernel whatever the seed; a test sees the stream of ids; a replay
 * has a stream that draws nothing from that of ids. */
static void
secrets(void **state)
{
  unsigned char a[16], b[16], ids[16];

  (void)state;
  door_seed(SLICE("one"));
  assert_false(door_has_drawn());
  door_secret(a, sizeof a);
  assert_false(door_has_drawn());
  door_random(ids, sizeof ids);
  assert_true(door_has_drawn());
  door_seed(SLICE("one"));
  door_secret(b, sizeof b);
  assert_memory_not_equal(a, b, sizeof a);
  assert_memory_not_equal(b, ids, sizeof b);
  door_secrets_from(DOOR_SAME_STREAM);
  door_secret(a, sizeof a);
  assert_memory_equal(a, ids, sizeof a);
  door_secrets_from(DOOR_OWN_STREAM);
  door_seed(SLICE("one"));
  door_secret(a, sizeof a);
  assert_memory_not_equal(a, ids, sizeof a);
  door_random(a, sizeof a);
  assert_memory_equal(a, ids, sizeof a);
  door_secrets_from(DOOR_KERNEL);
}

static void
ids(void **state)
{
  char id[65];
  size_t i;
  int seen[256] = {0}, round, kinds = 0;

  (void)state;
  door_seed(SLICE("ids"));
  for (round = 0; round < 100; round++) {
    memset(id, '!', sizeof id);
    door_random_id(id, 64);
    assert_int_equal(id[64], '!');
    for (i = 0; i < 64; i++) {
      assert_true(islower((unsigned char)id[i]) || isdigit((unsigned char)id[i]));
      seen[(unsigned char)id[i]] = 1;
    }
  }
  for (i = 0; i < 256; i++)
    kinds += seen[i];
  assert_int_equal(kinds, 36);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(live_clock),    cmocka_unit_test(stepped_clock),
    cmocka_unit_test(live_chance),   cmocka_unit_test(fixed_clock),
    cmocka_unit_test(seeded_chance), cmocka_unit_test(secrets),
    cmocka_unit_test(ids),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
