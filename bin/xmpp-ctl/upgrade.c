#include "ctl.h"

#include "record/programs.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* upgrade: each program whose file is another than the one that its process was started from gets
 * SIGTERM, and its supervisor starts the new one. The next follows when the program is ready and
 * its neighbours have their links to it again. First those that no client notices, then
 * xmpp-c2sd, xmpp-s2sd and xmpp-compd, which end streams, and xmpp-webd, then xmpp-tlsd, which cut
 * connections. */

#define STEP_MS 20
#define SECONDS 30 /* for a program to be up again */
#define NEIGHBOURS_MAX 64

struct program_now {
  pid_t pid;
  char version[32];
  unsigned long long connections, streams;
  bool ready, has_link; /* has_link: to the instance that is restarted */
};

static struct {
  struct program_now now; /* what the answers say */
  struct slice name;      /* the instance that is restarted */
  struct slice neighbours[NEIGHBOURS_MAX];
  unsigned int n, restarted;
  uint64_t seconds;
  bool stopped; /* a program is not up again: the others are left alone */
} job;

/* ---- asking ---- */

static void
on_stat(struct record *r)
{
  struct slice name = record_get(r, 1), value = record_get(r, 2);

  if (slice_is(name, "version"))
    snprintf(job.now.version, sizeof job.now.version, "%.*s", (int)value.len, value.s);
  if (slice_is(name, "connections")) job.now.connections = record_u64(r, 2);
  if (slice_is(name, "streams")) job.now.streams = record_u64(r, 2);
}

static void
on_link(struct record *r)
{
  if (slice_eq(record_get(r, 1), job.name) && slice_is(record_get(r, 2), "up"))
    job.now.has_link = true;
}

/* Read answers to the end of one; false: an error, or the program hung up. */
static bool
answer(struct client *c, client_row_fn *fn)
{
  struct record r;

  while (client_read(c, &r)) {
    if (slice_is(record_get(&r, 0), "done")) return true;
    if (slice_is(record_get(&r, 0), "error")) return false;
    if (fn) fn(&r);
  }
  return false;
}

/* Set job.now from the answers of an instance; false: nobody answers. */
static bool
look(struct slice instance)
{
  struct client c;
  struct ucred peer;
  socklen_t len = sizeof peer;
  bool ok;

  memset(&job.now, 0, sizeof job.now);
  if (!client_open(&c, instance)) return false;
  client_ask(&c, "stats", NULL);
  client_ask(&c, "links", NULL);
  client_ask(&c, "ready", NULL);
  ok = !getsockopt(c.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && answer(&c, on_stat) &&
       answer(&c, on_link);
  job.now.ready = ok && answer(&c, NULL);
  job.now.pid = ok ? peer.pid : 0;
  client_close(&c);
  return ok;
}

/* ---- files ---- */

enum file { FILE_SAME, FILE_CHANGED, FILE_GONE, FILE_UNKNOWN };

/* Compare the file that the process was started from with the one that has its name now. */
static enum file
file_of(pid_t pid)
{
  static char const deleted[] = " (deleted)";
  char link[64], path[PATH_MAX];
  struct stat was, is;
  ssize_t n;

  snprintf(link, sizeof link, "/proc/%ld/exe", (long)pid);
  n = readlink(link, path, sizeof path - 1);
  if (n < 0 || stat(link, &was)) return FILE_UNKNOWN;
  path[n] = 0;
  if (n > (ssize_t)strlen(deleted) && !strcmp(path + n - strlen(deleted), deleted))
    path[n - (ssize_t)strlen(deleted)] = 0;
  if (stat(path, &is)) return FILE_GONE;
  return was.st_dev == is.st_dev && was.st_ino == is.st_ino ? FILE_SAME : FILE_CHANGED;
}

/* Where /proc does not tell, the version of xmpp-ctl decides: it was installed with the others. */
static bool
is_old(struct slice instance, struct program_now const *p)
{
  enum file file = file_of(p->pid);

  if (file == FILE_GONE)
    strerr_warnw(log_text(instance),
                 " runs from a file that is there no more: ", "it is not restarted");
  if (file == FILE_UNKNOWN) return strcmp(p->version, TABBER_VERSION) != 0;
  return file == FILE_CHANGED;
}

/* ---- restarting ---- */

/* Set job.neighbours to the instances that have a link to job.name. */
static void
find_neighbours(void)
{
  struct settings_row const *row = NULL;

  job.n = 0;
  while ((row = settings_next(&ctl.settings, "instance", row)))
    if (!slice_eq(row->value[2], job.name) && look(row->value[2]) && job.now.has_link &&
        job.n < NEIGHBOURS_MAX)
      job.neighbours[job.n++] = row->value[2];
}

static bool
neighbours_are_back(void)
{
  unsigned int i;

  for (i = 0; i < job.n; i++)
    if (!look(job.neighbours[i]) || !job.now.has_link || !job.now.ready) return false;
  return true;
}

/* Wait until job.name runs as another process, and all is as it was. The milliseconds that it took;
 * -1: too long. */
static long
wait_for_new(pid_t old, struct program_now *now)
{
  struct timespec step = {0, STEP_MS * 1000000};
  uint64_t ms;

  for (ms = 0; ms <= job.seconds * 1000; ms += STEP_MS) {
    if (look(job.name) && job.now.pid != old && job.now.ready) {
      *now = job.now;
      if (neighbours_are_back()) return (long)ms;
    }
    nanosleep(&step, NULL);
  }
  return -1;
}

static char const *
version(struct program_now const *p)
{
  return p->version[0] ? p->version : "unknown";
}

static void
print_clients(enum program p, struct program_now const *old)
{
  if (p == TLSD)
    printf("; %llu connections of clients were cut", old->connections);
  else if (p == WEBD)
    printf("; %llu connections of web clients were cut", old->connections);
  else if (p == C2SD)
    printf("; %llu streams of clients ended with system-shutdown", old->streams);
  else if (p == S2SD)
    printf("; the streams of other servers were begun anew");
  else
    printf(p == COMPD ? "; the streams of components ended with system-shutdown"
                      : "; no client noticed");
}

/* Say who noticed: the neighbours whose links broke, and clients. */
static void
print_done(enum program p, struct program_now const *old, struct program_now const *now,
           long ms)
{
  unsigned int i;

  if (ctl.records)
    printf("upgrade\t%s\t%s\t%s\t%ld\t%llu", log_text(job.name), version(old),
           version(now), ms, p & (TLSD | WEBD) ? old->connections : old->streams);
  else
    printf("%s: %s, now %s, up after %ld ms; links that broke: %s", log_text(job.name),
           version(old), version(now), ms, job.n ? "" : "none");
  for (i = 0; i < job.n; i++)
    printf("%s%s", ctl.records ? "\t" : i ? " " : "", log_text(job.neighbours[i]));
  if (!ctl.records) print_clients(p, old);
  putchar('\n');
  fflush(stdout);
}

static int
restart(enum program p, struct slice instance)
{
  struct program_now old = job.now, now;
  long ms;

  job.name = instance;
  find_neighbours();
  job.stopped = true;
  if (kill(old.pid, SIGTERM)) {
    strerr_warnwusys("restart ", log_text(instance));
    return 111;
  }
  ms = wait_for_new(old.pid, &now);
  if (ms < 0) {
    strerr_warnw(log_text(instance), " is not up again in time, and the programs ",
                 "behind it are not restarted; see ", ctl.state, "/log/",
                 log_text(instance));
    return 1;
  }
  print_done(p, &old, &now, ms);
  job.restarted++;
  job.stopped = false;
  return 0;
}

/* ---- the command ---- */

/* 0: clients do not notice when it restarts; 2: the most. */
static int
rank_of(enum program p)
{
  return p == TLSD ? 2 : program_roles(p) & (ROLE_EDGE | ROLE_WEB) ? 1 : 0;
}

static int
upgrade_one(enum program p, struct slice instance)
{
  if (!look(instance)) {
    strerr_warnw(log_text(instance), " does not answer: it is not restarted");
    return 1;
  }
  return is_old(instance, &job.now) ? restart(p, instance) : 0;
}

static int
upgrade_rank(int rank)
{
  struct settings_row const *row = NULL;
  int code = 0, c;

  while (!job.stopped && (row = settings_next(&ctl.settings, "instance", row))) {
    enum program p = program_find(row->value[0]);
    c = rank_of(p) == rank ? upgrade_one(p, row->value[2]) : 0;
    if (c > code) code = c;
  }
  return code;
}

int
command_upgrade(char const *const *argv)
{
  int rank, code = 0, c;

  job.seconds = SECONDS;
  if (argv[0] &&
      (!slice_u64(slice_str(argv[0]), &job.seconds) || job.seconds > INT32_MAX / 1000))
    strerr_dieusage(100, "upgrade [SECONDS]");
  for (rank = 0; rank <= 2; rank++) {
    c = upgrade_rank(rank);
    if (c > code) code = c;
  }
  if (!code && !job.restarted && !ctl.records)
    puts("nothing is restarted: all programs run from the files that are installed");
  return code;
}
