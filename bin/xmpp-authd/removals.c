#include "authd.h"

#include <errno.h>
#include <string.h>

/* Accounts that their owners have removed, and that the administrator can restore for
 * tabber.removal_grace days. Such an account is in all stores as before, so its name is taken, and its
 * messages wait; but nobody logs in to it, and routed ends its sessions, as it does when an account
 * ends (ends.c). When its moment has come the account ends. The clock of the machine may be set, so
 * that moment is looked for again after an hour at the latest. */

#define LOOK_US 3600000000ull
#define AGAIN_US 60000000u

static struct event_timer due, walk;
static uint64_t walked_to_us, walked_to; /* the account that was told last */

static void
tell(struct slice bare, bool open)
{
  struct link *routed = link_find(ROUTED);

  if (!routed) return;
  link_begin(routed, VERB_SHUT);
  link_text(routed, bare);
  if (open) link_num(routed, 1);
  link_end(routed);
}

/* ---- the end of the time of grace ---- */

static void look(void *cookie);

/* End the account that is the first to end, if its moment has come. Else, or when that fails, give
 * the time to wait; UINT64_MAX: no account is removed. */
static uint64_t
end_first(void)
{
  uint64_t due_us = 0, number = 0, now_us = door_wall();
  struct arena a = ARENA_ZERO;
  struct slice bare, copy;
  uint64_t wait_us = 0;

  if (!secrets_next_due(&due_us, &number, &bare))
    return errno == ENOENT ? UINT64_MAX : AGAIN_US;
  if (due_us > now_us) return due_us - now_us < LOOK_US ? due_us - now_us : LOOK_US;
  copy = arena_copy(&a, bare); /* bare lies in the map */
  if (!copy.s || !ends_begin(copy)) {
    log_event(LOG_WARN, "removal-not-ended", "number", log_num(number), "why",
              strerror(errno), NULL);
    wait_us = AGAIN_US;
  }
  arena_wipe(&a);
  return wait_us;
}

static void
look(void *cookie)
{
  uint64_t wait_us = 0;
  unsigned int i;

  (void)cookie;
  for (i = 0; i < ENDINGS_A_TICK && !wait_us; i++)
    wait_us = end_first();
  if (wait_us == UINT64_MAX) return;
  event_timer_start(&due, door_now() + (wait_us ? wait_us : ENDINGS_TICK_US), look, NULL);
}

void
removals_start(void)
{
  event_timer_start(&due, door_now(), look, NULL);
}

/* ---- what the owner and the administrator ask for ---- */

bool
removals_begin(struct slice bare)
{
  if (!authd.removal_grace_us) return ends_begin(bare);
  if (!secrets_remove(bare, door_wall() + authd.removal_grace_us)) return false;
  ends_begun(secrets_number(bare));
  look(NULL);
  return true;
}

bool
removals_restore(struct slice bare)
{
  if (!secrets_restore(bare)) return false;
  tell(bare, true);
  return true;
}

/* ---- telling ---- */

bool
removals_tell(uint64_t number)
{
  struct slice bare;

  if (!secrets_due(number) || !secrets_jid(number, &bare)) return false;
  tell(bare, false);
  return true;
}

static void
walk_on(void *cookie)
{
  struct slice bare;
  unsigned int i;

  (void)cookie;
  for (i = 0; i < ENDINGS_A_TICK; i++) {
    if (!secrets_next_due(&walked_to_us, &walked_to, &bare)) return;
    tell(bare, false);
  }
  event_timer_start(&walk, door_now() + ENDINGS_TICK_US, walk_on, NULL);
}

void
removals_announce(void)
{
  walked_to_us = walked_to = 0;
  walk_on(NULL);
}

void
removals_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "removals", true)) return;
  snapshot_timer(k, &due, look, NULL);
  snapshot_timer(k, &walk, walk_on, NULL);
  SNAPSHOT_INT(k, walked_to_us);
  SNAPSHOT_INT(k, walked_to);
}
