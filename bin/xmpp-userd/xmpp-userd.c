/* xmpp-userd: what belongs to an account: roster, subscriptions, presence, block list, vCard,
 * private XML, last activity.
 *
 * USAGE   xmpp-userd [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 * READS   settings/xmpp-userd      (from xmpp-confgen; again on SIGHUP); DATA/accounts
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  records to routed, and to registerd about invitations (xmpp-records(7))
 * STORES  DATA/users (lib/roster, lib/profile; table ended, see ends.c)
 * LIMITS  those of the stores; DIRECTED_BYTES of directed presence a session
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, and the envelope of what routed sends. Not the XML.
 * ROOMS   handlers.c what is answered; sessions.c who is there; recall.c over restarts; replaced.c of
 *         clients that log in anew;
 *         presence.c RFC 6121 s4; subscription.c s3, later.c when the store is full; roster.c s2;
 *         counter.c how often; watch.c who hears of changes; ends.c deleted accounts; befriend.c contacts by
 *         invitation, contact.c by the administrator; nodes.c nodes that xmpp-pubsubd writes;
 *         xepNNNN_*.c one extension each; settings.c
 */
#include "ask/ask.h"
#include "nodes.h"

char const *PROG = "xmpp-userd";

static uint64_t received;

static void
announce(struct link *routed)
{
  handle_announce(routed, handlers, handlers_n, userd.settings);
  search_announce(routed);
  nodes_announce(routed);
  handle_announced(routed);
}

/* After a reload hosts may have other modules. */
static void
take(void *fresh, bool first)
{
  struct link *routed = link_find(ROUTED);

  userd_take(fresh, first);
  if (!routed) return;
  handle_forget(routed);
  announce(routed);
}

/* A new account has nothing here. */
static void
on_made(struct link *l, struct record *r)
{
  (void)l;
  (void)r;
}

static void
up(struct link *l)
{
  if (l->program != ROUTED) return;
  userd_accounts();
  ends_look();
  online_up(&mirror);
  announce(l);
  handle_watch(l, "presence");
  handle_watch(l, "accounts");
  blocking_announce();
}

static void
down(struct link *l)
{
  if (l->program == ROUTED) watch_end();
  if (l->program == REGISTERD) ask_link_down(l);
}

static bool
is_subscription(struct slice type)
{
  return slice_is(type, "subscribe") || slice_is(type, "subscribed") ||
         slice_is(type, "unsubscribe") || slice_is(type, "unsubscribed");
}

static void
on_subscription(struct stanza const *st)
{
  bool outbound = slice_has_word(st->tags, SLICE("outbound"));

  struct jid from = jid_cut(st->from);

  if (outbound && userd_is_anonymous(&from)) {
    if (slice_is(st->type, "subscribe")) outbound_refuse(st, ERR_NOT_ALLOWED, "");
  } else if (store_is_full(userd.store))
    (outbound ? later_outbound : later_inbound)(st);
  else
    (outbound ? subscription_outbound : subscription_inbound)(st);
}

/* Presence from elsewhere, behind what its sender has said of a subscription: give it back, for routed
 * to deliver. */
static void
give_back(struct stanza const *st)
{
  struct link *routed = link_find(ROUTED);
  struct stanza back = *st;

  back.tags = SLICE("behind");
  if (routed) stanza_put(routed, &back);
}

static void
on_presence(struct record *r)
{
  struct stanza st;

  stanza_read(r, 0, &st);
  st.xml = record_get(r, STANZA_XML);
  if (!st.to.len)
    presence_own(&st);
  else if (is_subscription(st.type))
    on_subscription(&st);
  else if (slice_is(st.type, "probe") && !slice_has_word(st.tags, SLICE("outbound")))
    presence_probe(&st);
  else if (!st.type.len || slice_is(st.type, "unavailable"))
    give_back(&st);
}

/* All requests of type set write: userd refuses them before anything is done. */
static bool
is_refused(struct link *l, struct record *r)
{
  struct stanza st;

  if (!slice_is(record_get(r, STANZA_TYPE), "set") || !store_is_full(userd.store))
    return false;
  stanza_read(r, 0, &st);
  handle_refuse(l, &st, ERR_RESOURCE_CONSTRAINT,
                SLICE("the server has no room to store it"), SLICE(""));
  return true;
}

/* An answer to HOST/userd; else a request to an account, or routed's question whether one will be
 * answered (xmpp-restarts(7)). */
static void
on_iq(struct link *l, struct record *r)
{
  struct stanza st;

  stanza_read(r, 0, &st);
  if (!stanza_may_answer(&st)) {
    st.xml = record_get(r, STANZA_XML);
    nodes_answer(&st);
  } else if (slice_has_word(st.tags, SLICE("asked"))) {
    if (!node_is_due(&st)) handle_forgotten(l, &st);
  } else if (!is_refused(l, r) &&
             !handle_record(l, r, handlers, handlers_n, userd.settings) &&
             !node_is_due(&st))
    handle_answered(l, &st);
}

static void
on_stanza(struct link *l, struct record *r)
{
  received++;
  userd_accounts();
  ends_look();
  if (search_serves(jid_cut(record_get(r, STANZA_TO)).domain))
    search_stanza(l, r);
  else if (slice_is(record_get(r, STANZA_KIND), "presence"))
    on_presence(r);
  else
    on_iq(l, r);
}

/* userd commits the store before its links are flushed. A turn that the store does not take is
 * not said: routed's link ends, routed says the turn's records again, and the store, which is
 * full then, refuses those that write and serves those that read. Ending the read of the
 * accounts lets the next turn see new ones. */
static void
turn(void)
{
  struct link *routed = link_find(ROUTED);
  bool kept;

  if (userd.accounts) accounts_commit(userd.accounts);
  nodes_turn();
  kept = store_commit(userd.store);
  sessions_turn(kept);
  ends_turn(kept);
  search_turn(kept);
  handle_turn(kept);
  if (!kept && routed) link_discard(routed, "the store failed");
  if (!kept && link_find(REGISTERD))
    link_discard(link_find(REGISTERD), "the store failed");
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
  service_stat(ctl, "sessions", session_totals.sessions);
  service_stat(ctl, "users", session_totals.users);
}

static void
snapshot(struct snapshot *k)
{
  if (snapshot_restores(k)) userd_accounts();
  if (snapshot_record(k, "total", true)) SNAPSHOT_INT(k, received);
  sessions_snapshot(k);
  replaced_snapshot(k);
  counter_snapshot(k);
  ends_snapshot(k);
  later_snapshot(k);
  roster_snapshot(k);
  blocking_snapshot(k);
  watch_snapshot(k);
  preauth_snapshot(k);
  nodes_snapshot(k);
  search_snapshot(k);
  handle_snapshot(k);
}

static service_fn *const verbs[VERBS_N] = {
  [VERB_STANZA] = on_stanza,
  [VERB_GONE] = presence_gone,
  [VERB_WANTS] = presence_wants,
  [VERB_DIRECTED] = sessions_directed,
  [VERB_SHOWN] = recall_shown,
  [VERB_RECALLED] = recall_recalled,
  [VERB_MADE] = on_made,
  [VERB_ENDING] = ends_ending,
  [VERB_WATCH] = watch_begin,
  [VERB_AVATAR] = avatar_changed,
  [VERB_ROW] = ask_row,
  [VERB_DONE] = ask_done,
  [VERB_ERROR] = ask_error,
  [VERB_BEFRIEND] = befriend_on_befriend,
  [VERB_CONTACT] = contact_control,
};

static void
status(struct link *ctl)
{
  if (store_is_full(userd.store)) service_row(ctl, "full", "users", NULL);
}

static struct service const service = {
  .program = "xmpp-userd",
  .handlers = verbs,
  .needs = userd_needs,
  .read = userd_read,
  .take = take,
  .drop = userd_drop,
  .start = userd_start,
  .up = up,
  .down = down,
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
