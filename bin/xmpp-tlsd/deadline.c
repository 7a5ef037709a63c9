#include "conn.h"

#include <poll.h>

/* The time of a connection is over. */

/* With many at once what the client said may not have been read yet; a client that keeps
 * talking gains no more by that than once. */
static bool
is_unread(struct conn const *c)
{
  struct pollfd p = {.fd = c->io.fd, .events = POLLIN};

  return poll(&p, 1, 0) > 0 && p.revents == POLLIN;
}

void
conn_on_deadline(void *cookie)
{
  struct conn *c = cookie;

  if (c->state == HANDSHAKE && !c->dialing && !c->extended && is_unread(c)) {
    c->extended = true;
    event_timer_start(&c->timer, door_now() + TLS_HANDSHAKE_US, conn_on_deadline, c);
    return;
  }
  switch (c->state) {
  case CONNECTING: conn_drop(c, "timeout"); return;
  case HANDSHAKE:
    conn_drop(c, c->dialing ? "timeout" : "no TLS handshake in time");
    return;
  case PROXIED: conn_drop(c, "no header of the proxy in time"); return;
  case CLOSING: conn_drop(c, "closed"); return;
  case PLAIN:
  case SECURE: conn_drop(c, "slow reader: nothing taken in time"); return;
  }
}
