#include "record/record.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

/* On the heap without a NUL behind it, so that a read past the end is seen. */
static char *
buffer_of(struct slice s)
{
  char *b = malloc(s.len ? s.len : 1);

  assert_non_null(b);
  if (s.len) memcpy(b, s.s, s.len);
  return b;
}

static bool
splits(struct slice line)
{
  struct record r;
  char *b = buffer_of(line);
  bool ok;

  errno = 0;
  ok = record_split(&r, b, line.len);
  if (!ok) assert_int_equal(errno, EPROTO);
  free(b);
  return ok;
}

static void
good_lines(void **state)
{
  struct {
    struct slice line;
    unsigned int n;
    struct slice fields[4];
  } const cases[] = {
    {SLICE(""),                    1, {SLICE("")}                             },
    {SLICE("go"),                  1, {SLICE("go")}                           },
    {SLICE("go\t"),                2, {SLICE("go"), SLICE("")}                },
    {SLICE("\t\t"),                3, {SLICE(""), SLICE(""), SLICE("")}       },
    {SLICE("go\t7"),               2, {SLICE("go"), SLICE("7")}               },
    {SLICE("a\tb c\td"),           3, {SLICE("a"), SLICE("b c"), SLICE("d")}  },
    {SLICE("a\t\\\\\\t\\n\\r\\0"), 2, {SLICE("a"), SLICE("\\\t\n\r\0")}       },
    {SLICE("a\tx\\ty\t\\n"),       3, {SLICE("a"), SLICE("x\ty"), SLICE("\n")}},
    {SLICE("a\t\\\\t"),            2, {SLICE("a"), SLICE("\\t")}              },
    {SLICE("a\t\\\\\\\\"),         2, {SLICE("a"), SLICE("\\\\")}             },
    {SLICE("\\\\\t\x01\x7f\xff"),  2, {SLICE("\\"), SLICE("\x01\x7f\xff")}    },
  };
  struct record r;
  size_t i;
  unsigned int f;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *b = buffer_of(cases[i].line);
    assert_true(record_split(&r, b, cases[i].line.len));
    assert_int_equal(r.n, cases[i].n);
    for (f = 4; f-- > 0;) { /* any order */
      struct slice s = record_get(&r, f);
      assert_non_null(s.s);
      assert_true(slice_eq(s, cases[i].fields[f]));
      assert_true(slice_eq(record_get(&r, f), s)); /* and again */
    }
    free(b);
  }
}

static void
bad_lines(void **state)
{
  struct slice const cases[] = {
    SLICE("a\0b"),     SLICE("\0"),     SLICE("a\r"),       SLICE("a\tb\r\tc"),
    SLICE("\\"),       SLICE("a\t\\"),  SLICE("a\t\\\\\\"), SLICE("a\t\\x"),
    SLICE("a\t\\\tb"), SLICE("a\t\\N"), SLICE("\\x\tb\tc"), SLICE("a\t\\1"),
  };
  char escape[3] = "\\";
  size_t i;
  int c;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_false(splits(cases[i]));
  for (c = 0; c < 256; c++) {
    escape[1] = (char)c;
    assert_int_equal(splits(slice_of(escape, 2)), c && strchr("\\tnr0", c) != NULL);
  }
}

/* A bad byte is found in a field that does not fit too. */
static void
many_fields(void **state)
{
  char line[2 * RECORD_FIELDS_MAX + 40];
  struct record r;
  size_t len = 0;
  unsigned int i, n;

  (void)state;
  for (n = 1; n < RECORD_FIELDS_MAX + 10; n++) {
    if (n > 1) line[len++] = '\t';
    line[len++] = (char)('a' + n % 26);
    assert_true(record_split(&r, line, len));
    assert_int_equal(r.n, n < RECORD_FIELDS_MAX ? n : RECORD_FIELDS_MAX);
    for (i = 0; i < r.n; i++) {
      char want[2] = {(char)('a' + (i + 1) % 26), 0};
      assert_true(slice_is(record_get(&r, i), want));
    }
    assert_int_equal(record_get(&r, r.n).len, 0);
    assert_int_equal(record_get(&r, 1000).len, 0);
    assert_int_equal(record_raw(&r, r.n).len, 0);
  }
  memcpy(line + len, "\t\\x", 3);
  assert_false(record_split(&r, line, len + 3));
}

static void
numbers(void **state)
{
  char line[] = "v\t18446744073709551615\t18446744073709551616\t\t-1\t12x\t0";
  struct record r;

  (void)state;
  assert_true(record_split(&r, line, sizeof line - 1));
  assert_true(record_u64(&r, 1) == UINT64_MAX);
  assert_true(record_u64(&r, 2) == 0);
  assert_true(record_u64(&r, 3) == 0);
  assert_true(record_u64(&r, 4) == 0);
  assert_true(record_u64(&r, 5) == 0);
  assert_true(record_u64(&r, 6) == 0);
  assert_true(record_u64(&r, 99) == 0);
}

static void
put_and_read(stralloc *sa, struct slice text)
{
  struct record r;

  sa->len = 0;
  assert_true(record_put_verb(sa, "v") && record_put(sa, text) && record_put_end(sa));
  assert_ptr_equal(memchr(sa->s, '\n', sa->len), sa->s + sa->len - 1);
  assert_true(record_split(&r, sa->s, sa->len - 1));
  assert_int_equal(r.n, 2);
  assert_true(slice_eq(record_get(&r, 1), text));
}

/* Every byte, at every place of a stretch that is longer than any block. */
static void
put_every_byte(void **state)
{
  stralloc sa = STRALLOC_ZERO;
  char text[100];
  size_t at;
  int c;

  (void)state;
  for (c = 0; c < 256; c++)
    for (at = 0; at < sizeof text; at += 1 + at / 8) {
      memset(text, 'x', sizeof text);
      text[at] = (char)c;
      put_and_read(&sa, slice_of(text, sizeof text));
    }
  stralloc_free(&sa);
}

/* Every length up to some blocks, with a byte to be escaped at every place. */
static void
put_every_length(void **state)
{
  static char const bytes[] = "\\\t\n\r"; /* and NUL */
  stralloc sa = STRALLOC_ZERO;
  char text[80];
  size_t len, at, i;

  (void)state;
  for (len = 1; len <= sizeof text; len++)
    for (at = 0; at < len; at++)
      for (i = 0; i < sizeof bytes; i++) {
        memset(text, 'x', sizeof text);
        text[at] = bytes[i];
        put_and_read(&sa, slice_of(text, len));
      }
  stralloc_free(&sa);
}

static void
put_exactly(void **state)
{
  stralloc sa = STRALLOC_ZERO;

  (void)state;
  assert_true(record_put_verb(&sa, "stanza"));
  assert_true(record_put(&sa, SLICE("a\\b\tc\nd\re\0")));
  assert_true(record_put(&sa, slice_str(NULL)));
  assert_true(record_put_raw(&sa, SLICE("\\t")));
  assert_true(record_put_u64(&sa, UINT64_MAX));
  assert_true(record_put_begin(&sa));
  assert_true(record_put_more(&sa, SLICE("x\t")));
  assert_true(record_put_more(&sa, SLICE("")));
  assert_true(record_put_more(&sa, SLICE("y")));
  assert_true(record_put_end(&sa));
  assert_true(
    slice_is(slice_of(sa.s, sa.len),
             "stanza\ta\\\\b\\tc\\nd\\re\\0\t\t\\t\t18446744073709551615\tx\\ty\n"));
  stralloc_free(&sa);
}

/* A field passed on raw arrives as it was put; raw after an unescaping get gives nothing.
 */
static void
raw_fields(void **state)
{
  char line[] = "v\ta\\tb\tplain";
  stralloc sa = STRALLOC_ZERO;
  struct record r;

  (void)state;
  assert_true(record_split(&r, line, sizeof line - 1));
  assert_true(slice_is(record_raw(&r, 1), "a\\tb"));
  assert_true(record_put_verb(&sa, "w") && record_put_raw(&sa, record_raw(&r, 1)));
  assert_true(slice_is(record_get(&r, 2), "plain"));
  assert_true(slice_is(record_raw(&r, 2), "plain"));
  assert_true(slice_is(record_get(&r, 1), "a\tb"));
  assert_int_equal(record_raw(&r, 1).len, 0);
  assert_true(record_split(&r, sa.s, sa.len));
  assert_true(slice_is(record_get(&r, 1), "a\tb"));
  stralloc_free(&sa);
}

static void
random_round_trips(void **state)
{
  static char const bytes[] = "\\\t\n\r\0ab\xff\x0bxyz 0tn";
  char text[RECORD_FIELDS_MAX][80];
  size_t len[RECORD_FIELDS_MAX], j;
  stralloc sa = STRALLOC_ZERO;
  struct record r;
  unsigned int i, n, round;

  (void)state;
  srand(3);
  for (round = 0; round < 5000; round++) {
    n = 1 + (unsigned int)rand() % (RECORD_FIELDS_MAX - 1);
    sa.len = 0;
    assert_true(record_put_verb(&sa, "verb"));
    for (i = 1; i <= n && i < RECORD_FIELDS_MAX; i++) {
      len[i] = (size_t)(rand() % 80);
      for (j = 0; j < len[i]; j++)
        text[i][j] = bytes[(size_t)rand() % (sizeof bytes - 1)];
      assert_true(record_put(&sa, slice_of(text[i], len[i])));
    }
    assert_true(record_split(&r, sa.s, sa.len));
    assert_int_equal(r.n, n + 1);
    for (i = 1; i <= n; i++)
      assert_true(slice_eq(record_get(&r, i), slice_of(text[i], len[i])));
  }
  stralloc_free(&sa);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(good_lines),         cmocka_unit_test(bad_lines),
    cmocka_unit_test(many_fields),        cmocka_unit_test(numbers),
    cmocka_unit_test(put_every_byte),     cmocka_unit_test(put_every_length),
    cmocka_unit_test(put_exactly),        cmocka_unit_test(raw_fields),
    cmocka_unit_test(random_round_trips),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
