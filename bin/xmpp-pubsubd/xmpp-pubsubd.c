/* xmpp-pubsubd: nodes of services (XEP-0060) and of accounts (XEP-0163).
 *
 * USAGE   xmpp-pubsubd [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 * READS   settings/xmpp-pubsubd   (from xmpp-confgen; again on SIGHUP); DATA/accounts,
 *         DATA/users
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  records to routed (xmpp-records(7))
 * STORES  DATA/pubsub (lib/pubsub)
 * LIMITS  PUBSUB_* of lib/base/limits_services.h
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, and the envelope of what routed sends. Not the XML.
 * ROOMS   request.c the action of a request, and what refuses it; config.c the configuration of
 *         nodes; access.c who may; room.c how much; publish.c, items.c, nodes.c, subscribe.c,
 *         people.c the use cases, authorize.c subscriptions that an owner allows, pending.c
 *         subscriptions that wait for this; events.c who is told, returned.c what comes back;
 *         disco.c what is shown; ends.c what goes by itself, heirs.c to whom nodes of ended
 *         accounts come; control.c xmpp-ctl pubsub; settings.c. Of accounts: who.c who is online,
 *         shows.c what they show; caps.c what clients want, caps_store.c the capabilities that are
 *         known; pep.c which clients are told; last.c last items; lost.c lost access; probes.c
 *         restarts; leaving.c who goes; homes.c nodes of services; bookmarks.c and avatars.c other
 *         forms of some nodes
 */
#include "pep.h"

char const *PROG = "xmpp-pubsubd";

static uint64_t received;

/* After a reload hosts may have other modules. */
static void
take(void *fresh, bool first)
{
  struct link *routed = link_find(ROUTED);

  pubsubd_take(fresh, first);
  if (!first) homes_make();
  if (!routed) return;
  handle_forget(routed);
  pubsubd_announce(routed);
}

static void
up(struct link *l)
{
  if (l->program != ROUTED) return;
  pubsubd_readers();
  pubsubd_announce(l);
  handle_watch(l, "accounts");
  handle_watch(l, "sessions");
  handle_watch(l, "caps");
  handle_watch(l, "roster");
  shows_up(l);
  who_up();
  probes_begin();
}

static void
down(struct link *l)
{
  if (l->program == CTL) service_jobs_gone(l);
  if (l->program == ROUTED) avatars_end();
}

/* An event that came back ends a subscription; an answer of an owner allows one. */
static void
on_message(struct record *r)
{
  struct stanza st;

  stanza_read(r, 0, &st);
  st.xml = record_get(r, STANZA_XML);
  if (slice_is(st.type, "error"))
    event_returned(&st);
  else if (!store_is_full(pubsubd.store))
    authorize_answer(&st);
}

/* An answer to a question of ours. */
static void
on_answer(struct record *r)
{
  struct stanza st;

  stanza_read(r, 0, &st);
  st.xml = record_get(r, STANZA_XML);
  caps_is_answer(&st);
}

static bool
is_answer(struct record *r)
{
  struct slice type = record_get(r, STANZA_TYPE);

  return slice_is(type, "result") || slice_is(type, "error");
}

/* All requests of type set write: they are refused before anything is done. */
static bool
is_refused(struct link *l, struct record *r)
{
  struct stanza st;

  if (!slice_is(record_get(r, STANZA_TYPE), "set") || !store_is_full(pubsubd.store))
    return false;
  stanza_read(r, 0, &st);
  handle_refuse(l, &st, ERR_RESOURCE_CONSTRAINT,
                SLICE("the server has no room to store it"), SLICE(""));
  return true;
}

static void
on_stanza(struct link *l, struct record *r)
{
  struct jid to = jid_cut(record_get(r, STANZA_TO));
  struct slice kind = record_get(r, STANZA_KIND);

  received++;
  pubsubd_readers();
  if (slice_is(kind, "message"))
    on_message(r);
  else if (slice_is(kind, "presence"))
    shows_presence(r);
  else if (slice_is(kind, "iq") && is_answer(r))
    on_answer(r);
  else if (!slice_is(kind, "iq") || is_refused(l, r))
    return;
  else if (!to.local.len && pubsubd_service_host(to.domain).len)
    handle_record(l, r, service_rows, service_rows_n, pubsubd.settings);
  else
    handle_record(l, r, account_rows, account_rows_n, pubsubd.settings);
}

/* pubsubd commits the store before its links are flushed. A turn that the store does not take is
 * not said: routed's link ends, routed says the turn's records again, and the store, which is full
 * then, refuses those that write and serves those that read. */
static void
turn(void)
{
  struct link *routed = link_find(ROUTED);
  bool kept;

  pubsubd_readers_end();
  kept = store_commit(pubsubd.store);
  ends_turn(kept);
  handle_turn(kept);
  if (!kept && routed) link_discard(routed, "the store failed");
}

static bool
feeds(struct link const *from, struct link const *full)
{
  return from->program == full->program;
}

static void
stats(struct link *ctl)
{
  size_t nodes, items;

  service_stat(ctl, "stanzas", received);
  service_stat(ctl, "events", events_sent);
  service_stat(ctl, "sessions", who_sessions());
  service_stat(ctl, "interested", interest_totals.pairs);
  service_stat(ctl, "interested_bytes", interest_totals.pair_bytes);
  service_stat(ctl, "capabilities", interest_totals.sets);
  if (!pubsub_totals(pubsubd.pubsub, &nodes, &items)) return;
  service_stat(ctl, "nodes", nodes);
  service_stat(ctl, "items", items);
}

static void
snapshot(struct snapshot *k)
{
  if (snapshot_restores(k)) pubsubd_readers();
  if (snapshot_record(k, "total", true)) {
    SNAPSHOT_INT(k, received);
    SNAPSHOT_INT(k, events_sent);
  }
  ends_snapshot(k);
  interest_snapshot(k);
  who_snapshot(k);
  shows_snapshot(k);
  caps_snapshot(k);
  caps_store_snapshot(k);
  lost_snapshot(k);
  probes_snapshot(k);
  avatars_snapshot(k);
  returned_snapshot(k);
  handle_snapshot(k);
}

static service_fn *const verbs[VERBS_N] = {
  [VERB_STANZA] = on_stanza,     [VERB_MADE] = ends_made,
  [VERB_ENDING] = ends_ending,   [VERB_PUBSUB] = control_pubsub,
  [VERB_ONLINE] = who_online,    [VERB_OFFLINE] = who_offline,
  [VERB_SEEN] = caps_seen,       [VERB_ROSTER] = pep_roster,
  [VERB_WATCH] = avatars_watch,  [VERB_SHOWN] = shows_shown,
  [VERB_GONE] = shows_other,     [VERB_WANTS] = shows_other,
  [VERB_DIRECTED] = shows_other, [VERB_RECALLED] = shows_other,
};

static struct service const service = {
  .program = "xmpp-pubsubd",
  .handlers = verbs,
  .needs = pubsubd_needs,
  .read = pubsubd_read,
  .take = take,
  .drop = pubsubd_drop,
  .start = pubsubd_start,
  .up = up,
  .down = down,
  .turn = turn,
  .feeds = feeds,
  .stats = stats,
  .snapshot = snapshot,
  .copy = store_copy_all,
};

int
main(int argc, char const *const *argv)
{
  return service_main(&service, argc, argv);
}
