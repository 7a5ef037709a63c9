/* xmpp-s2sd: streams of servers both ways (RFC 6120): TLS, EXTERNAL, dialback (XEP-0220), stanzas
 * both ways on one (XEP-0288), stream management (XEP-0198); queues of stanzas for other servers.
 *
 * USAGE   xmpp-s2sd [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 * READS   settings/xmpp-s2sd      (from xmpp-confgen; again on SIGHUP); secret and streams in its run
 *         folder
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  conduits with tlsd, which connects for it too; names with dnsd; stanzas with routed, to
 *         which it is the service of all domains that nobody serves (xmpp-records(7))
 * LIMITS  a stanza: STANZA_MAX_BEFORE_AUTH bytes, then max_stanza_size; S2S_BEFORE_AUTH streams
 *         that have proven nothing, S2S_PER_ADDRESS of an address; S2S_PROOFS, S2S_ASKED,
 *         S2S_KEY_MAX and S2S_VERIFIES of a stream; S2S_DIALS, S2S_VERIFY_DIALS, S2S_DIALS_WAITING, shared by
 *         senders; max_fsm_queue stanzas and S2S_QUEUE_BYTES of a pair of domains, S2S_QUEUED of
 *         all, for S2S_WAIT_US; S2S_PAIRS
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, records of its neighbours. Nothing that a peer says, but from the domain that
 *         it has proven
 * ROOMS   stream.c the table of streams, proofs.c what is proven there, between.c what stands
 *         between two domains; life.c their conduits, their end; in.c those that peers have
 *         opened, xep0178_external.c their certificates, out.c those that we have; policy.c who
 *         may talk how; dialback.c, key.c its keys; inbound.c stanzas of peers; pairs.c stanzas
 *         for peers, queue.c how they leave, returns.c those that go back, attempts.c when a way
 *         is looked for; dial.c the way to a stream: names, connection, next target (target.c);
 *         line.c whose turn it is; verdict.c why no way leads there; condition.c what peers say
 *         of it; domains.c which are served, which are known; crowd.c strangers; ctl.c the
 *         administrator, tell.c the steps of the dials that he tries; xep0198_sm.c,
 *         xep0198_resume.c, left.c what outlives a stream; kept.c what outlives this program,
 *         restore.c and earlier.c how it goes on from there; settings.c
 */
#include "attempts.h"
#include "crowd.h"
#include "ctl.h"
#include "dial.h"
#include "dialback.h"
#include "domains.h"
#include "in.h"
#include "kept.h"
#include "key.h"
#include "life.h"
#include "out.h"
#include "pairs.h"
#include "restore.h"
#include "xep0198_resume.h"
#include "xep0198_sm.h"

#include "edge/edge.h"

#include <skalibs/strerr.h>

#include <errno.h>
#include <string.h>

char const *PROG = "xmpp-s2sd";

static void
take(void *fresh, bool first)
{
  struct s2sd_settings *was = s2sd;

  s2sd = fresh;
  if (first) return;
  life_reload();
  settings_free(was);
}

static bool
start(void)
{
  if (key_start()) {
    restore_start();
    return true;
  }
  log_event(LOG_FATAL, "secret-failed", "path", service_run_file("secret"), "why",
            strerror(errno), NULL);
  return false;
}

static void
put_word(struct link *l, enum verb v, char const *word)
{
  link_begin(l, v);
  link_str(l, word);
  link_end(l);
}

static void
up(struct link *l)
{
  if (l->program == ROUTED) {
    edge_routed_is_up(l);
    put_word(l, VERB_SERVE, "*");
    put_word(l, VERB_WATCH, "domains");
    pairs_routed_is_up(l);
    resume_routed_is_up(l);
  }
  dials_link_up(l);
}

static void
down(struct link *l)
{
  if (l->roles & ROLE_FRONT) life_link_gone(l);
  dials_link_gone(l);
}

/* While routed takes nothing more, peers are not read; while tlsd takes nothing more, routed is
 * not read. */
static bool
feeds(struct link const *from, struct link const *full)
{
  return from->roles & (full->roles & ROLE_FRONT ? ROLE_ROUTER : ROLE_FRONT);
}

static bool is_stopping;

static void
turn(void)
{
  pairs_turn();
  life_turn();
  pairs_turn();
  if (is_stopping && pairs_done()) life_stop();
  kept_turn();
}

/* Output on its way is written to the end; nothing begins. */
static void
stop(void)
{
  is_stopping = true;
  attempts_stop();
  dials_stop();
}

static bool
stopped(void)
{
  return pairs_done() && !streams_count(true) && !streams_count(false);
}

static void
acknowledged(struct link *l, struct record *r)
{
  if (l->program != ROUTED) return;
  edge_take(record_u64(r, 1));
  sm_acked();
}

static service_fn *const handlers[VERBS_N] = {
  [VERB_OPEN] = in_on_open,          [VERB_DATA] = out_on_data,
  [VERB_CLOSE] = conduit_on_close,   [VERB_STOP] = conduit_on_stop,
  [VERB_GO] = conduit_on_go,         [VERB_SECURED] = life_secured,
  [VERB_WRITTEN] = life_written,     [VERB_CONNECTED] = dial_on_connected,
  [VERB_FAILED] = dial_on_failed,    [VERB_UNCONNECTED] = dial_on_unconnected,
  [VERB_TARGET] = dial_on_target,    [VERB_RESOLVED] = dial_on_resolved,
  [VERB_SERVED] = domains_on_served, [VERB_FORGET] = domains_on_forget,
  [VERB_STANZA] = pairs_on_stanza,   [VERB_ACK] = acknowledged,
  [VERB_S2S] = ctl_on_s2s,           [VERB_EARLIER] = resume_on_earlier,
};

/* Streams come before the pairs that point to them. */
static void
snapshot(struct snapshot *k)
{
  domains_snapshot(k);
  streams_snapshot(k);
  crowd_snapshot(k);
  dials_snapshot(k);
  pairs_snapshot(k);
  dialback_snapshot(k);
  verdicts_snapshot(k);
  sm_line_snapshot(k);
  edge_taken_snapshot(k);
  edge_origins_snapshot(k);
}

static struct service const service = {
  .program = "xmpp-s2sd",
  .accepts = ROLE_FRONT,
  .handlers = handlers,
  .needs = s2sd_needs,
  .read = settings_fresh,
  .take = take,
  .drop = settings_free,
  .start = start,
  .up = up,
  .down = down,
  .feeds = feeds,
  .turn = turn,
  .stop = stop,
  .stopped = stopped,
  .stats = ctl_stats,
  .snapshot = snapshot,
};

int
main(int argc, char const *const *argv)
{
  conduit_init(&life_owner);
  return service_main(&service, argc, argv);
}
