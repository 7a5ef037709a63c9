#include "webd.h"

#include <skalibs/djbunix.h>

/* Big bodies as descriptors, between a connection and its front (xmpp-records(7), divert). The service
 * has a clock for what comes out of a pipe: bodies behind a slow shaper pass as records. */

void
conn_divert(struct conn *c)
{
  size_t here = c->in.len - c->in_at;

  if (c->ends || c->state != CONN_BODY || c->body_left < here + WEB_DIVERT_MIN ||
      !link_can_pass(c->link) || (c->rate && c->rate / 4 < WEB_BODY_RATE))
    return;
  link_begin(c->link, VERB_DIVERT);
  link_num(c->link, c->id);
  link_num(c->link, c->got + c->body_left - here);
  link_end(c->link);
}

bool
conn_send_file(struct conn *c, int fd, uint64_t len, uint64_t offset)
{
  if (c->ends || !link_can_pass(c->link)) return false;
  conn_flush(c);
  link_begin(c->link, VERB_DIVERT);
  link_num(c->link, c->id);
  link_num(c->link, len);
  link_num(c->link, offset);
  if (!link_end_with(c->link, fd))
    conn_end(c, "the file cannot be passed on");
  else
    c->filing = c->blocked = true;
  return true;
}

/* A pipe for a body that was answered already is closed: then its bytes come as data. */
static void
take_pipe(struct conn *c, int fd, uint64_t len)
{
  struct request const *q = c->request;

  c->got += len;
  if (fd < 0) return;
  if (!q || c->state != CONN_BODY || q->status || !q->kind || !q->kind->divert ||
      len > c->body_left) {
    fd_close(fd);
    return;
  }
  c->pipe = fd;
  c->pipe_len = len;
  conn_step(c);
}

void
conn_on_divert(struct link *l, struct record *r)
{
  struct conn *c = conn_find(l, r);
  int fd = link_take_fd(l);

  if (!c) {
    if (fd >= 0) fd_close(fd);
  } else if (r->n > 3)
    take_pipe(c, fd, record_u64(r, 2));
  else {
    c->filing = false;
    conn_unblock(c);
  }
}
