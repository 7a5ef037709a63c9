/* xmpp-routed: who is online, who serves what, and where each stanza goes (RFC 6121 s8).
 *
 * USAGE   xmpp-routed [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 * READS   settings/xmpp-routed      (from xmpp-confgen; again on SIGHUP)
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  sessions and stanzas with c2sd; stanzas and registrations with all services
 *         (xmpp-records(7))
 * LIMITS  sessions by memory; a link over LINK_HIGH_WATER stops what feeds it; POST_MAX bytes
 *         for a service, which is waited for POST_GRACE_US; after a start stanzas wait
 *         EXPECT_US for who is expected
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, envelopes of its neighbours; the XML is never looked at
 * ROOMS   sessions.c who is online, listed.c their list; presence.c what programs are told of sessions;
 *         services.c who serves what; features.c what disco shows; watch.c who watches;
 *         posts.c, sources.c what is not acknowledged yet; expected.c who is waited for after a
 *         start; incoming.c what a stanza is; rules.c the tables of delivery; deliver.c where
 *         it goes, fanout.c a broadcast; unacked.c a stanza that a client did not get,
 *         returns.c one that a service did not get; pairs.c stanzas for other servers, parcels.c
 *         where they wait, senders.c how much of whom; domains.c which domains are served here;
 *         passing.c the record of a stanza; behind.c presence that overtakes no subscription;
 *         kept.c copies until a client has its stanzas, held.c those of sessions that were lost,
 *         journal.c their file; asked.c requests that a service answers later; archive.c what is
 *         kept of messages; number.c ids; accounts.c accounts that end, exists.c those that a
 *         program outside has, unasked.c what waited for their names; anonymous.c sessions that
 *         have none; xepNNNN_*.c one extension each; settings.c
 */
#include "accounts.h"
#include "anonymous.h"
#include "archive.h"
#include "deliver.h"
#include "domains.h"
#include "exists.h"
#include "expected.h"
#include "features.h"
#include "held.h"
#include "incoming.h"
#include "kept.h"
#include "pairs.h"
#include "posts.h"
#include "presence.h"
#include "returns.h"
#include "senders.h"
#include "services.h"
#include "sessions.h"
#include "settings.h"
#include "snapshot.h"
#include "sources.h"
#include "unacked.h"
#include "watch.h"
#include "xep0115_caps.h"
#include "xep0191_blocking.h"
#include "xep0198_resume.h"
#include "xep0357_push.h"
#include "xep0386_bind2.h"

#include "stanza/refused.h"

char const *PROG = "xmpp-routed";

/* clang-format off */
struct watch_row const watch_rows[WATCH_WORDS] = {
  [WATCH_FEATURES] = {"features", features_watched,       {0}, 0},
  [WATCH_SESSIONS] = {"sessions", presence_tell_sessions, {0}, 0},
  [WATCH_MARKS]    = {"marks",    NULL,                   {0}, 0},
  [WATCH_CAPS]     = {"caps",     caps_tell,              {0}, 0},
  [WATCH_ACCOUNTS] = {"accounts", accounts_watched,       {VERB_MADE, VERB_ENDING}, 0},
  [WATCH_WAITING]  = {"waiting",  NULL,                   {VERB_WAITING}, MAMD},
  [WATCH_ROSTER]   = {"roster",   NULL,                   {VERB_ROSTER}, USERD},
  [WATCH_AVATARS]  = {"avatars",  NULL,                   {VERB_AVATAR}, PUBSUBD},
  [WATCH_DOMAINS]  = {"domains",  domains_watched,        {0}, 0},
  [WATCH_PRESENCE] = {"presence", presence_recall,        {0}, 0},
};

/* clang-format on */

static bool
service_begins(struct post *p)
{
  bool watched = watch_begins(p);

  return services_begin(p) || watched;
}

static void
service_settled(struct post *p)
{
  services_settled(p);
  watch_settled(p);
}

static void
service_lost(struct post *p)
{
  services_of_post_gone(p);
  if (p->program == S2SD) pairs_lost();
  returns_asked(p);
}

static void
service_unsaid(struct post const *p, enum verb v, struct slice fields)
{
  if (p->program == PUSHD) push_unsaid(v, fields);
}

struct post_events const post_events = {
  .begins = service_begins,
  .settled = service_settled,
  .restarted = returns_asked,
  .lost = service_lost,
  .returned = returns_stanza,
  .unsaid = service_unsaid,
  .takes = pairs_up,
  .pair_acked = pairs_acked,
  .pair_gone = pairs_gone,
  .pair_state = snapshot_pair,
};

static void
pair_refused(struct passing const *p, enum refusal rule, enum stanza_error e)
{
  deliver_bounce(p, rule, e, NULL);
}

struct pairs_events const pairs_events = {.refused = pair_refused};

static void
session_state(struct snapshot *k, struct session *s)
{
  push_snapshot_session(k, s);
  asked_snapshot(k, s);
  kept_snapshot(k, s);
  caps_snapshot(k, s);
}

static void
session_leaves(struct session *s)
{
  presence_leaves(s);
  push_over(s);
}

static void
session_ended(struct session *s, enum session_end how, uint64_t upto)
{
  if (!s->leaving) push_over(s);
  returns_session(s, how, upto);
}

static void
session_bound(struct session *s, struct slice words)
{
  if (words.len) bind2_metadata(s, words);
  push_bound(s);
  held_back(slice_str(s->user->bare));
}

struct session_events const session_events = {
  .has_ended = accounts_has_ended,
  .begins = bind2_end_older,
  .wants = presence_wants,
  .bound = session_bound,
  .announced = push_announced,
  .still_online = presence_still_online,
  .leaves = session_leaves,
  .gone = presence_gone,
  .ends = presence_ends,
  .ended = session_ended,
  .state = session_state,
};

static void
up(struct link *l)
{
  if (l->program == C2SD)
    features_up(l);
  else if (l->roles & ROLE_SERVICE)
    posts_up(l);
  if (l->program == MAMD) held_back_all();
  if (l->program == AUTHD) exists_up(l);
  watch_up(l);
}

static void
down(struct link *l)
{
  if (l->program == C2SD) {
    sessions_of_link_gone(l);
    presence_c2sd_gone();
  }
  posts_gone(l);
  sources_gone(l);
  expected_gone(l);
}

/* Say whether the settings name an instance of xmpp-s2sd. */
static bool
names_s2sd(struct settings const *st)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, "expect", row)))
    if (program_find(row->value[0]) == S2SD) return true;
  return false;
}

static void
take_limits(struct settings const *st)
{
  pairs_take(names_s2sd(st), settings_limit(st, "s2s_queue_bytes", S2S_QUEUE_BYTES),
             settings_limit(st, "s2s_queued_bytes", S2S_QUEUED));
  senders_take(settings_limit(st, "s2s_sender_bytes", S2S_SENDER_BYTES));
  kept_take(settings_limit(st, "kept_bytes", KEPT_MAX),
            settings_limit(st, "kept_account_bytes", KEPT_ACCOUNT_MAX));
  anonymous_take(settings_u64(st, "anonymous_sessions", SLICE("*")),
                 settings_u64(st, "anonymous_sessions_per_address", SLICE("*")));
}

static void
take(void *fresh, bool first)
{
  struct settings const *st = routed_settings(fresh);
  struct settings_row const *row = NULL;

  if (first) expected_start(presence_all_there);
  while (first && (row = settings_next(st, "expect", row))) {
    expected_add(row->value[0]);
    posts_expect(row->value[0]);
  }
  take_limits(st);
  routed_take(fresh);
  features_changed();
  domains_changed();
}

static bool
start(void)
{
  kept_start(service_run_file("kept"));
  return true;
}

static void
copy_back(struct passing *p, uint64_t of)
{
  if (!exists_copy(p)) unacked_copy(p, of);
}

static void
turn(void)
{
  kept_turn(copy_back, deliver_again); /* older than what waits for all neighbours */
  expected_turn(incoming_record);
  features_turn();
  domains_turn();
  push_turn();
  sources_turn();
  kept_write();
}

/* A c2sd that does not read is fed by all, its own clients included; a service only by the
 * others, for it can drain its input only if we read what it answers. */
static bool
feeds(struct link const *from, struct link const *full)
{
  if (full->program == C2SD) return from->program != CTL;
  return from->roles & ROLE_EDGE && from->program != full->program;
}

static bool
stopped(void)
{
  return !link_find(C2SD);
}

static void
stats(struct link *ctl)
{
  service_stat(ctl, "sessions", session_totals.sessions);
  service_stat(ctl, "accounts_online", session_totals.users);
  service_stat(ctl, "stanzas", incoming_total);
  service_stat(ctl, "kept_bytes", kept_bytes + held_bytes());
  stanza_refused_stats(service_stat, ctl);
  service_stat(ctl, "s2s_stanzas", pairs_totals.stanzas);
  service_stat(ctl, "s2s_queued", pairs_totals.queued);
  service_stat(ctl, "s2s_queued_bytes", pairs_totals.bytes);
  service_stat(ctl, "s2s_returned", pairs_totals.returned);
}

static void
on_feature(struct link *l, struct record *r)
{
  services_show(l, r, VERB_FEATURE);
}

static void
on_identity(struct link *l, struct record *r)
{
  services_show(l, r, VERB_IDENTITY);
}

static void
on_item(struct link *l, struct record *r)
{
  services_show(l, r, VERB_ITEM);
}

static void
on_newest(struct link *l, struct record *r)
{
  if (archive_newest(r)) returns_not_logged(l);
}

static void
on_waiting(struct link *l, struct record *r)
{
  watch_pass(l, r);
  push_waiting(r);
}

static service_fn *const handlers[VERBS_N] = {
  [VERB_STANZA] = incoming_record,
  [VERB_BIND] = sessions_bind,
  [VERB_SESSION] = sessions_announced,
  [VERB_UNBIND] = sessions_unbind,
  [VERB_WANTS] = sessions_wants,
  [VERB_END] = sessions_end,
  [VERB_SHOWN] = presence_shown,
  [VERB_DIRECTED] = presence_directed,
  [VERB_RECALLED] = presence_recalled,
  [VERB_FANOUT] = incoming_record,
  [VERB_BLOCKS] = blocking_list,
  [VERB_ACK] = posts_acked,
  [VERB_CAPS] = features_caps,
  [VERB_MARK] = presence_mark,
  [VERB_ARCHIVES] = archive_policy,
  [VERB_NEWEST] = on_newest,
  [VERB_RESUME] = resume_ask,
  [VERB_YIELDED] = resume_yielded,
  [VERB_UNYIELDED] = resume_refused,
  [VERB_QUEUED] = resume_queued,
  [VERB_HANDED] = resume_handed,
  [VERB_SERVE] = services_serve,
  [VERB_HANDLE] = services_handle,
  [VERB_FEATURE] = on_feature,
  [VERB_IDENTITY] = on_identity,
  [VERB_ITEM] = on_item,
  [VERB_FORGET] = services_forget,
  [VERB_WATCH] = watch_record,
  [VERB_SESSIONS] = sessions_list,
  [VERB_HOLDS] = kept_holds,
  [VERB_MADE] = accounts_made,
  [VERB_ENDING] = accounts_ending,
  [VERB_WAITING] = on_waiting,
  [VERB_ROSTER] = watch_pass,
  [VERB_AVATAR] = watch_pass,
  [VERB_ERASED] = accounts_erased,
  [VERB_SHUT] = accounts_shut,
  [VERB_KNOWN] = exists_known,
  [VERB_SETTLED] = pairs_settled,
  [VERB_UNSETTLED] = pairs_unsettled,
  [VERB_EARLIER] = sources_earlier,
  [VERB_PUSHES] = push_registered,
  [VERB_AWAY] = push_away,
  [VERB_BACK] = push_back,
  [VERB_KEEP] = push_keep,
  [VERB_PICTURE] = presence_picture,
};

static void
snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "total", true)) SNAPSHOT_INT(k, incoming_total);
  sources_snapshot(k);
  pairs_snapshot(k);
  posts_snapshot(k);
  behind_snapshot(k);
  sessions_snapshot(k);
  presence_snapshot(k);
  services_snapshot(k);
  features_snapshot(k);
  domains_snapshot(k);
  expected_snapshot(k);
  number_snapshot(k);
  archive_snapshot(k);
  blocking_snapshot(k);
  stanza_refused_snapshot(k);
  carbons_snapshot(k);
  kept_snapshot_earlier(k);
  held_snapshot(k);
  accounts_snapshot(k);
  exists_snapshot(k);
  push_snapshot(k);
}

static struct service const routed = {
  .program = "xmpp-routed",
  .accepts = ROLE_EDGE | ROLE_SERVICE | ROLE_AUTHORITY,
  .handlers = handlers,
  .needs = routed_needs,
  .read = routed_read,
  .take = take,
  .drop = routed_drop,
  .start = start,
  .up = up,
  .down = down,
  .turn = turn,
  .feeds = feeds,
  .holds = expected_holds,
  .stopped = stopped,
  .stats = stats,
  .snapshot = snapshot,
};

int
main(int argc, char const *const *argv)
{
  return service_main(&routed, argc, argv);
}
