#include "link/link_internal.h"

#include <skalibs/djbunix.h>
#include <skalibs/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Sockets that programs connect to. Until it has said hello a connection may be anybody's who
 * has the right user: it holds LINK_HELLO_MAX bytes for LINK_HELLO_US, and of one user there
 * are few. */

#define DOORS_MAX 4

struct door {
  struct event_io io;
  struct event_timer pause;
  unsigned int roles;
  char *path;
};

static struct door doors[DOORS_MAX];
static unsigned int doors_n;

/* Say whether connections of d ask and get answers: those of an administrator or a monitor. */
static bool
takes_no_hello(struct door const *d)
{
  return d->roles == ROLE_CONTROL || d->roles == ROLE_MONITOR;
}

/* Say whether the peer has closed its end; what it has said may still be to be handled. */
static bool
has_gone(struct link const *l)
{
  struct pollfd p = {.fd = l->io.fd};

  return poll(&p, 1, 0) > 0;
}

/* Give the reason why another connection of this user is too many, or NULL. */
static char const *
too_many(struct door const *d, uid_t uid)
{
  struct link const *l;
  unsigned int all = 0, strangers = 0, controls = 0;

  for (l = links.first; l; l = l->next) {
    controls += l->program == CTL && !has_gone(l);
    if (l->path || l->program == CTL || l->uid != uid) continue;
    all++;
    strangers += !l->up;
  }
  if (takes_no_hello(d))
    return controls >= SERVICE_CONTROLS_MAX ? "too many connections at once" : NULL;
  if (strangers >= LINK_STRANGERS_MAX) return "too many connections without a hello";
  return all >= LINK_PER_USER_MAX ? "too many connections of this user" : NULL;
}

static bool
is_welcome(struct door const *d, int fd, uid_t *uid)
{
  char const *why;

  if (!link_peer_may_connect(fd, d->roles, d->path, uid)) return false;
  why = too_many(d, *uid);
  if (why) link_peer_refused(fd, d->path, why);
  return !why;
}

static void
accepted(struct door const *d, int fd)
{
  bool control = takes_no_hello(d);
  struct link *l = NULL;
  uid_t uid;

  if (is_welcome(d, fd, &uid))
    l = link_new(control ? CTL : (enum program)0, d->roles,
                 control ? SLICE("ctl") : SLICE("?"));
  if (!l || !link_watch(l, fd)) {
    fd_close(fd);
    if (l) link_set_aside(l);
    return;
  }
  l->uid = uid;
  if (!control) {
    link_say_hello(l);
  } else {
    link_await_control(l);
    link_came_up(l, 0);
  }
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
  log_event(LOG_WARN, "accept-failed", "socket", d->path, "why", strerror(errno), NULL);
  event_io_want(&d->io, 0);
  event_timer_start(&d->pause, door_now() + LINK_RETRY_MAX_US, open_door, d);
}

/* Accept LINK_ACCEPTS_A_TURN connections at most; more wait for the next turn. */
static void
on_door(void *cookie, uint32_t what)
{
  struct door *d = cookie;
  unsigned int n = 0;
  int fd = -1;

  (void)what;
  while (n++ < LINK_ACCEPTS_A_TURN &&
         (fd = accept4(d->io.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
    accepted(d, fd);
  if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) rest(d);
}

bool
link_listen(char const *path, mode_t mode, unsigned int roles)
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
  d->roles = roles;
  d->path = strdup(path);
  if (!d->path || !event_io_start(&d->io, fd, EVENT_READ, on_door, d)) goto undo_path;
  doors_n++;
  return true;
undo_path:
  free(d->path);
undo_fd:
  fd_close(fd);
  return false;
}

void
link_stop_listening(void)
{
  while (doors_n) {
    struct door *d = &doors[--doors_n];
    int fd = d->io.fd;
    event_io_cancel(&d->io);
    event_timer_cancel(&d->pause);
    fd_close(fd);
    free(d->path);
  }
}
