#include "certname/certname.h"

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
  {"ip:192.0.2.1",                       "192.0.2.1",             "192.0.2.1",             true },
  {"dns:192.0.2.1",                      "192.0.2.1",             "192.0.2.1",             false},
  {"ip:2001:db8::1",                     "[2001:db8::1]",         "2001:db8::1",           true },
  {"ip:192.0.2.1",                       "example.com",           "example.com",           false},
  {"uri:example.com cn:example.com dns", "example.com",           "example.com",           false},
};

static void
identifies(void **state)
{
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++)
    if (certname_identifies(slice_str(cases[i].names), slice_str(cases[i].domain),
                            slice_str(cases[i].ascii)) != cases[i].is)
      fail_msg("%s of %s", cases[i].names, cases[i].domain);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {cmocka_unit_test(identifies)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}
