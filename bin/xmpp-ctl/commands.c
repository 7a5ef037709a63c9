#include "ctl.h"

#include "jid/jid.h"

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_STEP_MS 20
/* A wait that takes longer says what is waited for. */
#define WAIT_SILENT_MS 5000

/* Call fn for each instance that the settings name; the exit code is the largest. */
typedef int instance_fn(struct slice instance);

static int
each_instance(instance_fn *fn)
{
  struct settings_row const *row = NULL;
  int code = 0, c;

  while ((row = settings_next(&ctl.settings, "instance", row)))
    if ((c = fn(row->value[2])) > code) code = c;
  return code;
}

static char const *
name_of(struct slice instance)
{
  return log_text(instance);
}

/* ---- sessions, session, stats ---- */

static void
print_session(struct record *r)
{
  struct slice jid = record_get(r, 1), ip = record_get(r, 2), priority = record_get(r, 3);
  char when[STAMP_SIZE];

  stamp_s(when, record_u64(r, 4));
  if (ctl.records)
    printf("session\t%.*s\t%.*s\t%.*s\t%s\n", (int)jid.len, jid.s, (int)ip.len, ip.s,
           (int)priority.len, priority.s, when);
  else
    printf("%-40.*s %-20.*s %-8.*s %s\n", (int)jid.len, jid.s, (int)ip.len, ip.s,
           (int)(priority.len ? priority.len : 1), priority.len ? priority.s : "-", when);
}

int
command_sessions(char const *const *argv)
{
  struct client c;
  bool ok;

  (void)argv;
  client_reach(&c, "routed");
  client_ask(&c, "sessions", NULL);
  ok = client_answer(&c, "routed", print_session);
  client_close(&c);
  return ok ? 0 : 1;
}

char const *
prepared(char const *jid)
{
  static struct arena arena = ARENA_ZERO;
  static char full[JID_MAX + 1];
  struct jid j;

  if (!jid_parse(&arena, slice_str(jid), &j)) strerr_dief(1, "not a JID: ", jid);
  memcpy(full, j.full.s, j.full.len);
  full[j.full.len] = 0;
  arena_wipe(&arena);
  return full;
}

int
session_end(char const *jid, char const *condition, bool must_be)
{
  struct client c;
  bool ok, said;

  if (!client_open(&c, SLICE("routed"))) {
    strerr_warnwusys("reach xmpp-routed");
    return 111;
  }
  client_ask(&c, "end", prepared(jid), condition, NULL);
  ok = client_flush(&c);
  if (!ok) strerr_warnwusys("write to xmpp-routed");
  said = !ok || !must_be || client_answer(&c, jid, NULL);
  client_close(&c);
  return !ok ? 111 : said ? 0 : 1;
}

int
command_session(char const *const *argv)
{
  if (!argv[0] || strcmp(argv[0], "end") != 0 || !argv[1])
    strerr_dieusage(100, "session end JID");
  /* RFC 6120 s4.9.3.14: whoever runs the server does not want it. */
  return session_end(argv[1], "policy-violation", true);
}

static struct slice stats_of;

static void
print_stat(struct record *r)
{
  struct slice name = record_get(r, 1), value = record_get(r, 2);
  size_t i;

  printf(ctl.records ? "stat\t%.*s\t%.*s\t%.*s" : "%-12.*s %-24.*s %.*s",
         (int)stats_of.len, stats_of.s, (int)name.len, name.s, (int)value.len, value.s);
  for (i = 3; i + 1 < r->n; i += 2) {
    struct slice label = record_get(r, i), text = record_get(r, i + 1);
    printf(ctl.records ? "\t%.*s\t%.*s" : " %.*s=%.*s", (int)label.len, label.s,
           (int)text.len, text.s);
  }
  printf("\n");
}

static int
stats_one(struct slice instance)
{
  struct client c;
  bool ok;

  if (!client_open(&c, instance)) {
    strerr_warnwusys("reach ", name_of(instance));
    return 111;
  }
  stats_of = instance;
  client_ask(&c, "stats", NULL);
  ok = client_answer(&c, name_of(instance), print_stat);
  client_close(&c);
  return ok ? 0 : 1;
}

int
command_stats(char const *const *argv)
{
  return argv[0] ? stats_one(slice_str(argv[0])) : each_instance(stats_one);
}

/* ---- trace ---- */

int
command_trace(char const *const *argv)
{
  struct client c;
  bool ok, on = argv[0] && argv[1] && !strcmp(argv[1], "on");
  bool data = on && argv[2] && argv[3] && !strcmp(argv[3], "data");

  if (!argv[0] || !argv[1] || (on ? !argv[2] : strcmp(argv[1], "off") != 0) ||
      (on && argv[3] && !data))
    strerr_dieusage(100, "trace INSTANCE on FILE [data] | off");
  client_reach(&c, argv[0]);
  client_ask(&c, "trace", argv[1], on ? absolute(argv[2]) : "", data ? "data" : NULL,
             NULL);
  ok = client_answer(&c, argv[0], NULL);
  client_close(&c);
  return ok ? 0 : 1;
}

/* ---- wait, stop ---- */

static void
pause_a_little(void)
{
  struct timespec ts = {0, WAIT_STEP_MS * 1000000};

  nanosleep(&ts, NULL);
}

static bool
read_settings(void)
{
  char dir[512];

  settings_close(&ctl.settings);
  snprintf(dir, sizeof dir, "%s/settings", ctl.state);
  return settings_open(&ctl.settings, dir, "xmpp-ctl");
}

/* Words for the reason for which a program or a service cannot answer; NULL: it can. */
static char const *
why_not(struct look const *l)
{
  static char text[1100];

  if (l->state == LOOK_UP) return NULL;
  snprintf(text, sizeof text, "%s%s%s", l->awaits[0] ? l->awaits : "it is not ready",
           l->state == LOOK_DOWN && l->error[0] ? "; its log ends with: " : "",
           l->state == LOOK_DOWN ? l->error : "");
  return text;
}

/* The same of the first that cannot, with its name in *name. */
static char const *
next_missing(struct slice *name)
{
  struct settings_row const *row = NULL;
  static struct look l;
  char const *why;

  while ((row = settings_next(&ctl.settings, "instance", row))) {
    look_at_program(*name = row->value[2], &l, NULL, NULL);
    if ((why = why_not(&l))) return why;
  }
  while ((row = settings_next(&ctl.settings, "service", row))) {
    *name = row->value[0];
    look_at_service(row, &l);
    if ((why = why_not(&l))) return why;
  }
  return NULL;
}

/* A wait that takes long says what is waited for, and says it again when that is another. */
static void
say_missing(struct slice name, char const *why, uint64_t ms)
{
  static struct slice said;

  if (ms < WAIT_SILENT_MS || slice_eq(name, said)) return;
  said = name;
  strerr_warn("waiting for ", name_of(name), ": ", why);
}

/* Without settings there is no server yet: xmpp-up may be about to make one. */
static char const *
missing(struct slice *name)
{
  *name = SLICE("the settings");
  if (!ctl.settings.n && !read_settings()) {
    if (errno == EACCES) settings_die();
    return "xmpp-up has not compiled them";
  }
  return next_missing(name);
}

/* A program may be ready though something is missing: a listener above all. */
static int
warn_of_missing(struct slice instance)
{
  static struct look l;

  look_at_program(instance, &l, NULL, NULL);
  if (l.awaits[0]) strerr_warnw(name_of(instance), ": ", l.awaits);
  return 0;
}

/* Return when the server answers stanzas; with a number of seconds, give up after as many. */
int
command_wait(char const *const *argv)
{
  uint64_t most = UINT64_MAX / 1000, ms = 0;
  struct slice name;
  char const *why;

  if (argv[0] && (!slice_u64(slice_str(argv[0]), &most) || most > UINT64_MAX / 1000))
    strerr_dieusage(100, "wait [SECONDS]");
  while ((why = missing(&name))) {
    if (ms >= most * 1000)
      strerr_dief(1, "not ready in time: ", name_of(name), ": ", why);
    say_missing(name, why, ms);
    pause_a_little();
    ms += WAIT_STEP_MS;
  }
  return each_instance(warn_of_missing);
}

bool
run(char const *const *argv)
{
  int wstat;
  pid_t pid = fork();

  if (pid < 0) return false;
  if (!pid) {
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(errno == ENOENT ? 127 : 126);
  }
  return wait_pid(pid, &wstat) == pid && WIFEXITED(wstat) && !WEXITSTATUS(wstat);
}

static int
is_running(struct slice instance)
{
  struct client c;

  if (!client_open(&c, instance)) return 0;
  client_close(&c);
  return 1;
}

/* s6-svscan reads this FIFO until it has ended. */
static bool
is_supervised(void)
{
  char path[600];
  int fd;

  snprintf(path, sizeof path, "%s/service/.s6-svscan/control", ctl.state);
  fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd >= 0) fd_close(fd);
  return fd >= 0;
}

int
command_stop(char const *const *argv)
{
  char scan[512];
  char const *const svscanctl[] = {"s6-svscanctl", "-t", scan, NULL};

  (void)argv;
  snprintf(scan, sizeof scan, "%s/service", ctl.state);
  if (!run(svscanctl)) strerr_dief(111, "no s6-svscan runs in ", scan);
  while (each_instance(is_running) || is_supervised())
    pause_a_little();
  return 0;
}
