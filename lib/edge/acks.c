#include "edge/edge.h"

#include <stdlib.h>

/* routed acknowledges stanzas by their numbers, and lines of things wait for that: the answers
 * of stream management, input behind requests. */

#define LINE_MIN 16u

static uint64_t taken;

static bool
grow(struct edge_line *q)
{
  size_t size = q->size ? 2 * q->size : LINE_MIN, i;
  struct edge_wait *v = malloc(size * sizeof *v);

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
edge_line_push(struct edge_line *q, struct edge_wait w)
{
  if (q->n == q->size && !grow(q)) return false;
  q->v[(q->head + q->n++) & (q->size - 1)] = w;
  return true;
}

bool
edge_line_pop(struct edge_line *q, struct edge_wait *w)
{
  if (!q->n || q->v[q->head].n > taken) return false;
  *w = q->v[q->head];
  q->head = (q->head + 1) & (q->size - 1);
  q->n--;
  return true;
}

uint64_t
edge_taken(void)
{
  return taken;
}

void
edge_take(uint64_t n)
{
  taken = n;
}

struct link *
edge_routed(void)
{
  struct link *l;

  for (l = link_next(NULL); l && l->program != ROUTED; l = link_next(l)) {
  }
  return l;
}

/* ---- the state for a trace ---- */

void
edge_line_snapshot(struct snapshot *k, char const *name, struct edge_line *q)
{
  size_t n = q->n, i;

  if (!snapshot_record(k, name, true)) return;
  SNAPSHOT_INT(k, n);
  for (i = 0; i < n; i++) {
    struct edge_wait w = {0, 0};
    if (!snapshot_restores(k)) w = q->v[(q->head + i) & (q->size - 1)];
    SNAPSHOT_INT(k, w.n);
    SNAPSHOT_INT(k, w.id);
    if (snapshot_restores(k) && !edge_line_push(q, w)) snapshot_fail(k, "out of memory");
  }
}

void
edge_taken_snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "acks", true)) SNAPSHOT_INT(k, taken);
}
