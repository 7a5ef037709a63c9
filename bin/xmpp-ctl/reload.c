#include "ctl.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* reload, in two steps. The configuration is compiled into a folder of its own, and
 * every program that runs is asked whether it can take the settings there (check).
 * When all can, the folder takes the place of the one in force by one rename, and
 * every program takes them (reload). Else the folder goes away. A program that is
 * killed meanwhile finds one whole set when it is back. */

#define WORDS_MAX 63
#define INSTANCES_MAX 256

static struct {
  char settings[512], next[512]; /* folders: in force, new */
  struct settings fresh;         /* xmpp-ctl's own of the new ones */

  struct {
    struct slice name;
    bool runs;
  } instances[INSTANCES_MAX];

  bool has_new; /* programs that have no service directory yet */

  size_t n;
} job = {.fresh = SETTINGS_ZERO};

/* ---- compiling ---- */

/* The words with which xmpp-up compiled, a line each in the file fd. The lock lasts as
 * long as this process: another reload waits. */
static void
read_words(char const **words)
{
  static char text[4096];
  struct slice rest, word;
  char path[512];
  size_t n = 0;
  ssize_t len;
  int fd;

  snprintf(path, sizeof path, "%s/compile", ctl.state);
  fd = open_readb(path);
  if (fd < 0 || flock(fd, LOCK_EX)) strerr_diefusys(111, "read ", path);
  len = read(fd, text, sizeof text - 1);
  if (len < 0) strerr_diefusys(111, "read ", path);
  rest = slice_of(text, (size_t)len);
  while (n < WORDS_MAX && slice_word(&rest, '\n', &word)) {
    text[word.s - text + (ptrdiff_t)word.len] = 0;
    words[n++] = word.s;
  }
  words[n] = NULL;
  if (!n) strerr_dief(100, path, " has no words");
}

/* The path of another program in the folder of this one. */
static char const *
beside(char const *program)
{
  static char path[PATH_MAX + 32];
  ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
  char *slash;

  if (n < 0) strerr_diefusys(111, "find where xmpp-ctl lies");
  path[n] = 0;
  slash = strrchr(path, '/');
  strcpy(slash + 1, program);
  return path;
}

/* Where the programs have moved since xmpp-up ran, xmpp-confgen is beside xmpp-ctl. With quiet it says
 * nothing but errors. */
static bool
compile(bool quiet)
{
  char const *words[WORDS_MAX + 2];
  size_t i;

  read_words(words);
  for (i = 0; words[i] && strcmp(words[i], "-o") != 0; i++) {
  }
  if (!words[i] || !words[i + 1]) strerr_dief(100, ctl.state, "/compile has no folder");
  words[i + 1] = job.next;
  if (access(words[0], X_OK)) words[0] = beside("xmpp-confgen");
  if (quiet) {
    while (words[i])
      i++;
    memmove(words + 3, words + 2, (i - 1) * sizeof *words);
    words[2] = "--quiet";
  }
  return run(words);
}

/* ---- who is asked ---- */

static bool
is_running(struct slice name)
{
  struct client c;

  if (!client_open(&c, name)) return false;
  client_close(&c);
  return true;
}

/* A program that could not work with its settings has ended with 100, and its
 * supervisor does not start it again by itself. */
static bool
has_given_up(struct slice name)
{
  uint64_t times, code;

  return process_ended(name, &times, &code) && code == 100;
}

/* Have the supervisor (s6, runit) start a program. */
static void
start(struct slice name)
{
  char path[700];
  int fd;

  snprintf(path, sizeof path, "%s/service/%.*s/supervise/control", ctl.state,
           (int)name.len, name.s);
  fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd >= 0 && fd_write(fd, "u", 1) == 1)
    strerr_warn(log_text(name), " had ended because of its settings, and is started");
  else
    strerr_warnwusys("start ", log_text(name));
  if (fd >= 0) fd_close(fd);
}

static void
start_again(void)
{
  size_t i;

  for (i = 0; i < job.n; i++)
    if (!job.instances[i].runs && has_given_up(job.instances[i].name))
      start(job.instances[i].name);
}

/* Programs of modules that the configuration did not have so far are not laid out yet. */
static bool
is_new(struct slice name)
{
  char path[700];

  snprintf(path, sizeof path, "%s/service/%.*s", ctl.state, (int)name.len, name.s);
  return access(path, F_OK) && errno == ENOENT;
}

/* Services of the administrator have no control socket: their directories alone are looked at. */
static void
add_own(struct settings const *st)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, "service", row)))
    if (is_new(row->value[0])) job.has_new = true;
}

/* xmpp-up lays out the new programs, and the supervisor starts them. */
static void
start_new(void)
{
  char const *words[] = {beside("xmpp-up"), "--add", "-s", ctl.state, NULL};

  if (job.has_new && !run(words))
    strerr_warnw("the programs that are new do not run: start xmpp-up again");
}

static void
add_instances(struct settings const *st, bool runs_only)
{
  struct settings_row const *row = NULL;
  size_t i;

  while ((row = settings_next(st, "instance", row))) {
    struct slice name = row->value[2];
    bool runs = is_running(name);
    for (i = 0; i < job.n && !slice_eq(job.instances[i].name, name); i++) {
    }
    if (i < job.n || (runs_only && !runs)) continue;
    if (job.n == INSTANCES_MAX) strerr_dief(100, "too many instances");
    job.instances[job.n].name = name;
    job.instances[job.n++].runs = runs;
    if (!runs && is_new(name))
      job.has_new = true;
    else if (!runs && !has_given_up(name))
      strerr_warnw(log_text(name),
                   " does not run: it reads the new settings when it starts");
  }
}

/* ---- asking ---- */

/* The place in the configuration of the row that a program refused; empty: not known. */
static struct slice
place_of(struct slice key, struct slice scope)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(&job.fresh, "origin", row)))
    if (slice_eq(row->scope, scope) && slice_eq(row->value[0], key)) return row->value[1];
  return SLICE("");
}

static void
print_refusal(struct slice name, struct record *r)
{
  struct slice text = record_get(r, 1), key = record_get(r, 3);
  struct slice place = place_of(key, record_get(r, 4));

  fprintf(stderr, "xmpp-ctl: %.*s: %.*s%s%.*s%s%.*s\n", (int)name.len, name.s,
          (int)place.len, place.s, place.len ? ": " : "", (int)key.len, key.s,
          key.len ? ": " : "", (int)text.len, text.s);
}

static bool
gone(struct slice name)
{
  strerr_warnwu("hear from ", log_text(name), ": it hung up");
  return false;
}

/* A program of a version that knows no check answers the figures alone. */
static bool
check(struct slice name)
{
  struct client c;
  struct record r;
  bool ok;

  if (!client_open(&c, name)) return true;
  client_ask(&c, "check", job.next, NULL);
  client_ask(&c, "stats", NULL);
  ok = client_read(&c, &r) || gone(name);
  if (ok && slice_is(record_get(&r, 0), "error")) {
    print_refusal(name, &r);
    ok = false;
  }
  client_close(&c);
  return ok;
}

/* A program that has gone meanwhile reads the settings when it is back. */
static bool
take(struct slice name)
{
  struct client c;
  struct record r;
  bool ok = true;

  if (!client_open(&c, name)) return true;
  client_ask(&c, "reload", NULL);
  if (!client_read(&c, &r))
    gone(name);
  else if (slice_is(record_get(&r, 0), "error")) {
    print_refusal(name, &r);
    ok = false;
  }
  client_close(&c);
  return ok;
}

/* Ask all that run; true when all answer well. */
static bool
all(bool (*ask)(struct slice name))
{
  bool ok = true;
  size_t i;

  for (i = 0; i < job.n; i++)
    if (job.instances[i].runs && !ask(job.instances[i].name)) ok = false;
  return ok;
}

/* ---- the whole ---- */

static void
exchange(void)
{
  if (renameat2(AT_FDCWD, job.next, AT_FDCWD, job.settings, RENAME_EXCHANGE))
    strerr_diefusys(111, "exchange ", job.settings);
}

/* The folder next has what is not in force. */
static int
unchanged(void)
{
  rm_rf(job.next);
  strerr_warnw("nothing has changed: the settings are those of before");
  return 1;
}

int
command_reload(char const *const *argv)
{
  if (argv[0] && strcmp(argv[0], "--quiet") != 0)
    strerr_dieusage(100, "reload [--quiet]");
  snprintf(job.settings, sizeof job.settings, "%s/settings", ctl.state);
  snprintf(job.next, sizeof job.next, "%s/settings.next", ctl.state);
  if (!compile(argv[0])) return 100;
  if (!settings_open(&job.fresh, job.next, "xmpp-ctl"))
    strerr_diefusys(111, "read ", job.next);
  add_instances(&job.fresh, false);
  add_instances(&ctl.settings, true);
  add_own(&job.fresh);
  if (!all(check)) return unchanged();
  exchange();
  if (!all(take)) {
    exchange();
    all(take);
    return unchanged();
  }
  rm_rf(job.next);
  start_again();
  start_new();
  return 0;
}
