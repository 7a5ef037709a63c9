#include "nets/nets.h"

#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

char const *PROG = "test";

static void
lists(void **state)
{
  static struct {
    char const *list, *ip;
    bool in;
  } const cases[] = {
    {"192.0.2.1",        "192.0.2.1",        true },
    {"192.0.2.1",        "::ffff:192.0.2.1", true },
    {"192.0.2.1",        "192.0.2.2",        false},
    {"192.0.2.0/25",     "192.0.2.127",      true },
    {"192.0.2.0/25",     "192.0.2.128",      false},
    {"0.0.0.0/0",        "203.0.113.9",      true },
    {"0.0.0.0/0",        "2001:db8::1",      false},
    {"2001:db8::/33",    "2001:db8:7fff::1", true },
    {"2001:db8::/33",    "2001:db8:8000::1", false},
    {"10.0.0.0/8 ::1  ", "::1",              true },
    {"::/0",             "192.0.2.1",        true },
    {"all",              "192.0.2.1",        true },
    {"all",              "nonsense",         true },
    {"0.0.0.0/0 ::/0",   "nonsense",         false},
    {"",                 "192.0.2.1",        false},
  };

  static char const *const bad[] = {
    "192.0.2", "192.0.2.0/33", "::/129", "a", "::1/x", "192.0.2.0/18446744073709551617",
    "/8"};
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct nets n = {NULL, 0, false};
    assert_true(nets_add(&n, slice_str(cases[i].list)));
    assert_int_equal(nets_have(&n, slice_str(cases[i].ip)), cases[i].in);
    assert_int_equal(nets_empty(&n), !*cases[i].list);
    nets_wipe(&n);
  }
  for (i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct nets n = {NULL, 0, false};
    assert_false(nets_add(&n, slice_str(bad[i])));
    nets_wipe(&n);
  }
}

int
main(void)
{
  struct CMUnitTest const tests[] = {cmocka_unit_test(lists)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
