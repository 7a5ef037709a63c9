#include "jid/jid.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

static struct arena arena;

static int
wipe(void **state)
{
  (void)state;
  arena_wipe(&arena);
  return 0;
}

/* The parts and the wholes say the same. */
static void
hangs_together(struct jid const *j)
{
  struct jid made;

  assert_true(jid_make(&arena, j->local, j->domain, j->resource, &made));
  assert_true(slice_eq(made.full, j->full));
  assert_true(slice_eq(made.bare, j->bare));
  assert_true(slice_eq(made.local, j->local));
  assert_true(slice_eq(made.domain, j->domain));
  assert_true(slice_eq(made.resource, j->resource));
}

static struct {
  char const *text, *local, *domain, *resource;
} const good[] = {
  /* RFC 7622 s3.5, table 1; where stringprep maps and PRECIS keeps, what stringprep says.
  */
  {"juliet@example.com",                               "juliet",                 "example.com",           ""                },
  {"juliet@example.com/foo",                           "juliet",                 "example.com",           "foo"             },
  {"juliet@example.com/foo bar",                       "juliet",                 "example.com",           "foo bar"         },
  {"juliet@example.com/foo@bar",                       "juliet",                 "example.com",           "foo@bar"         },
  {"foo\\20bar@example.com",                           "foo\\20bar",             "example.com",           ""                },
  {"fussball@example.com",                             "fussball",               "example.com",           ""                },
  {"fu\xc3\x9f"
   "ball@example.com",                              "fussball",               "example.com",           ""                },
  {"\xcf\x80@example.com",                             "\xcf\x80",               "example.com",           ""                },
  {"\xce\xa3@example.com/foo",                         "\xcf\x83",               "example.com",           "foo"             },
  {"\xcf\x83@example.com/foo",                         "\xcf\x83",               "example.com",           "foo"             },
  {"king@example.com/\xe2\x99\x9a",                    "king",                   "example.com",           "\xe2\x99\x9a"    },
  {"example.com",                                      "",                       "example.com",           ""                },
  {"example.com/foobar",                               "",                       "example.com",           "foobar"          },
  {"a.example.com/b@example.net",                      "",                       "a.example.com",         "b@example.net"   },

  {"JULIET@EXAMPLE.Com/Balcony",                       "juliet",                 "example.com",           "Balcony"         },
  {"a@b/c/d",                                          "a",                      "b",                     "c/d"             },
  {"a@b//",                                            "a",                      "b",                     "/"               },
  {"a@b/c@d/e",                                        "a",                      "b",                     "c@d/e"           },
  {"a@example.com.",                                   "a",                      "example.com",           ""                }, /* s3.2: a final dot is dropped */
  {"a@example.com./r",                                 "a",                      "example.com",           "r"               },
  {"EXAMPLE.com./r",                                   "",                       "example.com",           "r"               },
  {"a@127.0.0.1",                                      "a",                      "127.0.0.1",             ""                },
  {"a@[2001:DB8::1]/r",                                "a",                      "[2001:db8::1]",         "r"               },
  {"a@axn--bcher-kv.example",                          "a",                      "axn--bcher-kv.example", ""                },
  {"a@b\xc3\xbc"
   "cher.example",                                  "a",
   "b\xc3\xbc"
   "cher.example",                                                                                        ""                },
  {"a@B\xc3\x9c"
   "CHER.Example",                                  "a",
   "b\xc3\xbc"
   "cher.example",                                                                                        ""                },
  {"A\xc3\x89@b",                                      "a\xc3\xa9",              "b",                     ""                },
  {"e\xcc\x81@b",                                      "\xc3\xa9",               "b",                     ""                }, /* NFKC */
  {"a@b/e\xcc\x81",                                    "a",                      "b",                     "\xc3\xa9"        },
  {"a@b/\xc3\x89",                                     "a",                      "b",                     "\xc3\x89"        }, /* resources keep their case */
  {"\xef\xbd\x81@b",                                   "a",                      "b",                     ""                }, /* fullwidth a */
  {"a\xc2\xad"
   "b@c",                                           "ab",                     "c",                     ""                }, /* soft hyphen: mapped to nothing */
  {"\xd7\x90@b/\xd7\x90",                              "\xd7\x90",               "b",                     "\xd7\x90"        },
  {"a@b/\xf0\x9f\x8e\x89",                             "a",                      "b",                     "\xf0\x9f\x8e\x89"}, /* Unicode 6: an emoji */
  {"A\xf0\x9f\xa6\x8a@b/X",                            "a\xf0\x9f\xa6\x8a",      "b",                     "X"               },
  {"a@\xf0\x9f\xa6\x8a"
   ".b",                                            "a",
   "\xf0\x9f\xa6\x8a"
   ".b",                                                                                                  ""                },
  {"\xe1\xba\x9e@b/\xe2\xb1\xa0",                      "\xe1\xba\x9e",           "b",                     "\xe2\xb1\xa0"    }, /* Unicode 5.1 */
  {"a@b/\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xa7", "a",                      "b",
   "\xf0\x9f\x91\xa9\xf0\x9f\x94\xa7"                                                                                       },
  {"a!#$%*+,-.;=?[]^_`{|}~@b",                         "a!#$%*+,-.;=?[]^_`{|}~", "b",                     ""                },
};

static void
accepts(void **state)
{
  struct jid j, again;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof good / sizeof *good; i++) {
    if (!jid_parse(&arena, slice_str(good[i].text), &j)) fail_msg("%s", good[i].text);
    if (!slice_is(j.local, good[i].local) || !slice_is(j.domain, good[i].domain) ||
        !slice_is(j.resource, good[i].resource))
      fail_msg("%s is %.*s", good[i].text, (int)j.full.len, j.full.s);
    hangs_together(&j);
    assert_true(
      jid_parse(&arena, j.full, &again)); /* a prepared address stays as it is */
    assert_true(slice_eq(j.full, again.full));
    assert_true(jid_parse(&arena, j.bare, &again));
    assert_true(slice_eq(j.bare, again.full));
    assert_int_equal(again.resource.len, 0);
  }
}

/* RFC 3454 s7: an account of ours has no character that Unicode 3.2 had not assigned. */
static void
stored(void **state)
{
  (void)state;
  assert_true(jid_local_may_be_stored(SLICE("juliet")));
  assert_true(jid_local_may_be_stored(SLICE("\xcf\x83")));
  assert_true(jid_local_may_be_stored(SLICE("\xe2\x99\x9a")));
  assert_false(jid_local_may_be_stored(SLICE("a\xf0\x9f\xa6\x8a")));
  assert_false(jid_local_may_be_stored(SLICE("\xe1\xba\x9e")));
}

static void
refuses(void **state)
{
  struct slice const bad[] = {
    /* RFC 7622 s3.5, table 2, but for #18 to #21 that stringprep does not refuse. */
    SLICE("\"juliet\"@example.com"),
    SLICE("foo bar@example.com"),
    SLICE("@example.com/"),
    SLICE("@example.com"),
    SLICE("juliet@"),
    SLICE("/foobar"),

    SLICE(""),
    SLICE("@"),
    SLICE("/"),
    SLICE("a@b/"),
    SLICE("a@/r"),
    SLICE("a@b@c"),
    SLICE("a&b@c"),
    SLICE("a'b@c"),
    SLICE("a:b@c"),
    SLICE("a<b@c"),
    SLICE("a>b@c"),
    SLICE("a\x7f@c"),
    SLICE("a\n@c"),
    SLICE("a\0@c"),
    SLICE("a@b c"),
    SLICE("a@b\0c"),
    SLICE("a@b<c"),
    SLICE("a@.b"),
    SLICE("a@b..c"),
    SLICE("a@."),
    SLICE("a@b.."),
    SLICE("a@::1"),
    SLICE("a@[::1"),
    SLICE("a@::1]"),
    SLICE("a@[]"),
    SLICE("a@b/r\n"),
    SLICE("a@b/\0"),
    SLICE("a@b/\x7f"),

    SLICE("\xff@b"), /* not UTF-8 */
    SLICE("a@\xc3"),
    SLICE("a@b/\xed\xa0\x80"),
    SLICE("a@b/\xc3\xa9\0x"),
    SLICE("\xc3\xa9 x@b"),
    SLICE("\xc3\xa9\xef\xbc\xa0x@b"), /* fullwidth @ */
    SLICE("\xc2\xa0@b"),              /* a space in disguise */
    SLICE("a@b/\xe2\x80\xae"),        /* direction override */
    SLICE("\xd7\x90x@b"),             /* both directions in one part */
    SLICE("a@b/\xee\x80\x80"),        /* private use */
    SLICE("\xc2\xad@b"),              /* maps to nothing at all */
    SLICE("a@\xc2\xad"),
    SLICE("a@b/\xc2\xad"),
    SLICE("a@\xc3\xa9..b"),
    SLICE("a@\xc3\xa9.."),
  };
  struct jid j;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof bad / sizeof *bad; i++) {
    errno = 0;
    if (jid_parse(&arena, bad[i], &j))
      fail_msg("%.*s is %.*s", (int)bad[i].len, bad[i].s, (int)j.full.len, j.full.s);
    assert_int_equal(errno, EINVAL);
  }
}

/* A domain that is not ASCII has no more room for ASCII's delimiters than one that is:
 * not as they stand, and not as what the mapping makes of their wide forms. */
static void
foreign_domains(void **state)
{
  struct slice const bad[] = {
    SLICE("a@\xc3\xa9@b"),
    SLICE("a@evil\xe3\x80\x82"
          "com"),
    SLICE("a@evil\xef\xbd\xa1"
          "com"),
    SLICE("a@\xc3\xa9 b"),
    SLICE("a@\xc3\xa9<b"),
    SLICE("a@\xc3\xa9'b"),
    SLICE("a@\xc3\xa9\nb"),
    SLICE("a@\xc3\xa9\x01"),
    SLICE("a@\xc3\xa9:b"),
    SLICE("a@\xef\xbc\xa0"),
    SLICE("a@b\xef\xbc\xa0"
          "c"),
    SLICE("a@b\xef\xbc\x8f"
          "c"),
    SLICE("a@\xe2\x84\x80"),
    SLICE("a@b\xef\xbc\x9c"
          "c"),
    SLICE("a@\xc3\xa9\xef\xbc\xa0"
          "b"),
    SLICE("a@\xc3\xa9\xef\xbc\x8f"
          "b"),
  };
  struct jid j;
  size_t i, n = 0;

  (void)state;
  for (i = 0; i < sizeof bad / sizeof *bad; i++)
    if (jid_parse(&arena, bad[i], &j)) {
      print_error("%.*s is %.*s\n", (int)bad[i].len, bad[i].s, (int)j.full.len, j.full.s);
      n++;
    }
  assert_int_equal(n, 0);
}

/* A text of n bytes: count times unit. */
static struct slice
repeat(char const *unit, size_t n)
{
  char *s = arena_alloc(&arena, n);
  size_t i, len = strlen(unit);

  assert_non_null(s);
  for (i = 0; i < n; i++)
    s[i] = unit[i % len];
  return slice_of(s, n);
}

/* A name of n bytes in labels of 49. */
static struct slice
long_domain(size_t n)
{
  return repeat("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvw.", n);
}

static struct slice
join(struct slice a, char const *sep, struct slice b)
{
  char *s = arena_alloc(&arena, a.len + b.len + 1);

  assert_non_null(s);
  memcpy(s, a.s, a.len);
  s[a.len] = *sep;
  memcpy(s + a.len + 1, b.s, b.len);
  return slice_of(s, a.len + 1 + b.len);
}

/* s3.1: 1023 bytes for each part, so 3071 in all. */
#define BUECHER                                                                          \
  "b\xc3\xbc"                                                                            \
  "cher"
#define MUENCHEN                                                                         \
  "m\xc3\xbc"                                                                            \
  "nchen"

/* RFC 7622 s3.2.1: each A-label becomes its U-label; what is none stays as it is. */
static void
a_labels(void **state)
{
  static char const *const cases[][2] = {
    {"xn--bcher-kva.example",        BUECHER ".example"      },
    {"XN--BCHER-KVA.Example.",       BUECHER ".example"      },
    {"im.xn--bcher-kva.example",     "im." BUECHER ".example"},
    {"xn--bcher-kva.xn--mnchen-3ya", BUECHER "." MUENCHEN    },
    {BUECHER ".xn--mnchen-3ya",      BUECHER "." MUENCHEN    },
    {"xn--fa-hia.example",           "xn--fa-hia.example"    }, /* of IDNA 2008 alone: no way back */
    {"xn--ls8h.example",             "xn--ls8h.example"      }, /* newer than Unicode 3.2 */
    {"xn--99999.example",            "xn--99999.example"     }, /* no punycode */
    {"xn--bcher-.example",           "xn--bcher-.example"    },
    {"axn--bcher-kva.example",       "axn--bcher-kva.example"},
  };
  struct slice once, twice;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    once = jid_prep_domain(&arena, slice_str(cases[i][0]));
    if (!once.s || !slice_is(once, cases[i][1])) fail_msg("%s", cases[i][0]);
    twice = jid_prep_domain(&arena, once);
    assert_true(slice_eq(once, twice));
  }
}

static void
lengths(void **state)
{
  struct slice b = SLICE("b"), max = repeat("x", JID_PART_MAX),
               over = repeat("x", JID_PART_MAX + 1), name = long_domain(JID_PART_MAX);
  struct jid j;

  (void)state;
  assert_true(jid_parse(&arena, join(max, "@", b), &j));
  assert_false(jid_parse(&arena, join(over, "@", b), &j));
  assert_true(jid_parse(&arena, join(b, "/", max), &j));
  assert_false(jid_parse(&arena, join(b, "/", over), &j));
  assert_true(jid_parse(&arena, name, &j));
  assert_int_equal(j.domain.len, JID_PART_MAX);
  assert_false(jid_parse(&arena, long_domain(JID_PART_MAX + 1), &j));
  assert_true(jid_parse(&arena, join(join(max, "@", name), "/", max), &j));
  assert_int_equal(j.full.len, JID_MAX);
  hangs_together(&j);
  assert_false(jid_parse(&arena, join(join(max, "@", name), "/", over), &j));
  /* Capitals, and letters that grow when they are folded. */
  assert_true(jid_parse(&arena, join(repeat("X", JID_PART_MAX), "@", b), &j));
  assert_true(jid_parse(&arena, join(repeat("\xc3\xa9", JID_PART_MAX - 1), "@", b), &j));
  assert_false(jid_parse(&arena, join(repeat("\xc3\xa9", JID_PART_MAX + 1), "@", b), &j));
  assert_false(
    jid_parse(&arena, join(repeat("\xce\x90", JID_PART_MAX - 1), "@", b), &j) &&
    j.local.len > JID_PART_MAX);
  /* Labels: RFC 1035 s2.3.4. */
  assert_true(jid_parse(&arena, repeat("x", 63), &j));
  assert_false(jid_parse(&arena, repeat("x", 64), &j));
  errno = 0;
  assert_false(jid_make(&arena, max, over, max, &j));
  assert_int_equal(errno, EINVAL);
}

static void
parts(void **state)
{
  struct slice a;
  struct jid j;

  (void)state;
  assert_null(jid_prep_local(&arena, SLICE("")).s);
  assert_null(jid_prep_domain(&arena, SLICE("")).s);
  assert_null(jid_prep_resource(&arena, SLICE("")).s);
  a = jid_prep_local(&arena, SLICE("Juliet"));
  assert_true(slice_is(a, "juliet"));
  a = jid_prep_domain(&arena, SLICE("Example.COM."));
  assert_true(slice_is(a, "example.com"));
  a = jid_prep_resource(&arena, SLICE("Balcony @/"));
  assert_true(slice_is(a, "Balcony @/"));
  assert_null(jid_prep_local(&arena, SLICE("a@b")).s);
  assert_null(jid_prep_local(&arena, SLICE("a/b")).s);
  assert_null(jid_prep_domain(&arena, SLICE("a/b")).s);
  assert_true(jid_make(&arena, SLICE(""), SLICE("b"), SLICE(""), &j));
  assert_true(slice_is(j.full, "b") && slice_is(j.bare, "b"));
  assert_int_equal(j.local.len + j.resource.len, 0);
  assert_true(jid_make(&arena, SLICE("a"), SLICE("b"), SLICE("c"), &j));
  assert_true(slice_is(j.full, "a@b/c") && slice_is(j.bare, "a@b"));
}

/* XEP-0191 s5: an address is on a list as itself, by its bare form, by its domain with its
 * resource, by its domain. */
static void
lists(void **state)
{
  static struct {
    char const *listed, *who;
    bool matches;
  } const rows[] = {
    {"a@b/c", "a@b/c", true },
    {"a@b/c", "a@b/d", false},
    {"a@b/c", "a@b",   false},
    {"a@b",   "a@b/c", true },
    {"a@b",   "a@b",   true },
    {"a@b",   "b",     false},
    {"b/c",   "a@b/c", true },
    {"b/c",   "a@b/d", false},
    {"b/c",   "b/c",   true },
    {"b/c",   "a@b",   false},
    {"b",     "a@b/c", true },
    {"b",     "a@b",   true },
    {"b",     "b",     true },
    {"b",     "a@c.b", false},
    {"a@c.b", "b",     false},
    {"b",     "b/c",   true },
    {"c",     "a@b/c", false},
  };
  struct jid_set set = {0};
  struct jid j;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof rows / sizeof *rows; i++) {
    j = jid_cut(slice_str(rows[i].who));
    assert_false(jid_set_matches(&set, &j));
    assert_true(jid_set_add(&set, slice_str(rows[i].listed)));
    assert_true(jid_set_add(&set, slice_str(rows[i].listed)));
    assert_true(jid_set_has(&set, slice_str(rows[i].listed)));
    assert_int_equal(jid_set_matches(&set, &j), rows[i].matches);
    jid_set_del(&set, slice_str(rows[i].listed));
    assert_false(jid_set_has(&set, slice_str(rows[i].listed)));
    jid_set_del(&set, slice_str(rows[i].listed));
  }
  assert_true(jid_set_add(&set, SLICE("left")));
  jid_set_wipe(&set);
  assert_false(jid_set_has(&set, SLICE("left")));
}

/* Names of certificates and of TLS: A-labels, and addresses without their brackets. */
static void
ascii_domains(void **state)
{
  static char const *const cases[][2] = {
    {"example.com",             "example.com"            },
    {"b\303\274cher.example",   "xn--bcher-kva.example"  },
    {"a.b\303\274cher.example", "a.xn--bcher-kva.example"},
    {"192.0.2.1",               "192.0.2.1"              },
    {"[2001:db8::1]",           "2001:db8::1"            },
  };
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_true(slice_is(jid_ascii_domain(&arena, slice_str(cases[i][0])), cases[i][1]));
}

/* RFC 3454 s7: nicks are stored strings. Keys fold case and form. */
static void
nicks(void **state)
{
  struct slice bob, wide;

  (void)state;
  assert_false(jid_prep_nick(&arena, SLICE("\360\237\230\200")).s);
  assert_false(jid_prep_nick(&arena, SLICE("a\001")).s);
  assert_false(jid_prep_nick(&arena, SLICE("")).s);
  bob = jid_prep_nick(&arena, SLICE("Bob Jr."));
  assert_true(slice_is(bob, "Bob Jr."));
  assert_true(slice_is(jid_nick_key(&arena, bob), "bob jr."));
  wide = jid_prep_nick(&arena, SLICE("\303\204rger"));
  assert_true(slice_is(wide, "\303\204rger"));
  assert_true(slice_is(jid_nick_key(&arena, wide), "\303\244rger"));
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_teardown(accepts, wipe),
    cmocka_unit_test_teardown(stored, wipe),
    cmocka_unit_test_teardown(refuses, wipe),
    cmocka_unit_test_teardown(foreign_domains, wipe),
    cmocka_unit_test_teardown(a_labels, wipe),
    cmocka_unit_test_teardown(ascii_domains, wipe),
    cmocka_unit_test_teardown(nicks, wipe),
    cmocka_unit_test_teardown(lengths, wipe),
    cmocka_unit_test_teardown(parts, wipe),
    cmocka_unit_test(lists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
