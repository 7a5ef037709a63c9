#include "ask/ask.h"

#include <stdlib.h>

/* Questions go out on a link and their answers come back in the same order, so each
 * program has one queue. A question whose time is over gets its failure, but stays in the
 * queue as one that nobody waits for: its answer may still come. */

struct question {
  struct question *next;
  ask_fn *fn; /* NULL: nobody waits any more */
  void *cookie;
  uint64_t until_us;
};

struct queue {
  struct queue *next;
  enum program program;
  struct question *first, **last;
  size_t n;
  struct event_timer timer;
};

static struct queue *queues;

/* The queue of p, made when it is new. NULL: ENOMEM. */
static struct queue *
queue_of(enum program p)
{
  struct queue **at, *q;

  for (at = &queues; (q = *at) && q->program != p; at = &q->next) {
  }
  if (q) return q;
  q = calloc(1, sizeof *q);
  if (!q) return NULL;
  q->program = p;
  q->last = &q->first;
  return *at = q;
}

static void
answer(struct question *x, enum ask_part part, struct slice a, struct slice b)
{
  struct slice const v[2] = {a, b};

  if (x->fn) x->fn(x->cookie, part, v);
}

/* Fail all whose time is over, and wait for the next. Their functions may ask again. */
static void
on_deadline(void *cookie)
{
  struct queue *q = cookie;
  struct question *x;

  for (x = q->first; x && x->until_us <= door_now(); x = x->next) {
    answer(x, ASK_FAILED, SLICE("there was no answer in time"),
           SLICE("remote-server-timeout"));
    x->fn = NULL;
  }
  if (x) event_timer_start(&q->timer, x->until_us, on_deadline, q);
}

static bool
put(struct queue *q, ask_fn *fn, void *cookie)
{
  struct question *x = malloc(sizeof *x);

  if (!x) return false;
  *x = (struct question){NULL, fn, cookie, door_now() + ASK_US};
  *q->last = x;
  q->last = &x->next;
  q->n++;
  if (!event_timer_on(&q->timer))
    event_timer_start(&q->timer, x->until_us, on_deadline, q);
  return true;
}

bool
ask(enum program p, enum verb v, struct slice const *fields, size_t n, ask_fn *fn,
    void *cookie)
{
  struct link *l = link_find(p);
  struct queue *q = queue_of(p);
  size_t i;

  if (!l || !q || q->n >= ASKS_MAX || !put(q, fn, cookie)) return false;
  link_begin(l, v);
  for (i = 0; i < n; i++)
    link_text(l, fields[i]);
  link_end(l);
  return true;
}

/* The first question leaves the queue; its owner frees it. */
static struct question *
take(struct queue *q)
{
  struct question *x = q ? q->first : NULL;

  if (!x) return NULL;
  q->first = x->next;
  if (!q->first) q->last = &q->first;
  q->n--;
  return x;
}

void
ask_row(struct link *l, struct record *r)
{
  struct queue *q = queue_of(l->program);

  if (q && q->first) answer(q->first, ASK_ROW, record_get(r, 1), record_get(r, 2));
}

static void
end(struct link *l, enum ask_part part, struct slice a, struct slice b)
{
  struct question *x = take(queue_of(l->program));

  if (x) answer(x, part, a, b);
  free(x);
}

void
ask_done(struct link *l, struct record *r)
{
  (void)r;
  end(l, ASK_DONE, SLICE(""), SLICE(""));
}

void
ask_error(struct link *l, struct record *r)
{
  end(l, ASK_FAILED, record_get(r, 1), record_get(r, 2));
}

void
ask_link_down(struct link *l)
{
  struct queue const *q = queue_of(l->program);

  while (q && q->first)
    end(l, ASK_FAILED, SLICE("the program that has the answer has just gone; try again"),
        SLICE("remote-server-timeout"));
}

/* ---- the state for a trace ---- */

static void
questions_snapshot(struct snapshot *k, struct queue *q, ask_state_fn *state)
{
  struct question **at, *x;

  snapshot_timer(k, &q->timer, on_deadline, q);
  for (at = &q->first; snapshot_record(k, "question", *at != NULL); at = &x->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof *x);
    x = *at;
    if (!x) return;
    SNAPSHOT_INT(k, x->until_us);
    state(k, &x->fn, &x->cookie);
    q->last = &x->next;
    if (snapshot_restores(k)) q->n++;
  }
}

void
ask_snapshot(struct snapshot *k, ask_state_fn *state)
{
  struct queue **at = &queues;

  for (; snapshot_record(k, "asks", *at != NULL); at = &(*at)->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof **at);
    if (!*at) return;
    if (snapshot_restores(k)) (*at)->last = &(*at)->first;
    SNAPSHOT_INT(k, (*at)->program);
    questions_snapshot(k, *at, state);
  }
}
