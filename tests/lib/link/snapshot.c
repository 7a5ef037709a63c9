/* The state of a program, written as records and made again from them. */
#include "link/snapshot.h"

#include "link/link_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

/* The state of the program of this test. */
static struct {
  uint64_t large;
  int8_t below;
  bool yes;
  char *text, *none, *empty;
  stralloc bytes;
  char name[8];
  char key[4];
  struct link *link, *no_link;

  struct item {
    struct item *next;
    uint32_t n;
  } * items;
  struct ids ids;
} held;

static struct event_timer timers[4];
static char fired[8];
static size_t fired_n;
static uint32_t expects_more;

static void
on_timer(void *cookie)
{
  fired[fired_n++] = *(char const *)cookie;
}

static char names[] = "abcd";

static void
list(struct snapshot *k)
{
  struct item **at = &held.items;

  for (; snapshot_record(k, "item", *at != NULL); at = &(*at)->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof **at);
    SNAPSHOT_INT(k, (*at)->n);
  }
}

static void
snapshot(struct snapshot *k)
{
  size_t i;

  if (!snapshot_record(k, "held", true)) return;
  SNAPSHOT_INT(k, held.large);
  SNAPSHOT_INT(k, held.below);
  SNAPSHOT_INT(k, held.yes);
  snapshot_text(k, &held.text);
  snapshot_text(k, &held.none);
  snapshot_text(k, &held.empty);
  snapshot_bytes(k, &held.bytes);
  snapshot_name(k, held.name, sizeof held.name);
  snapshot_block(k, held.key, sizeof held.key);
  snapshot_link(k, &held.link);
  snapshot_link(k, &held.no_link);
  for (i = 0; i < 4; i++)
    snapshot_timer(k, &timers[i], on_timer, names + i);
  if (expects_more && snapshot_restores(k)) SNAPSHOT_INT(k, expects_more);
  list(k);
  snapshot_ids(k, &held.ids);
}

static void
on_turn(void)
{
}

static void
on_link(struct link *l)
{
  (void)l;
}

static struct link_owner const owner = {.program = "xmpp-routed",
                                        .instance = "routed",
                                        .up = on_link,
                                        .down = on_link,
                                        .turn = on_turn,
                                        .snapshot = snapshot};

static void
wipe(void)
{
  size_t i;

  while (held.items) {
    struct item *next = held.items->next;
    free(held.items);
    held.items = next;
  }
  free(held.text);
  free(held.none);
  free(held.empty);
  free(held.ids.v);
  free(held.ids.free);
  stralloc_free(&held.bytes);
  memset(&held, 0, sizeof held);
  for (i = 0; i < 4; i++)
    event_timer_cancel(&timers[i]);
}

static void
fill(void)
{
  uint32_t i;

  held.large = UINT64_MAX;
  held.below = -7;
  held.yes = true;
  held.text = strdup("a\tb\nc\\");
  held.empty = strdup("");
  stralloc_catb(&held.bytes, "\0\xff x", 4);
  strcpy(held.name, "sevench");
  memcpy(held.key, "\0\1\2\3", 4);
  held.link = pipe_link(SLICE("c2sd"));
  held.link->up = true;
  held.link->stanzas = 41;
  for (i = 3; i; i--) {
    struct item *x = calloc(1, sizeof *x);
    x->n = i;
    x->next = held.items;
    held.items = x;
  }
}

static void
again(void)
{
  stralloc text = STRALLOC_ZERO;

  assert_true(snapshot_write(&text));
  wipe();
  snapshot_read(&text);
}

static void
test_fields(void **state)
{
  (void)state;
  fill();
  again();
  assert_true(held.large == UINT64_MAX && held.below == -7 && held.yes);
  assert_string_equal(held.text, "a\tb\nc\\");
  assert_null(held.none);
  assert_string_equal(held.empty, "");
  assert_int_equal(held.bytes.len, 4);
  assert_memory_equal(held.bytes.s, "\0\xff x", 4);
  assert_string_equal(held.name, "sevench");
  assert_memory_equal(held.key, "\0\1\2\3", 4);
  assert_ptr_equal(held.link, pipe_link(SLICE("c2sd")));
  assert_null(held.no_link);
  assert_int_equal(held.link->stanzas, 41);
  assert_int_equal(held.items->n, 1);
  assert_int_equal(held.items->next->next->n, 3);
  assert_null(held.items->next->next->next);
  wipe();
}

/* The order of firing: what was due, then by deadline, then as they were started. */
static void
test_timers(void **state)
{
  (void)state;
  door_set_clock(1000000000u, 1);
  event_timers_run();
  event_timer_start(&timers[2], 1000000000u + 90000000u, on_timer, names + 2);
  event_timer_start(&timers[0], 1000000000u + 90000000u, on_timer, names + 0);
  event_timer_start(&timers[3], 1000000000u, on_timer, names + 3);
  again();
  assert_false(event_timer_on(&timers[1]));
  fired_n = 0;
  event_timers_run();
  assert_int_equal(fired_n, 1);
  door_set_clock(1000000000u + 90000000u, 1);
  event_timer_start(&timers[1], 1000000000u + 90000000u, on_timer, names + 1);
  event_timers_run();
  assert_memory_equal(fired, "dbca", 4);
  wipe();
}

/* The next ids are those that would have been given. */
static void
test_ids(void **state)
{
  int a, b;
  uint64_t first, second, next;

  (void)state;
  first = ids_take(&held.ids, &a);
  second = ids_take(&held.ids, &b);
  ids_give(&held.ids, first);
  again();
  assert_null(ids_get(&held.ids, first));
  assert_false(ids_restore(&held.ids, second + 1, &a));
  assert_true(ids_restore(&held.ids, second, &b));
  assert_ptr_equal(ids_get(&held.ids, second), &b);
  assert_int_equal(held.ids.live, 1);
  next = ids_take(&held.ids, &a);
  assert_true(next == first + (1u << ID_SLOT_BITS));
  wipe();
}

/* A program that wants more than was written has nothing of what is behind. */
static void
test_other_program(void **state)
{
  (void)state;
  fill();
  expects_more = 1;
  log_verbosity = 0;
  again();
  expects_more = 0;
  assert_null(held.items);
  wipe();
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(test_fields),
    cmocka_unit_test(test_timers),
    cmocka_unit_test(test_ids),
    cmocka_unit_test(test_other_program),
  };

  event_init();
  link_init(&owner, true);
  return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
