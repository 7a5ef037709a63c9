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

/* What is written to stderr lands in a pipe, and from there in line. */
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
    {"plain", "k=plain"      },
    {"",      "k=\"\""       },
    {"a b",   "k=\"a b\""    },
    {"a\nb",  "k=\"a\\x0ab\""},
    {"\"",    "k=\"\\\"\""   },
    {"\\",    "k=\"\\\\\""   },
    {"\x7f",  "k=\"\\x7f\""  },
    {"a=b",   "k=a=b"        },
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

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test_setup_teardown(one_line, catch_stderr, let_stderr_go),
    cmocka_unit_test_setup_teardown(levels, catch_stderr, let_stderr_go),
    cmocka_unit_test_setup_teardown(hostile_values, catch_stderr, let_stderr_go),
    cmocka_unit_test(texts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
