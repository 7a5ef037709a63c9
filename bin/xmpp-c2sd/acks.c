#include "acks.h"
#include "requests.h"
#include "snapshot.h"
#include "xep0198_sm.h"

#include <stdlib.h>

/* routed acknowledges stanzas by their numbers. Stream management and requests have a line
 * each of streams that wait for that. */

#define LINE_MIN 16u

static uint64_t taken;

static bool
grow(struct acks_line *q)
{
  size_t size = q->size ? 2 * q->size : LINE_MIN, i;
  struct acks_wait *v = malloc(size * sizeof *v);

  if (!v) return false;
  for (i = 0; i < q->n; i++)
    v[i] = q->v[(q->head + i) & (q->size - 1)];
  free(q->v);
  q->v = v;
  q->head = 0;
  q->size = size;
  return true;
}

bool
acks_push(struct acks_line *q, struct acks_wait w)
{
  if (q->n == q->size && !grow(q)) return false;
  q->v[(q->head + q->n++) & (q->size - 1)] = w;
  return true;
}

bool
acks_pop(struct acks_line *q, struct acks_wait *w)
{
  if (!q->n || q->v[q->head].n > taken) return false;
  *w = q->v[q->head];
  q->head = (q->head + 1) & (q->size - 1);
  q->n--;
  return true;
}

uint64_t
acks_taken(void)
{
  return taken;
}

/* Stream management goes first: an a that is owed leaves before what waits is read. */
void
acks_on_ack(struct link *l, struct record *r)
{
  if (l->program != ROUTED) return;
  taken = record_u64(r, 1);
  sm_acked();
  requests_acked();
}

/* ---- the state for a trace ---- */

void
acks_line_snapshot(struct snapshot *k, char const *name, struct acks_line *q)
{
  size_t n = q->n, i;

  if (!snapshot_record(k, name, true)) return;
  SNAPSHOT_INT(k, n);
  for (i = 0; i < n; i++) {
    struct acks_wait w = {0, 0};
    if (!snapshot_restores(k)) w = q->v[(q->head + i) & (q->size - 1)];
    SNAPSHOT_INT(k, w.n);
    SNAPSHOT_INT(k, w.sid);
    if (snapshot_restores(k) && !acks_push(q, w)) snapshot_fail(k, "out of memory");
  }
}

void
acks_snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "acks", true)) SNAPSHOT_INT(k, taken);
}
