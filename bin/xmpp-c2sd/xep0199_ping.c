#include "settings.h"
#include "snapshot.h"
#include "stream.h"
#include "xep0199_ping.h"

/* XEP-0199 s4.1, mod_ping: a client that has said nothing for ping_interval is asked whether
 * it is there. Anything it says is an answer. */

#define PING_ID_LEN 12

static void
send_ping(struct stream *s)
{
  stralloc sa = STRALLOC_ZERO;
  char id[PING_ID_LEN];

  door_random_id(id, sizeof id);
  if (xml_cat(&sa, "<iq type='get'") &&
      xml_cat_attr(&sa, "from", slice_str(s->host->name)) &&
      xml_cat_attr(&sa, "to", slice_str(s->jid)) &&
      xml_cat_attr(&sa, "id", slice_of(id, sizeof id)) &&
      xml_cat(&sa, "><ping xmlns='urn:xmpp:ping'/></iq>"))
    stream_say(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

static void
on_timer(void *cookie)
{
  struct stream *s = cookie;
  uint64_t quiet = door_now() - s->seen_us;
  struct host const *h = s->host;

  if (s->pinged && quiet >= h->pong_us && h->ping_kills) {
    stream_lost(s, "no answer to a ping");
    stream_settle(s);
    return;
  }
  s->pinged = quiet >= h->ping_us;
  if (s->pinged) send_ping(s);
  if (s->state == ST_BOUND) {
    uint64_t us = h->ping_us - (s->pinged ? 0 : quiet);
    if (s->pinged && h->ping_kills) us = h->pong_us;
    event_timer_start(&s->timer, door_now() + us, on_timer, s);
  }
  stream_settle(s);
}

void
ping_start(struct stream *s)
{
  s->seen_us = door_now();
  s->pinged = false;
  if (s->host->pings)
    event_timer_start(&s->timer, door_now() + s->host->ping_us, on_timer, s);
}

void
ping_snapshot_timer(struct snapshot *k, struct stream *s)
{
  snapshot_timer(k, &s->timer, on_timer, s);
}
