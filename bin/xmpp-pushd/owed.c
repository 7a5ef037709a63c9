#include "pushd.h"

#include <string.h>

/* Notifications that are due, and that a kill of this program must not lose. routed forgets a record
 * that has told of an event when the turn is over, so the store has each event from that turn on until
 * its notification is answered: the table away has one entry for a registration, which is written with
 * the first event and not again for those that are summed up with it. A run that begins publishes what
 * it finds there. An event that an answer has settled may stay for a moment longer (store_del_later): a
 * kill in that moment doubles its notification. */

#define NEAR_US 60000000u /* newer events by less than that leave the entry as it is */
#define BEGIN_US 1000000u /* for routed to say first which clients are there */

static uint64_t
wall_of(uint64_t us)
{
  return door_wall() - (door_now() - us);
}

static struct push_away
wanted(struct reg const *r)
{
  struct push_away a = {.session = r->rested};

  if (r->rested) a.until_us = r->rest_end_us;
  if (r->event_us) {
    a.event_us = wall_of(r->event_us);
    a.what = (r->has_text ? PUSH_AWAY_MESSAGE : 0) | (r->is_call ? PUSH_AWAY_CALL : 0);
  }
  if (r->pending && !r->live) {
    if (r->stored.event_us > a.event_us) a.event_us = r->stored.event_us;
    a.what |= r->stored.what;
  }
  return a;
}

/* Say whether a kill would lose something, were a not on disk. */
static bool
is_urgent(struct push_away const *a, struct push_away const *old)
{
  if (a->session && a->session != old->session) return true;
  return a->event_us && (!old->event_us || (a->what & ~old->what) ||
                         a->event_us - old->event_us >= NEAR_US);
}

static bool
is_less(struct push_away const *a, struct push_away const *old)
{
  return a->what != old->what || !a->event_us != !old->event_us ||
         a->session != old->session;
}

void
owed_note(struct reg *r)
{
  struct push_away a = wanted(r);
  bool urgent = is_urgent(&a, &r->stored);

  if (!urgent && !is_less(&a, &r->stored)) return;
  if (push_away_put(pushd.push, r->account->number, reg_key(r), &a, !urgent))
    r->stored = a;
  else
    pushd_failed("store that a notification is due", slice_str(r->account->bare));
}

/* An event older than PUSH_OLD_US is not told, and reg_due deletes the entry. */
void
owed_load(struct reg *r)
{
  struct push_away *a = &r->stored;
  uint64_t now = door_now(), wall = door_wall(), age;

  if (!push_away_get(pushd.push, r->account->number, reg_key(r), a)) return;
  r->rested = a->session;
  r->rest_end_us = a->until_us;
  age = wall > a->event_us ? wall - a->event_us : 0;
  if (!a->event_us || age > PUSH_OLD_US) return;
  r->event_us = now > age ? now - age : 1;
  r->has_text = a->what & PUSH_AWAY_MESSAGE;
  r->is_call = a->what & PUSH_AWAY_CALL;
}

void
owed_begin(struct reg *r)
{
  if (r->stored.event_us && !r->pending && !r->in_line && !event_timer_on(&r->timer))
    reg_wait(r, door_now() + BEGIN_US);
}
