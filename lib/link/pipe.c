#include "link/link_internal.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The pipe driver. A line is NAME TAB record; a line that begins with # is a comment. The
 * names clock and seed are the door's: clock ends the turn, moves the clocks and fires
 * timers; seed fixes chance. A link comes up at its first line, by a hello of its own or
 * without one, and goes down at bye; full and drained say how its output stood. Output
 * between quiet on and quiet off, which ends the turn too, is not printed. "turn over"
 * ends the turn alone, for events of links while they wrote.
 *
 * A trace begins with the state of the program: "snapshot TIME" sets the clock and fires
 * nothing, lines of state follow (snapshot.c), "snapshot end" makes the state. */

static stralloc out_text = STRALLOC_ZERO;

static void
print(char const *name, struct slice line)
{
  if (!stralloc_cats(&out_text, name) || !stralloc_catb(&out_text, "\t", 1) ||
      !stralloc_catb(&out_text, line.s, line.len))
    log_event(LOG_WARN, "output-lost", "why", "out of memory", NULL);
}

link_pipe_fn *link_pipe_out = print;

static bool quiet;
static bool turned;   /* the turn has ended; the clock is still to be moved */
static bool restored; /* a trace does not have the answers to administrators */
static stralloc state_text = STRALLOC_ZERO;

/* A trace has no secrets, and neither has its replay. */
static void
say(struct link const *l, struct slice line)
{
  static stralloc copy = STRALLOC_ZERO;

  if (quiet || (restored && l->program == CTL)) return;
  if (restored && stralloc_copyb(&copy, line.s, line.len)) {
    secrets_mask(l->name, '>', copy.s, copy.len);
    line = slice_of(copy.s, copy.len);
  }
  link_pipe_out(l->name, line);
}

static bool
print_flush(void)
{
  size_t len = out_text.len;

  out_text.len = 0;
  return allwrite(1, out_text.s, len) == len;
}

bool
pipe_has_state(void)
{
  return restored;
}

void
pipe_take(struct link *l)
{
  say(l, slice_of(l->out.s + l->begin, l->out.len - l->begin));
  l->out.len = l->begin;
  l->said = true;
  if (l->acked < l->stanzas) l->acked = l->stanzas;
}

struct link *
pipe_link(struct slice name)
{
  struct link *l;
  struct peer peer;

  for (l = links.first; l; l = l->next)
    if (slice_is(name, l->name)) return l;
  if (name.len > LINK_NAME_MAX || !link_peer_find(name, &peer)) return NULL;
  return link_new(peer.program, peer.roles, name);
}

static void
print_kept(struct link *l)
{
  struct slice kept = slice_of(l->out.s, l->out.len), line;

  while (slice_word(&kept, '\n', &line))
    say(l, slice_of(line.s, line.len + 1));
  l->out.len = 0;
  l->acked = l->stanzas;
}

static void
bring_up(struct link *l, uint64_t epoch)
{
  if (l->up) link_went_down(l);
  link_came_up(l, epoch);
  print_kept(l);
}

static void
on_record(struct link *l, char *line, size_t len)
{
  struct slice text = slice_of(line, len), word = {0};

  slice_word(&text, '\t', &word);
  if (slice_is(word, "hello")) {
    struct record r;
    bring_up(l, record_split(&r, line, len) ? record_u64(&r, 4) : 0);
    return;
  }
  if (slice_is(word, "full") || slice_is(word, "drained")) {
    link_set_full(l, slice_is(word, "full"));
    return;
  }
  if (slice_is(word, "behind") || slice_is(word, "caught")) {
    link_set_behind(l, slice_is(word, "behind"));
    return;
  }
  if (slice_is(word, "bye")) {
    if (l->up) link_went_down(l);
    return;
  }
  if (!l->up) bring_up(l, 0);
  link_line(l, line, len);
}

/* NOW WALL; without WALL the machine's clock says NOW, too. */
static void
set_clock(struct slice rest)
{
  struct slice word = {0};
  uint64_t now_us, wall_us;

  slice_word(&rest, '\t', &word);
  if (!slice_u64(word, &now_us)) return;
  door_set_clock(now_us, slice_u64(rest, &wall_us) ? wall_us : now_us);
}

/* Lines of state are kept until all are here. The first says what time it was. */
static void
on_snapshot(struct slice rest)
{
  if (!slice_is(rest, "end")) {
    set_clock(rest);
    return;
  }
  snapshot_read(&state_text);
  restored = true;
}

static void
keep_state(struct slice line)
{
  if (!stralloc_catb(&state_text, line.s, line.len) ||
      !stralloc_catb(&state_text, "\n", 1))
    log_event(LOG_WARN, "trace-incomplete", "why", "out of memory", NULL);
}

void
link_pipe_line(char *line, size_t len)
{
  struct slice rest = slice_of(line, len), name;
  struct link *l;

  if (len && *line == '#') return;
  if (!slice_word(&rest, '\t', &name)) return;
  if (slice_is(name, "state")) {
    keep_state(slice_of(line, len));
  } else if (slice_is(name, "snapshot")) {
    on_snapshot(rest);
  } else if (slice_is(name, "seed")) {
    door_seed(rest);
    if (restored) door_secrets_from(DOOR_OWN_STREAM);
  } else if (slice_is(name, "quiet")) {
    event_turn_end();
    quiet = slice_is(rest, "on");
  } else if (slice_is(name, "turn")) {
    event_turn_end();
    turned = true;
  } else if (slice_is(name, "clock")) {
    if (!turned) event_turn_end();
    turned = false;
    set_clock(rest);
    event_timers_run();
  } else if ((l = pipe_link(name)))
    on_record(l, line + name.len + 1, rest.len);
  else
    log_event(LOG_WARN, "bad-record", "link", log_text(name), "why",
              "no link of this name", NULL);
}

static stralloc in_text = STRALLOC_ZERO;

/* Whole lines of in_text are handled; the rest stays. */
static void
take_lines(void)
{
  char *at = in_text.s, *end = in_text.s + in_text.len, *nl;

  while (at < end && (nl = memchr(at, '\n', (size_t)(end - at)))) {
    link_pipe_line(at, (size_t)(nl - at));
    at = nl + 1;
  }
  in_text.len = (size_t)(end - at);
  if (in_text.len) memmove(in_text.s, at, in_text.len);
}

/* > 0 read, 0 end, < 0 error. */
static ssize_t
read_some(void)
{
  ssize_t n;

  if (!stralloc_readyplus(&in_text, 65536)) return -1;
  n = fd_read(0, in_text.s + in_text.len, 65536);
  if (n > 0) {
    in_text.len += (size_t)n;
    take_lines();
    if (!print_flush()) return -1;
  }
  return n;
}

static void
on_stdin(void *cookie, uint32_t what)
{
  ssize_t *result = cookie;

  (void)what;
  *result = read_some();
  if (*result <= 0) event_stop();
}

static void
flush_hook(void *cookie)
{
  (void)cookie;
  print_flush();
}

bool
link_pipe(bool sockets)
{
  struct event_io io = EVENT_IO_ZERO;
  ssize_t r = 1;

  if (sockets) {
    event_after(flush_hook, NULL);
    if (event_io_start(&io, 0, EVENT_READ, on_stdin, &r)) {
      if (!event_run()) return false;
    } else
      while ((r = read_some()) > 0) {
      }
  } else {
    while ((r = read_some()) > 0) {
    }
  }
  if (r < 0) return false;
  if (in_text.len) {
    link_pipe_line(in_text.s, in_text.len);
    in_text.len = 0;
  }
  if (links.owner->settle) links.owner->settle();
  event_turn_end();
  stralloc_free(&in_text);
  r = print_flush() ? 0 : -1;
  stralloc_free(&out_text);
  return !r;
}
