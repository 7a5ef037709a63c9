/* service: the skeleton of every daemon: the same options, readiness, reload, control socket
 * and end for all, and the choice of driver. A daemon is a table of handlers by verb and a
 * few hooks; it never sees a link's fd. */
#ifndef SERVICE_H
#define SERVICE_H

#include "link/link.h"
#include "settings/settings.h"

/* A record that the table of verbs allows, of a link that is up. Fields live for the
 * call. */
typedef void service_fn(struct link *l, struct record *r);

struct service {
  char const *program;         /* "xmpp-c2sd" */
  unsigned int accepts;        /* roles served at RUN/INSTANCE/link; 0: no such socket */
  bool sockets;                /* has fds of its own: -p keeps the loop turning */
  service_fn *const *handlers; /* VERBS_N of them; NULL: logged once, ignored */

  /* Keys of options that have a default (the last is NULL; NULL: none): read finds a row for * of
   * each. */
  char const *const *needs;

  /* Settings are taken in two steps. read makes of st all that the program keeps, and changes
   * nothing; it gives NULL, having said why (settings_refuse). take puts what read gave in force, in
   * the place of the settings before, and cannot fail; first: at the start. drop (NULL: nothing is to
   * be freed) frees what read gave and take did not get. st lives until other settings have been
   * taken, or until drop. */
  void *(*read)(struct settings *st);
  void (*take)(void *fresh, bool first);
  void (*drop)(void *fresh);

  /* All optional. start: the first settings are taken, open what is stored; false, having
   * logged why: exit 111, for the next start may find the disk or the file as it should be. up:
   * announce what still holds. feeds: what is read from `from` may become output of `full`: while
   * that is over its limit, from is not read. holds: nothing is read from this link for now
   * (service_look_again when that has changed). full: it went over the limit, or is below it
   * again. turn: commit. stop: SIGTERM came, begin to end. stopped: nothing is left to say. ready:
   * no more is awaited than the links. awaits: words for what is missing, without which the program
   * may be ready; NULL: nothing. stats: service_stat as often as wanted. status: service_row for
   * the verb status. raw: option -x, instead of the pipe driver. snapshot: name all that the program
   * holds (link/snapshot.h). copy: what it has stored, and reads of others, into a folder that is
   * to be made (store_copy_all). */
  bool (*start)(void);
  void (*up)(struct link *l);
  void (*down)(struct link *l);
  bool (*feeds)(struct link const *from, struct link const *full);
  bool (*holds)(struct link const *l);
  void (*full)(struct link *l, bool full);
  void (*turn)(void);
  void (*stop)(void);
  bool (*stopped)(void);
  bool (*ready)(void);
  char const *(*awaits)(void);
  void (*stats)(struct link *ctl);
  void (*status)(struct link *ctl);
  bool (*raw)(void);
  void (*snapshot)(struct snapshot *k);
  bool (*copy)(char const *dir);
};

/* The whole main() of a daemon behind PROG:
 * PROGRAM [-d fd] [-v level] [-i instance] [-p] [-x] SETTINGS. Gives the exit code. */
int service_main(struct service const *svc, int argc, char const *const *argv);

/* Our instance: "c2sd", or "c2sd-2" under -i 2. */
char const *service_instance(void);

/* Note that the answer of holds may have changed. */
void service_look_again(void);

/* In turn: what came is not acknowledged yet, and another turn follows within STORE_LATER_US.
 * false when nothing may wait any more: the end has begun, or a trace. */
bool service_wait(void);

/* Where a daemon's data lies: the setting data, as a path with NUL. Lives until reload. */
char const *service_data(void);

/* Say whether the pipe driver runs (-p). */
bool service_pipes(void);

/* The path of a file of our own beside our sockets, RUN/INSTANCE/NAME, which lives as the
 * settings do. NULL: ENOMEM; or the pipe driver runs, and the folder is not there, or is that of a
 * live system, whose files a replay must not write. */
char const *service_run_file(char const *name);

/* Answer a control record: one figure; a row of values, behind which stands NULL; the end; a refusal. */
void service_stat(struct link *ctl, char const *name, uint64_t value);
void service_row(struct link *ctl, ...) __attribute__((sentinel));
void service_done(struct link *ctl);
void service_error(struct link *ctl, char const *text);

/* ---- answers to xmpp-ctl that go on over turns (answers.c) ---- */

/* The first member of a program's own struct, which calloc has made. */
struct service_job {
  struct service_job *next;
  struct link *ctl;
  struct event_timer timer;
};

/* Call fn with j in the next turn, and on. j NULL: say to ctl that there is no memory. */
void service_job_start(struct service_job *j, struct link *ctl, event_timer_fn *fn);

/* Call fn with j again: in the next turn, or while rows of j are not read, which nobody should make,
 * SERVICE_JOB_WAIT_US later. */
void service_job_again(struct service_job *j, event_timer_fn *fn);

/* End j: with done, or with the error that the store failed. */
void service_job_end(struct service_job *j, bool ok);

/* xmpp-ctl has gone, and what it has asked ends. */
void service_jobs_gone(struct link const *ctl);

#endif
