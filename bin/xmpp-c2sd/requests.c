#include "requests.h"
#include "stream.h"

/* A request (an iq of type get or set) of sixty bytes may ask a service for a megabyte, so the
 * bytes of requests say nothing of their cost. A session may have REQUESTS_MAX requests on
 * their way that routed has not acknowledged: the stream falls behind with what its client sends
 * then (lib/stream). Requests of one session thus never stand in front of those of others by more
 * than REQUESTS_MAX, and a client that does not read its answers soon has no request on its
 * way. */

/* Sessions whose input waits. */
static struct edge_line behind;

void
requests_passed(struct stream *s, struct link const *routed)
{
  if (s->request_at <= edge_taken()) s->requests = 0;
  s->request_at = routed->stanzas;
  if (s->c.is_leaving || ++s->requests < REQUESTS_MAX) return;
  if (edge_line_push(&behind, (struct edge_wait){s->request_at, s->sid}))
    conduit_fall_behind(&s->c);
}

/* A stream that goes on may fall behind again, for a later stanza. */
void
requests_acked(void)
{
  struct edge_wait w;

  while (edge_line_pop(&behind, &w)) {
    struct stream *s = stream_find(w.id);
    if (!s || !s->c.is_behind || s->request_at != w.n) continue;
    conduit_catch_up(&s->c);
    conduit_settle(&s->c);
  }
}

void
requests_snapshot(struct snapshot *k)
{
  edge_line_snapshot(k, "requests", &behind);
}
