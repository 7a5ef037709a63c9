#include "link/link_internal.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* The live driver: sockets. Life of a connecting link: dial -> greeted (our hello is on its
 * way) -> the peer's hello makes it up -> it breaks -> wait (10 ms, doubling to 1 s) -> dial.
 * An accepted link is up by the peer's hello and is freed when it breaks. */

#define READ_BYTES (256u << 10)
#define DOORS_MAX 4
#define ALLOWED_MAX 32

struct door {
  struct event_io io;
  struct event_timer pause;
  unsigned int programs;
};

static struct door doors[DOORS_MAX];
static unsigned int doors_n;

static struct {
  enum program program;
  uid_t uid;
} allowed[ALLOWED_MAX];

static unsigned int allowed_n;

static void dial(void *cookie);

bool
link_allow(enum program p, uid_t uid)
{
  if (allowed_n == ALLOWED_MAX) {
    errno = ENOBUFS;
    return false;
  }
  allowed[allowed_n].program = p;
  allowed[allowed_n++].uid = uid;
  return true;
}

static bool
uid_is_allowed(enum program p, uid_t uid)
{
  bool named = false;
  unsigned int i;

  if (p == CTL) return uid == 0 || uid == geteuid();
  for (i = 0; i < allowed_n; i++) {
    if (allowed[i].program != p) continue;
    if (allowed[i].uid == uid) return true;
    named = true;
  }
  return !named && uid == geteuid();
}

static bool
peer_uid(int fd, uid_t *uid)
{
  struct ucred cred;
  socklen_t len = sizeof cred;

  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)) return false;
  *uid = cred.uid;
  return true;
}

static bool
check_uid(struct link const *l)
{
  uid_t uid;

  if (!peer_uid(l->io.fd, &uid)) return false;
  if (uid_is_allowed(l->program, uid)) return true;
  log_event(LOG_WARN, "peer-refused", "program", program_name(l->program), "uid",
            log_num(uid), "why", "not the user that the settings name", NULL);
  return false;
}

/* ---- the end of a link ---- */

static void
retry(struct link *l)
{
  if (links.doors_closed) return;
  l->retry_us = l->retry_us ? l->retry_us * 2 : LINK_RETRY_MIN_US;
  if (l->retry_us > LINK_RETRY_MAX_US) l->retry_us = LINK_RETRY_MAX_US;
  event_timer_start(&l->timer, door_now() + l->retry_us, dial, l);
}

static void
set_aside(struct link *l)
{
  struct link **at;

  for (at = &links.first; *at && *at != l; at = &(*at)->next) {
  }
  if (!*at) return;
  *at = l->next;
  l->next = links.closing;
  links.closing = l;
}

static void
break_off(struct link *l)
{
  int fd = l->io.fd;

  event_timer_cancel(&l->timer);
  event_io_cancel(&l->io);
  if (fd >= 0) fd_close(fd);
  if (l->up && trace_on()) trace_in(l, SLICE("bye"));
  link_went_down(l);
  if (l->path)
    retry(l);
  else
    set_aside(l);
}

void
link_drop(struct link *l, char const *why)
{
  if (l->io.fd < 0) return;
  log_event(l->program == CTL ? LOG_DEBUG : LOG_WARN, "link-dropped", "link", l->name,
            "why", why, NULL);
  break_off(l);
}

void
link_discard(struct link *l, char const *why)
{
  if (l->io.fd < 0) return;
  l->out.len = l->settled;
  l->stanzas = l->settled_stanzas;
  if (l->acked > l->stanzas) l->acked = l->stanzas;
  link_drop(l, why);
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
    stralloc_free(&l->heard);
    free(l);
  }
}

/* ---- reading ---- */

static bool
first_hello(struct link *l, struct record *r)
{
  enum program p = program_find(record_get(r, 1));
  struct slice name = record_get(r, 3);

  if (!slice_is(record_get(r, 0), "hello") || r->n < 5) return false;
  if (!p || (l->program && !(p & l->program)) || !name.len || name.len > LINK_NAME_MAX)
    return false;
  l->program = p;
  memset(l->name, 0, sizeof l->name);
  memcpy(l->name, name.s, name.len);
  return check_uid(l);
}

static bool
take_hello(struct link *l, char *line, size_t len)
{
  stralloc copy = STRALLOC_ZERO;
  struct record r;
  uint64_t epoch;

  if (trace_on() && !stralloc_catb(&copy, line, len)) return false;
  if (!record_split(&r, line, len) || !first_hello(l, &r)) {
    log_event(LOG_WARN, "bad-hello", "link", l->name, NULL);
    stralloc_free(&copy);
    return false;
  }
  epoch = record_u64(&r, 4);
  event_timer_cancel(&l->timer);
  if (trace_on()) trace_in(l, slice_of(copy.s, copy.len));
  stralloc_free(&copy);
  log_event(LOG_INFO, "link-up", "link", l->name, "program", program_name(l->program),
            NULL);
  link_came_up(l, epoch);
  return true;
}

static void
silent(void *cookie)
{
  link_drop(cookie, "silent for too long");
}

/* An administrator who asks nothing makes room for others. */
static void
await_control(struct link *l)
{
  event_timer_start(&l->timer, door_now() + SERVICE_CONTROL_US, silent, l);
}

static bool
take_line(struct link *l, char *line, size_t len)
{
  if (l->program == CTL) await_control(l);
  if (!l->up) return take_hello(l, line, len);
  if (trace_on() && l->program != CTL) trace_in(l, slice_of(line, len));
  return link_line(l, line, len);
}

/* One buffer for all links: it is a link's own only while a part of a line waits in it. */
static stralloc shared = STRALLOC_ZERO;

static bool
take_buffer(struct link *l)
{
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

/* Handle the whole lines of l->in, as long as the link is read. false: the link was dropped or
 * must be. */
static bool
take_lines(struct link *l)
{
  char *at = l->in.s, *end = l->in.s + l->in.len, *nl;

  while (at < end && !l->paused && (nl = memchr(at, '\n', (size_t)(end - at)))) {
    if (!take_line(l, at, (size_t)(nl - at))) return false;
    if (l->io.fd < 0) return true; /* dropped by its owner */
    at = nl + 1;
  }
  if (!l->paused && (size_t)(end - at) > RECORD_MAX) {
    log_event(LOG_WARN, "bad-record", "link", l->name, "why", "longer than RECORD_MAX",
              NULL);
    return false;
  }
  l->in.len = (size_t)(end - at);
  if (l->in.len)
    memmove(l->in.s, at, l->in.len);
  else
    give_back(l);
  return true;
}

static void
read_some(struct link *l)
{
  ssize_t n;

  if (!take_buffer(l)) {
    link_drop(l, "out of memory");
    return;
  }
  n = fd_read(l->io.fd, l->in.s + l->in.len, READ_BYTES);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    if (!l->in.len) give_back(l);
    return;
  }
  if (n <= 0) {
    if (l->up && l->program != CTL)
      log_event(LOG_INFO, "link-down", "link", l->name, NULL);
    break_off(l);
    return;
  }
  l->in.len += (size_t)n;
  if (!take_lines(l)) link_drop(l, "what it said was refused");
}

/* ---- writing ---- */

static void
flush(struct link *l)
{
  if (l->failed) {
    link_drop(l, "out of memory");
    return;
  }
  while (l->sent < l->out.len) {
    ssize_t n = fd_write(l->io.fd, l->out.s + l->sent, l->out.len - l->sent);
    if (n < 0) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        break_off(l);
        return;
      }
      break;
    }
    l->sent += (size_t)n;
  }
  link_trim(l);
  l->settled = l->out.len;
  l->settled_stanzas = l->stanzas;
  if (l->out.len - l->sent > LINK_OUTPUT_MAX) {
    link_drop(l, "it does not read what is sent to it");
    return;
  }
  event_io_want(&l->io,
                (l->paused ? 0 : EVENT_READ) | (l->sent < l->out.len ? EVENT_WRITE : 0));
  if (l->full && l->out.len - l->sent < LINK_LOW_WATER) {
    l->full = false;
    links.owner->full(l, false);
  }
}

static void
on_io(void *cookie, uint32_t what)
{
  struct link *l = cookie;

  /* Not now: what this turn has put is not committed yet. */
  if (what & EVENT_WRITE) link_mark_dirty(l);
  if (what & EVENT_READ && l->io.fd >= 0) read_some(l);
}

static void
turn_start(void *cookie)
{
  (void)cookie;
  trace_clock();
}

/* The end of a turn: the owner commits, then everything that was put leaves. What the owner
 * puts while links fill and empty leaves in the next turn at the latest. */
static void
turn_end(void *cookie)
{
  struct link *l;

  (void)cookie;
  links.owner->turn();
  while ((l = links.dirty)) {
    links.dirty = l->next_dirty;
    l->dirty = false;
    if (l->io.fd >= 0 && l->up) flush(l);
  }
  free_closing();
  trace_flush();
}

/* What had been read when the link was paused. */
static void
take_rest(void *cookie)
{
  struct link *l = cookie;

  if (l->io.fd >= 0 && l->up && !take_lines(l)) link_drop(l, "what it said was refused");
}

void
link_pause(struct link *l, bool paused)
{
  if (l->paused == paused) return;
  l->paused = paused;
  if (l->io.fd < 0) return;
  if (!paused && l->up && l->in.len)
    event_timer_start(&l->timer, door_now(), take_rest, l);
  event_io_want(&l->io, (paused ? 0 : EVENT_READ) | (l->io.want & EVENT_WRITE));
}

size_t
link_waiting(struct link const *l)
{
  return l->up ? l->out.len - l->sent : 0;
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

/* ---- connecting ---- */

static void
no_hello(void *cookie)
{
  link_drop(cookie, "no hello in time");
}

/* Hello leaves at once and apart from out, which waits for the peer's: both sides speak
 * first, so neither waits for the other. A socket just opened has room for a line. */
static void
say_hello(struct link *l)
{
  stralloc hello = STRALLOC_ZERO;

  if (!link_hello(&hello) || fd_write(l->io.fd, hello.s, hello.len) < (ssize_t)hello.len)
    log_event(LOG_WARN, "hello-lost", "link", l->name, NULL);
  stralloc_free(&hello);
}

static void
start(struct link *l, int fd)
{
  if (!event_io_start(&l->io, fd, EVENT_READ, on_io, l)) {
    fd_close(fd);
    retry(l);
    return;
  }
  if (!check_uid(l)) {
    break_off(l);
    return;
  }
  say_hello(l);
  event_timer_start(&l->timer, door_now() + LINK_HELLO_US, no_hello, l);
}

static void
dial(void *cookie)
{
  struct link *l = cookie;
  int fd = ipc_stream_nbcoe();

  if (fd < 0) {
    retry(l);
    return;
  }
  if (!ipc_connect(fd, l->path)) {
    fd_close(fd);
    retry(l);
    return;
  }
  start(l, fd);
}

struct link *
link_connect(char const *path, struct slice name)
{
  struct link *l = link_new(program_find(name), name);

  if (!l) return NULL;
  l->path = strdup(path);
  if (!l->path) return NULL;
  l->stanzas = l->acked = link_first_number(links.epoch);
  if (!links.pipe) event_timer_start(&l->timer, door_now(), dial, l);
  return l;
}

/* ---- listening ---- */

static unsigned int
controls(void)
{
  struct link const *l;
  unsigned int n = 0;

  for (l = links.first; l; l = l->next)
    n += l->program == CTL;
  return n;
}

static void
accepted(struct door const *d, int fd)
{
  bool control = d->programs == CTL;
  struct link *l;

  if (control && controls() >= SERVICE_CONTROLS_MAX) {
    log_event(LOG_WARN, "control-refused", "why", "too many at once", NULL);
    fd_close(fd);
    return;
  }
  l = link_new((enum program)d->programs, control ? SLICE("ctl") : SLICE("?"));
  if (!l || !event_io_start(&l->io, fd, EVENT_READ, on_io, l)) {
    fd_close(fd);
    if (l) set_aside(l);
    return;
  }
  if (!control) {
    say_hello(l);
    event_timer_start(&l->timer, door_now() + LINK_HELLO_US, no_hello, l);
  } else if (check_uid(l)) {
    await_control(l);
    link_came_up(l, 0);
  } else
    break_off(l);
}

static void
open_door(void *cookie)
{
  struct door *d = cookie;

  event_io_want(&d->io, EVENT_READ);
}

/* Out of files: come back later instead of turning in a circle. */
static void
rest(struct door *d)
{
  log_event(LOG_WARN, "accept-failed", "why", strerror(errno), NULL);
  event_io_want(&d->io, 0);
  event_timer_start(&d->pause, door_now() + LINK_RETRY_MAX_US, open_door, d);
}

static void
on_door(void *cookie, uint32_t what)
{
  struct door *d = cookie;
  int fd;

  (void)what;
  while ((fd = accept4(d->io.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
    accepted(d, fd);
  if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) rest(d);
}

bool
link_listen(char const *path, mode_t mode, unsigned int programs)
{
  struct door *d = &doors[doors_n];
  int fd;

  if (doors_n == DOORS_MAX) {
    errno = ENOBUFS;
    return false;
  }
  fd = ipc_stream_nbcoe();
  if (fd < 0) return false;
  if (ipc_bind_reuse(fd, path) < 0 || chmod(path, mode) || ipc_listen(fd, SOMAXCONN) < 0)
    goto undo_fd;
  d->programs = programs;
  if (!event_io_start(&d->io, fd, EVENT_READ, on_door, d)) goto undo_fd;
  doors_n++;
  return true;
undo_fd:
  fd_close(fd);
  return false;
}

void
link_close_doors(void)
{
  struct link *l;

  links.doors_closed = true;
  while (doors_n) {
    int fd = doors[--doors_n].io.fd;
    event_io_cancel(&doors[doors_n].io);
    event_timer_cancel(&doors[doors_n].pause);
    fd_close(fd);
  }
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
  links.owner = owner;
  links.program = program_find(slice_str(owner->program));
  links.epoch = pipe ? 0 : new_epoch();
  links.pipe = pipe;
  if (!pipe) event_before(turn_start, NULL);
  event_after(turn_end, NULL);
}
