/* stanza: which ones wake the device of their reader. */
#include "stanza/stanza.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

char const *PROG = "test";

static bool
wakes(char const *kind, char const *type, char const *tags)
{
  return stanza_wakes(slice_str(kind), slice_str(type), slice_str(tags));
}

static void
messages(void **state)
{
  (void)state;
  assert_true(wakes("message", "chat", "body store"));
  assert_true(wakes("message", "groupchat", "body"));
  assert_true(wakes("message", "", "wakes"));
  assert_false(wakes("message", "chat", "state"));
  assert_false(wakes("message", "error", "body"));
  assert_false(wakes("message", "headline", "body"));
  assert_false(wakes("message", "chat", "body no-store"));
  assert_false(wakes("message", "", "body pep"));
  assert_false(wakes("message", "", "body mam"));
  assert_false(wakes("message", "chat", "body offline"));
  assert_false(wakes("presence", "subscribe", "body"));
}

/* A call is worth nothing later, so a hint against storing it says nothing. */
static void
calls(void **state)
{
  (void)state;
  assert_true(wakes("message", "", "call no-store"));
  assert_false(wakes("message", "error", "call"));
}

int
main(void)
{
  struct CMUnitTest const tests[] = {cmocka_unit_test(messages), cmocka_unit_test(calls)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}
