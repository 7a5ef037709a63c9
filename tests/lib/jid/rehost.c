#include "jid/jid.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

static struct jid_hosts const hosts = {
  {"old.example", 11},
  {"new.test",    8 }
};

static void
addresses(void **state)
{
  static struct {
    char const *in, *out; /* NULL: as it is */
  } const rows[] = {
    {"old.example",               "new.test"              },
    {"a@old.example",             "a@new.test"            },
    {"a@old.example/r",           "a@new.test/r"          },
    {"old.example/r@old.example", "new.test/r@old.example"},
    {"a@OLD.example",             "a@new.test"            },
    {"a&apos;b@old.example/&lt;", "a&apos;b@new.test/&lt;"},
    {"a@other.example",           NULL                    },
    {"a@sub.old.example",         NULL                    },
    {"a@old.example.org",         NULL                    },
    {"old.example@other",         NULL                    },
    {"a@x/old.example",           NULL                    },
    {"a@",                        NULL                    },
    {"/",                         NULL                    },
    {"",                          NULL                    },
  };

  char buf[64];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct slice in = slice_str(rows[i].in);
    struct slice out = jid_rehost(&hosts, in, buf, sizeof buf);
    if (!rows[i].out) assert_ptr_equal(out.s, in.s);
    if (!slice_is(out, rows[i].out ? rows[i].out : rows[i].in))
      fail_msg("%s: %.*s", rows[i].in, (int)out.len, out.s);
  }
}

static void
room(void **state)
{
  char buf[10];

  (void)state;
  assert_true(
    slice_is(jid_rehost(&hosts, SLICE("a@old.example"), buf, 10), "a@new.test"));
  assert_null(jid_rehost(&hosts, SLICE("ab@old.example"), buf, 10).s);
  assert_int_equal(errno, ENAMETOOLONG);
}

static void
tags(void **state)
{
  static struct {
    char const *in, *out; /* NULL: as it is */
  } const rows[] = {
    {"<message from='a@old.example/r' to='b@old.example' "
     "id='old.example'><body>old.example"
     "</body></message>",                   "<message from='a@new.test/r' to='b@new.test' id='old.example'><body>old.example"
     "</body></message>"                      },
    {"<p to=\"old.example\"/>",                  "<p to=\"new.test\"/>"     },
    {"<p\nto = 'old.example'/>",                 "<p\nto = 'new.test'/>"    },
    {"<p id='>' to='old.example'/>",             "<p id='>' to='new.test'/>"},
    {"<p id=\" to='old.example'\"/>",            NULL                       },
    {"<p xto='old.example' :to='old.example'/>", NULL                       },
    {"<p><q to='old.example'/></p>",             NULL                       },
    {"<p to='old.example",                       NULL                       },
    {"to='old.example'",                         NULL                       },
    {"<p to=''/>",                               NULL                       },
    {"",                                         NULL                       },
  };

  stralloc out = STRALLOC_ZERO;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof rows / sizeof *rows; i++) {
    out.len = 0;
    assert_true(jid_rehost_tag(&hosts, slice_str(rows[i].in), &out));
    if (!slice_is(slice_of(out.s, out.len), rows[i].out ? rows[i].out : rows[i].in))
      fail_msg("%s: %.*s", rows[i].in, (int)out.len, out.s);
  }
  stralloc_free(&out);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(addresses),
    cmocka_unit_test(room),
    cmocka_unit_test(tags),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
