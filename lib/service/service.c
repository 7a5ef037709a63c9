#include "service/service_internal.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/sgetopt.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The time that -p believes in until a clock line tells another: 2001-09-09 01:46:40
 * UTC. */
#define PIPE_CLOCK_US 1000000000000000u

static struct {
  struct service const *svc;
  char const *dir;
  char instance[LINK_NAME_MAX + 1];
  unsigned int number, notif;
  bool pipe, raw, stopping, told_ready, waits, hurry;
  struct event_timer stop_timer, wait_timer;
  uint64_t stop_at_us;
  uint64_t held_until_us; /* 0: nobody has said hold */
} service = {.number = 1};

char const *
service_instance(void)
{
  return service.instance;
}

/* ---- back pressure ---- */

static bool
feeds_a_full_link(struct link const *from)
{
  struct link const *l;

  for (l = link_next(NULL); l; l = link_next(l))
    if (l->full && service.svc->feeds(from, l)) return true;
  return false;
}

/* Pause the links that feed a full link; the others go on, and so does a peer that has not
 * said hello: no role is known of it yet. */
static void
pause_feeders(void)
{
  struct link *l;

  if (!service.svc->feeds) return;
  for (l = link_next(NULL); l; l = link_next(l))
    link_pause(l, l->up && (feeds_a_full_link(l) ||
                            (service.svc->holds && service.svc->holds(l))));
}

void
service_look_again(void)
{
  pause_feeders();
}

/* ---- readiness ---- */

static struct link const *
missing_link(void)
{
  struct link const *l;

  for (l = link_next(NULL); l; l = link_next(l))
    if (l->path && !l->up) return l;
  return NULL;
}

static bool
is_ready(void)
{
  return !missing_link() && !service.stopping &&
         (!service.svc->ready || service.svc->ready());
}

/* Words for what is missing; NULL: nothing. */
static char const *
awaits(void)
{
  static char text[64];
  struct link const *l = missing_link();
  char const *own = service.svc->awaits ? service.svc->awaits() : NULL;

  if (service.stopping) return "the program ends";
  if (l) snprintf(text, sizeof text, "no link to %s", l->name);
  if (l) return text;
  return own || is_ready() ? own : "not yet";
}

static void
tell_ready(void)
{
  if (service.told_ready || !is_ready()) return;
  service.told_ready = true;
  log_event(LOG_INFO, "ready", "instance", service.instance, "version", TABBER_VERSION,
            NULL);
  if (!service.notif) return;
  fd_write((int)service.notif, "\n", 1);
  fd_close((int)service.notif);
}

/* ---- settings ---- */

/* RUN/INSTANCE/NAME, in the settings' arena. */
static char const *
run_path(struct slice instance, char const *name)
{
  struct slice run = settings_get(taken_settings(), "run", SLICE("*"));
  char buf[512];

  snprintf(buf, sizeof buf, "%.*s/%.*s/%s", run.len ? (int)run.len : 6,
           run.len ? run.s : "../run", (int)instance.len, instance.s, name);
  return settings_path(taken_settings(), slice_str(buf)).s;
}

/* Rows `program NAME UID ROLES` name who may connect; UID - is our own user. */
static bool
admit_peers(void)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(taken_settings(), "program", row))) {
    unsigned int roles = roles_find(row->value[2]);
    uint64_t uid = LINK_SAME_USER;
    if (!roles || (!slice_is(row->value[1], "-") && !slice_u64(row->value[1], &uid)) ||
        !link_admit(row->value[0], roles, (uid_t)uid))
      return false;
  }
  return true;
}

static bool
is_connected(struct slice name)
{
  struct link *l = NULL;

  while ((l = link_next(l)))
    if (l->path && slice_is(name, l->name)) return true;
  return false;
}

/* Rows `connect NAME` name the programs whose sockets this program connects to. */
static bool
connect_links(void)
{
  struct settings_row const *row = NULL;
  char const *path;

  while ((row = settings_next(taken_settings(), "connect", row))) {
    if (is_connected(row->value[0])) continue;
    path = run_path(row->value[0], "link");
    if (!path || !link_connect(path, row->value[0])) return false;
  }
  return true;
}

/* New settings may have other programs: they may connect, and are connected to. */
static bool
reload(void)
{
  bool ok = taken_load(service.svc, service.dir, false);

  if (ok && (!admit_peers() || !connect_links()))
    log_event(LOG_WARN, "reload-failed", "dir", service.dir, "why",
              "no links with new programs", "do", "restart this program", NULL);
  else if (ok)
    log_event(LOG_INFO, "reloaded", "dir", service.dir, NULL);
  else
    log_event(LOG_WARN, "reload-failed", "dir", service.dir, "why",
              "the settings were refused", "do", "run xmpp-confgen check", NULL);
  return ok;
}

/* Tell why settings were refused, and which row of them. */
static void
say_refused(struct link *ctl)
{
  struct settings_refused const *why = settings_refused();

  link_begin(ctl, VERB_ERROR);
  link_str(ctl,
           why->why[0] ? why->why : "the new settings were refused; the log says why");
  link_str(ctl, NULL);
  link_str(ctl, why->key);
  link_str(ctl, why->scope);
  link_end(ctl);
}

/* A folder that is not absolute begins at the folder of the settings in force. */
static void
check(struct link *ctl, struct slice folder)
{
  char dir[512];
  bool relative = !folder.len || folder.s[0] != '/';

  snprintf(dir, sizeof dir, "%s%s%.*s", relative ? service.dir : "", relative ? "/" : "",
           (int)folder.len, folder.s);
  if (taken_check(service.svc, dir))
    service_done(ctl);
  else
    say_refused(ctl);
}

/* ---- control ---- */

static void
stats(struct link *ctl)
{
  struct link const *l;
  uint64_t links_up = 0, pending = link_pending(); /* without this answer */

  for (l = link_next(NULL); l; l = link_next(l))
    links_up += l->up && l->program != CTL;
  link_begin(ctl, VERB_STAT);
  link_str(ctl, "version");
  link_str(ctl, TABBER_VERSION);
  link_end(ctl);
  service_stat(ctl, "links", links_up);
  service_stat(ctl, "output_bytes", pending);
  if (service.svc->stats) service.svc->stats(ctl);
  service_done(ctl);
}

static void
status(struct link *ctl)
{
  uint64_t second;
  char const *error = log_last(&second);

  if (error && ctl->roles & ROLE_CONTROL)
    service_row(ctl, "error", log_num(second), error, NULL);
  if (awaits()) service_row(ctl, "awaits", awaits(), NULL);
  if (service.svc->status) service.svc->status(ctl);
  service_done(ctl);
}

static void
list_links(struct link *ctl)
{
  struct link const *l;

  for (l = link_next(NULL); l; l = link_next(l)) {
    if (l->program == CTL || (!l->up && !l->path)) continue;
    link_begin(ctl, VERB_ROW);
    link_str(ctl, l->name);
    link_str(ctl, l->up ? "up" : "down");
    link_end(ctl);
  }
  service_done(ctl);
}

/* ---- holding still ---- */

/* Between hold and hold over nothing is committed: whoever has read the stores of several programs
 * meanwhile has them as they were at one moment. */
static void
hold(struct link *ctl, bool over)
{
  bool in_time = door_now() < service.held_until_us;

  if (over) {
    service.held_until_us = 0;
    if (in_time) {
      service_done(ctl);
      return;
    }
    log_event(LOG_WARN, "hold-failed", "why", "the backup took too long", NULL);
    service_error(ctl, "the program went on before the backup was done");
  } else if (in_time) {
    service_error(ctl, "another backup has just begun");
  } else {
    service.hurry = true;
    service.held_until_us = door_now() + HOLD_US;
    link_hold(ctl, service.held_until_us);
    service_done(ctl);
  }
}

static bool
control(struct link *l, enum verb v, struct record *r)
{
  if (v == VERB_STATS) {
    stats(l);
  } else if (v == VERB_LINKS) {
    list_links(l);
  } else if (v == VERB_TRACE) {
    trace_asked(service.svc, l, r);
  } else if (v == VERB_HOLD) {
    hold(l, slice_is(record_get(r, 1), "over"));
  } else if (v == VERB_RELOAD) {
    (reload() ? service_done : say_refused)(l);
  } else if (v == VERB_CHECK) {
    check(l, record_get(r, 1));
  } else if (v == VERB_READY) {
    if (is_ready())
      service_done(l);
    else
      service_error(l, awaits());
  } else if (v == VERB_STATUS) {
    status(l);
  } else
    return false;
  return true;
}

/* ---- the links' owner ---- */

static void
on_up(struct link *l)
{
  if (l->program == CTL) return;
  if (service.svc->up) service.svc->up(l);
  pause_feeders();
  tell_ready();
}

static void
on_down(struct link *l)
{
  if (service.svc->down) service.svc->down(l);
}

static void
on_record(struct link *l, enum verb v, struct record *r)
{
  static bool logged[VERBS_N];

  if (l->program == CTL && control(l, v, r)) return;
  if (service.svc->handlers[v]) {
    service.svc->handlers[v](l, r);
    return;
  }
  if (l->program == CTL) service_error(l, "this program does not do that");
  if (v == VERB_ACK || logged[v]) return;
  logged[v] = true;
  log_event(LOG_WARN, "verb-not-handled", "link", l->name, "verb", verb_rows[v].word,
            "why", "the program has no handler of this verb", NULL);
}

static void
on_full(struct link *l, bool full)
{
  log_event(LOG_INFO, full ? "link-full" : "link-drained", "link", l->name, NULL);
  pause_feeders();
  if (service.svc->full) service.svc->full(l, full);
}

static void
another_turn(void *cookie)
{
  (void)cookie;
}

bool
service_wait(void)
{
  if (service.stopping || service.hurry) return false;
  service.waits = true;
  if (!event_timer_on(&service.wait_timer))
    event_timer_start(&service.wait_timer, door_now() + STORE_LATER_US, another_turn,
                      NULL);
  return true;
}

/* Acknowledge routed's records when the turn's work is done. */
static void
on_turn(void)
{
  service.waits = false;
  if (service.svc->turn) service.svc->turn();
  service.hurry = false;
  if (!service.waits) link_receipts(ROUTED);
}

static void
on_settle(void)
{
  service.hurry = true;
}

static struct link_owner owner = {.up = on_up,
                                  .down = on_down,
                                  .record = on_record,
                                  .full = on_full,
                                  .turn = on_turn,
                                  .settle = on_settle};

/* ---- the end ---- */

static void
try_stop(void *cookie)
{
  bool done = (!service.svc->stopped || service.svc->stopped()) && !link_pending();

  (void)cookie;
  if (done || door_now() >= service.stop_at_us) {
    event_stop();
    return;
  }
  event_timer_start(&service.stop_timer, door_now() + 5000, try_stop, NULL);
}

static void
begin_stop(void)
{
  if (service.stopping) return;
  service.stopping = true;
  service.stop_at_us = door_now() + SERVICE_STOP_US;
  link_close_doors();
  if (service.svc->stop) service.svc->stop();
  event_timer_start(&service.stop_timer, door_now() + 1000, try_stop, NULL);
}

static void
on_signal(int sig)
{
  if (sig == SIGHUP)
    reload();
  else
    begin_stop();
}

/* ---- the start ---- */

static void
options(int argc, char const *const *argv)
{
  char const *usage =
    service.svc->raw ? "[ -d notif ] [ -v level ] [ -i instance ] [ -p [ -x ] ] settings"
                     : "[ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings";
  subgetopt l = SUBGETOPT_ZERO;
  int opt;

  help_options(argv, usage);
  while ((opt = subgetopt_r(argc, argv, "d:v:i:px", &l)) != -1) {
    switch (opt) {
    case 'd':
      if (!uint0_scan(l.arg, &service.notif) || service.notif < 3) goto usage;
      break;
    case 'v':
      if (!uint0_scan(l.arg, &log_verbosity)) goto usage;
      taken_verbosity_given();
      break;
    case 'i':
      if (!uint0_scan(l.arg, &service.number) || !service.number) goto usage;
      break;
    case 'p': service.pipe = true; break;
    case 'x': service.raw = true; break;
    default: goto usage;
    }
  }
  if (argc - l.ind != 1 || (service.raw && (!service.svc->raw || !service.pipe)))
    goto usage;
  service.dir = argv[l.ind];
  /* A supervisor that does not listen (runsv) has not opened it. */
  if (service.notif && fcntl((int)service.notif, F_GETFD) < 0) service.notif = 0;
  return;
usage:
  strerr_dieusage(100, usage);
}

static void
name_instance(void)
{
  if (service.number == 1)
    snprintf(service.instance, sizeof service.instance, "%s", service.svc->program + 5);
  else
    snprintf(service.instance, sizeof service.instance, "%s-%u", service.svc->program + 5,
             service.number);
  owner.program = service.svc->program;
  owner.instance = service.instance;
  owner.snapshot = service.svc->snapshot;
}

bool
service_pipes(void)
{
  return service.pipe;
}

char const *
service_run_file(char const *name)
{
  char const *folder = run_path(slice_str(service.instance), "."), *control;

  if (!folder || (service.pipe && access(folder, F_OK) < 0)) return NULL;
  control = run_path(slice_str(service.instance), "control");
  if (service.pipe && (!control || access(control, F_OK) == 0)) return NULL;
  return run_path(slice_str(service.instance), name);
}

static void
serve(char const *name, mode_t mode, unsigned int roles)
{
  char const *path = run_path(slice_str(service.instance), name);

  if (!path || !link_listen(path, mode, roles)) strerr_diefusys(111, "serve ", name);
}

static void
open_links(void)
{
  if (!admit_peers()) strerr_dief(100, "bad row program in the settings");
  if (!connect_links()) strerr_diefusys(111, "make a link");
  if (service.pipe) return;
  if (service.svc->accepts) serve("link", 0660, service.svc->accepts);
  serve("control", 0600, ROLE_CONTROL);
  serve("figures", 0660, ROLE_MONITOR);
}

/* SCHED_BATCH: a daemon that is woken does not preempt the one that runs, so each wake-up finds
 * more records. A policy that the administrator has set is left alone. */
static void
let_turns_end(void)
{
  struct sched_param p = {.sched_priority = 0};

  if (sched_getscheduler(0) == SCHED_OTHER)
    sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &p);
}

int
service_main(struct service const *svc, int argc, char const *const *argv)
{
  service.svc = svc;
  memory_start();
  options(argc, argv);
  name_instance();
  if (!sig_ignore(SIGPIPE)) strerr_diefusys(111, "ignore SIGPIPE");
  if (service.pipe) {
    door_set_clock(PIPE_CLOCK_US, PIPE_CLOCK_US);
    door_seed(SLICE("tabber"));
    door_secrets_from(DOOR_SAME_STREAM);
  }
  if (!event_init()) strerr_diefusys(111, "make an epoll");
  if (!service.pipe && !event_signals(on_signal)) strerr_diefusys(111, "trap signals");
  link_init(&owner, service.pipe);
  if (!service.pipe) taken_lock(service.dir);
  if (!taken_load(svc, service.dir, true)) return 100;
  if (svc->start && !svc->start()) return 111;
  open_links();
  if (service.raw) return svc->raw() ? 0 : 111;
  if (service.pipe) return link_pipe(svc->sockets) ? 0 : 111;
  tell_ready();
  let_turns_end();
  memory_trim();
  if (!event_run()) strerr_diefusys(111, "wait for events");
  return 0;
}
