#include "deliver.h"
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
      xml_cat_attr(&sa, "to", slice_str(s->session.jid)) &&
      xml_cat_attr(&sa, "id", slice_of(id, sizeof id)) &&
      xml_cat(&sa, "><ping xmlns='urn:xmpp:ping'/></iq>"))
    deliver_own(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* Say whether the client has been asked and has said nothing since. */
static bool
is_asked(struct stream const *s)
{
  return s->pinged_us && s->pinged_us > s->c.seen_us;
}

static void
on_timer(void *cookie)
{
  struct stream *s = cookie;
  uint64_t quiet = door_now() - s->c.seen_us;
  struct host const *h = s->host;
  bool asks = quiet >= h->ping_us;
  uint64_t us = h->ping_us - (asks ? 0 : quiet);

  if (is_asked(s) && quiet >= h->pong_us && h->ping_kills) {
    conduit_lost(&s->c, "no answer to a ping");
    conduit_settle(&s->c);
    return;
  }
  s->pinged_us = asks ? door_now() : 0;
  if (asks) send_ping(s);
  if (asks && h->ping_kills) us = h->pong_us;
  event_timer_start(&s->ping, door_now() + us, on_timer, s);
  conduit_settle(&s->c);
}

void
ping_start(struct stream *s)
{
  s->c.seen_us = door_now();
  s->pinged_us = 0;
  if (s->host->pings)
    event_timer_start(&s->ping, door_now() + s->host->ping_us, on_timer, s);
}

void
ping_stop(struct stream *s)
{
  event_timer_cancel(&s->ping);
}

void
ping_snapshot_timer(struct snapshot *k, struct stream *s)
{
  snapshot_timer(k, &s->ping, on_timer, s);
}
