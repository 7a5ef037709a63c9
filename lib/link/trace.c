#include "link/link_internal.h"

#include <skalibs/djbunix.h>
#include <skalibs/allreadwrite.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A trace is FILE.in, which the pipe driver reads, and FILE.out, which the driver then
 * writes. FILE.in begins with the state of the program (snapshot.c), so that a trace may
 * begin at any moment, and with the seed of a new stream of chance.
 * Keys and tokens are not drawn from it (door_secret). */

static struct {
  int fd_in, fd_out;
  stralloc in, out;
  size_t seed_at, seed_len; /* of in: the lines of this turn's seed */
  bool turned;
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
  /* A reader of the trace has its seed, but must not know the nonces to come. */
  if (trace_on() && !links.pipe) door_unseed();
  if (trace.fd_in >= 0) fd_close(trace.fd_in);
  if (trace.fd_out >= 0) fd_close(trace.fd_out);
  trace.fd_in = trace.fd_out = -1;
  stralloc_free(&trace.in);
  stralloc_free(&trace.out);
  trace.seed_len = 0;
  secrets_forget();
}

/* Losing a trace is logged, and is all that happens. */
static void
put(stralloc *sa, char const *name, struct slice line)
{
  bool ok = stralloc_cats(sa, name) && stralloc_catb(sa, "\t", 1) &&
            stralloc_catb(sa, line.s, line.len);

  if (ok)
    secrets_mask(name, sa == &trace.in ? '<' : '>', sa->s + sa->len - line.len, line.len);
  if (!ok || (line.s[line.len - 1] != '\n' && !stralloc_catb(sa, "\n", 1)))
    log_event(LOG_WARN, "trace-incomplete", "why", "out of memory", NULL);
}

void
trace_turned(void)
{
  trace.turned = trace_on();
}

static void
put_in(char const *name, struct slice line)
{
  if (trace.turned) put(&trace.in, "turn", SLICE("over"));
  trace.turned = false;
  if (line.len) put(&trace.in, name, line);
}

void
trace_in(struct link const *l, struct slice line)
{
  put_in(l->name, line);
}

bool
link_is_traced(void)
{
  return trace_on() && !links.pipe;
}

void
link_trace_event(char const *name, struct slice line)
{
  if (link_is_traced()) put_in(name, line);
}

/* Say whether line is a request that the program itself answers. Such requests are in the
 * trace, but not their answers: who asks for figures, or for a trace, concerns no reader
 * of a trace. */
static bool
is_for_all(struct slice line)
{
  struct slice word = {0};

  slice_word(&line, '\t', &word);
  switch ((int)verb_find(word)) {
  case VERB_STATS:
  case VERB_TRACE:
  case VERB_RELOAD:
  case VERB_READY: return true;
  default: return false;
  }
}

/* Several administrators at once are told apart by when they came. */
static void
trace_ctl(struct link const *l, struct slice line)
{
  char name[8 + BASE_NUM], buf[BASE_NUM];

  snprintf(name, sizeof name, "ctl-%s", num_u64(buf, l->came).s);
  put_in(name, line);
}

void
trace_line(struct link *l, struct slice line)
{
  if (!trace_on()) return;
  if (l->program != CTL) {
    trace_in(l, line);
  } else if (!is_for_all(line)) {
    l->traced = true;
    trace_ctl(l, line);
  }
}

void
trace_end(struct link *l)
{
  if (!trace_on()) return;
  if (l->program != CTL)
    trace_in(l, SLICE("bye"));
  else if (l->traced)
    trace_ctl(l, SLICE("bye"));
}

void
trace_out(struct link const *l, struct slice line)
{
  put(&trace.out, l->name, line);
}

static void
put_clocks(char const *name)
{
  char line[2 * BASE_NUM + 2];

  snprintf(line, sizeof line, "%llu\t%llu", (unsigned long long)door_now(),
           (unsigned long long)door_wall());
  put(&trace.in, name, slice_str(line));
}

/* The seed is fresh, for nothing of a trace may tell what is drawn later. */
static void
put_seed(void)
{
  unsigned char seed[16];
  char hex[33];

  door_secret(seed, sizeof seed);
  hex_z(hex, seed, sizeof seed);
  door_seed(slice_str(hex));
  put(&trace.in, "seed", slice_str(hex));
}

/* Each turn draws from a seed of its own: the trace as it stands in the file tells nothing of what will be
 * drawn. The replay ends the turn before it takes the seed, for the end of the turn may draw too. */
void
trace_clock(void)
{
  trace.turned = false;
  if (!trace_on()) return;
  if (!links.pipe) {
    trace.seed_at = trace.in.len;
    put(&trace.in, "turn", SLICE("over"));
    put_seed();
    trace.seed_len = trace.in.len - trace.seed_at;
  }
  put_clocks("clock");
}

/* A turn that has drawn nothing needs no seed, and its seed must not be that of the next. */
static void
drop_seed(void)
{
  size_t behind = trace.seed_at + trace.seed_len;

  if (trace.seed_len && !door_has_drawn()) {
    memmove(trace.in.s + trace.seed_at, trace.in.s + behind, trace.in.len - behind);
    trace.in.len -= trace.seed_len;
  }
  trace.seed_len = 0;
}

static void
flush(int fd, stralloc *sa)
{
  if (sa->len && allwrite(fd, sa->s, sa->len) < sa->len)
    log_event(LOG_WARN, "trace-incomplete", "why", strerror(errno), NULL);
  sa->len = 0;
}

void
trace_flush(void)
{
  if (!trace_on()) return;
  drop_seed();
  flush(trace.fd_in, &trace.in);
  flush(trace.fd_out, &trace.out);
}

static void
begin(void)
{
  put_clocks("snapshot");
  if (!snapshot_write(&trace.in))
    log_event(LOG_WARN, "trace-incomplete", "why", "the state was not written", NULL);
  put(&trace.in, "snapshot", SLICE("end"));
  put_seed();
}

/* Messages are in it: a file of our own, for ourselves alone. One that is there is another's perhaps. */
static int
open_anew(char const *path)
{
  if (unlink(path) < 0 && errno != ENOENT) return -1;
  return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

bool
link_trace(struct slice file)
{
  char path[512];

  /* Records that the end of this turn leads to belong to the records that came before. */
  if (links.owner->settle) links.owner->settle();
  links.owner->turn();
  stop();
  if (!file.len) return true;
  snprintf(path, sizeof path, "%.*s.in", (int)file.len, file.s);
  trace.fd_in = open_anew(path);
  if (trace.fd_in < 0) return false;
  snprintf(path, sizeof path, "%.*s.out", (int)file.len, file.s);
  trace.fd_out = open_anew(path);
  if (trace.fd_out < 0) {
    fd_close(trace.fd_in);
    trace.fd_in = -1;
    return false;
  }
  begin();
  return true;
}
