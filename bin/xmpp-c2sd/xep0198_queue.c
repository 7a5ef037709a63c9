#include "deliver.h"
#include "xep0198_sm.h"

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
  *tags = deliver_field(raw, STANZA_TAGS);
  return true;
}
