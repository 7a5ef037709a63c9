/* xmpp-mamd: the log of messages: archives (XEP-0313) and what waits (XEP-0160).
 *
 * USAGE   xmpp-mamd [ -d notif ] [ -v level ] [ -p ] settings
 * READS   settings/xmpp-mamd      (from xmpp-confgen; again on SIGHUP); DATA/accounts,
 *         DATA/users
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  records to routed (xmpp-records(7))
 * STORES  DATA/archive (lib/archive)
 * LIMITS  PAGE_MAX messages a page, QUERY_IDS_MAX, PREFS_MAX; what the host says may wait
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, and the envelope of what routed sends. Not the XML.
 * ROOMS   incoming.c what comes in; xep0160_waiting.c what waits, xep0203_delay.c how it
 *         leaves; xep0313_query.c what is asked for, xep0313_mam.c the answer;
 *         xep0441_prefs.c; xep0424_retract.c; retention.c; control.c xmpp-ctl archive; handlers.c what is answered; settings.c
 */
#include "mamd.h"

char const *PROG = "xmpp-mamd";

static bool
load(struct settings *st, bool first)
{
  if (!mamd_load(st, first)) return false;
  retention_start();
  return true;
}

static void
feature(struct link *routed, char const *scope, char const *var)
{
  link_begin(routed, VERB_FEATURE);
  link_str(routed, scope);
  link_str(routed, var);
  link_end(routed);
}

static void
up(struct link *l)
{
  if (l->program != ROUTED) return;
  mamd_readers();
  handle_announce(l, handlers, handlers_n);
  feature(l, "account", NS_MAM_EXTENDED);
  feature(l, "account", NS_RETRACT "#tombstone");
  feature(l, "host", "msgoffline"); /* XEP-0160 s4 */
  /* XEP-0313 s7 has clients ask their account, but profanity asks the host alone. */
  if (settings_has_any(mamd.settings, "module", "mod_mam")) feature(l, "host", NS_MAM);
  prefs_announce(l);
  link_begin(l, VERB_NEWEST);
  link_num(l, archive_last_id(mamd.archive));
  link_end(l);
  link_begin(l, VERB_WATCH);
  link_str(l, "online");
  link_end(l);
  waiting_routed_up();
}

static void
down(struct link *l)
{
  if (l->program == CTL) control_gone(l);
}

static void
on_stanza(struct link *l, struct record *r)
{
  mamd_readers();
  if (slice_is(record_raw(r, STANZA_KIND), "message"))
    incoming_message(l, r);
  else
    handle_record(l, r, handlers, handlers_n);
}

static void
on_online(struct link *l, struct record *r)
{
  mamd_readers();
  waiting_online(l, r);
}

static void
discard_all(void)
{
  struct link *l, *next;

  for (l = link_next(NULL); l; l = next) {
    next = link_next(l);
    if (l->up) link_discard(l, "the store failed");
  }
}

/* Nothing of a turn that is not on the disk leaves: not an answer, not an acknowledgement.
 * Only who came and went may wait for more, unacknowledged. */
static void
turn(void)
{
  bool waits, kept;

  mamd_readers_turn();
  incoming_turn();
  waits = archive_may_wait(mamd.archive) && service_wait();
  kept = waits || archive_commit(mamd.archive);
  waiting_turn(!kept);
  if (kept) return;
  incoming_lost();
  discard_all();
}

static unsigned int
pauses(struct link const *full)
{
  return full->program;
}

static void
stats(struct link *ctl)
{
  service_stat(ctl, "stored", incoming_stored);
}

static service_fn *const verbs[VERBS_N] = {
  [VERB_STANZA] = on_stanza,        [VERB_ONLINE] = on_online,
  [VERB_OFFLINE] = waiting_offline, [VERB_MARK] = waiting_mark,
  [VERB_ROW] = waiting_row,         [VERB_DONE] = waiting_done,
  [VERB_ARCHIVE] = control_archive,
};

static struct service const service = {
  .program = "xmpp-mamd",
  .handlers = verbs,
  .load = load,
  .up = up,
  .down = down,
  .turn = turn,
  .pauses = pauses,
  .stats = stats,
};

int
main(int argc, char const *const *argv)
{
  return service_main(&service, argc, argv);
}
