#include "base/base.h"

#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

char const *PROG = "test";

static void
writes(void **state)
{
  static struct {
    uint64_t us;
    char const *seconds, *all;
  } const cases[] = {
    {0,                   "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"},
    {999999,              "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.999999Z"},
    {1000000,             "1970-01-01T00:00:01Z", "1970-01-01T00:00:01.000000Z"},
    {951782400000007,     "2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000007Z"},
    {1767225599120000,    "2025-12-31T23:59:59Z", "2025-12-31T23:59:59.120000Z"},
    {253402300799999999u, "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z"},
    {253402300800000000u, "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000Z"},
    {UINT64_MAX,          "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.551615Z"},
  };

  char buf[STAMP_SIZE];
  struct slice text;
  uint64_t us;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    text = stamp_s(buf, cases[i].us / 1000000);
    assert_string_equal(buf, cases[i].seconds);
    assert_int_equal(text.len, strlen(buf));
    text = stamp_us(buf, cases[i].us);
    assert_string_equal(buf, cases[i].all);
    assert_int_equal(text.len, strlen(buf));
    if (cases[i].us > 253402300799999999u) continue;
    assert_true(stamp_read(text, &us));
    assert_true(us == cases[i].us);
  }
}

/* XEP-0082 s3.2 and its examples, then the limits of each part. */
static void
reads(void **state)
{
  static struct {
    char const *text;
    bool ok;
    uint64_t us;
  } const cases[] = {
    {"1969-07-21T02:56:15Z",                                    true,  0                  },
    {"1969-07-20T21:56:15-05:00",                               true,  0                  },
    {"1970-01-01T00:00:01Z",                                    true,  1000000            },
    {"1970-01-01T00:00:00.5Z",                                  true,  500000             },
    {"1970-01-01T00:00:00.123456789Z",                          true,  123456             },
    {"1970-01-01T01:00:00+01:00",                               true,  0                  },
    {"1970-01-01T01:00:00+02:00",                               true,  0                  },
    {"1970-01-01T00:00:00-00:01",                               true,  60000000           },
    {"2000-02-29T12:00:00Z",                                    true,  951825600000000u   },
    {"2016-12-31T23:59:60Z",                                    true,  1483228800000000u  },
    {"9999-12-31T23:59:59Z",                                    true,  253402300799000000u},
    {"",                                                        false, 0                  },
    {"1970-01-01",                                              false, 0                  },
    {"1970-01-01T00:00:00",                                     false, 0                  },
    {"1970-01-01 00:00:00Z",                                    false, 0                  },
    {"1970-01-01T00:00:00z",                                    false, 0                  },
    {"1970-01-01T00:00:00.Z",                                   false, 0                  },
    {"1970-01-01T00:00:00Z ",                                   false, 0                  },
    {"1970-01-01T00:00:00+0100",                                false, 0                  },
    {"1970-01-01T00:00:00+24:00",                               false, 0                  },
    {"1970-01-01T00:00:00+01:60",                               false, 0                  },
    {"1970-1-1T00:00:00Z",                                      false, 0                  },
    {"1970-00-01T00:00:00Z",                                    false, 0                  },
    {"1970-13-01T00:00:00Z",                                    false, 0                  },
    {"1970-04-31T00:00:00Z",                                    false, 0                  },
    {"1970-01-00T00:00:00Z",                                    false, 0                  },
    {"1900-02-29T00:00:00Z",                                    false, 0                  },
    {"1970-01-01T24:00:00Z",                                    false, 0                  },
    {"1970-01-01T00:60:00Z",                                    false, 0                  },
    {"1970-01-01T00:00:61Z",                                    false, 0                  },
    {"-970-01-01T00:00:00Z",                                    false, 0                  },
    {"1970-01-01T00:00:00.000000000000000000000000000000"
     "0000000000000000000000000000000000000000000000000Z", false, 0                  },
  };

  uint64_t us;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    us = 77;
    assert_int_equal(stamp_read(slice_str(cases[i].text), &us), cases[i].ok);
    assert_true(us == (cases[i].ok ? cases[i].us : 77));
  }
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(writes),
    cmocka_unit_test(reads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
