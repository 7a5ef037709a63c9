#include "nets/nets.h"

#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define TEXT(literal) (unsigned char const *)literal, sizeof literal - 1
#define WHOLE (-2)

/* Whole, and in pieces of a byte: an end is never found too early or too late. */
static void
one(unsigned char const *s, size_t len, long want, char const *ip, unsigned int port)
{
  struct nets_client c;
  long r = 0;
  size_t n;

  if (want == WHOLE) want = (long)len;
  for (n = 1; n <= len && !r; n++)
    r = nets_proxy(s, n, &c);
  assert_int_equal(r, want);
  if (want > 0) assert_int_equal(n - 1, want);
  assert_int_equal(nets_proxy(s, len, &c), want);
  if (want < 1) return;
  assert_string_equal(c.ip, ip);
  assert_int_equal(c.port, port);
}

static void
version_1(void **state)
{
  static char const *const bad[] = {
    "GET / HTTP/1.1\r\n",
    "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
    "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
    "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
    "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
    "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
    "PROXY TCP4 192.0.2.1 192.0.2.2 a 2\r\n",
    "PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
    "PROXY TCP4 ::1 ::2 1 2\r\n",
    "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
    "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
    "PROXY \r\n",
    "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
  };
  char text[200];
  size_t i;

  (void)state;
  one(TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"), WHOLE, "192.0.2.1", 56324);
  one(TEXT("PROXY TCP6 2001:DB8::1 ::1 1 2\r\n<?xml"), 32, "2001:db8::1", 1);
  one(TEXT("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), WHOLE, "192.0.2.1", 1);
  one(TEXT("PROXY UNKNOWN\r\n"), WHOLE, "", 0);
  one(TEXT("PROXY UNKNOWN a b\r\n"), WHOLE, "", 0);
  one(TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 56324"), 0, NULL, 0);
  for (i = 0; i < sizeof bad / sizeof *bad; i++)
    one((unsigned char const *)bad[i], strlen(bad[i]), -1, NULL, 0);
  /* 107 bytes at most. */
  snprintf(text, sizeof text, "PROXY UNKNOWN %091d\r\n", 0);
  one((unsigned char const *)text, 107, WHOLE, "", 0);
  snprintf(text, sizeof text, "PROXY UNKNOWN %092d\r\n", 0);
  one((unsigned char const *)text, 108, -1, NULL, 0);
}

static void
version_2(void **state)
{
  static unsigned char text[PROXY_HEADER_MAX + 1] = V2 "\x21\x11\x0f\xf0"
                                                       "\1\2\3\4\5\6\7\10\0\1\0\2";

  (void)state;
  one(TEXT(V2 "\x21\x11\0\x0c"
              "\300\0\2\1\300\0\2\2\1\2\0\2"),
      WHOLE, "192.0.2.1", 258);
  one(TEXT(V2 "\x21\x11\0\x0f"
              "\300\0\2\1\300\0\2\2\1\2\0\2"
              "\4\0\0"
              "data"),
      31, "192.0.2.1", 258);
  one(TEXT(V2 "\x21\x21\0\x24"
              "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
              "0123456789abcdef"
              "\0\7\0\2"),
      WHOLE, "2001:db8::1", 7);
  one(TEXT(V2 "\x20\x11\0\x0c"
              "\300\0\2\1\300\0\2\2\1\2\0\2"),
      WHOLE, "", 0); /* LOCAL */
  one(TEXT(V2 "\x20\x00\0\0"), WHOLE, "", 0);
  one(TEXT(V2 "\x21\x00\0\0"), WHOLE, "", 0);
  one(TEXT(V2 "\x21\x31\0\1"
              "x"),
      WHOLE, "", 0);
  one(TEXT(V2 "\x21\x11\0\x0b"
              "\300\0\2\1\300\0\2\2\1\2\0"),
      -1, NULL, 0);
  one(TEXT(V2 "\x21\x12\0\x0c"
              "\300\0\2\1\300\0\2\2\1\2\0\2"),
      -1, NULL, 0);
  one(TEXT(V2 "\x21\x41\0\0"), -1, NULL, 0);
  one(TEXT(V2 "\x22\x11\0\0"), -1, NULL, 0);
  one(TEXT(V2 "\x11\x11\0\0"), -1, NULL, 0);
  one(TEXT("\r\n\r\n\0\r\nQUIT\r"), -1, NULL, 0);
  /* 4096 bytes at most. */
  one(text, PROXY_HEADER_MAX, PROXY_HEADER_MAX, "1.2.3.4", 1);
  text[15] = 0xf1;
  one(text, PROXY_HEADER_MAX + 1, -1, NULL, 0);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {cmocka_unit_test(version_1),
                                     cmocka_unit_test(version_2)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
