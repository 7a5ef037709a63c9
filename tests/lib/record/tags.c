#include "record/tags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

static void
rows(void **state)
{
  unsigned int i, j;

  (void)state;
  for (i = 0; i < TAGS_N; i++) {
    struct tag_row const *row = &tag_rows[i];
    size_t n = strspn(row->word, "abcdefghijklmnopqrstuvwxyz-0123456789");
    assert_int_equal(tag_find(slice_str(row->word)), i);
    assert_true(n && (!row->word[n] || !strcmp(row->word + n, "=")));
    for (j = 0; j < i; j++)
      assert_string_not_equal(row->word, tag_rows[j].word);
    assert_true(row->from && *row->text);
    assert_int_equal(row->from & ~(unsigned int)ROLES_ALL, 0);
  }
}

static void
words(void **state)
{
  (void)state;
  assert_int_equal(tag_find(SLICE("ns=jabber:iq:roster")), TAG_NS);
  assert_int_equal(tag_find(SLICE("prio=-5")), TAG_PRIO);
  assert_int_equal(tag_find(SLICE("body")), TAG_BODY);
  assert_int_equal(tag_find(SLICE("body=")), TAGS_N);
  assert_int_equal(tag_find(SLICE("ns")), TAGS_N);
  assert_int_equal(tag_find(SLICE("Body")), TAGS_N);
  assert_int_equal(tag_find(SLICE("")), TAGS_N);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {cmocka_unit_test(rows), cmocka_unit_test(words)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}
