/* xmpp-pushd: push notifications (XEP-0357) for clients that are away.
 *
 * USAGE   xmpp-pushd [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 * READS   settings/xmpp-pushd      (from xmpp-confgen; again on SIGHUP); DATA/accounts
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  stanzas, events and ends of accounts with routed (xmpp-records(7))
 * STORES  DATA/push (lib/push)
 * LIMITS  PUSH_SERVICES_MAX registrations of an account; PUSH_PENDING_MAX requests to a domain that
 *         are not answered; a notification each PUSH_PAUSE_US, and PUSH_OTHERS_AN_HOUR of those
 *         without an important message
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, and the envelope of what routed sends. Not the XML, not the push services.
 * ROOMS   xep0357_enable.c what clients ask; regs.c registrations; events.c what came, and when it
 *         is told; owed.c what of that is on disk; publish.c requests to push services, answers.c their
 *         answers; domains.c of services; keepalive.c sessions that are away; ends.c deleted accounts;
 *         control.c; handlers.c; settings.c
 */
#include "pushd.h"

char const *PROG = "xmpp-pushd";

static uint64_t received;
static bool was_asked; /* a request came in this turn */

/* Answers to requests of a host come to its address (verb handle). */
static void
announce_answers(struct link *routed)
{
  struct vhost const *v;

  for (v = pushd.vhosts; v; v = v->next) {
    link_begin(routed, VERB_HANDLE);
    link_str(routed, "answers");
    link_str(routed, "host");
    link_text(routed, v->host);
    link_end(routed);
  }
}

/* Registrations go first: routed waits for the rest before it handles stanzas after a restart. */
static void
announce(struct link *routed)
{
  regs_tell();
  handle_announce(routed, handlers, handlers_n, pushd.settings);
  announce_answers(routed);
  handle_announced(routed);
}

/* After a reload hosts may have other options. */
static void
take(void *fresh, bool first)
{
  struct link *routed = link_find(ROUTED);

  pushd_take(fresh, first);
  if (!routed) return;
  handle_forget(routed);
  announce(routed);
}

static void
up(struct link *l)
{
  if (l->program != ROUTED) return;
  announce(l);
  handle_watch(l, "accounts");
  handle_watch(l, "domains");
  handle_watch(l, "waiting");
  keepalive_up(l);
}

static void
on_forget(struct link *l, struct record *r)
{
  (void)l;
  if (slice_is(record_get(r, 1), "domains")) domains_forgotten();
}

/* Requests write: they are refused before anything is done by half. */
static bool
is_refused(struct link *l, struct stanza const *st)
{
  if (!slice_is(st->type, "set") || !store_is_full(push_store(pushd.push))) return false;
  handle_refuse(l, st, ERR_RESOURCE_CONSTRAINT,
                SLICE("the server has no room to store it"), SLICE(""));
  return true;
}

static void
on_stanza(struct link *l, struct record *r)
{
  struct stanza st;

  received++;
  pushd_accounts();
  stanza_read(r, 0, &st);
  if (!slice_is(st.kind, "iq")) return;
  if (!stanza_may_answer(&st)) {
    st.xml = record_get(r, STANZA_XML);
    answers_take(&st);
    return;
  }
  was_asked = true;
  if (slice_has_word(st.tags, SLICE("asked"))) {
    handle_forgotten(l, &st);
  } else if (!is_refused(l, &st)) {
    handle_record(l, r, handlers, handlers_n, pushd.settings);
  }
}

/* The store is committed before the links are flushed. Entries of notifications that were answered go
 * later, with others, unacknowledged until then: but the next request of a client waits for the
 * acknowledgement of its last. */
static void
turn(void)
{
  struct link *routed = link_find(ROUTED);
  struct store *store = push_store(pushd.push);
  bool kept;

  if (pushd.accounts) accounts_commit(pushd.accounts);
  kept = (!was_asked && store_may_wait(store) && service_wait()) || store_commit(store);
  was_asked = false;
  regs_turn(kept);
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
  service_stat(ctl, "stanzas", received);
  service_stat(ctl, "accounts", regs_totals.accounts);
  service_stat(ctl, "registrations", regs_totals.regs);
  service_stat(ctl, "events", events_total);
  service_stat(ctl, "notifications", answers_totals.sent);
  service_stat(ctl, "results", answers_totals.results);
  service_stat(ctl, "errors", answers_totals.errors);
  service_stat(ctl, "timeouts", answers_totals.timeouts);
  service_stat(ctl, "ended", answers_totals.removed);
  service_stat(ctl, "unanswered", answers_totals.waiting);
}

static void
status(struct link *ctl)
{
  if (store_is_full(push_store(pushd.push))) service_row(ctl, "full", "push", NULL);
}

static void
snapshot(struct snapshot *k)
{
  if (snapshot_restores(k)) pushd_accounts();
  if (snapshot_record(k, "total", true)) {
    SNAPSHOT_INT(k, received);
    SNAPSHOT_INT(k, events_total);
  }
  domains_snapshot(k);
  regs_snapshot(k);
  answers_snapshot(k);
  publish_snapshot(k);
  keepalive_snapshot(k);
  ends_snapshot(k);
  handle_snapshot(k);
}

static service_fn *const verbs[VERBS_N] = {
  [VERB_STANZA] = on_stanza,       [VERB_NOTIFY] = events_notify,
  [VERB_WAITING] = events_waiting, [VERB_CLIENT] = keepalive_client,
  [VERB_SERVED] = domains_served,  [VERB_FORGET] = on_forget,
  [VERB_MADE] = ends_made,         [VERB_ENDING] = ends_ending,
  [VERB_PUSH] = control_push,
};

static struct service const service = {
  .program = "xmpp-pushd",
  .handlers = verbs,
  .needs = pushd_needs,
  .read = pushd_read,
  .take = take,
  .drop = pushd_drop,
  .start = pushd_start,
  .up = up,
  .turn = turn,
  .feeds = feeds,
  .stats = stats,
  .status = status,
  .snapshot = snapshot,
  .copy = store_copy_all,
};

int
main(int argc, char const *const *argv)
{
  return service_main(&service, argc, argv);
}
