#include "webd.h"

/* The shaper of a listener: the front reads a connection no faster. The rule is asked for the
 * client's address when the connection opens; xmpp-c2sd asks again when the stream of a WebSocket
 * or of a session of BOSH knows its user. */

void
shaper_set(struct conn *c, uint64_t rate, uint64_t burst)
{
  if (!c->link || c->ends || (c->rate == rate && c->burst == burst)) return;
  c->rate = rate;
  c->burst = burst;
  link_begin(c->link, VERB_SHAPE);
  link_num(c->link, c->id);
  link_num(c->link, rate);
  link_num(c->link, burst);
  link_end(c->link);
}

void
shaper_begin(struct conn *c)
{
  struct slice listener = slice_str(c->listener),
               rule = settings_get(web->st, "shaper", listener),
               host = settings_host_name(settings_host(listener, SLICE("")));
  struct access_who const who = {.domain = host, .ip = slice_str(c->ip)};
  uint64_t rate, burst;

  if (!rule.len) return;
  access_shaper(web->access, rule, host, &who, &rate, &burst);
  shaper_set(c, rate, burst);
}

uint64_t
shaper_pause_us(struct conn const *c)
{
  return c->rate ? CONN_READ * UINT64_C(1000000) / c->rate : 0;
}

uint64_t
shaper_body_us(struct conn const *c, uint64_t bytes)
{
  uint64_t rate = WEB_BODY_RATE;

  if (c->rate && c->rate / 2 < rate) rate = c->rate / 2 ? c->rate / 2 : 1;
  return bytes / rate > WEB_BODY_MAX_S ? WEB_BODY_MAX_S * UINT64_C(1000000)
                                       : bytes / rate * 1000000;
}
