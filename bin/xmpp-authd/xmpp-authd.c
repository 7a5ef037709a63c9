/* xmpp-authd: accounts and SASL (RFC 6120 s6, RFC 5802, RFC 7677, RFC 4616).
 *
 * USAGE   xmpp-authd [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 * READS   settings/xmpp-authd      (from xmpp-confgen; again on SIGHUP)
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  SASL with c2sd, accounts with xmpp-ctl and hostd, which of them end and exist with
 *         routed (xmpp-records(7))
 * STORES  DATA/accounts (lib/accounts, readable by others), DATA/secrets (secrets.c)
 * LIMITS  EXCHANGES_MAX at once, EXCHANGE_US each; SCRAM_MESSAGE_MAX bytes a message
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, envelopes of c2sd. Not what the client says in them.
 * ROOMS   exchanges.c exchanges that wait for their clients; sasl.c mechanisms; secrets.c keys,
 *         lacks.c hashes for which accounts have no keys, upgrade.c tasks that fill these in;
 *         derive.c keys of new passwords, in a process of its own; outside.c programs that keep
 *         passwords, exists.c their accounts, when nobody logs in; control.c the record account;
 *         ends.c accounts that are made and end; removals.c removed accounts, which can be
 *         restored; failures.c how often logins failed, bans.c addresses that are shut out; fast.c
 *         logins by token, tokens.c the tokens in the store, tokens_control.c the record token;
 *         anonymous.c logins without an account; invited.c tokens of invitations; settings.c
 */
#include "authd.h"
#include "bans.h"
#include "failures.h"
#include "invited.h"
#include "lacks.h"
#include "tokens.h"
#include "upgrade.h"

#include <errno.h>
#include <string.h>

char const *PROG = "xmpp-authd";

static bool
open_stores(void)
{
  if (!secrets_open(service_data()) || !bans_open(secrets_store()) || !invited_open())
    return false;
  lacks_look(true);
  removals_start();
  return true;
}

static bool
start(void)
{
  if (derive_start()) return open_stores();
  log_event(LOG_WARN, "derive-ended", "why", strerror(errno), NULL);
  return false;
}

static void
up(struct link *l)
{
  if (l->program == C2SD) sasl_announce(l);
  if (l->roles & (ROLE_EDGE | ROLE_FRONT)) bans_announce(l);
  if (l->roles & ROLE_ROUTER) ends_announce();
  if (l->program == EXTAUTHD) exists_checker_up();
}

static void
down(struct link *l)
{
  if (l->program & (C2SD | REGISTERD)) exchanges_of_link_gone(l);
  if (l->program == EXTAUTHD) {
    sasl_checker_gone();
    exists_checker_gone();
  }
  control_link_gone(l);
}

static bool
holds(struct link const *l)
{
  return control_works_for(l);
}

/* If the store failed, the answers that this turn gave to an administrator (or to
 * hostd for one) are not true: the connection ends instead, without a done. The same holds for
 * logins, if the turn has changed tokens, or made the account of one. */
static void
turn(void)
{
  bool with_tokens = tokens_written(), with_accounts = secrets_added_outside();
  struct link *l, *next;

  lacks_look(false);
  if (secrets_commit()) return;
  for (l = link_next(NULL); l; l = next) {
    next = link_next(l);
    if (l->roles & (ROLE_CONTROL | ROLE_OWN)) link_drop(l, "the store failed");
    if (l->up && (l->roles & ROLE_ROUTER ||
                  ((with_tokens || with_accounts) && l->program == C2SD)))
      link_discard(l, "the store failed");
  }
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
  service_stat(ctl, "accounts", secrets_count());
  service_stat(ctl, "succeeded", sasl_totals.succeeded);
  service_stat(ctl, "failed", sasl_totals.failed);
  service_stat(ctl, "untried", sasl_totals.untried);
  service_stat(ctl, "open", sasl_totals.open);
  service_stat(ctl, "crowded_out", sasl_totals.crowded_out);
}

static void
snapshot(struct snapshot *k)
{
  exchanges_snapshot(k);
  ends_snapshot(k);
  removals_snapshot(k);
  bans_snapshot(k);
  failures_snapshot(k);
  exists_snapshot(k);
}

/* registerd asks about passwords on pages; no other service of ours does. */
static void
on_auth(struct link *l, struct record *r)
{
  if (l->program & (C2SD | REGISTERD))
    sasl_auth(l, r);
  else
    link_drop(l, "a record that this program may not send");
}

static void
on_guessed(struct link *l, struct record *r)
{
  (void)l;
  failure_count_guess(authd_host(record_get(r, 1)), record_get(r, 2));
}

static service_fn *const handlers[VERBS_N] = {
  [VERB_AUTH] = on_auth,         [VERB_RESPONSE] = sasl_response,
  [VERB_ABORT] = sasl_abort,     [VERB_ACCOUNT] = control_account,
  [VERB_WATCH] = ends_watched,   [VERB_ERASED] = ends_erased,
  [VERB_NEXT] = upgrade_next,    [VERB_TASK] = upgrade_task,
  [VERB_BANS] = bans_control,    [VERB_VERIFIED] = sasl_verified,
  [VERB_TOKEN] = tokens_control, [VERB_GUESSED] = on_guessed,
  [VERB_EXISTS] = exists_ask,
};

static struct service const service = {
  .program = "xmpp-authd",
  .accepts = ROLE_EDGE | ROLE_OWN | ROLE_CHECKER,
  .handlers = handlers,
  .needs = authd_needs,
  .read = authd_read,
  .take = authd_take,
  .drop = authd_drop,
  .start = start,
  .up = up,
  .down = down,
  .turn = turn,
  .feeds = feeds,
  .holds = holds,
  .stopped = stopped,
  .stats = stats,
  .snapshot = snapshot,
  .copy = store_copy_all,
};

int
main(int argc, char const *const *argv)
{
  return service_main(&service, argc, argv);
}
