#include "password/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

char const *PROG = "test";

/* Passwords and ejabberd's own figures, to two places. */
static struct {
  char const *password;
  double bits;
} const cases[] = {
  {"password",    37.60},
  {"passwor",     32.90},
  {"secret",      28.20},
  {"0123456789",  31.70},
  {"01234567890", 34.87},
  {"P4ssw",       29.65},
  {"aB3$x",       32.77},
  {"Ab1!",        26.22},
  {"",            0    },
};

static void
the_known_figures(void **state)
{
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    double bits = password_bits(slice_str(cases[i].password));
    assert_true(bits > cases[i].bits - 0.006 && bits < cases[i].bits + 0.006);
  }
}

static void
other_bytes_count_much(void **state)
{
  (void)state;
  assert_true(password_bits(SLICE("\xc3\xa4")) > 13.9);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(the_known_figures),
    cmocka_unit_test(other_bytes_count_much),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
