#include "deliver.h"
#include "settings.h"
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

void
ping_due(struct stream *s)
{
  uint64_t quiet = door_now() - s->c.seen_us;
  struct host const *h = s->host;
  bool asks = quiet >= h->ping_us;
  uint64_t us = h->ping_us - (asks ? 0 : quiet);

  if (is_asked(s) && quiet >= h->pong_us && h->ping_kills) {
    conduit_lost(&s->c, "no answer to a ping");
    return;
  }
  s->pinged_us = asks ? door_now() : 0;
  if (asks) send_ping(s);
  if (asks && h->ping_kills) us = h->pong_us;
  conduit_deadline(&s->c, door_now() + us);
}

void
ping_start(struct stream *s)
{
  s->c.seen_us = door_now();
  s->pinged_us = 0;
  if (s->host->pings)
    conduit_deadline(&s->c, door_now() + s->host->ping_us);
  else
    conduit_no_deadline(&s->c);
}
