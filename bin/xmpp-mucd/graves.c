#include "mucd.h"

/* Rooms that were destroyed. Their names stay taken for a time, for clients that would make the rooms
 * again: to each stanza the answer is gone (XEP-0045 s10.9). Then they are forgotten, by the
 * next stanza or by a walk through the rooms of the store, some each time.
 *
 * The walk also ends rooms that should have ended with their last occupant: a boot of the machine without
 * a clean end loses all occupants. The first walk behind a start leaves such rooms to those who come back. */

#define KEPT_US (31ull * 86400 * 1000000)
#define TICK_US 100000u
#define REST_US 3600000000u
#define ROOMS_A_TICK 200u

static struct event_timer timer;
static bool walked; /* once through all rooms, since the start */
static stralloc at; /* the bare JID of the room that was looked at last; empty: none */

bool
grave_is_over(struct room *r)
{
  if (r->state != ROOM_TOMBSTONE || door_wall() < r->last_us + KEPT_US) return false;
  room_end(r);
  return true;
}

static void
look(struct room *r)
{
  if (!grave_is_over(r)) after_leave(r);
}

static void
tick(void *cookie)
{
  uint64_t wait = TICK_US;
  enum room_state state;
  struct room *r;
  bool stays;
  unsigned int i;

  (void)cookie;
  for (i = 0; i < ROOMS_A_TICK && store_erase_begin(mucd.store); i++) {
    if (!stored_next(&at, &state, &stays)) {
      at.len = 0;
      wait = REST_US;
      walked = true;
      break;
    }
    if (state == ROOM_OPEN && stays) continue;
    if (state != ROOM_TOMBSTONE && !walked) continue;
    if ((r = room_find(slice_of(at.s, at.len)))) look(r);
  }
  store_erase_end(mucd.store);
  event_timer_start(&timer, door_now() + wait, tick, NULL);
}

void
graves_start(void)
{
  event_timer_start(&timer, door_now() + TICK_US, tick, NULL);
}

void
graves_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "graves", true)) return;
  snapshot_timer(k, &timer, tick, NULL);
  SNAPSHOT_INT(k, walked);
  snapshot_bytes(k, &at);
}
