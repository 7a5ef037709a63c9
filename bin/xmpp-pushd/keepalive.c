#include "pushd.h"

#include <stdlib.h>
#include <string.h>

/* mod_push_keepalive: the session of a client that notifications reach may be away for days. Behind
 * the first important notification the client has the usual time to come back, for then it was
 * woken and did not come. PUSH_WAKE_US before either end a notification wakes it once more. */

#define START_NEAR_US 30000000u /* routed and this program were started together */

static void
wake(struct reg *r)
{
  if (!r->event_us) r->event_us = door_now();
  r->others = 0;
  reg_due(r);
}

static void
on_wake(void *cookie)
{
  wake(cookie);
}

/* ---- sessions that are away ---- */

static void
keep(struct reg const *r, uint64_t us)
{
  struct link *routed = link_find(ROUTED);

  if (!routed) return;
  link_begin(routed, VERB_KEEP);
  link_num(routed, r->session);
  link_num(routed, us);
  link_str(routed, r->account->bare);
  link_end(routed);
}

/* Have the client of r woken before its session ends, us from now. */
static void
wake_before(struct reg *r, struct vhost const *v, uint64_t us)
{
  if (v->wakes_late && us != UINT64_MAX && us > PUSH_WAKE_US)
    event_timer_start(&r->wake, door_now() + us - PUSH_WAKE_US, on_wake, r);
  else
    event_timer_cancel(&r->wake);
}

/* The rest of the time that was ordered behind an important notification, perhaps by an earlier
 * run of this program. */
static uint64_t
rest_of(struct reg const *r)
{
  uint64_t now = door_wall();

  if (r->rest_end_us == UINT64_MAX) return UINT64_MAX;
  return r->rest_end_us > now ? r->rest_end_us - now : 0;
}

/* The registration of the client of r by which the session has had an important notification; NULL: it has
 * had none. */
static struct reg const *
rested_by(struct reg const *r, uint64_t session)
{
  struct reg const *o;

  for (o = r->account->regs;
       o && !(o->rested == session && !strcmp(o->client, r->client)); o = o->next) {
  }
  return o;
}

/* The session is one, however many services the client has: an earlier run may have ordered its end behind
 * the notification of another one, while the service of r was out of reach. */
static void
goes_away(struct reg *r, struct vhost const *v, uint64_t session)
{
  struct reg const *by;

  if (r->session == session) return; /* routed says it again */
  r->session = session;
  if (!v->keepalive) return;
  by = rested_by(r, session);
  if (by) {
    r->rested = session;
    r->rest_end_us = by->rest_end_us;
    wake_before(r, v, rest_of(r));
    return;
  }
  r->rested = 0;
  keep(r, v->keep_us);
  wake_before(r, v, v->keep_us);
}

static void
change(struct reg *r, struct vhost const *v, struct slice state, uint64_t session)
{
  bool live = slice_is(state, "live");

  if (live && !r->live) reg_back(r);
  r->live = live;
  if (slice_is(state, "away")) {
    goes_away(r, v, session);
  } else {
    event_timer_cancel(&r->wake);
    r->session = r->rested = 0;
  }
  owed_note(r);
}

/* ACCOUNT CLIENT STATE SESSION */
void
keepalive_client(struct link *l, struct record *rec)
{
  struct account *a = account_find(record_get(rec, 1));
  struct slice client = record_get(rec, 2);
  struct vhost const *v = a ? vhost_find(jid_cut(slice_str(a->bare)).domain) : NULL;
  struct reg *r;

  (void)l;
  for (r = v ? a->regs : NULL; r; r = r->next)
    if (slice_is(client, r->client)) change(r, v, record_get(rec, 3), record_u64(rec, 4));
}

void
keepalive_pushed(struct reg *r)
{
  struct vhost const *v = vhost_find(jid_cut(slice_str(r->account->bare)).domain);

  if (!r->session || r->rested == r->session || !v || !v->keepalive) return;
  r->rested = r->session;
  r->rest_end_us = v->rest_us == UINT64_MAX ? UINT64_MAX : door_wall() + v->rest_us;
  keep(r, v->rest_us);
  wake_before(r, v, v->rest_us);
}

void
keepalive_timers(struct snapshot *k, struct reg *r)
{
  snapshot_timer(k, &r->wake, on_wake, r);
}

/* ---- after a start of the server (wake_on_start) ---- */

static struct event_timer timer;
static bool began;               /* routed was there before */
static char next[PUSH_ID_BYTES]; /* the registration that is looked at next */

/* Count up the id that is looked at next; 0 behind the last one. */
static bool
step_over(char const id[PUSH_ID_BYTES])
{
  size_t i = sizeof next;

  memcpy(next, id, sizeof next);
  while (i-- > 0)
    if (++next[i] != 0) return true;
  return false;
}

static void
on_step(void *cookie)
{
  struct reg *r = reg_from(next);
  struct vhost const *v;

  (void)cookie;
  if (!r || !step_over(r->id)) return;
  v = vhost_find(jid_cut(slice_str(r->account->bare)).domain);
  if (v && v->wakes_at_start && !r->live) wake(r);
  event_timer_start(&timer, door_now() + 1000000 / PUSH_STARTS_A_SECOND, on_step, NULL);
}

static bool
any_wakes(void)
{
  struct vhost const *v;

  for (v = pushd.vhosts; v; v = v->next)
    if (v->wakes_at_start) return true;
  return false;
}

void
keepalive_up(struct link *routed)
{
  uint64_t started = link_started(routed), now = door_wall();

  if (began) return;
  began = true;
  if (started + START_NEAR_US < now || !any_wakes()) return;
  memset(next, 0, sizeof next);
  event_timer_start(&timer, door_now(), on_step, NULL);
}

void
keepalive_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "starts", true)) return;
  SNAPSHOT_INT(k, began);
  snapshot_block(k, next, sizeof next);
  snapshot_timer(k, &timer, on_step, NULL);
}
