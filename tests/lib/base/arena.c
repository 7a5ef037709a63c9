#include "base/base.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

/* Sizes around a block's, so that first blocks of every kind occur. */
static size_t const sizes[] = {0, 1, 15, 16, 17, 100, 8176, 8191, 8192, 8193, 40000, 3};
#define SIZES (sizeof sizes / sizeof *sizes)

static void
fill(struct arena *a)
{
  unsigned char *p[SIZES];
  size_t i, j;

  for (i = 0; i < SIZES; i++) {
    p[i] = arena_alloc(a, sizes[i]);
    assert_non_null(p[i]);
    assert_int_equal((uintptr_t)p[i] % alignof(max_align_t), 0);
    memset(p[i], (int)i + 1, sizes[i]);
  }
  for (i = 0; i < SIZES; i++)
    for (j = 0; j < sizes[i]; j++)
      assert_int_equal(p[i][j], i + 1);
}

static void
allocates(void **state)
{
  struct arena a = ARENA_ZERO;
  int i;

  (void)state;
  for (i = 0; i < 5; i++) {
    fill(&a);
    arena_reset(&a);
  }
  fill(&a);
  arena_wipe(&a);
  fill(&a);
  arena_wipe(&a);
}

/* After a first allocation of any size, reset and wipe leave an arena that works. */
static void
first_sizes(void **state)
{
  size_t i;

  (void)state;
  for (i = 0; i < SIZES; i++) {
    struct arena a = ARENA_ZERO;
    assert_non_null(arena_alloc(&a, sizes[i]));
    arena_reset(&a);
    fill(&a);
    arena_reset(&a);
    arena_reset(&a);
    fill(&a);
    arena_wipe(&a);
    arena_wipe(&a);
    arena_reset(&a);
  }
}

static void
copies(void **state)
{
  struct arena a = ARENA_ZERO;
  char text[] = "a\0b";
  struct slice s = arena_copy(&a, slice_of(text, 3)), empty;

  (void)state;
  text[0] = 'x';
  assert_int_equal(s.len, 3);
  assert_memory_equal(s.s, "a\0b\0", 4);
  empty = arena_copy(&a, slice_str(NULL));
  assert_non_null(empty.s);
  assert_int_equal(empty.len, 0);
  assert_int_equal(empty.s[0], 0);
  arena_wipe(&a);
}

static void
too_much(void **state)
{
  struct arena a = ARENA_ZERO;
  size_t const huge[] = {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 16, SIZE_MAX / 2 + 1};
  size_t i;

  (void)state;
  for (i = 0; i < sizeof huge / sizeof *huge; i++) {
    errno = 0;
    assert_null(arena_alloc(&a, huge[i]));
    assert_int_equal(errno, ENOMEM);
  }
  fill(&a);
  arena_wipe(&a);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(allocates),
    cmocka_unit_test(first_sizes),
    cmocka_unit_test(copies),
    cmocka_unit_test(too_much),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
