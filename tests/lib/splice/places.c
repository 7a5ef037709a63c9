#include "splice/splice.h"

#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

char const *PROG = "test";

typedef bool place_fn(struct slice element, struct splice *at);

struct place {
  place_fn *fn;
  char const *element, *with; /* NULL: there is no such place */
};

static void
check(struct place const *p, char const *more)
{
  stralloc sa = STRALLOC_ZERO;
  struct splice at;
  bool is = p->fn(slice_str(p->element), &at);

  if (is != (p->with != NULL)) fail_msg("%s", p->element);
  if (!is) return;
  assert_true(splice_cat_head(&sa, &at) && stralloc_cats(&sa, more) &&
              splice_cat_tail(&sa, &at) && stralloc_0(&sa));
  assert_string_equal(sa.s, p->with);
  stralloc_free(&sa);
}

static void
attributes(void **state)
{
  static struct place const cases[] = {
    {splice_attribute, "<a/>",            "<a n='1'/>"           },
    {splice_attribute, "<a></a>",         "<a n='1'></a>"        },
    {splice_attribute, "<a b='>'/>",      "<a n='1' b='>'/>"     },
    {splice_attribute, "<p:a-b.c x='1'>", "<p:a-b.c n='1' x='1'>"},
    {splice_attribute, "<a\nb='1'/>",     "<a n='1'\nb='1'/>"    },
    {splice_attribute, "<a\\nb='1'/>",    "<a n='1'\\nb='1'/>"   },
    {splice_attribute, "",                NULL                   },
    {splice_attribute, "<",               NULL                   },
    {splice_attribute, "<a",              NULL                   },
    {splice_attribute, "</a>",            NULL                   },
    {splice_attribute, "text",            NULL                   },
  };

  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++)
    check(&cases[i], " n='1'");
}

static void
children(void **state)
{
  static struct place const cases[] = {
    {splice_prepend, "<a/>",                  "<a><n/></a>"              },
    {splice_append,  "<a/>",                  "<a><n/></a>"              },
    {splice_prepend, "<a b='/>' />",          "<a b='/>' ><n/></a>"      },
    {splice_append,  "<a b='/>' />",          "<a b='/>' ><n/></a>"      },
    {splice_prepend, "<p:a\\nb='1'/>",        "<p:a\\nb='1'><n/></p:a>"  },
    {splice_append,  "<p:a\\nb='1'/>",        "<p:a\\nb='1'><n/></p:a>"  },
    {splice_prepend, "<a></a>",               "<a><n/></a>"              },
    {splice_append,  "<a></a>",               "<a><n/></a>"              },
    {splice_prepend, "<a b=\"'>\"> <c/></a>", "<a b=\"'>\"><n/> <c/></a>"},
    {splice_append,  "<a b=\"'>\"> <c/></a>", "<a b=\"'>\"> <c/><n/></a>"},
    {splice_append,  "<a><b/></a >",          "<a><b/><n/></a >"         },
    {splice_append,  "<a>t</a\\n>",           "<a>t<n/></a\\n>"          },
    {splice_append,  "<a><a></a></a>",        "<a><a></a><n/></a>"       },
    {splice_append,  "",                      NULL                       },
    {splice_append,  "<a>",                   NULL                       },
    {splice_append,  "</>",                   NULL                       },
    {splice_append,  "<a><b/>",               NULL                       },
    {splice_append,  "<a></a",                NULL                       },
    {splice_append,  "text",                  NULL                       },
    {splice_prepend, "",                      NULL                       },
    {splice_prepend, "<a b='>'",              NULL                       },
    {splice_prepend, "</>",                   NULL                       },
    {splice_prepend, "text>",                 NULL                       },
  };

  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++)
    check(&cases[i], "<n/>");
}

static void
rests(void **state)
{
  (void)state;
  assert_true(slice_is(splice_rest(SLICE("<a b='c'/>")), "/>"));
  assert_true(slice_is(splice_rest(SLICE("<a b='/>'>t</a>")), ">t</a>"));
  assert_true(slice_is(splice_rest(SLICE("<a b=\"'\" c='\"'>t</a>")), ">t</a>"));
  assert_true(slice_is(splice_rest(SLICE("<a")), ""));
  assert_true(slice_is(splice_rest(SLICE("")), ""));
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(attributes),
    cmocka_unit_test(children),
    cmocka_unit_test(rests),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
