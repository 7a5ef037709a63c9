#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

char const *PROG = "test";

static struct {
  char const *ip, *site;
} const cases[] = {
  {"192.0.2.1",                                                   "192.0.2.1"     },
  {"::ffff:192.0.2.1",                                            "192.0.2.1"     },
  {"2001:db8:1:2:3:4:5:6",                                        "2001:db8:1:2::"},
  {"2001:db8:1:2::1",                                             "2001:db8:1:2::"},
  {"2001:db8:1:3::1",                                             "2001:db8:1:3::"},
  {"::1",                                                         "::"            },
  {"",                                                            ""              },
  {"unix",                                                        "unix"          },
  {"a text that is longer than any address of this world can be",
   "a text that is longer than any address of this "                              },
};

static void
sites(void **state)
{
  char buf[SITE_SIZE];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_string_equal(site_of(buf, slice_str(cases[i].ip)).s, cases[i].site);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {cmocka_unit_test(sites)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}
