#include "ctl.h"

#include "jid/jid.h"

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_STEP_MS 20

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
  if (!client_open(&c, SLICE("routed"))) strerr_diefusys(111, "reach xmpp-routed");
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

  printf(ctl.records ? "stat\t%.*s\t%.*s\t%.*s\n" : "%-12.*s %-24.*s %.*s\n",
         (int)stats_of.len, stats_of.s, (int)name.len, name.s, (int)value.len, value.s);
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
  if (!client_open(&c, slice_str(argv[0]))) strerr_diefusys(111, "reach ", argv[0]);
  client_ask(&c, "trace", argv[1], on ? argv[2] : "", data ? "data" : NULL, NULL);
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

static int
is_not_ready(struct slice instance)
{
  struct client c;
  struct record r;
  bool ready;

  if (!client_open(&c, instance)) return 1;
  client_ask(&c, "ready", NULL);
  ready = client_read(&c, &r) && slice_is(record_get(&r, 0), "done");
  client_close(&c);
  return ready ? 0 : 1;
}

static bool
read_settings(void)
{
  char dir[512];

  settings_close(&ctl.settings);
  snprintf(dir, sizeof dir, "%s/settings", ctl.state);
  return settings_open(&ctl.settings, dir, "xmpp-ctl");
}

static struct slice wanted; /* the service that is looked for among routed's links */
static bool is_there;

static void
on_link(struct record *r)
{
  if (slice_eq(record_get(r, 1), wanted) && slice_is(record_get(r, 2), "up"))
    is_there = true;
}

/* A service of the administrator is there when routed has its link. */
static bool
service_is_there(struct slice name)
{
  struct client c;

  wanted = name;
  is_there = false;
  if (!client_open(&c, SLICE("routed"))) return false;
  client_ask(&c, "links", NULL);
  client_answer(&c, "routed", on_link);
  client_close(&c);
  return is_there;
}

/* The name of what is waited for; NULL: all is there. */
static struct slice
next_missing(void)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(&ctl.settings, "instance", row)))
    if (is_not_ready(row->value[2])) return row->value[2];
  while ((row = settings_next(&ctl.settings, "service", row)))
    if (!service_is_there(row->value[0])) return row->value[0];
  return slice_of(NULL, 0);
}

/* Returns when a stanza sent now is answered; with a number of seconds, gives up after
 * it. */
int
command_wait(char const *const *argv)
{
  uint64_t most = UINT64_MAX / 1000, ms = 0;
  struct slice missing = SLICE("the settings");

  if (argv[0] && (!slice_u64(slice_str(argv[0]), &most) || most > UINT64_MAX / 1000))
    strerr_dieusage(100, "wait [SECONDS]");
  while ((!ctl.settings.n && !read_settings()) || (missing = next_missing()).s) {
    if (ms >= most * 1000) strerr_dief(1, "not ready in time: ", name_of(missing));
    pause_a_little();
    ms += WAIT_STEP_MS;
  }
  return 0;
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

int
command_stop(char const *const *argv)
{
  char scan[512];
  char const *const svscanctl[] = {"s6-svscanctl", "-t", scan, NULL};

  (void)argv;
  snprintf(scan, sizeof scan, "%s/service", ctl.state);
  if (!run(svscanctl)) strerr_dief(111, "no s6-svscan runs in ", scan);
  while (each_instance(is_running))
    pause_a_little();
  return 0;
}
