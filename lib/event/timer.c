#include "event/event.h"

#include "base/base.h"

#include <stddef.h>

/* A hierarchical timing wheel. Time is in milliseconds; a digit is six bits of it. A timer
 * lies at the level of the highest digit in which its deadline differs from now_ms, in the
 * slot of its own digit there; so a level's timers are all later than every lower level's,
 * and the first filled slot of the lowest filled level is what comes next. When time gets
 * there, that slot is dealt out again, one level lower or to be fired. Start and cancel
 * touch one list each. */

#define DIGIT 6
#define SLOTS 64
#define LEVELS 11

int64_t event_timers_next(void);

static struct {
  uint64_t now_ms;
  uint64_t filled[LEVELS];
  struct event_timer slots[LEVELS][SLOTS];
  struct event_timer due; /* started in the past: for the next turn */
} wheel;

static uint64_t
to_ms(uint64_t us)
{
  return us / 1000;
}

bool
event_timer_on(struct event_timer const *t)
{
  return t->next != NULL;
}

static bool
filled(struct event_timer const *head)
{
  return head->next && head->next != head;
}

static void
push(struct event_timer *head, struct event_timer *t)
{
  if (!head->next) head->next = head->prev = head;
  t->next = head;
  t->prev = head->prev;
  head->prev->next = t;
  head->prev = t;
}

static void
place(struct event_timer *t)
{
  uint64_t differ = t->at_ms ^ wheel.now_ms;
  unsigned int level = differ ? (unsigned int)(63 - __builtin_clzll(differ)) / DIGIT : 0;
  unsigned int slot = (unsigned int)(t->at_ms >> (level * DIGIT)) & (SLOTS - 1);

  push(&wheel.slots[level][slot], t);
  wheel.filled[level] |= 1ull << slot;
}

void
event_timer_start(struct event_timer *t, uint64_t at_us, event_timer_fn *fn, void *cookie)
{
  event_timer_cancel(t);
  if (!wheel.now_ms) wheel.now_ms = to_ms(door_now());
  t->at_ms = at_us / 1000 + (at_us % 1000 != 0);
  t->fn = fn;
  t->cookie = cookie;
  if (t->at_ms <= to_ms(door_now()) || t->at_ms <= wheel.now_ms)
    push(&wheel.due, t);
  else
    place(t);
}

void
event_timer_cancel(struct event_timer *t)
{
  struct event_timer *next = t->next;

  if (!next) return;
  next->prev = t->prev;
  t->prev->next = next;
  t->next = t->prev = NULL;
  /* A head that is alone again belongs to an empty slot; its bit is cleared when time or
   * the search for the next deadline gets there. */
}

/* The slot that comes next and the time at which it does; false when no timer waits. */
static bool
next_slot(unsigned int *level, unsigned int *slot, uint64_t *at_ms)
{
  unsigned int l;

  for (l = 0; l < LEVELS; l++) {
    while (wheel.filled[l]) {
      unsigned int s = (unsigned int)__builtin_ctzll(wheel.filled[l]);
      struct event_timer const *head = &wheel.slots[l][s];
      if (head->next && head->next != head) {
        uint64_t above = l + 1 < LEVELS ? wheel.now_ms >> ((l + 1) * DIGIT) : 0;
        *level = l;
        *slot = s;
        *at_ms = l + 1 < LEVELS ? above << ((l + 1) * DIGIT) : 0;
        *at_ms |= (uint64_t)s << (l * DIGIT);
        return true;
      }
      wheel.filled[l] &= ~(1ull << s);
    }
  }
  return false;
}

/* Milliseconds until the next slot is due, from door_now(); -1 when there is none. */
int64_t
event_timers_next(void)
{
  unsigned int level, slot;
  uint64_t at_ms, now_ms = to_ms(door_now());

  if (filled(&wheel.due)) return 0;
  if (!next_slot(&level, &slot, &at_ms)) return -1;
  return at_ms <= now_ms ? 0 : (int64_t)(at_ms - now_ms);
}

static void
each_of(struct event_timer const *head, event_timers_fn *fn, void *cookie)
{
  struct event_timer *t;

  for (t = head->next; t && t != head; t = t->next)
    fn(cookie, t);
}

/* Lower levels and slots are earlier; what is in one slot fires by deadline, then as it was
 * started, and stays in that order when it is started again in this one. */
void
event_timers_each(event_timers_fn *fn, void *cookie)
{
  unsigned int level, slot;

  each_of(&wheel.due, fn, cookie);
  for (level = 0; level < LEVELS; level++)
    for (slot = 0; slot < SLOTS; slot++)
      each_of(&wheel.slots[level][slot], fn, cookie);
}

/* Move all of from behind what is in to. */
static void
move_all(struct event_timer *to, struct event_timer *from)
{
  struct event_timer *t;

  while (filled(from)) {
    t = from->next;
    event_timer_cancel(t);
    push(to, t);
  }
}

/* A clock record has set the clock back: deal all timers out again. */
static void
turn_back(uint64_t now_ms)
{
  struct event_timer all = {0}, *t;
  unsigned int level, slot;

  for (level = 0; level < LEVELS; level++) {
    for (slot = 0; slot < SLOTS; slot++)
      move_all(&all, &wheel.slots[level][slot]);
    wheel.filled[level] = 0;
  }
  wheel.now_ms = now_ms;
  while (filled(&all)) {
    t = all.next;
    event_timer_cancel(t);
    place(t);
  }
}

static void
fire_due(void)
{
  struct event_timer now = {0}, *t;

  move_all(&now, &wheel.due);
  while (filled(&now)) {
    t = now.next;
    event_timer_cancel(t);
    t->fn(t->cookie);
  }
}

void
event_timers_run(void)
{
  uint64_t until_ms = to_ms(door_now()), at_ms;
  unsigned int level, slot;

  if (!wheel.now_ms) wheel.now_ms = until_ms;
  if (until_ms < wheel.now_ms) turn_back(until_ms);
  fire_due();
  while (next_slot(&level, &slot, &at_ms) && at_ms <= until_ms) {
    struct event_timer *head = &wheel.slots[level][slot], *t;
    if (at_ms > wheel.now_ms) wheel.now_ms = at_ms;
    while ((t = head->next) && t != head) {
      event_timer_cancel(t);
      if (t->at_ms > wheel.now_ms)
        place(t);
      else
        t->fn(t->cookie);
    }
    wheel.filled[level] &= ~(1ull << slot);
  }
  if (until_ms > wheel.now_ms) wheel.now_ms = until_ms;
}
