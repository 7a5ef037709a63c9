#include "link/link_internal.h"

#include <skalibs/allreadwrite.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Descriptors that go along with records (SCM_RIGHTS): the record divert with its field OFFSET has
 * one. A descriptor leaves with the first byte of its record, so the receiver has it at the latest
 * when the line is whole, and both come in the same order. */

#define OFFSET_FIELD 3u

struct link_fds {
  struct {
    size_t at; /* offset in out of the record with which fd leaves */
    int fd;
  } out[LINK_FDS_MAX];

  int in[LINK_FDS_MAX];
  size_t out_n, in_n;
  int current; /* of the record that is being handled; -1: none */
};

static struct link_fds *
fds_of(struct link *l)
{
  if (l->fds) return l->fds;
  l->fds = calloc(1, sizeof *l->fds);
  if (l->fds) l->fds->current = -1;
  return l->fds;
}

void
fds_wipe(struct link *l)
{
  struct link_fds *f = l->fds;
  size_t i;

  if (!f) return;
  for (i = 0; i < f->out_n; i++)
    close(f->out[i].fd);
  for (i = 0; i < f->in_n; i++)
    close(f->in[i]);
  if (f->current >= 0) close(f->current);
  free(f);
  l->fds = NULL;
}

/* ---- sending ---- */

bool
link_can_pass(struct link *l)
{
  return l && l->up && !links.pipe && !trace_on() && fds_of(l) &&
         l->fds->out_n < LINK_FDS_MAX;
}

bool
link_end_with(struct link *l, int fd)
{
  struct link_fds *f = link_can_pass(l) ? l->fds : NULL;
  size_t at = l->begin;

  if (!f) {
    link_cancel(l);
    close(fd);
    return false;
  }
  if (!link_end(l)) {
    close(fd);
    return false;
  }
  f->out[f->out_n].at = at;
  f->out[f->out_n++].fd = fd;
  return true;
}

void
fds_moved(struct link *l, size_t from, size_t by, bool is_forward)
{
  struct link_fds *f = l->fds;
  size_t i;

  for (i = 0; f && i < f->out_n; i++)
    if (f->out[i].at >= from) f->out[i].at += is_forward ? by : 0 - by;
}

void
fds_cut(struct link *l, size_t len)
{
  struct link_fds *f = l->fds;

  while (f && f->out_n && f->out[f->out_n - 1].at >= len)
    close(f->out[--f->out_n].fd);
}

static ssize_t
send_one(struct link *l, size_t len)
{
  struct link_fds *f = l->fds;

  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control = {{0}};

  struct iovec v = {.iov_base = l->out.s + l->sent, .iov_len = len};
  struct msghdr m = {.msg_iov = &v,
                     .msg_iovlen = 1,
                     .msg_control = control.bytes,
                     .msg_controllen = sizeof control.bytes};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  ssize_t n;

  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(c), &f->out[0].fd, sizeof(int));
  do
    n = sendmsg(l->io.fd, &m, 0);
  while (n < 0 && errno == EINTR);
  if (n <= 0) return n;
  close(f->out[0].fd);
  memmove(f->out, f->out + 1, --f->out_n * sizeof f->out[0]);
  return n;
}

ssize_t
fds_write(struct link *l)
{
  struct link_fds const *f = l->fds;
  size_t end = l->out.len;

  if (f && f->out_n && f->out[0].at > l->sent) end = f->out[0].at;
  if (!f || !f->out_n || f->out[0].at > l->sent)
    return fd_write(l->io.fd, l->out.s + l->sent, end - l->sent);
  if (f->out_n > 1) end = f->out[1].at;
  return send_one(l, end - l->sent);
}

/* ---- receiving ---- */

/* Say whether records of l may bring descriptors. */
static bool
passes(struct link const *l)
{
  return l->up && verb_rows[VERB_DIVERT].from & l->roles &&
         verb_rows[VERB_DIVERT].to & links.roles;
}

/* Take what came; those for which there is no place are closed. false: there were such. */
static bool
take_all(struct link *l, struct msghdr *m)
{
  struct link_fds *f = fds_of(l);
  bool ok = !(m->msg_flags & MSG_CTRUNC);
  struct cmsghdr *c;

  for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
    size_t i, n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    for (i = 0; i < n; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
      if (f && f->in_n < LINK_FDS_MAX)
        f->in[f->in_n++] = fd;
      else {
        close(fd);
        ok = false;
      }
    }
  }
  return ok;
}

ssize_t
fds_read(struct link *l, char *s, size_t len)
{
  union {
    char bytes[CMSG_SPACE(8 * sizeof(int))];
    struct cmsghdr align;
  } control;

  struct iovec v = {.iov_base = s, .iov_len = len};
  struct msghdr m = {.msg_iov = &v,
                     .msg_iovlen = 1,
                     .msg_control = control.bytes,
                     .msg_controllen = sizeof control.bytes};
  ssize_t n;

  if (!passes(l)) return fd_read(l->io.fd, s, len);
  do
    n = recvmsg(l->io.fd, &m, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n > 0 && m.msg_controllen && !take_all(l, &m)) {
    errno = EPROTO;
    return -1;
  }
  return n;
}

void
fds_begin(struct link *l, enum verb v, struct record const *r)
{
  struct link_fds *f = l->fds;

  if (v != VERB_DIVERT || r->n <= OFFSET_FIELD || !f || !f->in_n) return;
  f->current = f->in[0];
  memmove(f->in, f->in + 1, --f->in_n * sizeof f->in[0]);
}

void
fds_end(struct link *l)
{
  if (!l->fds || l->fds->current < 0) return;
  close(l->fds->current);
  l->fds->current = -1;
}

int
link_take_fd(struct link *l)
{
  int fd = l->fds ? l->fds->current : -1;

  if (l->fds) l->fds->current = -1;
  return fd;
}
