#include "base/base.h"

#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

char const *PROG = "test";

#define ALL (1u << ID_SLOT_BITS)

static void
ids_wipe(struct ids *t)
{
  free(t->v);
  free(t->free);
}

static void
nothing_is_there(void **state)
{
  struct ids t = {0};
  struct id_map m = {0};

  (void)state;
  assert_null(ids_get(&t, 0));
  assert_null(ids_get(&t, 1));
  ids_give(&t, 0);
  ids_give(&t, 12345);
  assert_int_equal(t.live, 0);
  assert_null(id_map_get(&m, 0));
  assert_null(id_map_get(&m, UINT64_MAX));
  assert_null(id_map_get(NULL, 1));
  id_map_del(&m, 7);
  id_map_wipe(&m);
}

/* A slot is used again at once, and no earlier id of it means the new item. */
static void
reuse_is_never_stale(void **state)
{
  struct ids t = {0};
  uint64_t old[100];
  int items[100];
  size_t i, j;

  (void)state;
  for (i = 0; i < 100; i++) {
    old[i] = ids_take(&t, &items[i]);
    assert_true(old[i] != 0);
    for (j = 0; j < i; j++) {
      assert_true(old[j] != old[i]);
      assert_null(ids_get(&t, old[j]));
    }
    assert_ptr_equal(ids_get(&t, old[i]), &items[i]);
    assert_int_equal(t.live, 1);
    assert_int_equal(t.used, 1);
    ids_give(&t, old[i]);
    assert_null(ids_get(&t, old[i]));
    ids_give(&t, old[i]); /* twice changes nothing */
    if (i) ids_give(&t, old[i - 1]);
    assert_int_equal(t.live, 0);
    assert_int_equal(t.free_n, 1);
  }
  ids_wipe(&t);
}

struct thing {
  uint64_t id;
  bool in;
};

static struct thing things[5000];
static uint64_t dead[20000];

/* Items come and go at random, over several growths; the dead stay dead. */
static void
random_walk(void **state)
{
  struct ids t = {0};
  size_t step, i, dead_n = 0, live = 0;

  (void)state;
  srand(1);
  for (step = 0; step < 40000; step++) {
    struct thing *th = &things[rand() % 5000];
    if (th->in) {
      assert_ptr_equal(ids_get(&t, th->id), th);
      ids_give(&t, th->id);
      dead[dead_n++ % 20000] = th->id;
      live--;
    } else {
      th->id = ids_take(&t, th);
      assert_true(th->id != 0);
      live++;
    }
    th->in = !th->in;
    assert_int_equal(t.live, live);
  }
  for (i = 0; i < dead_n && i < 20000; i++)
    assert_null(ids_get(&t, dead[i]));
  for (i = 0, step = 0; i < t.used; i++)
    step += ids_at(&t, (uint32_t)i) != NULL;
  assert_int_equal(step, live);
  for (i = 0; i < 5000; i++)
    if (things[i].in) assert_ptr_equal(ids_get(&t, things[i].id), &things[i]);
  ids_wipe(&t);
}

/* 2^20 live at once and not one more; what is given back is there again. */
static void
the_limit(void **state)
{
  struct ids t = {0};
  uint64_t first = 0, last = 0, id;
  uint32_t i;

  (void)state;
  for (i = 0; i < ALL; i++) {
    id = ids_take(&t, &t);
    if (!id) fail_msg("only %u", i);
    if (!i) first = id;
    last = id;
  }
  assert_int_equal(ids_take(&t, &t), 0);
  assert_int_equal(ids_take(&t, &t), 0);
  assert_int_equal(t.live, ALL);
  ids_give(&t, first);
  id = ids_take(&t, &first);
  assert_true(id != 0 && id != first);
  assert_null(ids_get(&t, first));
  assert_ptr_equal(ids_get(&t, id), &first);
  assert_int_equal(ids_take(&t, &t), 0);
  for (i = 0; i < ALL; i++)
    ids_give(&t, i ? t.v[i].id : id);
  assert_int_equal(t.live, 0);
  assert_null(ids_get(&t, last));
  ids_wipe(&t);
}

/* Ids of somebody else: a newer one in the same slot takes its place, and the late word about
 * the older one reaches nobody. */
static void
map_of_others(void **state)
{
  struct ids t = {0};
  struct id_map m = {0};
  int a, b;
  uint64_t old = ids_take(&t, &a), id;

  (void)state;
  assert_true(id_map_put(&m, old, &a));
  assert_ptr_equal(id_map_get(&m, old), &a);
  ids_give(&t, old);
  id = ids_take(&t, &b);
  assert_null(id_map_get(&m, id));
  assert_true(id_map_put(&m, id, &b));
  assert_null(id_map_get(&m, old));
  id_map_del(&m, old); /* too late */
  assert_ptr_equal(id_map_get(&m, id), &b);
  id_map_del(&m, id);
  assert_null(id_map_get(&m, id));
  id_map_del(&m, id);
  id_map_wipe(&m);
  assert_null(id_map_get(&m, id));
  assert_true(id_map_put(&m, id, &b));
  assert_ptr_equal(id_map_get(&m, id), &b);
  id_map_wipe(&m);
  ids_wipe(&t);
}

/* A caller can see which item a new id would displace, whatever its generation. */
static void
slot_is_shared(void **state)
{
  uint64_t const first = (1ull << ID_SLOT_BITS) | 7, second = (2ull << ID_SLOT_BITS) | 7;
  struct id_map m = {0};
  int a, b;

  (void)state;
  assert_null(id_map_in_slot(NULL, first));
  assert_null(id_map_in_slot(&m, first));
  assert_true(id_map_put(&m, first, &a));
  assert_ptr_equal(id_map_in_slot(&m, first), &a);
  assert_ptr_equal(id_map_in_slot(&m, second), &a);
  assert_null(id_map_get(&m, second));
  assert_null(id_map_in_slot(&m, first + 1));
  assert_true(id_map_put(&m, second, &b));
  assert_ptr_equal(id_map_in_slot(&m, first), &b);
  id_map_del(&m, first); /* it was displaced */
  assert_ptr_equal(id_map_in_slot(&m, first), &b);
  id_map_del(&m, second);
  assert_null(id_map_in_slot(&m, first));
  id_map_wipe(&m);
}

/* Slots in any order, the last one too. */
static void
map_grows(void **state)
{
  static uint64_t const slots[] = {0, 1, 63, 64, 65, 5000, 17, ALL - 2, ALL - 1, 4999};
  struct id_map m = {0};
  size_t i, j, n = sizeof slots / sizeof *slots;
  int items[sizeof slots / sizeof *slots];

  (void)state;
  for (i = 0; i < n; i++) {
    uint64_t id = ((uint64_t)(i + 1) << ID_SLOT_BITS) | slots[i];
    assert_null(id_map_get(&m, id));
    assert_true(id_map_put(&m, id, &items[i]));
    for (j = 0; j <= i; j++)
      assert_ptr_equal(id_map_get(&m, ((uint64_t)(j + 1) << ID_SLOT_BITS) | slots[j]),
                       &items[j]);
    assert_null(id_map_get(&m, slots[i]));
  }
  id_map_wipe(&m);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(nothing_is_there), cmocka_unit_test(reuse_is_never_stale),
    cmocka_unit_test(random_walk),      cmocka_unit_test(the_limit),
    cmocka_unit_test(map_of_others),    cmocka_unit_test(map_grows),
    cmocka_unit_test(slot_is_shared),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
