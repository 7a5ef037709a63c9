/* xmpp-compd: streams of external components (XEP-0114): handshake, domains, stanza checks.
 *
 * USAGE   xmpp-compd [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 * READS   settings/xmpp-compd     (from xmpp-confgen; again on SIGHUP)
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  conduits with tlsd; stanzas with routed, to which it is a service for the domains of
 *         its components (xmpp-records(7))
 * LIMITS  a stanza: STANZA_MAX_BEFORE_AUTH bytes, then the listener's max_stanza_size;
 *         BLOCKED_MAX bytes for a component that does not read; COMPONENT_AWAIT_US for components
 *         that come back after a restart of compd;
 *         COMPONENT_GUESTS_MAX domains that no listener names; COMPONENT_FAILURES wrong handshakes of
 *         an address
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, records of its neighbours. A component may say what it likes within its
 *         domain, once it has shown that it knows the password
 * ROOMS   component.c streams, handshake, domains; bans.c addresses that guess; stanzas.c stanzas
 *         both ways; settings.c
 */
#include "compd.h"
#include "bans.h"

#include <skalibs/strerr.h>

char const *PROG = "xmpp-compd";

static void
take(void *fresh, bool first)
{
  struct compd_settings *was = compd;

  compd = fresh;
  if (first) return;
  component_reload(was);
  settings_free(was);
}

/* The end of waiting for components, at the latest. */
static struct event_timer timer;

static void
look_again(void *cookie)
{
  (void)cookie;
  service_look_again();
}

static void
up(struct link *l)
{
  if (l->roles & ROLE_FRONT) bans_announce(l);
  if (l->program != ROUTED) return;
  edge_routed_is_up(l);
  component_announce(l);
  if (component_awaits() && !event_timer_on(&timer))
    event_timer_start(&timer, door_now() + COMPONENT_AWAIT_US, look_again, NULL);
}

static void
down(struct link *l)
{
  if (l->roles & ROLE_FRONT) component_link_gone(l);
}

static bool
holds(struct link const *l)
{
  return l->program == ROUTED && component_awaits();
}

/* While routed takes nothing more, components are not read; while tlsd takes nothing more, routed
 * is not read. */
static bool
feeds(struct link const *from, struct link const *full)
{
  return from->roles & (full->roles & ROLE_FRONT ? ROLE_ROUTER : ROLE_FRONT);
}

static void
turn(void)
{
  component_turn();
}

static bool
stopped(void)
{
  return !components_count();
}

static void
stats(struct link *ctl)
{
  service_stat(ctl, "components", components_count());
}

static void
acknowledged(struct link *l, struct record *r)
{
  if (l->program == ROUTED) edge_take(record_u64(r, 1));
}

static service_fn *const handlers[VERBS_N] = {
  [VERB_OPEN] = component_on_open, [VERB_DATA] = conduit_on_data,
  [VERB_CLOSE] = conduit_on_close, [VERB_STOP] = conduit_on_stop,
  [VERB_GO] = conduit_on_go,       [VERB_SECURED] = component_on_secured,
  [VERB_STANZA] = stanzas_out,     [VERB_ACK] = acknowledged,
};

static void
snapshot(struct snapshot *k)
{
  component_snapshot(k);
  bans_snapshot(k);
  edge_origins_snapshot(k);
  edge_taken_snapshot(k);
  if (snapshot_record(k, "await", true)) snapshot_timer(k, &timer, look_again, NULL);
}

static struct service const service = {
  .program = "xmpp-compd",
  .accepts = ROLE_FRONT,
  .handlers = handlers,
  .needs = compd_needs,
  .read = settings_fresh,
  .take = take,
  .drop = settings_free,
  .up = up,
  .down = down,
  .feeds = feeds,
  .holds = holds,
  .turn = turn,
  .stop = component_stop,
  .stopped = stopped,
  .stats = stats,
  .snapshot = snapshot,
};

int
main(int argc, char const *const *argv)
{
  conduit_init(&component_owner);
  return service_main(&service, argc, argv);
}
