#include "base/base.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

char const *PROG = "test";

static void
compares(void **state)
{
  static struct {
    char const *a, *b;
    bool same, nocase, starts;
  } const cases[] = {
    {"",         "",         true,  true,  true },
    {"a",        "",         false, false, true },
    {"",         "a",        false, false, false},
    {"abc",      "abc",      true,  true,  true },
    {"aBc",      "AbC",      false, true,  false},
    {"abcd",     "abc",      false, false, true },
    {"abc",      "abcd",     false, false, false},
    {"a[",       "A{",       false, false, false},
    {"\xc3\xa9", "\xc3\x89", false, false, false},
  };

  struct slice a, b;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    a = slice_str(cases[i].a);
    b = slice_str(cases[i].b);
    assert_int_equal(slice_eq(a, b), cases[i].same);
    assert_int_equal(slice_is(a, cases[i].b), cases[i].same);
    assert_int_equal(slice_is_nocase(a, cases[i].b), cases[i].nocase);
    assert_int_equal(slice_starts(a, cases[i].b), cases[i].starts);
  }
  assert_true(slice_eq(slice_str(NULL), SLICE("")));
  assert_false(slice_eq(slice_of("a\0b", 3), slice_of("a\0c", 3)));
  a = SLICE("a\0b");
  assert_int_equal(a.len, 3);
}

static void
words(void **state)
{
  static struct {
    char const *text, *words; /* the words, each ended by | */
  } const cases[] = {
    {"",        ""        },
    {"a",       "a|"      },
    {"a b",     "a|b|"    },
    {"a  b",    "a||b|"   },
    {" a",      "|a|"     },
    {"a ",      "a|"      },
    {"ab cd e", "ab|cd|e|"},
  };

  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct slice rest = slice_str(cases[i].text), want = slice_str(cases[i].words), w, x;
    while (slice_word(&rest, ' ', &w)) {
      assert_true(slice_word(&want, '|', &x));
      assert_true(slice_eq(w, x));
    }
    assert_int_equal(want.len, 0);
  }
  assert_true(slice_has_word(SLICE("body store ns=a"), SLICE("store")));
  assert_true(slice_has_word(SLICE("body"), SLICE("body")));
  assert_false(slice_has_word(SLICE("no-store"), SLICE("store")));
  assert_false(slice_has_word(SLICE("store-"), SLICE("store")));
  assert_false(slice_has_word(SLICE(""), SLICE("store")));
  assert_true(slice_is(slice_trimmed(SLICE(" \r\n\ta b \n")), "a b"));
  assert_int_equal(slice_trimmed(SLICE(" \t")).len, 0);
}

static void
numbers(void **state)
{
  static struct {
    char const *text;
    bool ok;
    uint64_t n;
  } const cases[] = {
    {"0",                    true,  0         },
    {"7",                    true,  7         },
    {"00042",                true,  42        },
    {"18446744073709551615", true,  UINT64_MAX},
    {"18446744073709551616", false, 0         },
    {"18446744073709551620", false, 0         },
    {"99999999999999999999", false, 0         },
    {"",                     false, 0         },
    {"-1",                   false, 0         },
    {"+1",                   false, 0         },
    {" 1",                   false, 0         },
    {"1 ",                   false, 0         },
    {"0x10",                 false, 0         },
    {"1e3",                  false, 0         },
    {"/",                    false, 0         },
    {":",                    false, 0         },
    {"\xd9\xa1",             false, 0         },
  };

  char buf[BASE_NUM];
  uint64_t n, m;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    n = 77;
    errno = 0;
    assert_int_equal(slice_u64(slice_str(cases[i].text), &n), cases[i].ok);
    if (cases[i].ok)
      assert_true(n == cases[i].n);
    else
      assert_int_equal(errno, EINVAL);
  }
  assert_false(slice_u64(slice_of("1\0", 2), &n));
  assert_int_equal(slice_int(SLICE("-128")), -128);
  assert_int_equal(slice_int(SLICE("127")), 127);
  assert_int_equal(slice_int(SLICE("9223372036854775807")), INT64_MAX);
  assert_int_equal(slice_int(SLICE("9223372036854775808")), 0);
  assert_int_equal(slice_int(SLICE("-")) | slice_int(SLICE("")) | slice_int(SLICE("--1")),
                   0);
  assert_int_equal(slice_int(SLICE("1x")), 0);
  for (n = 0, i = 0; i < 64; i++, n = n * 2 + i % 2) {
    assert_true(slice_u64(num_u64(buf, n), &m));
    assert_true(n == m);
  }
  assert_true(slice_is(num_u64(buf, 0), "0"));
  assert_true(slice_is(num_u64(buf, UINT64_MAX), "18446744073709551615"));
}

static void
copies(void **state)
{
  char *z = slice_dup(slice_of("abcd", 2));

  (void)state;
  assert_string_equal(z, "ab");
  free(z);
  z = slice_dup(slice_of(NULL, 0));
  assert_string_equal(z, "");
  free(z);
}

static void
hexadecimal(void **state)
{
  char out[] = "........";

  (void)state;
  hex_put(out, "\x00\xa9\xff", 3);
  assert_string_equal(out, "00a9ff..");
  hex_z(out, "\x7f", 1);
  assert_string_equal(out, "7f");
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(compares), cmocka_unit_test(words),       cmocka_unit_test(numbers),
    cmocka_unit_test(copies),   cmocka_unit_test(hexadecimal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
