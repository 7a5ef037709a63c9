#include "uploadd.h"

#include <skalibs/allreadwrite.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The body of a PUT from a pipe, which xmpp-tlsd fills: the kernel moves the bytes into the file. */

void
pipe_close(struct transfer *t)
{
  int fd = t->pipe.fd;

  event_timer_cancel(&t->timer);
  if (fd < 0) return;
  event_io_cancel(&t->pipe);
  close(fd);
}

/* The client is gone, of which webd hears too: its cancel may be behind. */
static void
cut(struct transfer *t, char const *why)
{
  link_begin(t->link, VERB_CANCEL);
  link_num(t->link, t->id);
  link_str(t->link, why);
  link_end(t->link);
  transfer_free(t);
}

/* Move bytes from the pipe to the file. 0: the pipe is at its end; -1 with errno. */
static ssize_t
move(struct transfer *t, uint64_t most)
{
  static char buf[UPLOAD_PIECE];
  static bool no_splice;
  ssize_t n = -1;

  if (!no_splice)
    n =
      splice(t->pipe.fd, NULL, t->temp.fd, NULL, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (n < 0 && !no_splice && errno == EINVAL) no_splice = true;
  if (n >= 0 || !no_splice) return n;
  n = fd_read(t->pipe.fd, buf, most < sizeof buf ? most : sizeof buf);
  return n > 0 && allwrite(t->temp.fd, buf, (size_t)n) < (size_t)n ? -1 : n;
}

static void
on_pipe(void *cookie, uint32_t what)
{
  struct transfer *t = cookie;
  uint64_t most = UPLOAD_PIPE_TURN;
  ssize_t n = 1;

  (void)what;
  while (most && t->pipe_left) {
    n = move(t, t->pipe_left < most ? t->pipe_left : most);
    if (n <= 0) break;
    most -= (uint64_t)n;
    t->pipe_left -= (uint64_t)n;
    t->came_us = door_now();
    put_took(t, (size_t)n);
  }
  if (n < 0 && errno != EAGAIN && errno != EINTR) {
    put_end_by_errno(t);
  } else if (!n) {
    cut(t, "the body was cut");
  } else if (!t->pipe_left) {
    pipe_close(t);
    if (t->ended) put_ended(t);
  }
}

/* Say whether the client is late. Timers run before pipes are read, and xmpp-uploadd may have stood
 * still (a disk, SIGSTOP): bytes that are in the pipe have come. */
static bool
is_late(struct transfer const *t)
{
  bool is_over = door_now() >= t->until_us;
  int n = 0;

  if (!is_over && door_now() - t->came_us < uploadd.silence_us) return false;
  if (ioctl(t->pipe.fd, FIONREAD, &n) < 0) n = 0;
  return is_over ? (uint64_t)n < t->pipe_left : !n;
}

/* A sign of life for webd, which sees nothing of the bytes. */
static void
on_time(void *cookie)
{
  struct transfer *t = cookie;

  if (is_late(t)) {
    put_end(t, 408, "late", "The file came too slowly.\n");
    return;
  }
  link_begin(t->link, VERB_GO);
  link_num(t->link, t->id);
  link_end(t->link);
  event_timer_start(&t->timer, door_now() + uploadd.life_us, on_time, t);
}

void
pipe_begin(struct transfer *t, int fd, uint64_t len)
{
  if (len > t->slot.size - t->got) {
    close(fd);
    put_end(t, 413, "wrong-size", "The slot is for a file of another size.\n");
    return;
  }
  t->pipe_left = len;
  t->came_us = door_now();
  t->until_us = door_now() + uploadd.silence_us + len / WEB_BODY_RATE * 1000000u;
  if (!event_io_start(&t->pipe, fd, EVENT_READ, on_pipe, t)) {
    close(fd);
    put_end_by_errno(t);
    return;
  }
  event_timer_start(&t->timer, door_now() + uploadd.life_us, on_time, t);
}
