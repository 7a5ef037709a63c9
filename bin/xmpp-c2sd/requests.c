#include "requests.h"
#include "stream.h"

#include <stdlib.h>

/* A request (an iq of type get or set) of sixty bytes may ask a service for a megabyte, so the
 * bytes of requests say nothing of their cost. A session may have REQUESTS_MAX requests on
 * their way that routed has not acknowledged: what its client sends behind waits here, and its
 * front stops reading the client when much waits. Requests of one session thus never stand in
 * front of those of others by more than REQUESTS_MAX, and a client that does not read its
 * answers soon has no request on its way. */

/* Input of a stream that waits, above which its front is told to stop. */
#define STOP_AT 16384u

/* Sessions whose input waits, in the order of the stanzas that routed is to acknowledge. */
struct behind {
  uint64_t n, sid;
};

static struct {
  struct behind *v;
  size_t head, n, size; /* size is a power of two */
  uint64_t acked;       /* by routed */
} behind;

static bool
grow(void)
{
  size_t size = behind.size ? 2 * behind.size : 16, i;
  struct behind *v = malloc(size * sizeof *v);

  if (!v) return false;
  for (i = 0; i < behind.n; i++)
    v[i] = behind.v[(behind.head + i) & (behind.size - 1)];
  free(behind.v);
  behind.v = v;
  behind.head = 0;
  behind.size = size;
  return true;
}

static void
put_behind(uint64_t n, uint64_t sid)
{
  behind.v[(behind.head + behind.n++) & (behind.size - 1)] = (struct behind){n, sid};
}

void
requests_passed(struct stream *s, struct link const *routed)
{
  if (s->request_at <= behind.acked) s->requests = 0;
  s->request_at = routed->stanzas;
  if (s->is_leaving) return;
  if (++s->requests < REQUESTS_MAX) return;
  if (behind.n == behind.size && !grow()) return;
  s->is_behind = true;
  put_behind(s->request_at, s->sid);
}

void
requests_held(struct stream *s)
{
  if (!s->is_behind || s->is_stopped || s->held.len < STOP_AT) return;
  s->is_stopped = true;
  link_begin(s->link, VERB_STOP);
  link_num(s->link, s->id);
  link_end(s->link);
}

void
requests_leave(struct stream *s)
{
  if (!s->is_behind) return;
  s->is_leaving = true;
  requests_forget(s);
  stream_resume(s);
  s->is_leaving = false;
}

void
requests_forget(struct stream *s)
{
  s->is_behind = s->is_stopped = false;
}

static void
go_on(struct stream *s)
{
  bool stopped = s->is_stopped;

  requests_forget(s);
  stream_resume(s);
  if (stopped && !s->is_behind && s->link) {
    link_begin(s->link, VERB_GO);
    link_num(s->link, s->id);
    link_end(s->link);
  } else {
    s->is_stopped = stopped && s->is_behind;
  }
  stream_settle(s);
}

/* A stream that goes on may come behind again, for a later stanza. */
void
requests_acked(uint64_t n)
{
  behind.acked = n;
  while (behind.n && behind.v[behind.head].n <= n) {
    struct stream *s = stream_find(behind.v[behind.head].sid);
    bool is_this = s && s->is_behind && s->request_at == behind.v[behind.head].n;
    behind.head = (behind.head + 1) & (behind.size - 1);
    behind.n--;
    if (is_this) go_on(s);
  }
}

uint64_t
requests_taken(void)
{
  return behind.acked;
}

void
requests_snapshot(struct snapshot *k)
{
  struct behind b = {0, 0};
  size_t n = behind.n, i;

  if (!snapshot_record(k, "requests", true)) return;
  SNAPSHOT_INT(k, behind.acked);
  SNAPSHOT_INT(k, n);
  for (i = 0; i < n; i++) {
    if (!snapshot_restores(k)) b = behind.v[(behind.head + i) & (behind.size - 1)];
    SNAPSHOT_INT(k, b.n);
    SNAPSHOT_INT(k, b.sid);
    if (!snapshot_restores(k)) continue;
    if (behind.n == behind.size && !grow())
      snapshot_fail(k, "out of memory");
    else
      put_behind(b.n, b.sid);
  }
}
