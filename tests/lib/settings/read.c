#include "settings/settings.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

char const *PROG = "test";

static char dir[] = "/tmp/tabber-settings-XXXXXX";
static char file[sizeof dir + 8];

static int
make_dir(void **state)
{
  (void)state;
  if (!mkdtemp(dir)) return -1;
  snprintf(file, sizeof file, "%s/prog", dir);
  return 0;
}

static int
remove_dir(void **state)
{
  (void)state;
  unlink(file);
  return rmdir(dir);
}

static void
write_file(struct slice text)
{
  FILE *f = fopen(file, "w");

  assert_non_null(f);
  assert_int_equal(fwrite(text.s, 1, text.len, f), text.len);
  assert_int_equal(fclose(f), 0);
}

static void
open_text(struct settings *st, char const *text)
{
  write_file(slice_str(text));
  assert_true(settings_open(st, dir, "prog"));
}

static void
gets(void **state)
{
  static struct {
    char const *key, *scope, *value;
  } const cases[] = {
    {"max",     "*",         "100"       },
    {"max",     "a.example", "200"       },
    {"max",     "b.example", "100"       },
    {"only",    "a.example", "x"         },
    {"only",    "b.example", ""          },
    {"only",    "*",         ""          },
    {"missing", "*",         ""          },
    {"tab",     "*",         "a\tb\\c\nd"},
    {"bare",    "*",         ""          },
    {"twice",   "*",         "first"     },
    {"twice",   "a.example", "first"     },
    {"ma",      "*",         ""          },
    {"maxx",    "*",         ""          },
    {"",        "*",         ""          },
  };
  struct settings st = SETTINGS_ZERO;
  size_t i;

  (void)state;
  open_text(&st, "max\t*\t100\n"
                 "max\ta.example\t200\n"
                 "only\ta.example\tx\ty\tz\n"
                 "\n"
                 "tab\t*\ta\\tb\\\\c\\nd\n"
                 "bare\t*\n"
                 "twice\t*\tfirst\n"
                 "twice\t*\tsecond\n"
                 "last\t*\tno newline");
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct slice v = settings_get(&st, cases[i].key, slice_str(cases[i].scope));
    assert_non_null(v.s);
    if (!slice_is(v, cases[i].value))
      fail_msg("%s %s: %.*s", cases[i].key, cases[i].scope, (int)v.len, v.s);
  }
  assert_true(slice_is(settings_get(&st, "last", SLICE("*")), "no newline"));
  assert_true(slice_is(st.dir, dir));
  settings_close(&st);
  settings_close(&st);
}

static void
numbers_and_words(void **state)
{
  struct settings st = SETTINGS_ZERO;
  struct slice all = SLICE("*");

  (void)state;
  open_text(&st, "n\t*\t42\nbig\t*\t18446744073709551616\nword\t*\tlots\nempty\t*\t\n"
                 "zero\t*\t0\nyes\t*\ttrue\nno\t*\tfalse\none\t*\t1\n");
  assert_int_equal(settings_u64(&st, "n", all), 42);
  assert_int_equal(settings_u64(&st, "zero", all), 0);
  assert_int_equal(settings_u64(&st, "absent", all), UINT64_MAX);
  assert_int_equal(settings_u64(&st, "empty", all), UINT64_MAX);
  assert_int_equal(settings_u64(&st, "big", all), UINT64_MAX);
  assert_int_equal(settings_u64(&st, "word", all), UINT64_MAX);
  assert_true(settings_bool(&st, "yes", SLICE("a.example")));
  assert_false(settings_bool(&st, "no", all));
  assert_false(settings_bool(&st, "one", all));
  assert_false(settings_bool(&st, "absent", all));
  settings_close(&st);
}

static void
rows(void **state)
{
  struct settings st = SETTINGS_ZERO;
  struct settings_row const *row = NULL;
  unsigned int i;

  (void)state;
  open_text(&st,
            "listen\t1\ta\tb\tc\td\te\tf\tg\nother\t*\tx\nlisten\t2\tq\nlisten\t3\n");
  row = settings_next(&st, "listen", NULL);
  assert_non_null(row);
  for (i = 0; i < 6; i++) {
    char want[2] = {(char)('a' + i), 0};
    assert_true(slice_is(row->value[i], want));
  }
  row = settings_next(&st, "listen", row);
  assert_true(row && slice_is(row->scope, "2") && slice_is(row->value[0], "q"));
  for (i = 1; i < 6; i++)
    assert_int_equal(row->value[i].len, 0);
  row = settings_next(&st, "listen", row);
  assert_true(row && slice_is(row->scope, "3") && !row->value[0].len);
  assert_null(settings_next(&st, "listen", row));
  assert_null(settings_next(&st, "none", NULL));
  assert_true(settings_has(&st, "listen", SLICE("2"), "q"));
  assert_false(settings_has(&st, "listen", SLICE("1"), "q"));
  assert_false(settings_has(&st, "listen", SLICE("3"), "q"));
  assert_true(settings_has_any(&st, "listen", "q"));
  assert_false(settings_has_any(&st, "other", "q"));
  settings_close(&st);
  assert_null(settings_next(&st, "listen", NULL));
}

static bool
note_domain(void *cookie, struct slice host, struct slice domain)
{
  char *text = cookie;
  size_t len = strlen(text);

  snprintf(text + len, 128 - len, "%.*s of %.*s;", (int)domain.len, domain.s,
           (int)host.len, host.s);
  return !slice_is(domain, "d.b");
}

static void
domains_of_services(void **state)
{
  struct settings st = SETTINGS_ZERO;
  char all[128] = "";

  (void)state;
  open_text(&st,
            "module\ta\tmod_x\nmodule\ta\tmod_y\nmodule\tb\tmod_x\nmodule\tc\tmod_x\n"
            "mod_x.host\ta\tx.a\nmod_x.host\tb\tno\nmod_x.hosts\tb\tx.b  d.b\n"
            "mod_x.host\tc\tx.c\nmod_y.host\ta\ty.a\nmod_x.host\te\tx.e\n");
  assert_true(slice_is(settings_domains(&st, "mod_x", SLICE("b")), "x.b  d.b"));
  settings_each_domain(&st, "mod_x", note_domain, all);
  assert_string_equal(all, "x.a of a;x.b of b;d.b of b;");
  assert_true(slice_is(settings_domain_host(&st, "mod_x", SLICE("x.c")), "c"));
  assert_int_equal(settings_domain_host(&st, "mod_x", SLICE("y.a")).len, 0);
  assert_int_equal(settings_domain_host(&st, "mod_x", SLICE("x.e")).len, 0);
  settings_close(&st);
}

static void
refuses(void **state)
{
  struct slice const cases[] = {SLICE("key\n"),         SLICE("ok\t*\t1\nkey\n"),
                                SLICE("key\t*\t\\x\n"), SLICE("key\t*\ta\0b\n"),
                                SLICE("key\t*\t1\r\n"), SLICE("key\t*\t\\")};
  struct settings st = SETTINGS_ZERO;
  size_t i;

  (void)state;
  log_verbosity = 0;
  for (i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_file(cases[i]);
    errno = 0;
    assert_false(settings_open(&st, dir, "prog"));
    assert_int_equal(errno, EPROTO);
    assert_int_equal(st.n, 0);
    assert_null(st.rows);
  }
  log_verbosity = 1;
  errno = 0;
  assert_false(settings_open(&st, dir, "nobody"));
  assert_int_equal(errno, ENOENT);
  assert_int_equal(st.n, 0);
  open_text(&st, "");
  assert_int_equal(st.n, 0);
  settings_close(&st);
  open_text(&st, "\n\n");
  assert_int_equal(st.n, 0);
  settings_close(&st);
}

/* The log has the number of the line, empty lines counted. */
static void
names_the_line(void **state)
{
  char text[500];
  struct settings st = SETTINGS_ZERO;
  int fds[2], old = dup(2);
  ssize_t n;

  (void)state;
  write_file(SLICE("ok\t*\t1\n\n\nbad\n"));
  assert_int_equal(pipe(fds), 0);
  dup2(fds[1], 2);
  settings_open(&st, dir, "prog");
  dup2(old, 2);
  close(old);
  close(fds[1]);
  n = read(fds[0], text, sizeof text - 1);
  close(fds[0]);
  assert_true(n > 0);
  text[n] = 0;
  assert_non_null(strstr(text, "line=4 why="));
}

static void
paths(void **state)
{
  struct settings st = SETTINGS_ZERO;
  char want[sizeof dir + 20];
  struct slice p;

  (void)state;
  open_text(&st, "cert\t*\tcerts/a.pem\n");
  p = settings_path(&st, settings_get(&st, "cert", SLICE("*")));
  snprintf(want, sizeof want, "%s/certs/a.pem", dir);
  assert_string_equal(p.s, want);
  assert_int_equal(p.len, strlen(want));
  p = settings_path(&st, SLICE("/etc/a.pem"));
  assert_string_equal(p.s, "/etc/a.pem");
  settings_close(&st);
}

int
main(void)
{
  struct CMUnitTest const tests[] = {
    cmocka_unit_test(gets),
    cmocka_unit_test(numbers_and_words),
    cmocka_unit_test(rows),
    cmocka_unit_test(refuses),
    cmocka_unit_test(names_the_line),
    cmocka_unit_test(paths),
    cmocka_unit_test(domains_of_services),
  };
  return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
