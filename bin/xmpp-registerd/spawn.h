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

/* Start the spawners. */
bool spawn_start(void);

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
