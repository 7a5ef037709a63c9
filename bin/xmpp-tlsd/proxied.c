#include "addresses.h"
#include "conn.h"

#include <stdlib.h>
#include <string.h>

/* Connections whose proxy says first for whom it speaks (use_proxy_protocol). */

struct header {
  size_t len;
  unsigned char s[PROXY_HEADER_MAX];
};

void
proxied_await(struct conn *c)
{
  c->state = PROXIED;
  event_timer_start(&c->timer, door_now() + PROXY_HEADER_US, conn_on_deadline, c);
}

static void
take_client(struct conn *c, struct nets_client const *client)
{
  char by[CONN_IP_SIZE];

  event_timer_cancel(&c->timer);
  free(c->header);
  c->header = NULL;
  if (!*client->ip) return;
  memcpy(by, c->ip, sizeof by);
  memcpy(c->ip, client->ip, CONN_IP_SIZE);
  c->port = (uint16_t)client->port;
  log_event(LOG_INFO, "proxied", "conn", log_conn(service_instance(), c->id), "ip",
            log_peer(slice_str(c->ip)), "by", log_peer(slice_str(by)), NULL);
}

int
proxied_take(struct conn *c, char *s, size_t *len)
{
  struct nets_client client;
  struct header *h = c->header;
  size_t had, n;
  long end;

  if (!h) h = c->header = calloc(1, sizeof *h);
  if (!h) {
    conn_drop(c, "out of memory");
    return -1;
  }
  had = h->len;
  n = *len < sizeof h->s - had ? *len : sizeof h->s - had;
  memcpy(h->s + had, s, n);
  h->len += n;
  end = nets_proxy(h->s, h->len, &client);
  if (end < 0 || (!end && h->len == sizeof h->s)) {
    conn_drop(c, "not a header of the PROXY protocol");
    return -1;
  }
  if (!end) return 0;
  n = (size_t)end - had;
  memmove(s, s + n, *len - n);
  *len -= n;
  take_client(c, &client);
  if (!*client.ip) return 1;
  if (!address_admits(c->listener, slice_str(c->ip))) {
    conn_drop(c, "the address is shut out, or has too many connections");
    return -1;
  }
  address_enter(c);
  return 1;
}
