#include "sm/sm.h"

#include <string.h>

/* The queue of XEP-0198 s4: entries in one text, so that a stanza costs one copy and no
 * allocation of its own. */

/* Below this the room of an empty queue is kept. */
#define QUEUE_KEEP 4096u

bool
sm_queue_add(struct sm_queue *q, struct slice raw, size_t xml, uint64_t at_us)
{
  struct sm_entry e = {at_us, (uint32_t)raw.len, (uint32_t)xml};

  if (!stralloc_readyplus(&q->text, sizeof e + raw.len)) return false;
  stralloc_catb(&q->text, (char const *)&e, sizeof e);
  stralloc_catb(&q->text, raw.s, raw.len);
  q->n++;
  return true;
}

bool
sm_queue_next(struct sm_queue const *q, size_t *at, struct sm_entry *e, struct slice *raw)
{
  if (*at >= q->text.len) return false;
  memcpy(e, q->text.s + *at, sizeof *e);
  *raw = slice_of(q->text.s + *at + sizeof *e, e->len);
  *at += sizeof *e + e->len;
  return true;
}

static void
trim(struct sm_queue *q)
{
  if (q->head < q->text.len && q->head < q->text.len / 2) return;
  memmove(q->text.s, q->text.s + q->head, q->text.len - q->head);
  q->text.len -= q->head;
  q->unwritten -= q->head;
  q->head = 0;
  if (q->text.a <= QUEUE_KEEP || q->text.len > q->text.a / 4) return;
  if (q->text.len)
    stralloc_shrink(&q->text);
  else
    stralloc_free(&q->text);
}

/* The text stays where it is until the next drop at least. */
bool
sm_queue_drop(struct sm_queue *q, struct slice *tags)
{
  struct sm_entry e;
  struct slice raw;

  trim(q);
  if (!q->n || !sm_queue_next(q, &q->head, &e, &raw)) return false;
  q->n--;
  if (q->unwritten < q->head) q->unwritten = q->head;
  *tags = stanza_raw_field(raw, STANZA_TAGS);
  return true;
}

enum sm_full
sm_queue_full(struct sm_queue const *q, uint64_t n_max, uint64_t bytes_max)
{
  if (q->n > n_max) return SM_TOO_MANY;
  return q->text.len - q->head > bytes_max ? SM_TOO_LONG : SM_FITS;
}

void
sm_queue_wipe(struct sm_queue *q)
{
  stralloc_free(&q->text);
  *q = (struct sm_queue){.text = STRALLOC_ZERO};
}

/* ---- the state for a trace ---- */

/* Entries are written from the oldest on; so many of them have left. */
void
sm_queue_snapshot(struct snapshot *k, struct sm_queue *q)
{
  uint32_t n = q->n, left = 0, i;
  size_t at = q->head;
  struct sm_entry e = {0};
  struct slice raw;

  while (!snapshot_restores(k) && at < q->unwritten && sm_queue_next(q, &at, &e, &raw))
    left++;
  SNAPSHOT_INT(k, n);
  SNAPSHOT_INT(k, left);
  at = q->head;
  for (i = 0; i < n; i++) {
    struct arena a = ARENA_ZERO;
    if (!snapshot_restores(k) && !sm_queue_next(q, &at, &e, &raw)) return;
    SNAPSHOT_INT(k, e.at_us);
    SNAPSHOT_INT(k, e.xml);
    snapshot_slice(k, &a, &raw);
    if (snapshot_restores(k) && !(raw.s && sm_queue_add(q, raw, e.xml, e.at_us)))
      snapshot_fail(k, "a queue is cut off");
    arena_wipe(&a);
    if (i + 1 == left && snapshot_restores(k)) q->unwritten = q->text.len;
  }
}
