#include "webd.h"

#include <stdlib.h>
#include <string.h>

/* The client of a request, behind proxies that are trusted (trusted_proxies): X-Forwarded-For, or if
 * there is none Forwarded (RFC 7239). From other peers these fields are only fields. */

/* Peers that were named in the log for their X-Forwarded-For, the last ones. */
#define NAMED_N 16

static void
name_once(struct conn const *c)
{
  static char named[NAMED_N][46];
  static unsigned int at;
  unsigned int i;

  for (i = 0; i < NAMED_N; i++)
    if (!strcmp(named[i], c->ip)) return;
  strncpy(named[at], c->ip, sizeof named[at] - 1);
  at = (at + 1) % NAMED_N;
  log_event(LOG_WARN, "proxy-not-trusted", "conn", conn_name(c), "ip",
            log_peer(slice_str(c->ip)), "listener", c->listener, "why",
            "the peer says X-Forwarded-For, and is not in trusted_proxies", "do",
            "add it to trusted_proxies if it is your proxy", NULL);
}

/* Walk from the right over trusted hops. Give the hop that is the client's, or NULL: the peer
 * itself. */
static struct http_hop const *
walk(struct http_hop const *hop, size_t n)
{
  struct http_hop const *good = NULL;

  while (n--) {
    if (!hop[n].ip[0]) break;
    good = &hop[n];
    if (!nets_have(&web->trusted, slice_str(good->ip))) break;
  }
  return good;
}

/* The last item of a list in fields of the name (RFC 9110 s5.3): that of the nearest proxy. Some
 * proxies add a field of their own behind that of the client. */
static struct slice
last_item(struct http_request const *h, char const *name)
{
  struct slice list = {NULL, 0}, item = {NULL, 0};
  size_t i;

  for (i = 0; i < h->n; i++)
    if (slice_is(h->field[i].name, name)) list = h->field[i].value;
  while (slice_word(&list, ',', &item)) {
  }
  return slice_trimmed(item);
}

static bool
take_host(struct slice text, struct slice *host)
{
  static char buf[HTTP_HOST_MAX + 8];

  if (!text.len) return true;
  if (text.len > sizeof buf) return false;
  memcpy(buf, text.s, text.len);
  return http_host(buf, text.len, host);
}

bool
client_learn(struct request *q, struct http_request const *h, struct slice *host)
{
  struct http_hop hop[HTTP_HOPS_MAX];
  struct http_hop const *client;
  struct conn const *c = q->conn;
  bool has_x = http_field(h, "x-forwarded-for").s != NULL;
  struct slice proto = last_item(h, "x-forwarded-proto"),
               name = last_item(h, "x-forwarded-host");
  size_t n;

  *host = h->host;
  q->https = c->secure;
  if (nets_empty(&web->trusted) || !nets_have(&web->trusted, slice_str(c->ip))) {
    if (has_x) name_once(c);
    q->ip = slice_dup(slice_str(c->ip));
    return true;
  }
  n = has_x ? http_x_forwarded_for(h, hop, HTTP_HOPS_MAX)
            : http_forwarded(h, hop, HTTP_HOPS_MAX);
  client = walk(hop, n);
  q->ip = slice_dup(slice_str(client ? client->ip : c->ip));
  if (client && !has_x && !proto.len) proto = client->proto;
  if (client && !has_x && !name.len) name = client->host;
  if (proto.len) q->https = slice_is_nocase(proto, "https");
  return take_host(name, host);
}
