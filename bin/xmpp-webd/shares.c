#include "streams.h"

#include "ban/ban.h"

#include <stdlib.h>
#include <string.h>

/* Streams of one address, of IPv6 the 64 bits of one site: xmpp-tlsd counts
 * connections, but sessions of BOSH need no connection of their own, and behind a
 * proxy all connections are the proxy's. */

#define LOG_US 60000000u

struct share {
  uint64_t n;
  char text[BAN_TEXT];
};

static struct slice
text_of(void const *item)
{
  return slice_str(((struct share const *)item)->text);
}

static struct table shares = {text_of, NULL, 0, 0};

static void
log_full(struct slice ip)
{
  static uint64_t said_us;

  if (said_us && door_now() - said_us < LOG_US) return;
  said_us = door_now();
  log_event(
    LOG_WARN, "address-full", "ip", log_peer(ip), "limit", log_num(web->streams_max),
    "why", "the address has as many streams of web clients as it may have", "do",
    "raise tabber: connections_per_address, if many clients share the address", NULL);
}

struct share *
share_take(struct slice ip, bool *full)
{
  char text[BAN_TEXT];
  struct share *h;

  *full = false;
  if (ban_is_shared(ip) || !ban_name(ip, text)) return NULL;
  h = table_get(&shares, slice_str(text));
  if (!h) {
    h = calloc(1, sizeof *h);
    if (!h) return NULL;
    memcpy(h->text, text, sizeof text);
    if (!table_put(&shares, h)) {
      free(h);
      return NULL;
    }
  }
  *full = h->n >= web->streams_max;
  if (*full)
    log_full(ip);
  else
    h->n++;
  return h;
}

void
share_give(struct share *h)
{
  if (!h || --h->n) return;
  table_del(&shares, text_of(h));
  free(h);
}
