/* scram: the HMACs of HT-SHA-256, as OpenSSL's command makes them. */
#include "scram/scram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

char const *PROG = "test";

static struct {
  char const *token, *who, *binding, *want; /* want in base64 */
} const cases[] = {
  {"tabber-fast-token", "Initiator", "",     "6H2QfgYXi3ucRceLdPtUAeFGrbfNTLzoTboPGq8CG1c="},
  {"tabber-fast-token", "Responder", "",     "zUy6iYA7x0jl9k0dUinL21CZpnTqooyXNaY00sEjjUE="},
  {"tabber-fast-token", "Initiator", "data",
   "YOdN1zsMfe4p0MyKsbP7TTFHoWXjwCKhEzAt0MR29U0="                                          },
  {"tabber-fast-token", "Responder", "data",
   "h7HtE1yxucOEkWhg8yTJA20G78DhftClVJiWzsu3T/8="                                          },
};

static void
vectors(void **state)
{
  struct arena a = ARENA_ZERO;
  unsigned char out[SCRAM_HT];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct slice got;
    assert_true(scram_ht(slice_str(cases[i].token), cases[i].who,
                         slice_str(cases[i].binding), out));
    got = scram_encode(&a, slice_of((char const *)out, sizeof out));
    if (!slice_is(got, cases[i].want))
      fail_msg("got %.*s, want %s", (int)got.len, got.s, cases[i].want);
  }
  arena_wipe(&a);
}

static void
long_binding_is_refused(void **state)
{
  static char const binding[600];
  unsigned char out[SCRAM_HT];

  (void)state;
  assert_true(scram_ht(SLICE("t"), "Initiator", slice_of(binding, 500), out));
  assert_false(scram_ht(SLICE("t"), "Initiator", slice_of(binding, 600), out));
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(vectors),
    cmocka_unit_test(long_binding_is_refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
