#include "ban/ban.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Texts and the addresses that they mean; NULL: no address. */
static struct {
  char const *text, *name;
} const names[] = {
  {"192.0.2.1",            "192.0.2.1"         },
  {"192.0.2.1/32",         "192.0.2.1"         },
  {"192.0.2.77/24",        "192.0.2.0/24"      },
  {"192.0.2.1/0",          NULL                },
  {"192.0.2.1/33",         NULL                },
  {"::ffff:192.0.2.1",     "192.0.2.1"         },
  {"::ffff:192.0.2.1/120", "192.0.2.0/24"      },
  {"2001:db8::1",          "2001:db8::/64"     },
  {"2001:DB8:0:0:7::1",    "2001:db8::/64"     },
  {"2001:db8::1/128",      "2001:db8::1/128"   },
  {"2001:db8:ffff::/33",   "2001:db8:8000::/33"},
  {"2001:db8::1/129",      NULL                },
  {"2001:db8::1/",         NULL                },
  {"",                     NULL                },
  {"/",                    NULL                },
  {"juliet",               NULL                },
  {"192.0.2.1x",           NULL                },
  {"unix:/x",              NULL                },
};

static void
names_are_written_in_one_way(void **state)
{
  char out[BAN_TEXT];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof names / sizeof *names; i++) {
    bool ok = ban_name(slice_str(names[i].text), out);
    if (ok != (names[i].name != NULL)) fail_msg("%s: %d", names[i].text, ok);
    if (ok) assert_string_equal(out, names[i].name);
  }
}

static void
until_is(struct bans *b, char const *ip, uint64_t now_s, uint64_t until_s)
{
  uint64_t got = ban_until(b, slice_str(ip), now_s);

  if (got != until_s) fail_msg("%s at %d: %d", ip, (int)now_s, (int)got);
}

static void
addresses_until_they_end(void **state)
{
  struct bans b = BANS_ZERO;

  (void)state;
  until_is(&b, "192.0.2.1", 1, 0);
  assert_true(ban_put(&b, SLICE("192.0.2.1"), 100, 1));
  assert_true(ban_put(&b, SLICE("2001:db8::1"), 100, 1));
  until_is(&b, "192.0.2.1", 99, 100);
  until_is(&b, "192.0.2.1", 100, 0);
  until_is(&b, "::ffff:192.0.2.1", 99, 100);
  until_is(&b, "192.0.2.2", 99, 0);
  until_is(&b, "2001:db8::77:1", 99, 100); /* of the same site */
  until_is(&b, "2001:db8:0:1::1", 99, 0);
  until_is(&b, "juliet", 99, 0);
  assert_true(ban_put(&b, SLICE("192.0.2.1"), 0, 1));
  assert_true(ban_put(&b, SLICE("192.0.2.1"), 0, 1));
  until_is(&b, "192.0.2.1", 99, 0);
  errno = 0;
  assert_false(ban_put(&b, SLICE("x"), 1, 1));
  assert_int_equal(errno, EINVAL);
  ban_wipe(&b);
}

static void
networks_and_the_latest_end(void **state)
{
  struct bans b = BANS_ZERO;
  struct ban const *x = NULL;
  char seen[200] = "";

  (void)state;
  assert_true(ban_put(&b, SLICE("192.0.2.0/25"), 100, 1));
  assert_true(ban_put(&b, SLICE("2001:db8::/31"), 300, 1));
  assert_true(ban_put(&b, SLICE("192.0.2.1"), 200, 1));
  until_is(&b, "192.0.2.127", 1, 100);
  until_is(&b, "192.0.2.128", 1, 0);
  until_is(&b, "192.0.2.1", 1, 200);
  until_is(&b, "2001:db9::1", 1, 300);
  until_is(&b, "2001:dba::1", 1, 0);
  while ((x = ban_next(&b, x, 150)))
    strcat(strcat(seen, x->text), " ");
  assert_string_equal(seen, "192.0.2.1 2001:db8::/31 ");
  ban_wipe(&b);
  assert_null(ban_next(&b, NULL, 1));
}

static void
full_of_those_that_last(void **state)
{
  struct bans b = BANS_ZERO;
  char ip[32];
  unsigned int i;

  (void)state;
  for (i = 0; i < BANS_MAX; i++) {
    snprintf(ip, sizeof ip, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
    assert_true(ban_put(&b, slice_str(ip), i % 2 ? 50 : 100, 1));
  }
  errno = 0;
  assert_false(ban_put(&b, SLICE("192.0.2.1"), 100, 1));
  assert_int_equal(errno, EDQUOT);
  assert_true(ban_put(&b, SLICE("192.0.2.1"), 100, 60)); /* half of them have ended */
  until_is(&b, "192.0.2.1", 60, 100);
  until_is(&b, "10.0.0.2", 60, 100);
  ban_wipe(&b);
}

static void
loopback_is_shared(void **state)
{
  (void)state;
  assert_true(ban_is_shared(SLICE("127.0.0.1")) && ban_is_shared(SLICE("127.9.9.9")));
  assert_true(ban_is_shared(SLICE("::1")) && ban_is_shared(SLICE("::ffff:127.0.0.1")));
  assert_true(ban_is_shared(SLICE("")) && ban_is_shared(SLICE("unix")));
  assert_false(ban_is_shared(SLICE("128.0.0.1")) || ban_is_shared(SLICE("::2")));
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(names_are_written_in_one_way),
    cmocka_unit_test(addresses_until_they_end),
    cmocka_unit_test(networks_and_the_latest_end),
    cmocka_unit_test(full_of_those_that_last),
    cmocka_unit_test(loopback_is_shared),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
