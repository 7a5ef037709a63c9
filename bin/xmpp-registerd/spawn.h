/* The program of captcha_cmd: run by a spawner, a process that is forked before the program reads
 * anything, with limits of time, memory and output. */
#ifndef REGISTERD_SPAWN_H
#define REGISTERD_SPAWN_H

#include "base/base.h"

/* A run of the program. */
struct spawned {
  char const *why;  /* NULL: it exited with 0, and its output is within the limit */
  int code, signal; /* how it exited, or what killed it */
  struct slice out; /* standard output */
  struct slice err; /* the first bytes of standard error */
};

/* Start the spawners, or take those that the run script has started. */
bool spawn_start(void);

/* The work of a spawner whose socket is SPAWNER_FD; it does not return. */
#define SPAWNER_FD 3
#define SPAWNER_OPTION "--spawner"
void spawner_main(void) __attribute__((noreturn));

/* Start spawners as another user and group, the first two words, and become the command of the others
 * (spawners.c). Exits when that fails. */
#define SPAWNERS_OPTION "--spawners"
#define SPAWN_VARIABLE "TABBER_SPAWNERS"
int spawners_main(char const *const *argv);

/* Run PATH ARG [ARG2]; fn is called later (under -p at once), with what lives for the call. false: too
 * many wait, or ENOMEM. spawn_forget: fn is not called for this cookie any more. */
typedef void spawn_fn(void *cookie, struct spawned const *s);
bool spawn(char const *path, struct slice arg, struct slice arg2, spawn_fn *fn,
           void *cookie);
void spawn_forget(void const *cookie);

/* Run a program here and now, with its limits; the output lies in out, of CAPTCHA_BYTES_MAX bytes, and
 * err, of SPAWN_ERR_MAX (run.c). */
#define SPAWN_ERR_MAX 200u
void spawn_run(char const *path, char const *arg, char const *arg2, char *out, char *err,
               struct spawned *s);

/* Remove the folder of the programs. */
void spawn_clean(void);

#endif
