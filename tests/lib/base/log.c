#include "base/base.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

char const *PROG = "test";

/* The text written to stderr lands in a pipe, and from there in line. */
static int from_log, old_stderr;
static char line[65536];

static int
catch_stderr(void **state)
{
  int fds[2];

  (void)state;
  if (pipe(fds)) return -1;
  old_stderr = dup(2);
  from_log = fds[0];
  if (dup2(fds[1], 2) < 0) return -1;
  return close(fds[1]);
}

static int
let_stderr_go(void **state)
{
  (void)state;
  dup2(old_stderr, 2);
  close(old_stderr);
  return close(from_log);
}

static char const *
logged(void)
{
  ssize_t n;

  if (write(2, "", 1) != 1) fail(); /* so that read never waits */
  n = read(from_log, line, sizeof line - 1);
  assert_true(n > 0);
  line[n] = 0;
  return line;
}

static void
one_line(void **state)
{
  static struct {
    char const *value, *written;
  } const cases[] = {
    {"plain",                                "k=plain"                               },
    {"",                                     "k=\"\""                                },
    {"a b",                                  "k=\"a b\""                             },
    {"a\nb",                                 "k=\"a\\x0ab\""                         },
    {"\"",                                   "k=\"\\\"\""                            },
    {"\\",                                   "k=\"\\\\\""                            },
    {"\x7f",                                 "k=\"\\x7f\""                           },
    {"a=b",                                  "k=a=b"                                 },
 /* UTF-8 without controls stays. */
    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82", "k=\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82"},
    {"\xc2\xa0",                             "k=\xc2\xa0"                            },
 /* C1: U+0080, U+009B (CSI), U+009F. */
    {"\xc2\x80",                             "k=\"\\xc2\\x80\""                      },
    {"a\xc2\x9b"
     "2J",                              "k=\"a\\xc2\\x9b2J\""                   },
    {"\xc2\x9f",                             "k=\"\\xc2\\x9f\""                      },
 /* Ends of lines and directions: U+2028, U+202E, U+2066, U+200F; U+FEFF. */
    {"\xe2\x80\xa8",                         "k=\"\\xe2\\x80\\xa8\""                 },
    {"\xe2\x80\xae"
     "x",                               "k=\"\\xe2\\x80\\xaex\""                },
    {"\xe2\x81\xa6",                         "k=\"\\xe2\\x81\\xa6\""                 },
    {"\xe2\x80\x8f",                         "k=\"\\xe2\\x80\\x8f\""                 },
    {"\xef\xbb\xbf",                         "k=\"\\xef\\xbb\\xbf\""                 },
 /* No UTF-8: alone, cut off, too long, a surrogate, behind the last. */
    {"\xff",                                 "k=\"\\xff\""                           },
    {"\x9b",                                 "k=\"\\x9b\""                           },
    {"\xc3",                                 "k=\"\\xc3\""                           },
    {"\xc3z",                                "k=\"\\xc3z\""                          },
    {"\xf0\x9f\x99",                         "k=\"\\xf0\\x9f\\x99\""                 },
    {"\xc0\x8a",                             "k=\"\\xc0\\x8a\""                      },
    {"\xe0\x82\x9b",                         "k=\"\\xe0\\x82\\x9b\""                 },
    {"\xed\xa0\x80",                         "k=\"\\xed\\xa0\\x80\""                 },
    {"\xf4\x90\x80\x80",                     "k=\"\\xf4\\x90\\x80\\x80\""            },
    {"\xf8\x88\x80\x80\x80",                 "k=\"\\xf8\\x88\\x80\\x80\\x80\""       },
  };

  char want[200];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    log_event(LOG_WARN, "thing", "gone", NULL, "k", cases[i].value, NULL);
    snprintf(want, sizeof want, "test: warning: event=thing %s\n", cases[i].written);
    assert_string_equal(logged(), want);
  }
}

static void
levels(void **state)
{
  (void)state;
  log_verbosity = 1;
  log_event(LOG_INFO, "quiet", NULL);
  assert_string_equal(logged(), "");
  log_event(LOG_FATAL, "loud", NULL);
  assert_string_equal(logged(), "test: fatal: event=loud\n");
  log_verbosity = 3;
  log_event(LOG_DEBUG, "detail", NULL);
  assert_string_equal(logged(), "test: debug: event=detail\n");
  log_verbosity = 1;
}

/* Nobody's input makes a second line, or an endless one. */
static void
hostile_values(void **state)
{
  char huge[5000];
  char const *s;

  (void)state;
  memset(huge, '\n', sizeof huge - 1);
  huge[sizeof huge - 1] = 0;
  errno = EDOM;
  log_event(LOG_WARN, "thing", "k", huge, "text", log_text(slice_of("a\0\nb", 4)), NULL);
  assert_int_equal(errno, EDOM);
  s = logged();
  assert_ptr_equal(strchr(s, '\n'), s + strlen(s) - 1);
}

/* A line that is too long ends between two characters, and its quote is closed. */
static void
long_lines(void **state)
{
  char huge[8000], want[400];
  char const *s, *cut;
  size_t i, skip;

  (void)state;
  for (skip = 0; skip < 4; skip++) {
    memset(huge, 'a', skip);
    for (i = skip; i + 4 < sizeof huge; i += 4)
      memcpy(huge + i, "\xf0\x9f\x99\x82", 4);
    huge[i] = 0;
    log_event(LOG_WARN, "thing", "k", huge, NULL);
    s = logged();
    assert_true(strlen(s) > 2000 && strlen(s) <= 2048);
    assert_memory_equal(s + strlen(s) - 5, "\xf0\x9f\x99\x82\n", 5);
    huge[skip] = ' ';
    log_event(LOG_WARN, "thing", "k", huge, NULL);
    s = logged();
    assert_true(strlen(s) <= 2048);
    assert_memory_equal(s + strlen(s) - 2, "\"\n", 2);
    /* A text is cut so too. */
    memset(huge, 'a', skip);
    for (i = skip; i + 4 < sizeof huge; i += 4)
      memcpy(huge + i, "\xf0\x9f\x99\x82", 4);
    cut = log_text(slice_of(huge, i));
    assert_true(strlen(cut) <= 399 && strlen(cut) > 395);
    snprintf(want, sizeof want, "%.*s", (int)strlen(cut), huge);
    assert_string_equal(cut, want);
    assert_int_equal((strlen(cut) - skip) % 4, 0);
  }
}

static void
texts(void **state)
{
  char const *t[8];
  int i;

  (void)state;
  for (i = 0; i < 8; i++)
    t[i] = log_num((uint64_t)i);
  for (i = 0; i < 8; i++)
    assert_int_equal(t[i][0], '0' + i);
  assert_string_equal(log_num(UINT64_MAX), "18446744073709551615");
  assert_string_equal(log_peer(SLICE("2001:db8::1")), "2001:db8::1");
  log_hides_peers = true;
  assert_string_equal(log_peer(SLICE("2001:db8::1")), "hidden");
  log_hides_peers = false;
}

static void
the_last_warning_is_kept(void **state)
{
  uint64_t second = 7;

  (void)state;
  assert_null(log_last(&second));
  door_set_clock(1, 1100000000999999);
  log_event(LOG_INFO, "fine", NULL);
  assert_null(log_last(&second));
  log_event(LOG_WARN, "bad", "why", "a b", NULL);
  log_event(LOG_INFO, "fine", NULL);
  assert_string_equal(log_last(&second), "event=bad why=\"a b\"");
  assert_int_equal(second, 1100000000);
  logged();
  log_verbosity = 0;
  log_event(LOG_WARN, "unseen", NULL);
  log_verbosity = 1;
  assert_string_equal(log_last(&second), "event=unseen");
  assert_string_equal(logged(), "");
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(the_last_warning_is_kept, catch_stderr,
                                    let_stderr_go),
    cmocka_unit_test_setup_teardown(one_line, catch_stderr, let_stderr_go),
    cmocka_unit_test_setup_teardown(levels, catch_stderr, let_stderr_go),
    cmocka_unit_test_setup_teardown(hostile_values, catch_stderr, let_stderr_go),
    cmocka_unit_test_setup_teardown(long_lines, catch_stderr, let_stderr_go),
    cmocka_unit_test(texts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
