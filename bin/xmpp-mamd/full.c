#include "mamd.h"

/* The archive can be full: the disk, or the map. Then what is asked is answered as ever, and
 * what would be written is refused before anything of it is done:
 *
 *   messages       those that would wait get resource-constraint; those that were delivered are
 *                  not archived. routed is told, and sends none: it keeps what it delivers
 *   preferences    get resource-constraint
 *   marks          are left as they are, and so is what waits: it is offered again
 *   ends           of sessions leave their marks, which recall.c finds when there is room again
 *   retention      rests */

/* How soon it is looked again whether there is room. */
#define LOOK_US 1000000u

static struct event_timer timer;
static bool told; /* routed: that the archive is full */

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
  if (!full) recall_now();
}

void
full_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "full", true)) return;
  snapshot_timer(k, &timer, look_again, NULL);
  SNAPSHOT_INT(k, told);
}
