#include "conn.h"

#include <openssl/err.h>

/* Bounds of memory and CPU of a connection, and of all connections together. limits.h has
 * the numbers.
 *
 * Output: tlsd counts the bytes that a client has not taken, for the connection and for
 * all. A connection above CONN_OUTPUT_MAX is ended, or above CONN_HIGH_WATER while the
 * TLS that its listener requires is not up; above CONN_OUTPUT_ALL_MAX the connection with
 * most.
 *
 * Input: bytes that were read wait on the link until the stream program takes them, and
 * each byte may bring an answer of many. Above CONN_AHEAD such bytes on a link its
 * connections rest: they are not read until the link has less than a quarter of
 * CONN_AHEAD.
 *
 * TLS: a KeyUpdate, a renegotiation (refused each time) or a warning costs more than its
 * bytes, and brings nothing. Above TLS_CONTROL_MAX in TLS_CONTROL_US the connection is
 * ended. */

static struct {
  uint64_t waiting; /* bytes that wait for all clients, and at most may */
  uint64_t waiting_max;
  struct conn *resting;
} bounds;

/* ---- output ---- */

/* Give the bytes that wait for the client: plain ones and those as the network shall see them. */
static size_t
waiting(struct conn const *c)
{
  return c->out.len + c->pending.len - c->written + divert_waiting(c);
}

void
bounds_count(struct conn *c)
{
  size_t n = waiting(c);

  bounds.waiting += n;
  bounds.waiting -= c->counted;
  c->counted = n;
}

void
bounds_set(uint64_t waiting_max)
{
  bounds.waiting_max = waiting_max;
}

bool
bounds_hold(struct conn *c)
{
  bool early = c->state == PLAIN && c->listener && c->listener->required;
  struct conn *most;
  bool alive = true;

  bounds_count(c);
  if (c->counted > (early ? CONN_HIGH_WATER : CONN_OUTPUT_MAX)) {
    conn_drop(c, "slow reader: too much output waits");
    return false;
  }
  while (bounds.waiting > bounds.waiting_max && (most = conns_greatest())) {
    alive = alive && most != c;
    conn_drop(most, "slow reader: of all clients, most output waits for this one");
  }
  return alive;
}

uint64_t
bounds_waiting(void)
{
  return bounds.waiting;
}

/* ---- input ---- */

static void
wake(struct conn *c)
{
  if (!c->resting) return;
  c->resting = false;
  if (c->rest_prev)
    c->rest_prev->rest_next = c->rest_next;
  else
    bounds.resting = c->rest_next;
  if (c->rest_next) c->rest_next->rest_prev = c->rest_prev;
}

bool
bounds_rest(struct conn *c)
{
  if (!c->link || c->state == CLOSING || link_waiting(c->link) <= CONN_AHEAD)
    return false;
  if (c->resting) return true;
  c->resting = true;
  c->rest_prev = NULL;
  c->rest_next = bounds.resting;
  if (bounds.resting) bounds.resting->rest_prev = c;
  bounds.resting = c;
  return true;
}

void
bounds_turn(void *unused)
{
  struct conn *c, *next;

  (void)unused;
  for (c = bounds.resting; c; c = next) {
    next = c->rest_next;
    if (c->link && link_waiting(c->link) > CONN_AHEAD / 4) continue;
    wake(c);
    conn_want(c);
  }
}

/* ---- TLS ---- */

static void
on_message(int is_ours, int version, int type, void const *bytes, size_t len, SSL *ssl,
           void *cookie)
{
  struct conn *c = cookie;

  (void)version;
  (void)bytes;
  (void)len;
  (void)ssl;
  if (type != SSL3_RT_ALERT && (type != SSL3_RT_HANDSHAKE || is_ours)) return;
  if (door_now() - c->controls_us >= TLS_CONTROL_US) {
    c->controls_us = door_now();
    c->controls = 0;
  }
  if (++c->controls > TLS_CONTROL_MAX) conn_tls_read_no_more();
}

void
bounds_watch_tls(struct conn *c)
{
  c->controls = 0;
  c->controls_us = door_now();
  SSL_set_msg_callback(c->ssl, on_message);
  SSL_set_msg_callback_arg(c->ssl, c);
}

bool
bounds_hold_tls(struct conn *c)
{
  if (c->controls <= TLS_CONTROL_MAX) return true;
  conn_drop(c, "TLS failed: too many key updates, renegotiations or alerts");
  return false;
}

void
bounds_forget(struct conn *c)
{
  wake(c);
  bounds.waiting -= c->counted;
  c->counted = 0;
}
