#include "http/http.h"

#include <skalibs/strerr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

char const *PROG = "test";

#define GET "GET / HTTP/1.1\r\nHost: a.example\r\n"

/* Read a head as a connection does: whole, or in pieces of n bytes. Gives the status, 0 when
 * the head is good, or 1 when it is not whole. The request's slices live until the next call. */
static unsigned int
take(char const *text, size_t len, size_t n, struct http_request *r)
{
  static char *buf;
  struct http_scan k = {0, 0, 0, 0};
  size_t have = 0;
  long end = 0;

  free(buf);
  buf = malloc(len + 1);
  memcpy(buf, text, len);
  while (!end && have < len) {
    have = have + n < len ? have + n : len;
    end = http_scan(&k, buf, have);
  }
  if (end < 0) return (unsigned int)-end;
  return end ? http_request_read(r, buf, (size_t)end) : 1;
}

static unsigned int
status_of(char const *text, struct http_request *r)
{
  static size_t const pieces[] = {1, 2, 3, 7};
  unsigned int s = take(text, strlen(text), strlen(text), r), t;
  size_t i;

  for (i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    t = take(text, strlen(text), pieces[i], r);
    if (t != s) printf("in pieces of %zu: %u, not %u: %s\n", pieces[i], t, s, text);
    assert_int_equal(t, s);
  }
  return s;
}

static void
refused(void **state)
{
  static struct {
    unsigned int status;
    char const *head;
  } const cases[] = {
    {0,   GET "\r\n"                                                            },
    {0,   "GET / HTTP/1.1\nHost: a.example\n\n"                                 },
    {0,   "\r\n\r\n" GET "\r\n"                                                 },
    {400, "\r\n\r\n\r\n" GET "\r\n"                                             },
    {1,   GET                                                                   },
    {400, GET " folded\r\n\r\n"                                                 },
    {400, GET "\tfolded\r\n\r\n"                                                },
    {400, "GET / HTTP/1.1\r\n Host: a.example\r\n\r\n"                          },
    {400, GET "X: a\rb\r\n\r\n"                                                 },
    {400, GET "X: a\r\r\n\r\n"                                                  },
    {400, GET "X : a\r\n\r\n"                                                   },
    {400, GET "X\r\n\r\n"                                                       },
    {400, GET ": a\r\n\r\n"                                                     },
    {400, GET "X(: a\r\n\r\n"                                                   },
    {400, GET "X: a\x01\r\n\r\n"                                                },
    {400, GET "X: a\x7f\r\n\r\n"                                                },
    {0,   GET "X: \xc3\xa9\t\r\n\r\n"                                           },
    {0,   GET "X:\r\n\r\n"                                                      },
    {400, "GET / HTTP/1.1\r\n\r\n"                                              },
    {0,   "GET / HTTP/1.0\r\n\r\n"                                              },
    {400, GET "Host: a.example\r\n\r\n"                                         },
    {400, GET "HOST: b.example\r\n\r\n"                                         },
    {400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"                                     },
    {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"                                 },
    {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"                                 },
    {400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"                                 },
    {400, "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"                                 },
    {400, "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n"                            },
    {400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"                                },
    {400, "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"                              },
    {400, "GET / HTTP/1.1\r\nHost: []\r\n\r\n"                                  },
    {0,   "GET / HTTP/1.1\r\nHost: [::1]:5280\r\n\r\n"                          },
    {0,   GET "Content-Length: 0\r\n\r\n"                                       },
    {0,   GET "Content-Length: 9223372036854775807\r\n\r\n"                     },
    {400, GET "Content-Length: 9223372036854775808\r\n\r\n"                     },
    {400, GET "Content-Length: 99999999999999999999999\r\n\r\n"                 },
    {400, GET "Content-Length:\r\n\r\n"                                         },
    {400, GET "Content-Length: +1\r\n\r\n"                                      },
    {400, GET "Content-Length: -1\r\n\r\n"                                      },
    {400, GET "Content-Length: 0x1\r\n\r\n"                                     },
    {400, GET "Content-Length: 1 1\r\n\r\n"                                     },
    {400, GET "Content-Length: 1, 1\r\n\r\n"                                    },
    {400, GET "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"                  },
    {400, GET "Content-Length: 1\r\ncontent-length: 2\r\n\r\n"                  },
    {400, GET "Content-Length : 1\r\n\r\n"                                      },
    {400, GET "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"         },
    {400, GET "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"         },
    {411, GET "Transfer-Encoding: chunked\r\n\r\n"                              },
    {411, GET "Transfer-Encoding: identity\r\n\r\n"                             },
    {411, GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {400, GET "Transfer-Encoding : chunked\r\n\r\n"                             },
    {400, GET "Transfer-Encodin: a\r\n g: chunked\r\n\r\n"                      },
    {417, GET "Expect: 200-ok\r\n\r\n"                                          },
    {0,   GET "Expect: 100-Continue\r\n\r\n"                                    },
    {417, GET "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n"            },
    {0,   "GET / HTTP/1.0\r\nExpect: x\r\n\r\n"                                 },
    {400, "GET /\r\n\r\n"                                                       },
    {400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"                                  },
    {400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"                                  },
    {400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"                                  },
    {400, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"                                },
    {400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"                                  },
    {400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"                                   },
    {501, "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"                                  },
    {501, "get / HTTP/1.1\r\nHost: a\r\n\r\n"                                   },
    {400, "GET / http/1.1\r\nHost: a\r\n\r\n"                                   },
    {400, "GET / HTTP/1.10\r\nHost: a\r\n\r\n"                                  },
    {400, "GET / HTTP/11\r\nHost: a\r\n\r\n"                                    },
    {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"                                   },
    {505, "PRI * HTTP/2.0\r\n\r\n"                                              },
    {0,   "GET / HTTP/1.2\r\nHost: a\r\n\r\n"                                   },
    {400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"                                   },
    {400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"                                   },
    {0,   "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"                               },
    {400, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"                             },
    {400, "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n"                                 },
    {400, "GET /% HTTP/1.1\r\nHost: a\r\n\r\n"                                  },
    {400, "GET /%0 HTTP/1.1\r\nHost: a\r\n\r\n"                                 },
    {400, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"                                },
    {400, "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"                                },
    {400, "GET /?%0 HTTP/1.1\r\nHost: a\r\n\r\n"                                },
    {400, "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n"                             },
    {400, "GET /a/.. HTTP/1.1\r\nHost: a\r\n\r\n"                               },
    {400, "GET /. HTTP/1.1\r\nHost: a\r\n\r\n"                                  },
    {400, "GET /%2e%2E/b HTTP/1.1\r\nHost: a\r\n\r\n"                           },
    {400, "GET /.%2e HTTP/1.1\r\nHost: a\r\n\r\n"                               },
    {0,   "GET /... HTTP/1.1\r\nHost: a\r\n\r\n"                                },
    {0,   "GET /.a/a.. HTTP/1.1\r\nHost: a\r\n\r\n"                             },
    {0,   "GET /?../. HTTP/1.1\r\nHost: a\r\n\r\n"                              },
    {0,   "GET http://B.example:80/x HTTP/1.1\r\nHost: a\r\n\r\n"               },
    {0,   "GET HTTPS://b.example?q HTTP/1.1\r\nHost: a\r\n\r\n"                 },
    {400, "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"                           },
    {400, "GET http://u@b/x HTTP/1.1\r\nHost: a\r\n\r\n"                        },
    {400, "GET http://b/%2e%2e HTTP/1.1\r\nHost: a\r\n\r\n"                     },
    {400, "GET ftp://b/x HTTP/1.1\r\nHost: a\r\n\r\n"                           },
  };

  struct http_request r;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    unsigned int s = status_of(cases[i].head, &r);
    if (s != cases[i].status)
      printf("%u, not %u: %s\n", s, cases[i].status, cases[i].head);
    assert_int_equal(s, cases[i].status);
  }
  assert_int_equal(take("GET / HTTP/1.1\0\r\n\r\n", 19, 19, &r), 400);
}

/* Heads of n times a text behind the request line. */
static unsigned int
repeated(char const *begin, char const *text, size_t n, char const *end)
{
  size_t len = strlen(begin) + n * strlen(text) + strlen(end), i;
  char *buf = malloc(len + 1), *at = buf;
  struct http_request r;
  unsigned int s;

  at += sprintf(at, "%s", begin);
  for (i = 0; i < n; i++)
    at += sprintf(at, "%s", text);
  sprintf(at, "%s", end);
  s = status_of(buf, &r);
  free(buf);
  return s;
}

static void
limits(void **state)
{
  (void)state;
  assert_int_equal(repeated(GET, "X: a\r\n", HTTP_FIELDS_MAX - 1, "\r\n"), 0);
  assert_int_equal(repeated(GET, "X: a\r\n", HTTP_FIELDS_MAX, "\r\n"), 431);
  assert_int_equal(
    repeated("GET /", "a", HTTP_LINE_MAX - 15, " HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
  assert_int_equal(repeated("GET /", "a", HTTP_LINE_MAX, " HTTP/1.1\r\nHost: a\r\n\r\n"),
                   414);
  assert_int_equal(repeated("GET /", "a", HTTP_LINE_MAX, ""), 414);
  assert_int_equal(repeated(GET "X: ", "a", HTTP_HEAD_MAX - 60, "\r\n\r\n"), 0);
  assert_int_equal(repeated(GET "X: ", "a", HTTP_HEAD_MAX, "\r\n\r\n"), 431);
  assert_int_equal(repeated(GET "X: ", "a", HTTP_HEAD_MAX, ""), 431);
}

static void
parts(void **state)
{
  struct http_request r;
  struct slice rest;

  (void)state;
  assert_int_equal(status_of("PUT http://B.Example.:80/a%20b?c=d HTTP/1.1\r\n"
                             "Host: other\r\nContent-LENGTH: 12\r\n"
                             "Connection: Keep-Alive, X-Mine\r\nX-Mine: 1\r\n"
                             "Upgrade: a, WebSocket\r\nX-Y:  b c \t\r\n\r\n",
                             &r),
                   0);
  assert_int_equal(r.method, HTTP_PUT);
  assert_true(slice_is(r.host, "b.example") && slice_is(r.scheme, "http"));
  assert_true(slice_is(r.path, "/a%20b") && slice_is(r.query, "c=d"));
  assert_true(r.has_length && r.length == 12 && r.keep && !r.expects && !r.is_1_0);
  assert_true(slice_is(http_field(&r, "x-y"), "b c"));
  assert_null(http_field(&r, "x-z").s);
  assert_true(http_has_word(&r, "upgrade", "websocket"));
  assert_false(http_has_word(&r, "upgrade", "web"));
  assert_true(http_is_hop(&r, SLICE("x-mine")) && http_is_hop(&r, SLICE("connection")));
  assert_false(http_is_hop(&r, SLICE("x-y")));

  assert_int_equal(status_of("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &r), 0);
  assert_true(r.keep && r.is_1_0 && !r.host.len);
  assert_int_equal(status_of(GET "Connection: a, CLOSE\r\n\r\n", &r), 0);
  assert_false(r.keep);
  assert_int_equal(status_of("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", &r), 0);
  assert_true(slice_is(r.host, "::1"));

  assert_true(http_path_below(SLICE("/upload"), SLICE("/upload"), &rest) && !rest.len);
  assert_true(http_path_below(SLICE("/up%6coad/x"), SLICE("/upload"), &rest));
  assert_true(slice_is(rest, "/x"));
  assert_true(http_path_below(SLICE("/x//y"), SLICE(""), &rest) &&
              slice_is(rest, "/x//y"));
  assert_false(http_path_below(SLICE("/uploads"), SLICE("/upload"), &rest));
  assert_false(http_path_below(SLICE("/a%2Fb"), SLICE("/a/b"), &rest));
  assert_false(http_path_below(SLICE("/up"), SLICE("/upload"), &rest));
}

static void
forwarded(void **state)
{
  static struct {
    char const *fields, *ips; /* with blanks between; - for none */
  } const cases[] = {
    {"X-Forwarded-For: 192.0.2.1",                                    "192.0.2.1"               },
    {"X-Forwarded-For: 192.0.2.1:80, [2001:DB8::1]:443,2001:db8::2",
     "192.0.2.1 2001:db8::1 2001:db8::2"                                                        },
    {"X-Forwarded-For: ::ffff:192.0.2.1",                             "192.0.2.1"               },
    {"X-Forwarded-For: unknown, a:1, 1.2.3, [::1, [::1]x, 1.2.3.4:x", "- - - - - -"             },
    {"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2",      "192.0.2.1 192.0.2.2"     },
    {"Forwarded: for=192.0.2.43, for=198.51.100.17",                  "192.0.2.43 198.51.100.17"},
    {"Forwarded: For=\"[2001:db8:cafe::17]:4711\"",                   "2001:db8:cafe::17"       },
    {"Forwarded: for=192.0.2.60;proto=http;by=203.0.113.43",          "192.0.2.60"              },
    {"Forwarded: for=unknown, for=_hidden, for=\"_a,b;c\\\"\", by=x", "- - - -"                 },
    {"Forwarded: for=\"192.0.2.1",                                    "192.0.2.1"               },
    {"Forwarded: ;;for = 192.0.2.1 ; , =,",                           "192.0.2.1 -"             },
  };

  char text[512], got[512];
  struct http_request r;
  struct http_hop hop[8];
  size_t i, j, n, used;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    bool x = cases[i].fields[0] == 'X';
    snprintf(text, sizeof text, GET "%s\r\n\r\n", cases[i].fields);
    assert_int_equal(status_of(text, &r), 0);
    n = x ? http_x_forwarded_for(&r, hop, 8) : http_forwarded(&r, hop, 8);
    got[0] = 0;
    used = 0;
    for (j = 0; j < n; j++)
      used += (size_t)snprintf(got + used, sizeof got - used, "%s%s", j ? " " : "",
                               *hop[j].ip ? hop[j].ip : "-");
    assert_string_equal(got, cases[i].ips);
  }
  status_of(GET "Forwarded: for=192.0.2.1;proto=https;host=\"a:80\"\r\n\r\n", &r);
  assert_int_equal(http_forwarded(&r, hop, 8), 1);
  assert_true(slice_is(hop[0].proto, "https") && slice_is(hop[0].host, "a:80"));
  status_of(GET "X-Forwarded-For: 192.0.2.1,192.0.2.2,192.0.2.3\r\n\r\n", &r);
  assert_int_equal(http_x_forwarded_for(&r, hop, 2), 2);
  assert_string_equal(hop[0].ip, "192.0.2.2");
}

static void
conditions(void **state)
{
  static struct {
    char const *field;
    enum http_range is;
    uint64_t from, to;
  } const ranges[] = {
    {"bytes=0-9",                      HTTP_PART,    0,  9 },
    {"bytes=5-",                       HTTP_PART,    5,  99},
    {"bytes=-5",                       HTTP_PART,    95, 99},
    {"bytes=-500",                     HTTP_PART,    0,  99},
    {"BYTES=99-1000",                  HTTP_PART,    99, 99},
    {"bytes=100-",                     HTTP_OUTSIDE, 0,  0 },
    {"bytes=-0",                       HTTP_OUTSIDE, 0,  0 },
    {"bytes=9-5",                      HTTP_WHOLE,   0,  0 },
    {"bytes=0-1,3-4",                  HTTP_WHOLE,   0,  0 },
    {"bytes=-",                        HTTP_WHOLE,   0,  0 },
    {"bytes=a-b",                      HTTP_WHOLE,   0,  0 },
    {"bytes=1",                        HTTP_WHOLE,   0,  0 },
    {"lines=0-1",                      HTTP_WHOLE,   0,  0 },
    {"bytes=99999999999999999999999-", HTTP_WHOLE,   0,  0 },
  };

  static struct {
    char const *match, *none_match, *modified_since, *unmodified_since;
    unsigned int status;
  } const judged[] = {
    {NULL,               "\"a\", W/\"b,c\"", NULL,                             NULL,                       304},
    {NULL,               "*",                NULL,                             NULL,                       304},
    {NULL,               "\"a\", \"b",       NULL,                             NULL,                       0  },
    {NULL,               "\"a\"",            "Sun Nov  6 08:49:37 1994",       NULL,                       0  },
    {NULL,               NULL,               "Sun Nov  6 08:49:37 1994",       NULL,                       304},
    {NULL,               NULL,               "Sunday, 06-Nov-94 08:49:36 GMT", NULL,                       0  },
    {"\"b,c\"",          NULL,               NULL,                             "Sun Nov  6 08:49:36 1994", 0  },
    {"*",                "\"b,c\"",          NULL,                             NULL,                       304},
    {"\"a\", W/\"b,c\"", NULL,               NULL,                             NULL,                       412},
    {"",                 NULL,               NULL,                             NULL,                       412},
    {NULL,               "\"b,c\"",          NULL,                             "Sun Nov  6 08:49:36 1994", 412},
    {NULL,               NULL,               NULL,                             "Sun Nov  6 08:49:37 1994", 0  },
    {NULL,               NULL,               NULL,                             "yesterday",                0  },
  };

  char buf[HTTP_DATE_SIZE];
  uint64_t from, to, t;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    from = to = 0;
    assert_int_equal(http_range(slice_str(ranges[i].field), 100, &from, &to),
                     ranges[i].is);
    assert_true(from == ranges[i].from && to == ranges[i].to);
  }
  assert_int_equal(http_range(SLICE("bytes=0-"), 0, &from, &to), HTTP_OUTSIDE);

  assert_true(slice_is(http_date(buf, 784111777), "Sun, 06 Nov 1994 08:49:37 GMT"));
  assert_true(http_date_read(SLICE("Sun, 06 Nov 1994 08:49:37 GMT"), &t) &&
              t == 784111777);
  assert_true(http_date_read(SLICE("Sunday, 06-Nov-94 08:49:37 GMT"), &t));
  assert_true(t == 784111777);
  assert_true(http_date_read(SLICE("Sun Nov  6 08:49:37 1994"), &t) && t == 784111777);
  /* s5.6.7: more than 50 years ahead of the clock, a year of two digits is of the century before. */
  door_set_clock(1, UINT64_C(1795900000) * 1000000); /* 2026-11-28 */
  assert_true(http_date_read(SLICE("Saturday, 01-Feb-76 00:00:00 GMT"), &t));
  assert_true(t == UINT64_C(3347740800)); /* 2076 */
  assert_true(http_date_read(SLICE("Tuesday, 01-Feb-77 00:00:00 GMT"), &t));
  assert_true(t == 223603200);
  assert_false(http_date_read(SLICE("Sun, 06 Nov 1994 08:49:37 CET"), &t));
  assert_false(http_date_read(SLICE("Sun, 06 Foo 1994 08:49:37 GMT"), &t));
  assert_false(http_date_read(SLICE("yesterday"), &t));

  for (i = 0; i < sizeof judged / sizeof *judged; i++) {
    struct http_conditions c = {
      slice_str(judged[i].match),
      slice_str(judged[i].none_match),
      slice_str(judged[i].modified_since),
      slice_str(judged[i].unmodified_since),
      {NULL, 0},
      {NULL, 0}
    };
    assert_int_equal(http_judge(&c, SLICE("\"b,c\""), 784111777), judged[i].status);
  }
  assert_string_equal(http_type(SLICE("a.b.JPG")), "image/jpeg");
  assert_null(http_type(SLICE("jpg")));
  assert_null(http_type(SLICE("a.jpg/b")));
}

static void
answers(void **state)
{
  stralloc sa = STRALLOC_ZERO;

  (void)state;
  assert_true(http_cat_status(&sa, 200) && http_cat_field(&sa, SLICE("A"), SLICE("b")) &&
              http_cat_date(&sa, 0) && http_cat_chunk(&sa, SLICE("")) &&
              http_cat_chunk(&sa, SLICE("0123456789abcdefg")) &&
              http_cat_last_chunk(&sa));
  assert_true(
    slice_is(slice_of(sa.s, sa.len),
             "HTTP/1.1 200 OK\r\nA: b\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
             "11\r\n0123456789abcdefg\r\n0\r\n\r\n"));
  stralloc_free(&sa);
  assert_true(http_has_no_body(HTTP_HEAD, 200) && http_has_no_body(HTTP_GET, 304) &&
              http_has_no_body(HTTP_GET, 204) && !http_has_no_body(HTTP_GET, 404));
  assert_string_equal(http_reason(299), "");
}

/* ---- requests as services have them ---- */

static void
headers(void **state)
{
  struct slice const all =
    SLICE("range: bytes=0-1\nrange-x: a\naccept:b\ncookie: x\ncookie: y");

  (void)state;
  assert_true(slice_is(http_header(all, "range"), "bytes=0-1"));
  assert_true(slice_is(http_header(all, "accept"), "b"));
  assert_true(slice_is(http_header(all, "cookie"), "x"));
  assert_null(http_header(all, "rang").s);
  assert_null(http_header(SLICE(""), "range").s);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(refused),   cmocka_unit_test(limits),     cmocka_unit_test(parts),
    cmocka_unit_test(forwarded), cmocka_unit_test(conditions), cmocka_unit_test(answers),
    cmocka_unit_test(headers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
