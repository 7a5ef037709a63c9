#include "link/link_internal.h"

#include <skalibs/djbunix.h>
#include <skalibs/allreadwrite.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A trace is what the pipe driver reads (FILE.in) and writes (FILE.out). It begins with a
 * hello for each link that is up and what lasts of what it said; what a replay answers to
 * that was said before the trace, so it keeps quiet. Then come the seed of a new stream
 * of chance, and how far stanzas are counted: numbers begin with the clock where we
 * connect. */

static struct {
  int fd_in, fd_out;
  stralloc in, out;
  uint64_t clock_us;
} trace = {.fd_in = -1, .fd_out = -1};

bool
trace_on(void)
{
  return trace.fd_in >= 0;
}

static void
stop(void)
{
  trace_flush();
  /* Who has the trace has its seed: nonces to come are none of his business. */
  if (trace_on() && !links.pipe) door_unseed();
  if (trace.fd_in >= 0) fd_close(trace.fd_in);
  if (trace.fd_out >= 0) fd_close(trace.fd_out);
  trace.fd_in = trace.fd_out = -1;
  stralloc_free(&trace.in);
  stralloc_free(&trace.out);
}

/* Losing a trace is logged, and is all that happens. */
static void
put(stralloc *sa, char const *name, struct slice line)
{
  if (!stralloc_cats(sa, name) || !stralloc_catb(sa, "\t", 1) ||
      !stralloc_catb(sa, line.s, line.len) ||
      (line.s[line.len - 1] != '\n' && !stralloc_catb(sa, "\n", 1)))
    log_event(LOG_WARN, "trace-incomplete", NULL);
}

void
trace_in(struct link const *l, struct slice line)
{
  if (line.len) put(&trace.in, l->name, line);
}

void
trace_out(struct link const *l, struct slice line)
{
  put(&trace.out, l->name, line);
}

void
trace_clock(void)
{
  char line[2 * BASE_NUM + 2];

  if (!trace_on() || trace.clock_us == door_now()) return;
  trace.clock_us = door_now();
  snprintf(line, sizeof line, "%llu\t%llu", (unsigned long long)door_now(),
           (unsigned long long)door_wall());
  put(&trace.in, "clock", slice_str(line));
}

static void
flush(int fd, stralloc *sa)
{
  if (sa->len && allwrite(fd, sa->s, sa->len) < sa->len)
    log_event(LOG_WARN, "trace-incomplete", NULL);
  sa->len = 0;
}

void
trace_flush(void)
{
  if (!trace_on()) return;
  flush(trace.fd_in, &trace.in);
  flush(trace.fd_out, &trace.out);
}

/* Whether an older line is needed no more: the same is said again, or forget takes back
 * what was told of features. */
static bool
is_outdated(struct slice old, enum verb v, struct slice line)
{
  struct slice word = {0};

  if (slice_eq(old, line)) return true;
  if (v != VERB_FORGET) return false;
  slice_word(&old, '\t', &word);
  return slice_is(word, "feature") || slice_is(word, "identity") ||
         slice_is(word, "item");
}

static void
drop_outdated(stralloc *log, enum verb v, struct slice line)
{
  struct slice rest = slice_of(log->s, log->len), old;
  size_t to = 0;

  while (slice_word(&rest, '\n', &old)) {
    size_t len = old.len + 1;
    if (is_outdated(old, v, line)) continue;
    memmove(log->s + to, old.s, len);
    to += len;
  }
  log->len = to;
}

void
trace_note(stralloc *log, enum verb v, struct slice line)
{
  if (!verb_lasts(v)) return;
  drop_outdated(log, v, line);
  if (!stralloc_catb(log, line.s, line.len) || !stralloc_catb(log, "\n", 1))
    log_event(LOG_WARN, "trace-incomplete", NULL);
}

static void
put_lines(stralloc *sa, char const *name, stralloc const *log)
{
  struct slice rest = slice_of(log->s, log->len), line;

  while (slice_word(&rest, '\n', &line))
    put(sa, name, line);
}

static void
put_seed(void)
{
  unsigned char seed[16];
  char hex[33];
  unsigned int i;

  door_random(seed, sizeof seed);
  for (i = 0; i < sizeof seed; i++)
    snprintf(hex + 2 * i, 3, "%02x", seed[i]);
  door_seed(slice_str(hex));
  put(&trace.in, "seed", slice_str(hex));
}

static void
put_counts(void)
{
  char line[LINK_NAME_MAX + 2 * BASE_NUM + 3];
  struct link const *l;

  for (l = link_next(NULL); l; l = link_next(l)) {
    if (!l->path && (!l->up || l->program == CTL)) continue;
    snprintf(line, sizeof line, "%s\t%llu\t%llu", l->name, (unsigned long long)l->stanzas,
             (unsigned long long)l->received);
    put(&trace.in, "count", slice_str(line));
  }
}

static void
begin(void)
{
  struct link const *l;
  char hello[128];

  trace.clock_us = 0;
  trace_clock();
  put(&trace.in, "quiet", SLICE("on"));
  for (l = link_next(NULL); l; l = link_next(l)) {
    if (!l->up || l->program == CTL) continue;
    snprintf(hello, sizeof hello, "hello\t%s\t%s\t%s\t%llu", program_name(l->program),
             TABBER_VERSION, l->name, (unsigned long long)l->epoch);
    trace_in(l, slice_str(hello));
    put_lines(&trace.in, l->name, &l->heard);
  }
  put(&trace.in, "quiet", SLICE("off"));
  put_seed();
  put_counts();
}

bool
link_trace(struct slice file)
{
  char path[512];

  /* What this turn leads to at its end belongs to what came before. */
  if (links.owner->settle) links.owner->settle();
  links.owner->turn();
  stop();
  if (!file.len) return true;
  snprintf(path, sizeof path, "%.*s.in", (int)file.len, file.s);
  trace.fd_in = open_trunc(path);
  if (trace.fd_in < 0) return false;
  snprintf(path, sizeof path, "%.*s.out", (int)file.len, file.s);
  trace.fd_out = open_trunc(path);
  if (trace.fd_out < 0) {
    fd_close(trace.fd_in);
    trace.fd_in = -1;
    return false;
  }
  fchmod(trace.fd_in, 0600); /* messages, and PLAIN has passwords */
  fchmod(trace.fd_out, 0600);
  coe(trace.fd_in);
  coe(trace.fd_out);
  begin();
  return true;
}
