#include "mamd.h"

#include <stdlib.h>

/* Windows of sessions: mamd sends waiting messages, and results of queries, no faster
 * than the client takes them. PACE_BYTES of either kind are under way, then the mark of
 * the session has to move. So neither a slow client nor a fast one fills buffers on the
 * way. Sessions that may be given more stand in one line and have their turns. */

/* Pause between two looks whether the link to routed has room. */
#define FULL_US 5000u

static struct session *due, **due_end = &due;
static struct event_timer timer;

/* The last number of what has left. The numbers begin with the time of mamd's start, so no mark
 * names what an earlier run has sent. */
static uint64_t numbered;

/* ---- the window of a session ---- */

struct paced {
  uint64_t number, id;
  uint32_t turn, bytes;
};

static bool
grow(struct pace *p)
{
  unsigned int size = p->size ? 2 * p->size : 16, i;
  struct paced *ring = malloc(size * sizeof *ring);

  if (!ring) return false;
  for (i = 0; i < p->n; i++)
    ring[i] = p->ring[(p->head + i) % p->size];
  free(p->ring);
  p->ring = ring;
  p->size = size;
  p->head = 0;
  return true;
}

bool
pace_has_room(struct pace *p)
{
  return p->bytes < PACE_BYTES && p->n < PACE_MESSAGES && (p->n < p->size || grow(p));
}

void
pace_add(struct pace *p, uint64_t number, uint64_t id, size_t bytes)
{
  struct paced *last = &p->ring[(p->head + p->n++) % p->size];

  *last =
    (struct paced){number, id, (uint32_t)mamd_turn, (uint32_t)bytes + PACE_MESSAGE_BYTES};
  p->bytes += last->bytes;
}

uint64_t
pace_number(void)
{
  if (!numbered) numbered = door_now();
  return ++numbered;
}

uint64_t
pace_at(struct pace const *p, unsigned int i)
{
  return p->ring[(p->head + i) % p->size].id;
}

bool
pace_has(struct pace const *p, uint64_t id)
{
  unsigned int i;

  for (i = 0; i < p->n; i++)
    if (pace_at(p, i) == id) return true;
  return false;
}

unsigned int
pace_up_to(struct pace const *p, uint64_t number)
{
  unsigned int i;

  for (i = 0; i < p->n; i++)
    if (p->ring[(p->head + i) % p->size].number == number) return i + 1;
  return 0;
}

void
pace_drop(struct pace *p, unsigned int n)
{
  for (; n && p->n; n--, p->n--) {
    p->bytes -= p->ring[p->head].bytes;
    p->head = (p->head + 1) % p->size;
  }
}

unsigned int
pace_turn_lost(struct pace *p)
{
  unsigned int n = 0;

  for (; p->n; p->n--, n++) {
    struct paced const *last = &p->ring[(p->head + p->n - 1) % p->size];
    if (last->turn != (uint32_t)mamd_turn) break;
    p->bytes -= last->bytes;
  }
  return n;
}

void
pace_free(struct pace *p)
{
  free(p->ring);
  *p = (struct pace){0};
}

/* ---- the line ---- */

void
pace_forget(struct session *s)
{
  if (!s->due_prev) return;
  *s->due_prev = s->due_next;
  if (s->due_next)
    s->due_next->due_prev = s->due_prev;
  else
    due_end = s->due_prev;
  s->due_prev = NULL;
}

static void
append(struct session *s)
{
  s->due_next = NULL;
  s->due_prev = due_end;
  *due_end = s;
  due_end = &s->due_next;
}

/* PACE_TURN_BYTES for all, each session its window at most. */
static void
give(void *cookie)
{
  struct link *routed = link_find(ROUTED);
  struct session *s;
  size_t budget = PACE_TURN_BYTES;

  (void)cookie;
  if (!routed) return; /* recall_routed_up goes on */
  while ((s = due) && budget && !routed->full) {
    pace_forget(s);
    if (pace_events.give(routed, s, &budget)) append(s);
  }
  if (due)
    event_timer_start(&timer, door_now() + (routed->full ? FULL_US : 0), give, NULL);
}

void
pace_due(struct session *s)
{
  if (s->due_prev) return;
  append(s);
  if (!event_timer_on(&timer)) event_timer_start(&timer, door_now(), give, NULL);
}

/* ---- the state for a trace ---- */

void
pace_snapshot(struct snapshot *k, struct pace *p)
{
  unsigned int n = p->n, i;

  SNAPSHOT_INT(k, n);
  for (i = 0; i < n; i++) {
    struct paced *x;
    if (snapshot_restores(k) && p->n == p->size && !grow(p)) {
      snapshot_fail(k, "out of memory");
      return;
    }
    x = &p->ring[(p->head + i) % p->size];
    SNAPSHOT_INT(k, x->number);
    SNAPSHOT_INT(k, x->id);
    SNAPSHOT_INT(k, x->turn);
    SNAPSHOT_INT(k, x->bytes);
    if (!snapshot_restores(k)) continue;
    p->n++;
    p->bytes += x->bytes;
  }
}

void
pace_snapshot_line(struct snapshot *k)
{
  struct session *s = due;
  uint64_t number;

  if (snapshot_record(k, "numbered", true)) SNAPSHOT_INT(k, numbered);
  if (!snapshot_record(k, "line", true)) return;
  snapshot_timer(k, &timer, give, NULL);
  for (; snapshot_record(k, "due", s != NULL); s = s ? s->due_next : NULL) {
    number = s ? s->number : 0;
    SNAPSHOT_INT(k, number);
    if (!snapshot_restores(k)) continue;
    s = session_numbered(number);
    if (!s) {
      snapshot_fail(k, "a session is missing");
      return;
    }
    append(s);
  }
}
