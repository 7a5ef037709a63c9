#include "event/event.h"

#include "base/base.h"

#include <skalibs/selfpipe.h>

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BATCH 256
#define HOOKS_MAX 4

static struct {
  int epfd;
  bool stop, again;
  struct epoll_event batch[BATCH];
  int batch_n, batch_at;

  struct {
    event_timer_fn *fn;
    void *cookie;
  } hooks[HOOKS_MAX];

  unsigned int hooks_n;
  event_timer_fn *before;
  void *before_cookie;
  event_signal_fn *on_signal;
  struct event_io signals;
} loop = {.epfd = -1, .signals = EVENT_IO_ZERO};

int64_t event_timers_next(void);

bool
event_init(void)
{
  if (loop.epfd >= 0) return true;
  loop.epfd = epoll_create1(EPOLL_CLOEXEC);
  return loop.epfd >= 0;
}

static bool
control(int op, struct event_io *io)
{
  struct epoll_event ev = {.events = io->want, .data = {.ptr = io}};

  return !epoll_ctl(loop.epfd, op, io->fd, &ev);
}

bool
event_io_start(struct event_io *io, int fd, uint32_t want, event_io_fn *fn, void *cookie)
{
  *io = (struct event_io){fn, cookie, fd, want};
  if (control(EPOLL_CTL_ADD, io)) return true;
  io->fd = -1;
  return false;
}

void
event_io_want(struct event_io *io, uint32_t want)
{
  if (io->fd < 0 || io->want == want) return;
  io->want = want;
  control(EPOLL_CTL_MOD, io);
}

void
event_io_cancel(struct event_io *io)
{
  int i;

  if (io->fd < 0) return;
  epoll_ctl(loop.epfd, EPOLL_CTL_DEL, io->fd, NULL);
  for (i = loop.batch_at; i < loop.batch_n; i++)
    if (loop.batch[i].data.ptr == io) loop.batch[i].data.ptr = NULL;
  io->fd = -1;
}

void
event_before(event_timer_fn *fn, void *cookie)
{
  loop.before = fn;
  loop.before_cookie = cookie;
}

void
event_after(event_timer_fn *fn, void *cookie)
{
  if (loop.hooks_n == HOOKS_MAX) return;
  loop.hooks[loop.hooks_n].fn = fn;
  loop.hooks[loop.hooks_n++].cookie = cookie;
}

void
event_turn_end(void)
{
  unsigned int i;

  for (i = 0; i < loop.hooks_n; i++)
    loop.hooks[i].fn(loop.hooks[i].cookie);
}

void
event_again(void)
{
  loop.again = true;
}

static void
on_selfpipe(void *cookie, uint32_t what)
{
  int sig;

  (void)cookie;
  (void)what;
  while ((sig = selfpipe_read()) > 0)
    loop.on_signal(sig);
}

bool
event_signals(event_signal_fn *fn)
{
  sigset_t set;
  int fd = selfpipe_init();

  if (fd < 0) return false;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  if (!selfpipe_trapset(&set)) return false;
  loop.on_signal = fn;
  return event_io_start(&loop.signals, fd, EVENT_READ, on_selfpipe, NULL);
}

static void
call(struct epoll_event const *ev)
{
  struct event_io *io = ev->data.ptr;
  uint32_t what = 0;

  if (!io) return;
  if (ev->events & (EPOLLIN | EPOLLERR | EPOLLHUP)) what |= EVENT_READ;
  if (ev->events & (EPOLLERR | EPOLLHUP)) what |= EVENT_GONE;
  if (ev->events & EPOLLOUT) what |= EVENT_WRITE;
  io->fn(io->cookie, what);
}

static int
wait_ms(void)
{
  int64_t ms = loop.again ? 0 : event_timers_next();

  loop.again = false;
  return ms > 60000 ? 60000 : (int)ms;
}

bool
event_run(void)
{
  loop.stop = false;
  while (!loop.stop) {
    int n = epoll_wait(loop.epfd, loop.batch, BATCH, wait_ms());
    if (n < 0 && errno != EINTR) return false;
    /* Timers cancel too: what they take away must be found in the batch. */
    loop.batch_at = 0;
    loop.batch_n = n < 0 ? 0 : n;
    door_tick();
    if (loop.before) loop.before(loop.before_cookie);
    event_timers_run();
    while (loop.batch_at < loop.batch_n) {
      struct epoll_event const *ev = &loop.batch[loop.batch_at++];
      call(ev);
    }
    loop.batch_n = 0;
    event_turn_end();
  }
  return true;
}

void
event_stop(void)
{
  loop.stop = true;
}
