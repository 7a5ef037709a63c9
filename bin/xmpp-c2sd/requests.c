#include "input.h"
#include "requests.h"
#include "stream.h"

/* A request (an iq of type get or set) of sixty bytes may ask a service for a megabyte, so the
 * bytes of requests say nothing of their cost. A session may have REQUESTS_MAX requests on
 * their way that routed has not acknowledged: what its client sends behind waits here, and its
 * front stops reading the client when much waits. Requests of one session thus never stand in
 * front of those of others by more than REQUESTS_MAX, and a client that does not read its
 * answers soon has no request on its way. */

/* Input of a stream that waits, above which its front is told to stop. */
#define STOP_AT 16384u

/* Sessions whose input waits. */
static struct edge_line behind;

void
requests_passed(struct stream *s, struct link const *routed)
{
  if (s->request_at <= edge_taken()) s->requests = 0;
  s->request_at = routed->stanzas;
  if (s->is_leaving || ++s->requests < REQUESTS_MAX) return;
  s->is_behind = edge_line_push(&behind, (struct edge_wait){s->request_at, s->sid});
}

static void
tell_front(struct stream *s, enum verb v)
{
  if (!s->link) return;
  link_begin(s->link, v);
  link_num(s->link, s->id);
  link_end(s->link);
}

void
requests_held(struct stream *s)
{
  if (!s->is_behind || s->is_stopped || s->held.len < STOP_AT) return;
  s->is_stopped = true;
  tell_front(s, VERB_STOP);
}

void
requests_leave(struct stream *s)
{
  if (!s->is_behind) return;
  s->is_leaving = true;
  requests_forget(s);
  input_resume(s);
  s->is_leaving = false;
}

void
requests_forget(struct stream *s)
{
  s->is_behind = s->is_stopped = false;
}

/* A front that was told to stop stays so while the stream comes behind again. */
static void
go_on(struct stream *s)
{
  s->is_behind = false;
  input_resume(s);
  if (s->is_stopped && !s->is_behind) {
    s->is_stopped = false;
    tell_front(s, VERB_GO);
  }
  stream_settle(s);
}

/* A stream that goes on may come behind again, for a later stanza. */
void
requests_acked(void)
{
  struct edge_wait w;

  while (edge_line_pop(&behind, &w)) {
    struct stream *s = stream_find(w.id);
    if (s && s->is_behind && s->request_at == w.n) go_on(s);
  }
}

void
requests_snapshot(struct snapshot *k)
{
  edge_line_snapshot(k, "requests", &behind);
}
