/* xmpp-hostd: what belongs to a host: disco for hosts and accounts, ping, time, version,
 * uptime, contact addresses, external services, administrators' commands, announcements.
 *
 * USAGE   xmpp-hostd [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 * READS   settings/xmpp-hostd      (from xmpp-confgen; again on SIGHUP)
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  stanzas, sessions, end with routed; account with authd (xmpp-records(7))
 * STORES  DATA/motd: messages of the day and who has seen them (motd.c); reads DATA/accounts
 *         and DATA/users
 * LIMITS  1024 features, identities and items in all; ASKS_MAX questions to each neighbour,
 *         ASK_US each; DISCO_WAITS_BYTES of requests that wait for xmpp-pubsubd, DISCO_WAIT_US;
 *         RUNS_MAX commands, RUN_US each; ANNOUNCEMENTS_MAX, ANNOUNCE_PIECE messages a turn
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, and the envelope of what routed sends. Not the XML.
 * ROOMS   handlers.c what is answered; xepNNNN_*.c how; features.c what routed tells of
 *         others; contacts.c who may see an account; nodes.c what xmpp-pubsubd is asked;
 *         announce.c messages to many; motd.c, names.c, settings.c
 */
#include "hostd.h"

char const *PROG = "xmpp-hostd";

struct link *hostd_routed;

static void
word(struct link *l, enum verb v, char const *a, char const *b)
{
  link_begin(l, v);
  link_str(l, a);
  if (b) link_str(l, b);
  link_end(l);
}

static void
register_all(struct link *routed)
{
  handle_announce(routed, handlers, handlers_n, hostd_settings());
  features_announce(routed);
  word(routed, VERB_HANDLE, "resource", "announce");
  nodes_announce(routed);
  handle_announced(routed);
  motd_watch(routed);
}

/* After a reload hosts may have other modules. */
static void
take(void *fresh, bool first)
{
  hostd_take(fresh, first);
  if (!hostd_routed || !hostd_routed->up) return;
  handle_forget(hostd_routed);
  register_all(hostd_routed);
}

static void
up(struct link *l)
{
  last_started(link_started(l));
  if (l->program != ROUTED) return;
  hostd_routed = l;
  register_all(l);
  handle_watch(l, "features");
  caps_forget();
  announce_link_up();
}

static void
down(struct link *l)
{
  if (l->program & (AUTHD | ROUTED | REGISTERD)) ask_link_down(l);
}

/* A received request has its number; the answer leaves in the same turn, or is kept to
 * be made when others have answered. */
static uint64_t received;

/* An answer to HOST/hostd; else a request. */
static void
on_iq(struct link *l, struct record *r)
{
  struct stanza st;

  stanza_read(r, 0, &st);
  if (!stanza_may_answer(&st)) {
    st.xml = record_get(r, STANZA_XML);
    nodes_answer(&st);
  } else if (!handle_record(l, r, handlers, handlers_n, hostd_settings()))
    handle_answered(l, &st);
}

static void
on_stanza(struct link *l, struct record *r)
{
  received++;
  if (slice_is(record_get(r, STANZA_KIND), "message"))
    announce_message(l, r);
  else if (slice_is(record_get(r, STANZA_KIND), "iq"))
    on_iq(l, r);
}

/* Nothing that was said in this turn holds if the store failed: it is not sent. */
static void
turn(void)
{
  caps_turn();
  contacts_turn();
  if (!motd_commit() && hostd_routed) link_drop(hostd_routed, "the store failed");
}

static void
stats(struct link *ctl)
{
  service_stat(ctl, "stanzas", received);
}

/* A new account has seen no message of the day. */
static void
on_made(struct link *l, struct record *r)
{
  (void)l;
  (void)r;
}

/* Announcements are for sessions that come; their ends are of no interest. */
static void
on_offline(struct link *l, struct record *r)
{
  (void)l;
  (void)r;
}

static service_fn *const verbs[VERBS_N] = {
  [VERB_STANZA] = on_stanza,
  [VERB_FORGET] = features_forget,
  [VERB_FEATURE] = features_feature,
  [VERB_IDENTITY] = features_identity,
  [VERB_ITEM] = features_item,
  [VERB_ONLINE] = announce_online,
  [VERB_OFFLINE] = on_offline,
  [VERB_MADE] = on_made,
  [VERB_ENDING] = motd_ending,
  [VERB_ROW] = ask_row,
  [VERB_DONE] = ask_done,
  [VERB_ERROR] = ask_error,
};

static bool
feeds(struct link const *from, struct link const *full)
{
  return from->program == full->program;
}

static bool
who_asked(struct snapshot *k, ask_fn **fn, void **cookie)
{
  return invites_snapshot_ask(k, fn, cookie) || tokens_snapshot_ask(k, fn, cookie) ||
         announce_snapshot_ask(k, fn, cookie) || admin_snapshot_ask(k, fn, cookie);
}

static void
snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "total", true)) return;
  SNAPSHOT_INT(k, received);
  snapshot_link(k, &hostd_routed);
  features_snapshot(k);
  caps_snapshot(k);
  last_snapshot(k);
  runs_snapshot(k);
  ask_snapshot(k, who_asked);
  nodes_snapshot(k);
  announce_snapshot(k);
  motd_snapshot(k);
  handle_snapshot(k);
}

static struct service const hostd = {
  .program = "xmpp-hostd",
  .handlers = verbs,
  .needs = hostd_needs,
  .read = hostd_read,
  .take = take,
  .drop = hostd_drop,
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
  return service_main(&hostd, argc, argv);
}
