#include "erase/erase.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_US 1000000

void
erase_watch(struct link *routed)
{
  link_begin(routed, VERB_WATCH);
  link_str(routed, "accounts");
  link_end(routed);
}

void
erase_done(char const *store, uint64_t number)
{
  struct link *routed = link_find(ROUTED);

  if (!routed) return; /* authd says the end again */
  link_begin(routed, VERB_ERASED);
  link_num(routed, number);
  link_str(routed, store);
  link_end(routed);
}

static void
pop(struct eraser *e)
{
  free(e->queue[0].bare);
  memmove(e->queue, e->queue + 1, --e->n * sizeof *e->queue);
}

static void
step(void *cookie)
{
  struct eraser *e = cookie;
  unsigned int done = 0;
  struct link *routed = link_find(ROUTED);
  bool ok = e->erase(e->queue[0].number, slice_str(e->queue[0].bare), e->steps, &done);

  if (ok && done < e->steps && !e->store)
    pop(e);
  else if (ok && done < e->steps) {
    log_event(LOG_INFO, "account-erased", "number", log_num(e->queue[0].number), "store",
              e->store, NULL);
    erase_done(e->store, e->queue[0].number);
    pop(e);
  }
  if (e->n) {
    event_timer_start(&e->timer, door_now() + (ok ? 0 : RETRY_US), step, e);
  } else if (e->more && routed) {
    e->more = false;
    erase_watch(routed);
  }
}

static bool
is_queued(struct eraser const *e, uint64_t number)
{
  size_t i;

  for (i = 0; i < e->n; i++)
    if (e->queue[i].number == number) return true;
  return false;
}

/* false: the queue is full, or ENOMEM. */
static bool
push(struct eraser *e, uint64_t number, struct slice bare)
{
  char *copy = e->n < ERASE_QUEUE_MAX ? slice_dup(bare) : NULL;

  if (!copy) return false;
  e->queue[e->n].number = number;
  e->queue[e->n++].bare = copy;
  if (!event_timer_on(&e->timer)) event_timer_start(&e->timer, door_now(), step, e);
  return true;
}

/* NUMBER JID ERASED */
void
erase_ending(struct eraser *e, struct record *r)
{
  uint64_t number = record_u64(r, 1);

  if (!number || is_queued(e, number)) return;
  if (slice_has_word(record_get(r, 3), slice_str(e->store))) return;
  if (!push(e, number, record_get(r, 2))) e->more = true;
}

void
erase_add(struct eraser *e, uint64_t number, struct slice bare)
{
  if (!is_queued(e, number) && !push(e, number, bare))
    log_event(LOG_WARN, "erase-left", "jid", log_text(bare), "why",
              "too many are to be erased", NULL);
}

void
erase_snapshot(struct eraser *e, struct snapshot *k)
{
  size_t i;

  if (!snapshot_record(k, "erase", true)) return;
  snapshot_timer(k, &e->timer, step, e);
  SNAPSHOT_INT(k, e->more);
  SNAPSHOT_INT(k, e->n);
  if (e->n > ERASE_QUEUE_MAX) e->n = 0;
  for (i = 0; i < e->n; i++) {
    SNAPSHOT_INT(k, e->queue[i].number);
    snapshot_text(k, &e->queue[i].bare);
    if (!e->queue[i].bare) e->n = i;
  }
}
