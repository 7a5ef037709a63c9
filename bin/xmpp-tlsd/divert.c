#include "conn.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Big bodies as descriptors (xmpp-records(7), divert). The next bytes of a client go into a pipe,
 * whose reader is a web service; when the reader goes, what follows is data again. Bytes for a
 * client come from a file, in the place of data; data that comes meanwhile waits behind the file,
 * and the client is not read. */

struct divert {
  struct event_io pipe;
  uint64_t left; /* bytes that belong into the pipe, but for rest */
  stralloc rest; /* bytes that the pipe has not taken */
  int file;
  uint64_t at, file_left;
  stralloc behind; /* data that waits for the end of the file */
};

static unsigned int pipes_n;

static struct divert *
divert_of(struct conn *c)
{
  if (c->divert) return c->divert;
  c->divert = calloc(1, sizeof *c->divert);
  if (!c->divert) return NULL;
  c->divert->pipe = (struct event_io)EVENT_IO_ZERO;
  c->divert->file = -1;
  return c->divert;
}

/* ---- the pipe ---- */

static void
close_pipe(struct divert *d)
{
  int fd = d->pipe.fd;

  if (fd < 0) return;
  event_io_cancel(&d->pipe);
  fd_close(fd);
  d->left = 0;
  stralloc_free(&d->rest);
  pipes_n--;
}

/* The reader is gone. */
static void
give_back(struct conn *c)
{
  struct divert *d = c->divert;

  if (d->rest.len && c->link) {
    link_begin(c->link, VERB_DATA);
    link_num(c->link, c->id);
    link_text(c->link, slice_of(d->rest.s, d->rest.len));
    link_end(c->link);
  }
  close_pipe(d);
  conn_want(c);
}

/* Give the number of bytes that the pipe took. -1: its reader is gone. */
static ssize_t
put(struct divert *d, char const *s, size_t len)
{
  size_t done = 0;

  while (done < len) {
    ssize_t n = fd_write(d->pipe.fd, s + done, len - done);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return -1;
    if (n <= 0) break;
    done += (size_t)n;
  }
  return (ssize_t)done;
}

static void
on_pipe(void *cookie, uint32_t what)
{
  struct conn *c = cookie;
  struct divert *d = c->divert;
  ssize_t n = what & EVENT_GONE ? -1 : put(d, d->rest.s, d->rest.len);

  if (n < 0) {
    give_back(c);
    return;
  }
  d->rest.len -= (size_t)n;
  memmove(d->rest.s, d->rest.s + n, d->rest.len);
  if (d->rest.len) return;
  if (d->left)
    event_io_want(&d->pipe, 0);
  else
    close_pipe(d);
  conn_want(c);
}

size_t
divert_put(struct conn *c, char const *s, size_t len)
{
  struct divert *d = c->divert;
  ssize_t n = 0;

  if (!d || !d->left) return 0;
  if (len > d->left) len = (size_t)d->left;
  if (!d->rest.len) n = put(d, s, len);
  if (n < 0) {
    give_back(c);
    return 0;
  }
  c->given += len;
  d->left -= len;
  if ((size_t)n < len) {
    if (!stralloc_catb(&d->rest, s + n, len - (size_t)n)) {
      close_pipe(d); /* the reader finds it short */
      return len;
    }
    event_io_want(&d->pipe, EVENT_WRITE);
  } else if (!d->left)
    close_pipe(d);
  return len;
}

bool
divert_is_full(struct conn const *c)
{
  return c->divert && c->divert->rest.len;
}

/* Open the pipe, and give its other end. -1: not now. */
static int
open_pipe(struct conn *c)
{
  struct divert *d = pipes_n < CONN_PIPES_MAX ? divert_of(c) : NULL;
  int fds[2];

  if (!d || d->pipe.fd >= 0 || pipe2(fds, O_CLOEXEC | O_NONBLOCK)) return -1;
  if (!event_io_start(&d->pipe, fds[1], 0, on_pipe, c)) {
    fd_close(fds[0]);
    fd_close(fds[1]);
    return -1;
  }
  /* A pipe that may not grow keeps the system's size. */
  fcntl(fds[1], F_SETPIPE_SZ, (int)CONN_PIPE_SIZE);
  pipes_n++;
  return fds[0];
}

/* A client that has said more meanwhile than the neighbour knew is told by data alone. */
static void
begin_pipe(struct conn *c, uint64_t end)
{
  bool is_open =
    c->opened && !c->they_closed && (c->state == PLAIN || c->state == SECURE);
  int fd;

  if (!is_open || end <= c->given || !link_can_pass(c->link)) return;
  fd = open_pipe(c);
  if (fd < 0) return;
  c->divert->left = end - c->given;
  link_begin(c->link, VERB_DIVERT);
  link_num(c->link, c->id);
  link_num(c->link, c->divert->left);
  link_num(c->link, 0);
  if (!link_end_with(c->link, fd)) close_pipe(c->divert);
}

/* ---- the file ---- */

bool
divert_sends(struct conn const *c)
{
  return c->divert && c->divert->file >= 0;
}

static void
close_file(struct divert *d)
{
  if (d->file >= 0) fd_close(d->file);
  d->file = -1;
}

/* The neighbour may say more. false: ENOMEM. */
static bool
end_file(struct conn *c)
{
  struct divert *d = c->divert;
  bool ok = stralloc_catb(&c->out, d->behind.s, d->behind.len);

  close_file(d);
  stralloc_free(&d->behind);
  if (c->they_closed || !c->link) return ok;
  link_begin(c->link, VERB_DIVERT);
  link_num(c->link, c->id);
  link_num(c->link, 0);
  link_end(c->link);
  return ok;
}

stralloc *
divert_behind(struct conn *c)
{
  return &c->divert->behind;
}

size_t
divert_waiting(struct conn const *c)
{
  return c->divert ? c->divert->behind.len : 0;
}

bool
divert_fill(struct conn *c)
{
  struct divert *d = c->divert;
  uint64_t n;
  ssize_t got;

  if (!divert_sends(c) || c->pending.len - c->written >= CONN_FILE_PIECE) return true;
  n = d->file_left < CONN_FILE_PIECE ? d->file_left : CONN_FILE_PIECE;
  if (!stralloc_readyplus(&c->out, n)) return false;
  do
    got = pread(d->file, c->out.s + c->out.len, n, (off_t)d->at);
  while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  c->out.len += (size_t)got;
  d->at += (uint64_t)got;
  d->file_left -= (uint64_t)got;
  return d->file_left || end_file(c);
}

static void
begin_file(struct conn *c, int fd, uint64_t length, uint64_t offset)
{
  struct divert *d = fd >= 0 && !c->they_closed ? divert_of(c) : NULL;

  if (!d || d->file >= 0 || !length) {
    if (fd >= 0) fd_close(fd);
    conn_drop(c, "the file of an answer is missing");
    return;
  }
  d->file = fd;
  d->at = offset;
  d->file_left = length;
  posix_fadvise(fd, (off_t)offset, (off_t)length, POSIX_FADV_SEQUENTIAL);
  conn_mark_dirty(c);
}

/* ---- records ---- */

void
divert_record(struct link *l, struct record *r)
{
  struct conn *c = conn_of(l, r);
  int fd = link_take_fd(l);

  if (!c || (r->n > 3 && c->state != PLAIN && c->state != SECURE)) {
    if (fd >= 0) fd_close(fd);
  } else if (r->n > 3)
    begin_file(c, fd, record_u64(r, 2), record_u64(r, 3));
  else
    begin_pipe(c, record_u64(r, 2));
}

void
divert_forget(struct conn *c)
{
  if (!c->divert) return;
  close_pipe(c->divert);
  close_file(c->divert);
  stralloc_free(&c->divert->behind);
  free(c->divert);
  c->divert = NULL;
}
