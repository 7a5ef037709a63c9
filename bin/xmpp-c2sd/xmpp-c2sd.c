/* xmpp-c2sd: client streams (RFC 6120): framing, SASL relay, binding, stanza checks, stream
 * management (XEP-0198), client state (XEP-0352).
 *
 * USAGE   xmpp-c2sd [ -d notif ] [ -v level ] [ -i instance ] [ -p [ -x ] ] settings
 * READS   settings/xmpp-c2sd      (from xmpp-confgen; again on SIGHUP)
 * FDS     2 log, notif readiness; with -p 0 and 1 records; with -p -x 0 and 1 a client stream
 * SPEAKS  conduits with tlsd and webd; SASL with authd; registration with registerd; sessions and
 *         stanzas with routed (xmpp-records(7))
 * LIMITS  a stanza: the listener's pre_auth_max_stanza_size and _elements, then max_stanza_size and
 *         _elements; XML_DEPTH_MAX, XML_ATTRS_MAX; SASL_FAILURES_MAX; UNBOUND_ELEMENTS_MAX elements
 *         before a resource is bound; HELD_MAX bytes of input that came too early; REQUESTS_MAX
 *         requests that routed has not acknowledged, HELD_BEHIND_MAX bytes of input behind them;
 *         BLOCKED_MAX bytes for a client that does not read (UNBOUND_BLOCKED_MAX before it is
 *         bound); with stream management max_ack_queue stanzas (more for ack_timeout while the
 *         client is there) of SM_QUEUE_BYTES_MAX bytes; for an inactive client CSI_MAX of
 *         CSI_BYTES_MAX; DIRECTED_MAX addresses with directed presence, of DIRECTED_BYTES_MAX; all
 *         of this together STREAMS_KEPT_MAX
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, records of its neighbours. Nothing that a client says.
 * ROOMS   stream.c the table of streams; life.c their conduits, their end; negotiation.c what a
 *         stream has until it is bound; rules.c access, shaping; states.c what each state takes,
 *         features.c what is offered; sasl.c, logins.c how logins end, asks.c what is asked for
 *         along with them, bans.c addresses that are shut out, bind.c; inbound.c stanzas of
 *         clients; requests.c how many requests are on their way, asked.c those that are answered
 *         later; deliver.c what comes for a session, output.c how it leaves; kept.c what streams
 *         keep in all; shown.c what others have seen of a session, directed.c who has directed
 *         presence of it, veil.c what they see of a phone that is long away, marks.c what its
 *         client has, fresh.c what waits for stream management; xepNNNN_*.c one extension each, of
 *         XEP-0198 _resume.c a session that moves, _left.c what was handed over just before a
 *         restart of routed, _ended.c sessions that are over; settings.c; raw.c -x; snapshot.c what
 *         a trace begins with
 */
#include "asked.h"
#include "bans.h"
#include "bind.h"
#include "deliver.h"
#include "kept.h"
#include "life.h"
#include "logins.h"
#include "marks.h"
#include "raw.h"
#include "requests.h"
#include "sasl.h"
#include "settings.h"
#include "shown.h"
#include "snapshot.h"
#include "stream.h"
#include "xep0077_register.h"
#include "xep0115_caps.h"
#include "xep0198_left.h"
#include "xep0198_resume.h"
#include "xep0198_sm.h"
#include "xep0357_push.h"
#include "xep0398_picture.h"
#include "xep0480_upgrade.h"

#include "stanza/refused.h"

#include <skalibs/strerr.h>

char const *PROG = "xmpp-c2sd";

/* Neighbours that have conduits of clients: xmpp-tlsd, xmpp-webd. */
#define FRONTS (ROLE_FRONT | ROLE_WEB)

/* RFC 6120 s4.9.3.5: the host is not served any more. */
static void
end_of_host(struct stream *s)
{
  if (s->host && !s->host->served) conduit_error(&s->c, "host-gone", NULL);
}

static void
take(void *fresh, bool first)
{
  c2sd_take(fresh);
  if (!first) stream_each(end_of_host);
}

static bool routed_is_back; /* in this turn */

static void
up(struct link *l)
{
  if (l->roles & FRONTS) bans_announce(l);
  if (l->program != ROUTED) return;
  edge_routed_is_up(l);
  bind_announce();
  routed_is_back = true;
}

/* Numbered stanzas have to leave behind those that the link sends again, whose numbers are
 * lower: not from up. */
static void
turn(void)
{
  struct link *routed = link_find(ROUTED);

  if (routed_is_back && routed) {
    left_routed_is_up(routed);
    stream_each(asked_again);
  }
  routed_is_back = false;
  life_turn();
}

static void
down(struct link *l)
{
  if (l->program == AUTHD) sasl_authd_gone();
  if (l->program == REGISTERD) register_registerd_gone();
  if (l->roles & FRONTS) life_link_gone(l);
}

/* While routed or authd takes nothing more, clients are not read; while the fronts
 * take nothing more, routed is not read. */
static bool
feeds(struct link const *from, struct link const *full)
{
  return from->roles & (full->roles & FRONTS ? ROLE_ROUTER : FRONTS);
}

/* A front that hangs would hold up the streams of all others: for LINK_STALL_US it is waited
 * for, then its streams are over, or wait to be resumed. */
static void
drop_stalled(void *timer)
{
  struct link *l, *next;
  uint64_t soonest = 0, end;

  for (l = link_next(NULL); l; l = next) {
    next = link_next(l);
    if (!l->full || !(l->roles & FRONTS)) continue;
    end = l->full_us + LINK_STALL_US;
    if (end <= door_now())
      link_drop(l, "the front has not read its link for too long");
    else if (!soonest || end < soonest)
      soonest = end;
  }
  if (soonest) event_timer_start(timer, soonest, drop_stalled, timer);
}

static struct event_timer stall_timer;

static void
full(struct link *l, bool is_full)
{

  if (is_full && l->roles & FRONTS && !event_timer_on(&stall_timer))
    event_timer_start(&stall_timer, door_now() + LINK_STALL_US, drop_stalled,
                      &stall_timer);
}

static void
shut_down(struct stream *s)
{
  conduit_error(&s->c, "system-shutdown", NULL);
}

static void
stop(void)
{
  stream_each(shut_down);
}

static bool
stopped(void)
{
  return !streams_count();
}

static void
stats(struct link *ctl)
{
  service_stat(ctl, "streams", streams_count());
  service_stat(ctl, "sessions", streams_in(ST_BOUND));
  service_stat(ctl, "away", streams_in(ST_AWAY));
  service_stat(ctl, "kept_bytes", kept_bytes());
  stanza_refused_stats(service_stat, ctl);
  logins_stats(ctl);
}

/* Stream management goes first: an a that is owed leaves before what waits is read. */
static void
acknowledged(struct link *l, struct record *r)
{
  if (l->program != ROUTED) return;
  edge_take(record_u64(r, 1));
  sm_acked(resume_step);
  requests_acked();
}

static service_fn *const handlers[VERBS_N] = {
  [VERB_OPEN] = life_open,
  [VERB_DATA] = conduit_on_data,
  [VERB_CLOSE] = conduit_on_close,
  [VERB_STOP] = conduit_on_stop,
  [VERB_GO] = conduit_on_go,
  [VERB_TAKEN] = marks_on_taken,
  [VERB_SECURED] = life_secured,
  [VERB_BAN] = bans_on_ban,
  [VERB_MECHANISMS] = sasl_on_mechanisms,
  [VERB_CHALLENGE] = sasl_on_challenge,
  [VERB_SUCCESS] = sasl_on_success,
  [VERB_CONTINUE] = upgrade_on_continue,
  [VERB_TASK] = upgrade_on_task,
  [VERB_FAILURE] = sasl_on_failure,
  [VERB_REGISTERED] = register_on_registered,
  [VERB_BOUND] = bind_on_bound,
  [VERB_REFUSED] = bind_on_refused,
  [VERB_KICK] = bind_on_kick,
  [VERB_DELIVER] = deliver_stanza,
  [VERB_ACK] = acknowledged,
  [VERB_YIELD] = resume_on_yield,
  [VERB_LEAVE] = resume_on_leave,
  [VERB_QUEUED] = resume_on_queued,
  [VERB_HANDED] = resume_on_handed,
  [VERB_UNYIELDED] = resume_on_unyielded,
  [VERB_RECALL] = shown_on_recall,
  [VERB_CAPS] = caps_on_caps,
  [VERB_NOTED] = push_noted,
  [VERB_KEEP] = push_keep,
  [VERB_PICTURE] = picture_told,
};

static void
snapshot(struct snapshot *k)
{
  c2sd_snapshot(k);
  stanza_refused_snapshot(k);
  if (snapshot_record(k, "stall", true))
    snapshot_timer(k, &stall_timer, drop_stalled, &stall_timer);
}

static struct service const service = {
  .program = "xmpp-c2sd",
  .accepts = FRONTS,
  .handlers = handlers,
  .needs = c2sd_needs,
  .read = c2sd_read,
  .take = take,
  .drop = c2sd_drop,
  .up = up,
  .down = down,
  .feeds = feeds,
  .turn = turn,
  .full = full,
  .stop = stop,
  .stopped = stopped,
  .stats = stats,
  .raw = raw_run,
  .snapshot = snapshot,
};

int
main(int argc, char const *const *argv)
{
  conduit_init(&life_owner);
  return service_main(&service, argc, argv);
}
