#include "record/verbs.h"

#include "record/record.h"

#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

static void
rows(void **state)
{
  unsigned int i, j;

  (void)state;
  for (i = 0; i < VERBS_N; i++) {
    struct verb_row const *row = &verb_rows[i];
    struct slice fields = slice_str(row->fields), f;
    unsigned int n = 0;
    assert_int_equal(verb_find(slice_str(row->word)), i);
    for (j = 0; j < i; j++)
      assert_string_not_equal(row->word, verb_rows[j].word);
    /* A verb needs no escaping, and its fields fit a record. */
    assert_int_equal(strspn(row->word, "abcdefghijklmnopqrstuvwxyz0123456789-"),
                     strlen(row->word));
    while (slice_word(&fields, ' ', &f))
      n++;
    assert_true(row->least <= n);
    assert_true(n < RECORD_FIELDS_MAX);
    assert_true(row->from && row->to);
    assert_int_equal((row->from | row->to) & ~(unsigned int)ROLES_ALL, 0);
    assert_true(*row->text);
  }
}

static void
unknown(void **state)
{
  static char const *const cases[] = {
    "", " ", "Stanza", "stanza ", "stanz", "stanzas", "hello\n", "\xff\xff", "z", "0"};
  char word[40];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(verb_find(slice_str(cases[i])), VERBS_N);
  for (i = 0; i < VERBS_N; i++) { /* neighbours of the real ones */
    size_t n = (size_t)snprintf(word, sizeof word, "%s", verb_rows[i].word);
    word[n - 1] ^= 0x20;
    assert_int_equal(verb_find(slice_of(word, n)), VERBS_N);
  }
  assert_int_equal(verb_find(slice_of("stanza\0", 7)), VERBS_N);
}

static void
programs(void **state)
{
  static struct {
    char const *name;
    unsigned int bit;
  } const cases[] = {
    {"xmpp-c2sd",      C2SD},
    {"c2sd",           C2SD},
    {"c2sd-2",         C2SD},
    {"xmpp-c2sd-12",   C2SD},
    {"s2sd",           S2SD},
    {"ctl",            CTL },
    {"",               0   },
    {"xmpp-",          0   },
    {"c2s",            0   },
    {"c2sdd",          0   },
    {"c2sd-",          0   },
    {"c2sd-x",         0   },
    {"-2",             0   },
    {"xmpp-xmpp-c2sd", 0   },
    {"C2SD",           0   },
    {"c2sd2",          0   },
    {"2",              0   },
  };

  char name[40];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(program_find(slice_str(cases[i].name)), cases[i].bit);
  for (i = 0; i < PROGRAMS_N; i++) {
    char const *z = program_name((enum program)(1u << i));
    assert_int_equal(program_find(slice_str(z)), 1u << i);
    assert_int_equal(program_find(slice_str(z + 5)), 1u << i);
    snprintf(name, sizeof name, "%s-7", z + 5);
    assert_int_equal(program_find(slice_str(name)), 1u << i);
  }
}

/* Files on disk belong to these numbers: a word keeps its number for good. */
static void
numbers(void **state)
{
  static char const *const words[] = {
    "tlsd",  "c2sd", "s2sd",    "routed",    "authd",    "userd",
    "hostd", "mamd", "pubsubd", "mucd",      "uploadd",  "webd",
    "compd", "ctl",  "dnsd",    "registerd", "extauthd", "pushd"};
  unsigned int i;

  (void)state;
  assert_true(PROGRAMS_N >= sizeof words / sizeof *words);
  for (i = 0; i < sizeof words / sizeof *words; i++)
    assert_int_equal(program_number(program_find(slice_str(words[i]))), i);
}

static void
roles(void **state)
{
  unsigned int i;

  (void)state;
  for (i = 0; i < ROLES_N; i++)
    assert_int_equal(roles_find(slice_str(role_name(1u << i))), 1u << i);
  assert_int_equal(roles_find(SLICE("")), 0);
  assert_int_equal(roles_find(SLICE("services")), 0);
  assert_int_equal(roles_find(SLICE("service monitor")), ROLE_SERVICE | ROLE_MONITOR);
  assert_int_equal(roles_find(SLICE("service nobody")), 0);
  /* Nobody but a service of tabber's own speaks for accounts. */
  assert_int_equal(program_roles(OTHER), ROLE_SERVICE);
  assert_int_equal(verb_rows[VERB_ACCOUNT].from & ROLE_SERVICE, 0);
  assert_int_equal(verb_rows[VERB_BLOCKS].from & ROLE_SERVICE, 0);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(rows),    cmocka_unit_test(unknown), cmocka_unit_test(programs),
    cmocka_unit_test(numbers), cmocka_unit_test(roles),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
