/* xmpp-mamd: the log of messages: archives (XEP-0313) and what waits (XEP-0160).
 *
 * USAGE   xmpp-mamd [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 * READS   settings/xmpp-mamd      (from xmpp-confgen; again on SIGHUP); DATA/accounts,
 *         DATA/users
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  records to routed (xmpp-records(7))
 * STORES  DATA/archive (lib/archive)
 * LIMITS  PAGE_MAX messages a page, QUERY_IDS_MAX, QUERIES_MAX, PREFS_MAX; PACE_MESSAGES and
 *         PACE_BYTES under way to a session; as many wait as the host's rule says
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, and the envelope of what routed sends. Not the XML.
 * ROOMS   incoming.c what comes in; sessions.c the sessions that mamd knows, reports.c what
 *         routed says of them; marks.c what becomes of messages when a session ends; recall.c
 *         comparing after a restart; full.c a full disk; xep0160_waiting.c the set of what
 *         waits, xep0160_offer.c offering it, xep0203_delay.c how it leaves; pace.c windows;
 *         scan.c work of many turns; xep0313_mam.c the page of a query is found,
 *         xep0313_pages.c sent; xep0441_prefs.c; xep0424_retract.c; retention.c; control.c
 *         xmpp-ctl archive; handlers.c; settings.c
 */
#include "mamd.h"

#include "stanza/refused.h"

char const *PROG = "xmpp-mamd";

static void
session_ends(struct session *s)
{
  offer_end(s, true);
  pages_free(s);
  pace_forget(s);
}

static void
session_state(struct snapshot *k, struct session *s)
{
  offer_snapshot(k, s);
  pages_snapshot(k, s);
}

struct session_events const session_events = {
  .ends = session_ends,
  .state = session_state,
};

static bool
give_some(struct link *routed, struct session *s, size_t *budget)
{
  bool more = offer_some(routed, s, budget);

  return pages_some(routed, s, budget) || more;
}

struct pace_events const pace_events = {.give = give_some};

/* After a reload hosts may have other modules. */
static void
take(void *fresh, bool first)
{
  struct link *routed = link_find(ROUTED);

  mamd_take(fresh, first);
  prefs_load();
  if (!routed) return;
  handle_forget(routed);
  handle_announce(routed, handlers, handlers_n, mamd.settings);
  handle_announced(routed);
}

static bool
start(void)
{
  mamd_open();
  retention_start();
  return true;
}

static void
up(struct link *l)
{
  if (l->program != ROUTED) return;
  mamd_readers();
  /* routed gives no id before it knows which is the newest, so this comes first. */
  full_announce(l);
  handle_announce(l, handlers, handlers_n, mamd.settings);
  handle_announced(l);
  prefs_announce(l);
  handle_watch(l, "sessions");
  handle_watch(l, "marks");
  handle_watch(l, "accounts");
  recall_routed_up();
}

static void
down(struct link *l)
{
  if (l->program == CTL) service_jobs_gone(l);
  if (l->program == ROUTED) mamd.tells_waiting = false;
}

static void
on_watch(struct link *l, struct record *r)
{
  (void)l;
  if (slice_is(record_get(r, 1), "waiting")) mamd.tells_waiting = true;
}

static bool was_asked; /* a stanza came in this turn */

/* Answer a record that asks about a request of before a restart of routed, unless the
 * request is going to be answered. */
static bool
on_asked(struct link *l, struct record *r)
{
  struct stanza st;

  if (!slice_has_word(record_raw(r, STANZA_TAGS), SLICE("asked"))) return false;
  stanza_read(r, 0, &st);
  if (!pages_are_due(&st) && !query_is_due(&st)) handle_forgotten(l, &st);
  return true;
}

static void
on_stanza(struct link *l, struct record *r)
{
  mamd_readers();
  prefs_look();
  was_asked = true;
  if (slice_is(record_raw(r, STANZA_KIND), "message"))
    incoming_message(l, r);
  else if (!on_asked(l, r))
    handle_record(l, r, handlers, handlers_n, mamd.settings);
}

static void
on_online(struct link *l, struct record *r)
{
  mamd_readers();
  reports_online(l, r);
}

/* A new account has no archive. */
static void
on_made(struct link *l, struct record *r)
{
  (void)l;
  (void)r;
}

/* mamd commits the store before it flushes its links: no answer or acknowledgement leaves before its
 * turn is on the disk. Marks, and sessions that came or went, may wait for more of them,
 * unacknowledged, until a stanza comes: acknowledgements go in order, and a client has its next
 * request held until its last is acknowledged. */
static void
turn(void)
{
  bool waits, kept;

  mamd_readers_turn();
  full_turn();
  incoming_turn();
  waits = !was_asked && archive_may_wait(mamd.archive) && service_wait();
  was_asked = false;
  kept = waits || archive_commit(mamd.archive);
  offer_turn(!kept);
  pages_turn(!kept);
  sessions_turn(!kept);
  handle_turn(kept);
  scan_turn(kept);
  if (kept) return;
  incoming_lost();
  link_discard_all("the store failed");
}

static bool
feeds(struct link const *from, struct link const *full)
{
  return from->program == full->program;
}

static void
stats(struct link *ctl)
{
  size_t messages = archive_messages(mamd.archive);
  size_t waiting = archive_waiting(mamd.archive);

  service_stat(ctl, "stored", incoming_stored);
  stanza_refused_stats(service_stat, ctl);
  if (messages != SIZE_MAX) service_stat(ctl, "messages", messages);
  if (waiting != SIZE_MAX) service_stat(ctl, "waiting", waiting);
}

static void
snapshot(struct snapshot *k)
{
  if (snapshot_restores(k)) mamd_readers();
  if (snapshot_record(k, "tells", true)) SNAPSHOT_INT(k, mamd.tells_waiting);
  incoming_snapshot(k);
  stanza_refused_snapshot(k);
  handle_snapshot(k);
  scan_snapshot(k);
  prefs_snapshot(k);
  sessions_snapshot(k);
  pace_snapshot_line(k);
  marks_snapshot(k);
  full_snapshot(k);
  retention_snapshot(k);
}

static service_fn *const verbs[VERBS_N] = {
  [VERB_STANZA] = on_stanza,        [VERB_ONLINE] = on_online,
  [VERB_OFFLINE] = reports_offline, [VERB_MARK] = reports_mark,
  [VERB_ROW] = recall_row,          [VERB_DONE] = recall_done,
  [VERB_ARCHIVE] = control_archive, [VERB_MADE] = on_made,
  [VERB_ENDING] = retention_ending, [VERB_WATCH] = on_watch,
};

static void
status(struct link *ctl)
{
  if (archive_is_full(mamd.archive)) service_row(ctl, "full", "archive", NULL);
}

static struct service const service = {
  .program = "xmpp-mamd",
  .handlers = verbs,
  .needs = mamd_needs,
  .read = mamd_read,
  .take = take,
  .drop = mamd_drop,
  .start = start,
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
