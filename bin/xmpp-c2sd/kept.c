#include "asked.h"
#include "directed.h"
#include "kept.h"
#include "settings.h"
#include "stream.h"
#include "xep0198_sm.h"
#include "xep0352_csi.h"

/* Everything that streams keep until a client reads, acknowledges, is active or comes back is
 * counted here, so that it has one limit for the whole program. */

static uint64_t total;

/* Nearly every stream has nothing of the last four: they are asked only of the others. */
static size_t
keeps(struct stream const *s)
{
  size_t n = conduit_bytes(&s->c) + s->session.shown_len;

  if (s->session.sm) n += s->session.sm->out.queue.text.a;
  if (s->csi) n += csi_bytes(s->csi);
  if (s->session.directed) n += directed_bytes(s->session.directed);
  if (s->session.asked) n += asked_bytes(s->session.asked);
  return n;
}

void
kept_count(struct stream *s)
{
  size_t n = keeps(s);

  if (n == s->kept) return;
  total += n - s->kept;
  s->kept = n;
}

void
kept_forget(struct stream *s)
{
  total -= s->kept;
  s->kept = 0;
}

uint64_t
kept_bytes(void)
{
  return total;
}

static struct stream *largest;

static void
compare(struct stream *s)
{
  if (!largest || s->kept > largest->kept) largest = s;
}

void
kept_turn(void)
{
  while (total > c2sd.kept_max) {
    largest = NULL;
    stream_each(compare);
    if (!largest || !largest->kept) return;
    log_event(LOG_WARN, "largest-keeper-ended", "conn", conduit_conn(&largest->c), "ip",
              log_peer(slice_str(largest->c.ip)), "jid", largest->session.jid,
              "kept_bytes", log_num(largest->kept), "all_bytes", log_num(total),
              "most_bytes", log_num(c2sd.kept_max), "why",
              "the memory that is kept for clients exceeds the limit", NULL);
    conduit_error(&largest->c, "resource-constraint",
                  "the server keeps too much for this client");
    conduit_settle(&largest->c);
  }
}
