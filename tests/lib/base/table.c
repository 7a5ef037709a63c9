#include "base/base.h"

#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

char const *PROG = "test";

#define ITEMS 2000

struct item {
  char name[24];
  bool in;
};

static struct slice
key_of(void const *item)
{
  struct item const *i = item;

  return slice_str(i->name);
}

static struct item items[ITEMS];

static void
check_all(struct table const *t)
{
  size_t i, n = 0;

  for (i = 0; i < ITEMS; i++) {
    void *want = items[i].in ? &items[i] : NULL;
    assert_ptr_equal(table_get(t, slice_str(items[i].name)), want);
    n += items[i].in;
  }
  assert_int_equal(t->n, n);
}

/* Lengths of all residues mod 8, the empty key too. */
static void
name_items(void)
{
  size_t i;

  for (i = 0; i < ITEMS; i++)
    snprintf(items[i].name, sizeof items[i].name, "%.*s%zu", (int)(i % 9), "abcdefghi",
             i);
  items[0].name[0] = 0;
}

static void
random_walk(void **state)
{
  struct table t = {.key = key_of};
  unsigned int step, goal;

  (void)state;
  name_items();
  assert_null(table_get(&t, SLICE("a")));
  assert_null(table_del(&t, SLICE("a")));
  srand(1);
  for (step = 0; step < 60000; step++) {
    struct item *it = &items[rand() % ITEMS];
    /* Swing between nearly empty and nearly full. */
    goal = step / 6000 % 2 ? 2 : 8;
    if ((unsigned int)rand() % 10 < goal) {
      if (!it->in) assert_true(table_put(&t, it));
      it->in = true;
    } else {
      assert_ptr_equal(table_del(&t, slice_str(it->name)), it->in ? it : NULL);
      it->in = false;
    }
    if (step % 3000 == 0) check_all(&t);
  }
  check_all(&t);
  for (step = 0; step < ITEMS; step++) {
    table_del(&t, slice_str(items[step].name));
    items[step].in = false;
  }
  check_all(&t);
  table_wipe(&t);
  assert_int_equal(t.n, 0);
  assert_true(table_put(&t, &items[5]));
  assert_ptr_equal(table_get(&t, slice_str(items[5].name)), &items[5]);
  table_wipe(&t);
}

static struct slice
key_itself(void const *item)
{
  return *(struct slice const *)item;
}

/* Keys are bytes: a NUL inside counts, and so does length. */
static void
binary_keys(void **state)
{
  struct slice keys[] = {SLICE(""),         SLICE("\0"),        SLICE("\0\0"),
                         SLICE("a\0b"),     SLICE("a\0c"),      SLICE("a"),
                         SLICE("12345678"), SLICE("12345678\0")};
  struct table t = {.key = key_itself};
  size_t i, n = sizeof keys / sizeof *keys;

  (void)state;
  for (i = 0; i < n; i++) {
    assert_null(table_get(&t, keys[i]));
    assert_true(table_put(&t, &keys[i]));
  }
  for (i = 0; i < n; i++)
    assert_ptr_equal(table_get(&t, keys[i]), &keys[i]);
  for (i = 0; i < n; i++)
    assert_ptr_equal(table_del(&t, keys[i]), &keys[i]);
  assert_int_equal(t.n, 0);
  table_wipe(&t);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(random_walk),
    cmocka_unit_test(binary_keys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
