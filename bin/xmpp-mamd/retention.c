#include "mamd.h"

#include "erase/erase.h"

#include <errno.h>
#include <string.h>

/* Archives within the limits that their hosts have (tabber: archive: max_age, max_messages),
 * and none of an account that was deleted: one owner after the other, a few messages each time,
 * so that nobody waits for it. */

#define TICK_US 100000u
#define REST_US 60000000u
#define STEPS 200u
#define OWNERS_A_TICK 100u

static struct event_timer timer;
static uint64_t at; /* the owner that was looked at last */

static uint64_t
setting(char const *key, struct slice host)
{
  return settings_u64(mamd.settings, key, host);
}

static void tick(void *cookie);

/* Say whether an account had this number and has ended. */
static bool
is_deleted(uint64_t owner)
{
  struct slice bare;

  if (!mamd.accounts || owner >= accounts_next(mamd.accounts)) return false;
  return !accounts_jid(mamd.accounts, owner, &bare) && errno == ENOENT;
}

/* Say whether nothing of the owner is left. */
static bool
purge(uint64_t owner)
{
  unsigned int done = 0;

  if (!archive_purge(mamd.archive, owner, STEPS, &done)) {
    mamd_failed("purge the archive of a deleted account", SLICE(""));
    return true;
  }
  if (done == STEPS) return false;
  log_event(LOG_INFO, "archive-purged", "number", log_num(owner), "why",
            "the account was deleted", NULL);
  return true;
}

/* Say whether the owner is within its limits now. */
static bool
trim(uint64_t owner, struct slice bare)
{
  struct slice host = jid_cut(bare).domain;
  uint64_t age, most, before = 0;
  unsigned int done = 0;

  age = setting("archive.max_age", host);
  most = setting("archive.max_messages", host);
  if (!age && !most) return true;
  if (age && age < UINT64_MAX / 1000000 && age * 1000000 < door_wall())
    before = (door_wall() - age * 1000000) << ARCHIVE_ID_SHIFT;
  if (!archive_trim(mamd.archive, owner, before, most ? most : UINT64_MAX, STEPS,
                    &done)) {
    mamd_failed("trim an archive", bare);
    return true;
  }
  return done < STEPS;
}

/* Say whether the owner needs no more work. */
static bool
look_at(uint64_t owner)
{
  struct slice bare;

  if (mamd_jid_of(owner, &bare) || archive_owner_jid(mamd.archive, owner, &bare))
    return trim(owner, bare);
  return !is_deleted(owner) || purge(owner);
}

/* ---- ends of accounts that authd tells ---- */

static bool
erase(uint64_t owner, struct slice bare, unsigned int most, unsigned int *done)
{
  bool ok;

  (void)bare;
  if (!archive_erase_begin(mamd.archive)) return false;
  ok = archive_purge(mamd.archive, owner, most, done);
  if (!ok) mamd_failed("purge the archive of a deleted account", SLICE(""));
  archive_erase_end(mamd.archive);
  return ok;
}

static struct eraser eraser = {.store = "archive", .steps = STEPS, .erase = erase};

void
retention_ending(struct link *l, struct record *r)
{
  (void)l;
  mamd_readers();
  if (is_deleted(record_u64(r, 1))) erase_ending(&eraser, r);
}

static void
tick(void *cookie)
{
  uint64_t wait = TICK_US, owner;
  unsigned int i;

  (void)cookie;
  mamd_readers();
  for (i = 0; i < OWNERS_A_TICK && archive_erase_begin(mamd.archive); i++) {
    if (!archive_owner_next(mamd.archive, at, &owner)) {
      at = 0;
      wait = REST_US;
      break;
    }
    if (!look_at(owner)) break; /* more of this one at the next tick */
    at = owner;
  }
  archive_erase_end(mamd.archive);
  event_timer_start(&timer, door_now() + wait, tick, NULL);
}

void
retention_start(void)
{
  if (!event_timer_on(&timer))
    event_timer_start(&timer, door_now() + TICK_US, tick, NULL);
}

void
retention_snapshot(struct snapshot *k)
{
  erase_snapshot(&eraser, k);
  if (!snapshot_record(k, "retention", true)) return;
  snapshot_timer(k, &timer, tick, NULL);
  SNAPSHOT_INT(k, at);
}
