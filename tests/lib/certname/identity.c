#include "certname/certname.h"
#include "jid/jid.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* RFC 6125 s6.4, RFC 6120 s13.7.1.2: which names identify which domain. */

static struct {
  char const *names, *domain, *ascii;
  bool is;
} const cases[] = {
  {"dns:example.com",                    "example.com",           "example.com",           true },
  {"dns:EXAMPLE.com",                    "example.com",           "example.com",           true },
  {"dns:example.com.",                   "example.com",           "example.com",           true },
  {"dns:example.net",                    "example.com",           "example.com",           false},
  {"dns:example.net dns:example.com",    "example.com",           "example.com",           true },
  {"",                                   "example.com",           "example.com",           false},
  {"srv:example.com",                    "example.com",           "example.com",           true },
  {"srv:*.example.com",                  "chat.example.com",      "chat.example.com",      true },
  {"xmpp:example.com",                   "example.com",           "example.com",           true },
  {"xmpp:*.example.com",                 "chat.example.com",      "chat.example.com",      false},
  {"xmpp:alice@example.com",             "example.com",           "example.com",           false},
  {"dns:*.example.com",                  "chat.example.com",      "chat.example.com",      true },
  {"dns:*.example.com",                  "example.com",           "example.com",           false},
  {"dns:*.example.com",                  "a.chat.example.com",    "a.chat.example.com",    false},
  {"dns:c*.example.com",                 "chat.example.com",      "chat.example.com",      false},
  {"dns:*",                              "localhost",             "localhost",             false},
  {"dns:*.",                             "localhost",             "localhost",             false},
  {"dns:example.com%00.evil.example",    "example.com",           "example.com",           false},
  {"dns:b\303\274cher.example",          "b\303\274cher.example", "xn--bcher-kva.example", false},
  {"dns:xn--bcher-kva.example",          "b\303\274cher.example", "xn--bcher-kva.example", true },
  {"xmpp:b\303\274cher.example",         "b\303\274cher.example", "xn--bcher-kva.example", true },
  {"xmpp:B\303\234CHER.Example",         "b\303\274cher.example", "xn--bcher-kva.example", true },
  {"xmpp:bu\314\210cher.example",        "b\303\274cher.example", "xn--bcher-kva.example", true },
  {"xmpp:XN--Bcher-KVA.example",         "b\303\274cher.example", "xn--bcher-kva.example", true },
  {"xmpp:example.com.",                  "example.com",           "example.com",           true },
  {"xmpp:b\303\234cher.example",         "bucher.example",        "bucher.example",        false},
  {"xmpp:%00b\303\234cher.example",      "b\303\274cher.example", "xn--bcher-kva.example",
   false                                                                                        },
  {"xmpp:*.\303\234.example",            "a.\303\274.example",    "a.xn--tda.example",     false},
  {"xmpp:x@\303\234.example",            "\303\274.example",      "xn--tda.example",       false},
  {"ip:192.0.2.1",                       "192.0.2.1",             "192.0.2.1",             true },
  {"dns:192.0.2.1",                      "192.0.2.1",             "192.0.2.1",             false},
  {"ip:2001:db8::1",                     "[2001:db8::1]",         "2001:db8::1",           true },
  {"ip:192.0.2.1",                       "example.com",           "example.com",           false},
  {"uri:example.com cn:example.com dns", "example.com",           "example.com",           false},
};

static void
identifies(void **state)
{
  struct arena a = ARENA_ZERO;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++)
    if (certname_identifies(&a, jid_prep_domain, slice_str(cases[i].names),
                            slice_str(cases[i].domain),
                            slice_str(cases[i].ascii)) != cases[i].is)
      fail_msg("%s of %s", cases[i].names, cases[i].domain);
  arena_wipe(&a);
}

/* A stranger's certificate makes no more work than CERTNAME_PREPARED names do. */
static unsigned int prepared_n;

static struct slice
count(struct arena *a, struct slice text)
{
  prepared_n++;
  return jid_prep_domain(a, text);
}

static void
many_addresses(void **state)
{
  struct arena a = ARENA_ZERO;
  stralloc names = STRALLOC_ZERO;
  unsigned int i;

  (void)state;
  for (i = 0; i < 1000; i++)
    assert_true(stralloc_cats(&names, "xmpp:b\303\234cher.example "));
  assert_false(certname_identifies(&a, count, slice_of(names.s, names.len),
                                   SLICE("example.com"), SLICE("example.com")));
  assert_int_equal(prepared_n, CERTNAME_PREPARED);
  stralloc_free(&names);
  arena_wipe(&a);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {cmocka_unit_test(identifies),
                                     cmocka_unit_test(many_addresses)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}
