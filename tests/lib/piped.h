/* A program of a few callbacks under the pipe driver: for tests of areas that speak on links. The
 * test sets the callbacks of piped that it needs before piped_start; the others do nothing. */
#ifndef TESTS_PIPED_H
#define TESTS_PIPED_H

#include "link/link.h"

#include <stdlib.h>
#include <string.h>

static void
piped_link(struct link *l)
{
  (void)l;
}

static void
piped_record(struct link *l, enum verb v, struct record *r)
{
  (void)l;
  (void)v;
  (void)r;
}

static void
piped_full(struct link *l, bool full)
{
  (void)l;
  (void)full;
}

static void
piped_turn(void)
{
}

static struct link_owner piped = {.up = piped_link,
                                  .down = piped_link,
                                  .record = piped_record,
                                  .full = piped_full,
                                  .turn = piped_turn};

/* Be the program, "xmpp-c2sd", whose lines go to out. */
static void
piped_start(char const *program, link_pipe_fn *out)
{
  piped.program = program;
  piped.instance = program + 5;
  log_verbosity = 0;
  link_pipe_out = out;
  link_init(&piped, true);
}

/* Take a line as it would come on stdin. */
static void
piped_feed(char const *line)
{
  char *copy = strdup(line);

  if (!copy) abort();
  link_pipe_line(copy, strlen(copy));
  free(copy);
}

#endif
