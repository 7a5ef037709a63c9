#include "mamd.h"

/* The archive can be full: the disk, or the map. Then mamd answers queries as ever, and
 * refuses each write before any part of it is done:
 *
 *   messages       messages that would wait get resource-constraint; messages that were
 *                  delivered are not archived. routed is told before any of them is
 *                  acknowledged, and keeps copies of those for the sessions that were given
 *                  them; from then on routed sends none and keeps its deliveries
 *   preferences    get resource-constraint
 *   marks          stay as they are, and so do messages that wait: they are offered again
 *   ends           of sessions leave their marks, which recall.c finds when there is room
 *                  again
 *   retention      goes on, in the reserve of the map; when the disk is full it rests */

/* Pause between two looks whether the archive has room (microseconds). */
#define LOOK_US 1000000u

static struct event_timer timer;
static bool told; /* routed knows that the archive is full */

void
full_announce(struct link *routed)
{
  told = archive_is_full(mamd.archive);
  link_begin(routed, VERB_NEWEST);
  link_num(routed, archive_last_id(mamd.archive));
  if (told) link_num(routed, 1);
  link_end(routed);
}

/* The timer makes a turn. */
static void
look_again(void *cookie)
{
  (void)cookie;
}

void
full_turn(void)
{
  struct link *routed = link_find(ROUTED);
  bool full = archive_is_full(mamd.archive);

  if (full && !event_timer_on(&timer))
    event_timer_start(&timer, door_now() + LOOK_US, look_again, NULL);
  if (full == told || !routed) return;
  full_announce(routed);
  if (!full) online_due_now(&mirror);
}

void
full_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "full", true)) return;
  snapshot_timer(k, &timer, look_again, NULL);
  SNAPSHOT_INT(k, told);
}
