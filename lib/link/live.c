#include "link/link_internal.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* The live driver: sockets. Life of a connecting link: dial -> greeted (our hello is on its
 * way) -> the peer's hello makes it up -> it breaks -> wait (10 ms, doubling to 1 s) -> dial.
 * An accepted link is up by the peer's hello and is freed when it breaks. */

#define READ_BYTES (256u << 10)
static void read_some(struct link *l);
static void take_rest(void *cookie);
static uint32_t wants(struct link const *l);

/* ---- the end of a link ---- */

void
link_set_aside(struct link *l)
{
  struct link **at;

  for (at = &links.first; *at && *at != l; at = &(*at)->next) {
  }
  if (!*at) return;
  *at = l->next;
  l->next = links.closing;
  links.closing = l;
}

void
link_break_off(struct link *l)
{
  int fd = l->io.fd;

  l->rests = l->gone = false;
  event_timer_cancel(&l->timer);
  event_timer_cancel(&l->stuck);
  event_timer_cancel(&l->late);
  event_io_cancel(&l->io);
  if (fd >= 0) fd_close(fd);
  if (l->up) trace_end(l);
  link_went_down(l);
  if (l->path)
    link_retry(l);
  else
    link_set_aside(l);
}

void
link_drop(struct link *l, char const *why)
{
  if (l->io.fd < 0) return;
  log_event(l->program == CTL ? LOG_DEBUG : LOG_WARN, "link-dropped", "link", l->name,
            "why", why, NULL);
  link_break_off(l);
}

void
link_discard(struct link *l, char const *why)
{
  if (l->io.fd < 0) return;
  l->out.len = l->settled;
  fds_cut(l, l->settled);
  l->stanzas = l->settled_stanzas;
  if (l->acked > l->stanzas) l->acked = l->stanzas;
  link_drop(l, why);
}

void
link_discard_all(char const *why)
{
  struct link *l, *next;

  for (l = link_next(NULL); l; l = next) {
    next = link_next(l);
    if (l->up) link_discard(l, why);
  }
}

/* Freed only between turns, so that a callback may still hold the pointer. */
static void
free_closing(void)
{
  while (links.closing) {
    struct link *l = links.closing;
    links.closing = l->next;
    stralloc_free(&l->in);
    stralloc_free(&l->out);
    fds_wipe(l);
    free(l);
  }
}

/* ---- reading ---- */

/* A peer that is gone has perhaps acknowledged, or counts as holding, what its last records say. So
 * they are handled all, though the link be paused or at rest: a socket holds no more than a few reads. */
#define LAST_READS 16u

static void
hear_out(struct link *l)
{
  struct pollfd p = {.fd = l->io.fd, .events = POLLIN};
  unsigned int i;

  l->gone = true;
  for (i = 0; i < LAST_READS && l->io.fd >= 0 && poll(&p, 1, 0) > 0; i++)
    read_some(l);
}

/* Drop the older link with the name of l, which has just said hello: its run is over.
 * Records to an instance, and the numbers that the instance has given, are found by that
 * name. */
static void
replace_namesake(struct link const *l)
{
  struct link *old, *next;

  for (old = links.first; old; old = next) {
    next = old->next;
    if (old != l && old->up && !old->path && old->program != CTL &&
        !strcmp(old->name, l->name)) {
      hear_out(old);
      link_drop(old, "the instance has connected anew");
    }
  }
}

/* Programs of several versions work together; while they do, the log shows which is which. */
static void
log_version(struct link const *l, struct slice version)
{
  if (l->program == OTHER || slice_is(version, TABBER_VERSION)) return;
  log_event(LOG_INFO, "version-differs", "link", l->name, "version", log_text(version),
            "ours", TABBER_VERSION, "do", "run xmpp-ctl upgrade", NULL);
}

static bool
take_hello(struct link *l, char *line, size_t len)
{
  stralloc copy = STRALLOC_ZERO;
  struct record r;
  uint64_t epoch;

  if (trace_on() && !stralloc_catb(&copy, line, len)) return false;
  if (!link_take_hello(l, &r, record_split(&r, line, len))) {
    stralloc_free(&copy);
    return false;
  }
  epoch = record_u64(&r, 4);
  event_timer_cancel(&l->timer);
  replace_namesake(l);
  if (trace_on()) trace_in(l, slice_of(copy.s, copy.len));
  stralloc_free(&copy);
  log_event(LOG_INFO, "link-up", "link", l->name, "program",
            l->program == OTHER ? l->name : program_name(l->program), NULL);
  log_version(l, record_get(&r, 2));
  link_came_up(l, epoch);
  return true;
}

static void
silent(void *cookie)
{
  link_drop(cookie, "no command came in time");
}

/* An administrator who asks nothing makes room for others. */
void
link_await_control(struct link *l)
{
  event_timer_start(&l->timer, door_now() + SERVICE_CONTROL_US, silent, l);
}

static bool
take_line(struct link *l, char *line, size_t len)
{
  if (l->program == CTL) link_await_control(l);
  if (!l->up) return take_hello(l, line, len);
  trace_line(l, slice_of(line, len));
  return link_line(l, line, len);
}

/* All links share a buffer: it is a link's own only while a part of a line waits in
 * it. */
static stralloc shared = STRALLOC_ZERO;

static bool
take_buffer(struct link *l)
{
  if (!l->up) return stralloc_readyplus(&l->in, LINK_HELLO_MAX);
  if (!l->in.s) {
    l->in = shared;
    shared = stralloc_zero;
  }
  return stralloc_readyplus(&l->in, READ_BYTES);
}

static void
give_back(struct link *l)
{
  if (shared.s || l->in.a > 2 * READ_BYTES)
    stralloc_free(&l->in);
  else
    shared = l->in;
  l->in = stralloc_zero;
}

void
link_give_back(void)
{
  struct link *l;

  stralloc_free(&shared);
  for (l = link_next(NULL); l; l = link_next(l)) {
    /* Not what this turn has put something on: its end trims. */
    if (l->out.len == l->settled) {
      if (l->out.s) link_trim(l);
      l->settled = l->out.len;
    }
    if (!l->out.len) stralloc_free(&l->out);
    if (!l->in.len) stralloc_free(&l->in);
  }
}

/* The link is paused because the peer owes acknowledgements: they are taken out of what it
 * says, and the rest waits. */
static bool
take_acks(struct link *l)
{
  static char const ack[] = "ack\t";
  char *nl;

  while ((nl = memchr(l->in.s + l->ahead, '\n', l->in.len - l->ahead))) {
    char *at = l->in.s + l->ahead;
    size_t len = (size_t)(nl - at);
    if (len < sizeof ack || memcmp(at, ack, sizeof ack - 1) != 0) {
      l->ahead += len + 1;
      continue;
    }
    if (!take_line(l, at, len)) return false;
    if (l->io.fd < 0) return true;
    l->in.len -= len + 1;
    memmove(at, nl + 1, l->in.len - l->ahead);
  }
  return true;
}

/* Leave what is in l->in for the next turn; nothing is read meanwhile. */
static void
rest(struct link *l)
{
  l->rests = true;
  event_timer_start(&l->timer, door_now(), take_rest, l);
  event_io_want(&l->io, wants(l));
}

/* Say whether another line of l may be handled in this turn, which has put so many bytes. */
static bool
may_take(struct link const *l, size_t put)
{
  return l->gone || (!l->paused && put < LINK_TURN_BYTES);
}

/* Handle the whole lines of l->in, as long as the link is read and what they have put is less
 * than LINK_TURN_BYTES: only at the end of a turn is it seen that a link is full, and a short
 * line may ask for a long answer. false: the link was dropped or must be. */
static bool
take_lines(struct link *l)
{
  char *at = l->in.s, *end = l->in.s + l->in.len, *nl;
  size_t before = links.put;
  bool is_enough;

  while (at < end && may_take(l, links.put - before) &&
         (nl = memchr(at, '\n', (size_t)(end - at)))) {
    if (!take_line(l, at, (size_t)(nl - at))) return false;
    if (l->io.fd < 0) return true; /* dropped by its owner */
    at = nl + 1;
  }
  is_enough = !l->gone && links.put - before >= LINK_TURN_BYTES;
  if (!l->paused && !is_enough &&
      (size_t)(end - at) > (l->up ? RECORD_MAX : LINK_HELLO_MAX - 1)) {
    log_event(LOG_WARN, "bad-record", "link", l->name, "why",
              l->up ? "longer than RECORD_MAX" : "longer than a hello", NULL);
    return false;
  }
  l->in.len = (size_t)(end - at);
  l->ahead = 0;
  if (l->in.len)
    memmove(l->in.s, at, l->in.len);
  else
    give_back(l);
  if (l->in.len && l->up && !l->paused && is_enough) rest(l);
  return l->gone || !l->paused || !l->in.len || take_acks(l);
}

/* The bytes that may be read at once. A peer that has not said hello is a stranger: only
 * a hello's bytes are read. */
static size_t
room(struct link const *l)
{
  return l->up ? READ_BYTES : LINK_HELLO_MAX - l->in.len;
}

/* The events that the loop waits for. */
static uint32_t
wants(struct link const *l)
{
  bool reads =
    !l->paused ? !l->rests : l->up && link_awaits_acks(l) && l->in.len < LINK_AHEAD_MAX;

  if (l->gone) return EVENT_READ;
  return (reads ? EVENT_READ : 0) | (l->sent < l->out.len ? EVENT_WRITE : 0);
}

static void
read_some(struct link *l)
{
  ssize_t n;

  if (!take_buffer(l)) {
    link_drop(l, "out of memory");
    return;
  }
  n = fds_read(l, l->in.s + l->in.len, room(l));
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    if (!l->in.len) give_back(l);
    return;
  }
  if (n <= 0) {
    l->gone = true;
    if (l->up && l->in.len && !take_lines(l)) link_drop(l, "a record was refused");
    if (l->io.fd < 0) return;
    if (l->up && l->program != CTL)
      log_event(LOG_INFO, "link-down", "link", l->name, NULL);
    link_break_off(l);
    return;
  }
  l->in.len += (size_t)n;
  if (!(l->paused && !l->gone ? take_acks(l) : take_lines(l)))
    link_drop(l, "a record was refused");
}

/* ---- writing ---- */

/* Drop the link unless the peer has made room meanwhile. The output of this turn is not
 * committed, so nothing is written here. */
static void
on_stuck(void *cookie)
{
  struct link *l = cookie;
  struct pollfd p = {.fd = l->io.fd, .events = POLLOUT};

  if (poll(&p, 1, 0) > 0)
    event_timer_start(&l->stuck, door_now() + LINK_STUCK_US, on_stuck, l);
  else
    link_drop(l, "the neighbour takes no output");
}

/* Watch an accepted link for a peer that takes nothing: only the program that serves a
 * socket cuts off its clients. All of them wait for a client that hangs, and are held up
 * themselves in the meantime, for which nobody cuts them off. */
static void
watch_if_stuck(struct link *l, bool has_moved)
{
  bool waits = !l->path && l->program != CTL && l->out.len - l->sent > LINK_HIGH_WATER;

  if (!waits)
    event_timer_cancel(&l->stuck);
  else if (has_moved || !event_timer_on(&l->stuck))
    event_timer_start(&l->stuck, door_now() + LINK_STUCK_US, on_stuck, l);
}

static void
flush(struct link *l)
{
  size_t sent = l->sent;

  if (l->failed) {
    link_drop(l, "out of memory");
    return;
  }
  if (l->gone) return;
  while (l->sent < l->out.len) {
    ssize_t n = fds_write(l);
    if (n < 0) {
      if (errno == EPIPE || errno == ECONNRESET) {
        l->gone = true; /* the next turn reads what the peer had said */
        l->rests = false;
        event_io_want(&l->io, EVENT_READ);
        return;
      }
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        link_break_off(l);
        return;
      }
      break;
    }
    l->sent += (size_t)n;
  }
  watch_if_stuck(l, l->sent > sent);
  link_trim(l);
  l->settled = l->out.len;
  l->settled_stanzas = l->stanzas;
  link_set_behind(l, l->sent < l->out.len);
  if (l->backlog > l->out.len - l->sent) l->backlog = l->out.len - l->sent;
  if (l->out.len - l->sent > LINK_OUTPUT_MAX + l->backlog) {
    link_drop(l, "too much output waits for the neighbour");
    return;
  }
  event_io_want(&l->io, wants(l));
  /* Not in the middle of a turn: a replay could not tell when. */
  link_look_if_full(l);
}

static void
on_io(void *cookie, uint32_t what)
{
  struct link *l = cookie;

  /* The link is flushed at the end of the turn, when the program has committed its store. */
  if (what & EVENT_WRITE) link_mark_dirty(l);
  if (what & EVENT_READ && l->io.fd >= 0 && !l->rests) read_some(l);
}

static void
turn_start(void *cookie)
{
  (void)cookie;
  trace_clock();
}

bool
link_watch(struct link *l, int fd)
{
  return event_io_start(&l->io, fd, EVENT_READ, on_io, l);
}

void
link_hold(struct link *l, uint64_t until_us)
{
  links.held = l;
  links.held_until_us = until_us;
}

static void
hold_still(void)
{
  struct link const *l = links.held;
  struct pollfd p = {.events = POLLIN};
  uint64_t now = door_now();

  links.held = NULL;
  if (!l || l->io.fd < 0 || links.pipe || now >= links.held_until_us) return;
  p.fd = l->io.fd;
  poll(&p, 1, (int)((links.held_until_us - now) / 1000));
}

/* The end of a turn: the owner commits, then everything that was put leaves. What the owner
 * puts while links fill and empty leaves in the next turn at the latest. */
static void
turn_end(void *cookie)
{
  struct link *l;

  (void)cookie;
  links.owner->turn();
  trace_turned();
  for (l = links.pipe ? links.first : NULL; l; l = l->next)
    l->said = false;
  while ((l = links.dirty)) {
    links.dirty = l->next_dirty;
    l->dirty = false;
    if (l->io.fd >= 0 && l->up) flush(l);
  }
  hold_still();
  free_closing();
  trace_flush();
}

static void
take_rest(void *cookie)
{
  struct link *l = cookie;

  l->rests = false;
  if (l->io.fd < 0 || !l->up) return;
  event_io_want(&l->io, wants(l));
  if (!take_lines(l)) link_drop(l, "a record was refused");
}

void
link_pause(struct link *l, bool paused)
{
  if (l->paused == paused) return;
  l->paused = paused;
  if (l->io.fd < 0) return;
  if (!paused && l->up && l->in.len && !l->rests)
    event_timer_start(&l->timer, door_now(), take_rest, l);
  event_io_want(&l->io, (wants(l) & EVENT_READ) | (l->io.want & EVENT_WRITE));
}

size_t
link_pending(void)
{
  struct link const *l;
  size_t n = 0;

  for (l = links.first; l; l = l->next)
    n += link_waiting(l);
  return n;
}

/* ---- the beginning, and no more neighbours ---- */

void
link_close_doors(void)
{
  struct link *l;

  links.doors_closed = true;
  link_stop_listening();
  for (l = links.first; l; l = l->next)
    if (!l->up) event_timer_cancel(&l->timer);
}

/* The second is for whoever reads it; chance makes it this run's alone, also when the clock
 * was set back or every start of the machine begins with the same time. */
static uint64_t
new_epoch(void)
{
  uint64_t second = door_wall() / 1000000;
  uint32_t chance;

  door_random(&chance, sizeof chance);
  return (second ? second : 1) << EPOCH_SHIFT | chance;
}

void
link_init(struct link_owner const *owner, bool pipe)
{
  enum program own = program_find(slice_str(owner->program));

  links.owner = owner;
  links.roles = program_roles(own ? own : OTHER);
  links.epoch = pipe ? 0 : new_epoch();
  links.pipe = pipe;
  if (!pipe) event_before(turn_start, NULL);
  event_after(turn_end, NULL);
}
