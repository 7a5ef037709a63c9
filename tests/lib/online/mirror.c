#include "online/online.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

struct session {
  struct online online;
  char const *name;
};

static char heard[256];

static void ended(struct online *s);

static void
due(void)
{
  strcat(heard, "due ");
}

static struct online_mirror mirror;

static void
ended(struct online *s)
{
  strcat(heard, ((struct session *)s)->name);
  strcat(heard, " ");
  online_del(&mirror, s);
}

static struct session a, b, c;

static int
begin(void **state)
{
  (void)state;
  mirror = (struct online_mirror)ONLINE_MIRROR(ended, due, 1000);
  a = (struct session){.name = "a"};
  b = (struct session){.name = "b"};
  c = (struct session){.name = "c"};
  online_add(&mirror, &a.online);
  online_add(&mirror, &b.online);
  online_add(&mirror, &c.online);
  online_from(&mirror, &a.online, SLICE("c2sd"));
  online_from(&mirror, &b.online, SLICE("c2sd-2:77"));
  heard[0] = 0;
  return 0;
}

static void
recalled(void **state)
{
  (void)state;
  online_compare(&mirror);
  assert_string_equal(heard, ""); /* all are new, and confirmed by that */
  online_up(&mirror);
  assert_false(online_is_confirmed(&mirror, &a.online));
  online_recalled(&mirror, SLICE("c2sd-2"));
  assert_string_equal(heard, "b "); /* of that edge alone */
  online_confirm(&mirror, &a.online);
  online_recalled(&mirror, SLICE("c2sd"));
  assert_string_equal(heard, "b ");
  online_compare(&mirror);
  assert_string_equal(heard, "b c "); /* the edge of a is not known */
  assert_ptr_equal(mirror.first, &a.online);
  online_up(&mirror);
  online_compare(&mirror);
  assert_string_equal(heard, "b c a ");
  assert_null(mirror.first);
  online_add(&mirror, &b.online);
  assert_ptr_equal(mirror.first, &b.online);
}

static void
forgot(void **state)
{
  (void)state;
  assert_true(online_forgot(&mirror, SLICE("")));
  assert_true(online_forgot(&mirror, SLICE("c2sd:1")));
  assert_false(online_forgot(&mirror, SLICE("c2sd"))); /* no ORIGIN */
  online_recalled(&mirror, SLICE("c2sd"));
  assert_true(online_has_told_all(&mirror, SLICE("c2sd")));
  assert_false(online_has_told_all(&mirror, SLICE("c2sd-2")));
  assert_false(online_forgot(&mirror, SLICE("")));
  assert_false(online_forgot(&mirror, SLICE("c2sd:1")));
  assert_true(online_forgot(&mirror, SLICE("c2sd-3:1")));
}

static void
bounded(void **state)
{
  char name[32];
  unsigned int i;

  (void)state;
  for (i = 0; i < ONLINE_INSTANCES_MAX + 10; i++) {
    snprintf(name, sizeof name, "edge-%u", i);
    online_recalled(&mirror, slice_str(name));
  }
  assert_int_equal(mirror.names_n, ONLINE_INSTANCES_MAX);
  online_from(&mirror, &c.online, SLICE("another"));
  assert_int_equal(c.online.instance, 0);
  online_recalled(&mirror, SLICE("a-name-that-is-longer-than-any-instance-may-be"));
  online_recalled(&mirror, SLICE(""));
  assert_string_equal(heard, "");
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup(recalled, begin),
    cmocka_unit_test_setup(forgot, begin),
    cmocka_unit_test_setup(bounded, begin),
  };

  event_init();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
