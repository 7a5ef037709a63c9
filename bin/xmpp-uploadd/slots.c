#include "uploadd.h"

/* The store DATA/slots (lib/slots). Slots that have expired are deleted once a minute. */

#define PRUNE_US 60000000u
#define PRUNED_A_TICK 1000u

static struct event_timer timer;

static void
prune(void *cookie)
{
  (void)cookie;
  event_timer_start(&timer, door_now() + PRUNE_US, prune, NULL);
  if (!store_is_full(slots_store(uploadd.slots)))
    slots_prune(uploadd.slots, door_wall(), PRUNED_A_TICK);
}

bool
store_start(void)
{
  uploadd.slots = slots_open(service_data(), true);
  if (!uploadd.slots) return false;
  store_refuse_when_full(slots_store(uploadd.slots));
  event_timer_start(&timer, door_now() + PRUNE_US, prune, NULL);
  return true;
}

void
store_snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "prune", true)) snapshot_timer(k, &timer, prune, NULL);
}
