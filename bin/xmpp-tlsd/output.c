#include "conn.h"

#include <skalibs/allreadwrite.h>

#include <openssl/err.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* The way out: what a turn brings for a client gathers in out (plain), becomes one TLS
 * record at the end of the turn, and what the socket does not take waits in pending (as
 * it goes to the network). */

static struct conn *dirty;

void
conn_mark_dirty(struct conn *c)
{
  if (c->dirty) return;
  c->dirty = true;
  c->next_dirty = dirty;
  dirty = c;
}

void
output_forget(struct conn *c)
{
  struct conn **at;

  if (!c->dirty) return;
  for (at = &dirty; *at && *at != c; at = &(*at)->next_dirty) {
  }
  if (*at) *at = c->next_dirty;
}

bool
conn_tls_write(void *cookie, char const *buf, size_t len)
{
  struct conn *c = cookie;

  return stralloc_catb(&c->pending, buf, len);
}

/* Move what gathered in out to pending, as the network shall see it. */
bool
conn_encode(struct conn *c)
{
  bool ok = true;

  if (!c->out.len) return true;
  if (!c->ssl) {
    ok = stralloc_catb(&c->pending, c->out.s, c->out.len) && tally_encoded(c, 0);
  } else {
    size_t done = 0, n;
    while (ok && done < c->out.len) {
      ok = SSL_write_ex(c->ssl, c->out.s + done, c->out.len - done, &n) == 1;
      done += ok ? n : 0;
      ok = ok && tally_encoded(c, c->out.len - done);
    }
    ERR_clear_error();
  }
  stralloc_free(&c->out);
  return ok;
}

static uint64_t
send_timeout(struct conn const *c)
{
  return c->listener ? c->listener->send_timeout_us : DIAL_SILENCE_US;
}

/* The end of a connection is waited for as long as its client takes what it is still to get; as long
 * as the neighbour may have more for a client that has said all; then a moment. */
void
output_await_end(struct conn *c)
{
  uint64_t us = c->pending.len > c->written || divert_sends(c) ? send_timeout(c)
                : c->opened && !c->they_closed                 ? CONN_HALF_US
                                                               : CONN_LINGER_US;

  event_timer_start(&c->timer, door_now() + us, conn_on_deadline, c);
}

/* A client that takes nothing has until its deadline; any progress starts it anew. */
static void
watch_output(struct conn *c, bool progress)
{
  size_t len = c->pending.len - c->written;
  bool much = len > CONN_HIGH_WATER;

  if (!len) {
    /* With a file, the next piece follows. */
    if (!divert_sends(c)) stralloc_free(&c->pending);
    c->pending.len = 0;
    c->written = 0;
    if (c->state != HANDSHAKE && c->state != CLOSING) event_timer_cancel(&c->timer);
  } else if (c->state != HANDSHAKE && c->state != CLOSING &&
             (progress || !event_timer_on(&c->timer)))
    event_timer_start(&c->timer, door_now() + send_timeout(c), conn_on_deadline, c);
  if (c->state == CLOSING && progress) output_await_end(c);
  if (much && !c->told_stop && c->opened && !c->we_closed) {
    c->told_stop = true;
    conn_tell(c, VERB_STOP);
  } else if (c->told_stop && len < CONN_HIGH_WATER / 2 && !c->we_closed) {
    c->told_stop = false;
    conn_tell(c, VERB_GO);
  }
}

/* Remove the written bytes of pending once they are the greater part, so that much
 * pending output is not moved for each little that a slow client takes. */
static void
trim(struct conn *c)
{
  if (c->written < c->pending.len - c->written) return;
  memmove(c->pending.s, c->pending.s + c->written, c->pending.len - c->written);
  c->pending.len -= c->written;
  c->written = 0;
}

bool
conn_write(struct conn *c)
{
  size_t done = c->written;

  while (done < c->pending.len) {
    ssize_t n = fd_write(c->io.fd, c->pending.s + done, c->pending.len - done);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return false;
    if (n <= 0) break;
    done += (size_t)n;
  }
  conn_totals.bytes_out += done - c->written;
  bool progress = done > c->written;
  tally_written(c, done - c->written);
  c->written = done;
  if (c->pending.len) trim(c);
  watch_output(c, progress);
  bounds_count(c);
  return true;
}

/* The neighbour has closed, so no more will be said: the close_notify (RFC 8446 s6.1) leaves
 * with the last bytes. A client that has closed itself gets none. */
static void
end_tls(struct conn *c)
{
  if (!c->ssl || !c->they_closed || c->ended || !SSL_is_init_finished(c->ssl)) return;
  if (!(SSL_get_shutdown(c->ssl) & SSL_SENT_SHUTDOWN)) SSL_shutdown(c->ssl);
  ERR_clear_error();
}

/* The neighbour has closed and all is written: say so to the client. false: it was dropped.
 */
static bool
finish_close(struct conn *c)
{
  if (c->pending.len || !c->they_closed) return true;
  if (c->ended) {
    conn_drop(c, "closed");
    return false;
  }
  if (c->shut) return true;
  c->shut = true;
  shutdown(c->io.fd, SHUT_WR);
  conn_tell_close(c, "closed");
  return true;
}

/* false: the connection was dropped. */
bool
conn_flush(struct conn *c)
{
  bool ok = conn_encode(c) && divert_fill(c) && conn_encode(c);

  if (ok && c->they_closed && c->state != CLOSING && !divert_sends(c))
    conn_begin_close(c);
  if (ok && c->state == CLOSING) end_tls(c);
  if (!ok || !conn_write(c)) {
    conn_drop(c, "write failed");
    return false;
  }
  if (c->state == CLOSING && !finish_close(c)) return false;
  conn_want(c);
  return true;
}

void
conns_flush(void)
{
  struct conn *c;

  while ((c = dirty)) {
    dirty = c->next_dirty;
    c->dirty = false;
    if (conn_flush(c)) tally_tell(c);
  }
}
