#include "jid/jid.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

/* RFC 8265 s3.5 and RFC 7622 s3.5; name NULL: no name for a new account. */
static struct {
  char const *text, *name;
} const cases[] = {
  {"juliet",                                           "juliet"                  },
  {"Romeo",                                            "romeo"                   },
  {"a",                                                "a"                       },
  {"pubsub",                                           "pubsub"                  },
  {"foo\\20bar",                                       "foo\\20bar"              },
  {"fussball",                                         "fussball"                },
  {"\xcf\x80",                                         "\xcf\x80"                },
  {"\xce\xa3",                                         "\xcf\x83"                },
  {"\xd0\x9c\xd0\xb8\xd1\x80",                         "\xd0\xbc\xd0\xb8\xd1\x80"},
  {"\xe5\xbc\xa0\xe4\xb8\x89",                         "\xe5\xbc\xa0\xe4\xb8\x89"},
  {"\xef\xbc\xa1\xef\xbd\x82",                         "ab"                      }, /* fullwidth */
  {"e\xcc\x81",                                        "\xc3\xa9"                }, /* composed */
  {"\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8\xe0\xa5\x8d",
   "\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8\xe0\xa5\x8d"                            }, /* with marks */
  {"fu\xc3\x9f"
   "ball",                                          NULL                      }, /* nodeprep makes it fussball */
  {"\xcf\x82",                                         NULL                      }, /* final sigma: nodeprep folds it */
  {"henry\xe2\x85\xb3",                                NULL                      }, /* RFC 8265 s3.5: a Roman numeral */
  {"\xef\xac\x81",                                     NULL                      }, /* a ligature */
  {"\xe2\x88\x9e",                                     NULL                      }, /* a symbol */
  {"king\xe2\x99\x9a",                                 NULL                      },
  {"\xf0\x9f\xa6\x8a",                                 NULL                      }, /* not in Unicode 3.2 */
  {"\xef\xbc\xa0",                                     NULL                      }, /* a fullwidth @ */
  {"",                                                 NULL                      },
  {"foo bar",                                          NULL                      },
  {"a@b",                                              NULL                      },
  {"a/b",                                              NULL                      },
  {"\"juliet\"",                                       NULL                      },
  {"a\x01",                                            NULL                      },
  {"a\xff",                                            NULL                      },
};

static void
names(void **state)
{
  struct arena a = ARENA_ZERO;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct slice got = jid_username(&a, slice_str(cases[i].text));
    if (!cases[i].name && got.s) fail_msg("%s became %s", cases[i].text, got.s);
    if (cases[i].name && !slice_is(got, cases[i].name)) fail_msg("%s", cases[i].text);
    if (!got.s) assert_int_equal(errno, EINVAL);
  }
  arena_wipe(&a);
}

static void
length(void **state)
{
  char text[JID_USERNAME_MAX + 1];
  struct arena a = ARENA_ZERO;

  (void)state;
  memset(text, 'a', sizeof text);
  assert_int_equal(jid_username(&a, slice_of(text, sizeof text - 1)).len,
                   JID_USERNAME_MAX);
  assert_null(jid_username(&a, slice_of(text, sizeof text)).s);
  arena_wipe(&a);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {cmocka_unit_test(names), cmocka_unit_test(length)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}
