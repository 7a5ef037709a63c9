#include "mucd.h"

/* Archives of rooms within the limits of their hosts (tabber: archive: max_age, max_messages), and
 * what rooms that have ended leave: one archive after the other, a few messages each time, so that
 * nobody waits for it. */

#define TICK_US 100000u
#define REST_US 60000000u
#define STEPS 200u
#define OWNERS_A_TICK 100u

static struct event_timer timer;
static uint64_t at; /* the archive that was looked at last */

/* Say whether the archive of a room is within its limits now. */
static bool
trim(uint64_t owner, struct slice bare)
{
  struct muc const *m = muc_find(jid_cut(bare).domain);
  uint64_t before = 0, now = door_wall(), most = m ? m->most_messages : 0;
  unsigned int done = 0;

  if (m && m->age_s && m->age_s < now / 1000000)
    before = (now - m->age_s * 1000000) << ARCHIVE_ID_SHIFT;
  if (!before && !most) return true;
  return !archive_trim(mucd.archive, owner, before, most ? most : UINT64_MAX, STEPS,
                       &done) ||
         done < STEPS;
}

/* Say whether nothing is left of a room that has ended. */
static bool
purge(uint64_t owner)
{
  unsigned int done = 0;

  return !archive_purge(mucd.archive, owner, STEPS, &done) || done < STEPS;
}

static void
tick(void *cookie)
{
  uint64_t wait = TICK_US, owner;
  struct slice bare;
  unsigned int i;

  (void)cookie;
  for (i = 0; i < OWNERS_A_TICK && store_erase_begin(mucd.store); i++) {
    if (!archive_owner_next(mucd.archive, at, &owner)) {
      at = 0;
      wait = REST_US;
      break;
    }
    if (archive_owner_jid(mucd.archive, owner, &bare) ? !trim(owner, bare)
                                                      : !purge(owner))
      break; /* more of this one at the next tick */
    at = owner;
  }
  store_erase_end(mucd.store);
  event_timer_start(&timer, door_now() + wait, tick, NULL);
}

void
retention_start(void)
{
  event_timer_start(&timer, door_now() + TICK_US, tick, NULL);
}

void
retention_end(struct room *r)
{
  unsigned int done = 0;

  if (!r->muc) return;
  if (!r->muc->clears) {
    archive_owner_part(mucd.archive, r->number);
    return;
  }
  archive_owner_drop(mucd.archive, r->number);
  if (!archive_purge(mucd.archive, r->number, STEPS, &done) || done < STEPS) return;
  at = 0;
  retention_start();
}

void
retention_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "retention", true)) return;
  snapshot_timer(k, &timer, tick, NULL);
  SNAPSHOT_INT(k, at);
}
