#include "dnsd.h"

#include "link/snapshot.h"

#include <stdlib.h>

/* libunbound has a cache, and asks for a name once however many want it; a question here is the
 * wait of one asker, with a time limit of its own. */

static struct question *first, *last;
static uint64_t count;

struct resolver const *resolver;

static void
unlink_question(struct question *q)
{
  if (q->prev)
    q->prev->next = q->next;
  else
    first = q->next;
  if (q->next)
    q->next->prev = q->prev;
  else
    last = q->prev;
  count--;
}

void
question_drop(struct question *q)
{
  if (!q->name) return;
  if (q->asked) resolver->drop(q);
  event_timer_cancel(&q->timer);
  unlink_question(q);
  free(q->name);
  q->name = NULL;
  q->asked = false;
}

void
question_answered(struct question *q, struct answer const *a)
{
  q->asked = false;
  question_drop(q);
  q->fn(q, a);
}

static void try_once(struct question *q);

static void
on_time(void *cookie)
{
  struct question *q = cookie;

  if (q->asked) resolver->drop(q);
  q->asked = false;
  if (!q->tries) {
    question_answered(q, &(struct answer){.status = ANSWER_TIMEOUT});
    return;
  }
  try_once(q);
}

/* A resolver that cannot take the question is tried again when its time is over. */
static void
try_once(struct question *q)
{
  q->tries--;
  q->asked = resolver->ask(q);
  event_timer_start(&q->timer, door_now() + q->patience_us, on_time, q);
}

static void
link_question(struct question *q)
{
  q->prev = last;
  q->next = NULL;
  if (last)
    last->next = q;
  else
    first = q;
  last = q;
  count++;
}

bool
question_ask(struct question *q, char const *name, int type, unsigned int tries,
             uint64_t patience_us)
{
  q->name = slice_dup(slice_str(name));
  if (!q->name) return false;
  q->type = type;
  q->tries = tries ? tries : 1;
  q->patience_us = patience_us;
  link_question(q);
  try_once(q);
  return true;
}

void
questions_again(void)
{
  struct question *q;

  for (q = first; q; q = q->next)
    q->asked = resolver->ask(q);
}

uint64_t
questions_count(void)
{
  return count;
}

struct question *
question_find(uint64_t number)
{
  struct question *q;

  for (q = first; q && (!number || q->number != number); q = q->next) {
  }
  return q;
}

void
question_snapshot(struct snapshot *k, struct question *q)
{
  snapshot_text(k, &q->name);
  if (!q->name) return;
  SNAPSHOT_INT(k, q->type);
  SNAPSHOT_INT(k, q->number);
  SNAPSHOT_INT(k, q->tries);
  SNAPSHOT_INT(k, q->patience_us);
  SNAPSHOT_INT(k, q->asked);
  snapshot_timer(k, &q->timer, on_time, q);
  if (snapshot_restores(k)) link_question(q);
}
