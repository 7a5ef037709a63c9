/* xmpp-registerd: accounts from outside: in-band registration (XEP-0077), change of password, removal.
 *
 * USAGE   xmpp-registerd [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 *         xmpp-registerd --spawners USER GROUP COMMAND...   as root, before it gives that up
 * READS   settings/xmpp-registerd      (from xmpp-confgen; again on SIGHUP)
 * STORES  DATA/register, if a host has mod_invites
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  requests before the login with c2sd, over a link of its own; stanzas, end with
 *         routed; account and auth with authd; requests with webd; invite with hostd, userd and the
 *         administrator (xmpp-records(7))
 * LIMITS  WEB_VISITS_MAX requests of the web; REGISTER_STREAMS_MAX streams, REGISTER_ATTEMPTS_MAX
 *         questions to authd, REGISTER_SLOTS_MAX sites that have to wait, CHALLENGES_MAX captchas,
 *         INVITES_MAX invitations, WATCHERS_LINES_MAX lines of one message to watchers
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, and the envelope of what c2sd and routed send. Not the XML.
 * ROOMS   xep0077_register.c requests before the login; session.c those of sessions; query.c what
 *         they have in them; account.c the checks, and what authd is asked; answers.c, texts.c;
 *         captcha.c challenges, xep0158_captcha.c their form, spawn.c, spawners.c and run.c the
 *         program that makes them; streams.c what is known of a stream; slots.c who has to wait;
 *         greet.c messages; invites.c invitations, xep0401_invites.c who makes them,
 *         xep0445_preauth.c who shows one, joins.c what follows, invite_uris.c their addresses;
 *         web.c requests of the web, html.c how pages look, words.c their texts, qr.c, page_*.c one
 *         page each, web_login.c their passwords; settings.c
 */
#include "captcha.h"
#include "invites.h"
#include "joins.h"
#include "web.h"

#include <sys/prctl.h>

char const *PROG = "xmpp-registerd";

struct link *registerd_routed;

static void
announce(struct link *routed)
{
  handle_announce(routed, handlers, handlers_n, registerd.st);
  handle_announced(routed);
}

/* The store of invitations is opened when a host has them first. */
static void
open_invites(void)
{
  bool were_open = invites_are_open();

  if (!invites_open(service_data(), true))
    log_event(LOG_WARN, "invites-unavailable", "why", "the store does not open", NULL);
  else if (!were_open && registerd_routed && registerd_routed->up)
    invites_up(registerd_routed);
}

/* After a reload hosts may have other modules: webd and routed are told of them. */
static void
take(void *fresh, bool first)
{
  struct link *l;

  registerd_take(fresh, first);
  for (l = first ? NULL : link_next(NULL); l; l = link_next(l))
    if (l->up && l->program == WEBD) web_up(l);
  if (!first && settings_has_any(registerd.st, "module", "mod_invites")) open_invites();
  if (!registerd_routed || !registerd_routed->up) return;
  handle_forget(registerd_routed);
  announce(registerd_routed);
}

/* Passwords pass through: no core has them. */
static bool
start(void)
{
  prctl(PR_SET_DUMPABLE, 0);
  if (!spawn_start()) return false;
  captcha_try();
  return invites_open(service_data(),
                      settings_has_any(registerd.st, "module", "mod_invites"));
}

static void
up(struct link *l)
{
  joins_up(l);
  if (l->program == WEBD) web_up(l);
  if (l->program != ROUTED) return;
  registerd_routed = l;
  announce(l);
  invites_up(l);
}

static void
down(struct link *l)
{
  if (l->program & (AUTHD | ROUTED)) ask_link_down(l);
  account_link_gone(l);
  if (l->program == WEBD) web_down(l);
  if (l->program == AUTHD) web_logins_down();
  if (l->program == C2SD) streams_link_gone(l);
}

static void
on_stanza(struct link *l, struct record *r)
{
  struct stanza st;

  stanza_read(r, 0, &st);
  if (!handle_record(l, r, handlers, handlers_n, registerd.st)) handle_answered(l, &st);
}

/* Nothing of a turn that the store has not taken is said: its links end, and what came by them comes
 * again, or is asked again. */
static void
turn(void)
{
  bool kept = invites_commit();

  handle_turn(kept);
  if (!kept) link_discard_all("the store failed");
}

static bool
stopped(void)
{
  return !link_find(C2SD);
}

static bool
feeds(struct link const *from, struct link const *full)
{
  return from->program == full->program;
}

static void
stats(struct link *ctl)
{
  service_stat(ctl, "registered", accounts_made);
  service_stat(ctl, "streams", streams_count());
}

static service_fn *const verbs[VERBS_N] = {
  [VERB_REGISTER] = register_on_register,
  [VERB_ABORT] = streams_on_abort,
  [VERB_STANZA] = on_stanza,
  [VERB_REQUEST] = web_on_request,
  [VERB_BODY] = web_on_body,
  [VERB_ENDED] = web_on_ended,
  [VERB_CANCEL] = web_on_cancel,
  [VERB_STOP] = web_on_flow,
  [VERB_GO] = web_on_flow,
  [VERB_SUCCESS] = web_on_success,
  [VERB_FAILURE] = web_on_failure,
  [VERB_INVITE] = invite_on_invite,
  [VERB_BEFRIENDED] = joins_on_befriended,
  [VERB_MADE] = invites_on_made,
  [VERB_ENDING] = invites_on_ending,
  [VERB_ROW] = ask_row,
  [VERB_DONE] = ask_done,
  [VERB_ERROR] = ask_error,
};

static bool
who_asked(struct snapshot *k, ask_fn **fn, void **cookie)
{
  bool joins = joins_has_ask(*cookie);

  SNAPSHOT_INT(k, joins);
  return (joins ? joins_snapshot_ask : account_snapshot_ask)(k, fn, cookie);
}

static void
snapshot(struct snapshot *k)
{
  snapshot_link(k, &registerd_routed);
  slots_snapshot(k);
  streams_snapshot(k);
  captcha_snapshot(k);
  account_snapshot(k);
  ask_snapshot(k, who_asked);
  greet_snapshot(k);
  invites_snapshot(k);
  handle_snapshot(k);
}

static struct service const service = {
  .program = "xmpp-registerd",
  .accepts = ROLE_EDGE | ROLE_OWN,
  .handlers = verbs,
  .needs = registerd_needs,
  .read = registerd_read,
  .take = take,
  .drop = registerd_drop,
  .start = start,
  .up = up,
  .down = down,
  .turn = turn,
  .feeds = feeds,
  .stopped = stopped,
  .stats = stats,
  .snapshot = snapshot,
  .copy = store_copy_all,
};

int
main(int argc, char const *const *argv)
{
  if (argc > 1 && !strcmp(argv[1], SPAWNERS_OPTION)) return spawners_main(argv + 2);
  if (argc > 1 && !strcmp(argv[1], SPAWNER_OPTION)) spawner_main();
  return service_main(&service, argc, argv);
}
