#include "logins.h"
#include "negotiation.h"

#include <stdio.h>
#include <stdlib.h>

/* RFC 4422 s3.1 has at most 20 characters in the name of a mechanism. */
#define MECHANISM_MAX 32

/* The reasons why logins fail: why is the word of xmpp-log(7), stat the name of the count. tried is
 * true if the client has shown a secret, or could not for a reason that another mechanism does not
 * change. */
static struct reason {
  char const *why, *stat;
  bool tried;
  uint64_t n;
} reasons[] = {
  {"other",           "logins_failed_other",           true,  0},
  {"wrong-password",  "logins_failed_wrong_password",  true,  0},
  {"unknown-account", "logins_failed_unknown_account", true,  0},
  {"wrong-authzid",   "logins_failed_wrong_authzid",   true,  0},
  {"wrong-binding",   "logins_failed_wrong_binding",   true,  0},
  {"wrong-nonce",     "logins_failed_wrong_nonce",     true,  0},
  {"no-tls",          "logins_failed_no_tls",          true,  0},
  {"too-late",        "logins_failed_too_late",        true,  0},
  {"authd-away",      "logins_failed_authd_away",      true,  0},
  {"checker-away",    "logins_failed_checker_away",    true,  0},
  {"checker-failed",  "logins_failed_checker_failed",  true,  0},
  {"store-failed",    "logins_failed_store_failed",    true,  0},
  {"out-of-memory",   "logins_failed_out_of_memory",   true,  0},
  {"malformed",       "logins_failed_malformed",       false, 0},
  {"not-offered",     "logins_failed_not_offered",     false, 0},
  {"no-such-binding", "logins_failed_no_such_binding", false, 0},
  {"unbound",         "logins_failed_unbound",         false, 0},
  {"aborted",         "logins_failed_aborted",         false, 0},
  {"no-such-token",   "logins_failed_no_such_token",   false, 0},
  {"token-expired",   "logins_failed_token_expired",   false, 0},
  {"other-mechanism", "logins_failed_other_mechanism", false, 0},
  {"replayed",        "logins_failed_replayed",        false, 0},
  {"unknown-device",  "logins_failed_unknown_device",  false, 0},
  {"no-user-agent",   "logins_failed_no_user_agent",   false, 0},
};

#define REASONS (sizeof reasons / sizeof *reasons)

static struct {
  uint64_t succeeded, failed, untried;
} totals;

static struct reason *
reason_of(struct slice why)
{
  size_t i;

  for (i = 1; i < REASONS; i++)
    if (slice_is(why, reasons[i].why)) return &reasons[i];
  return &reasons[0];
}

static void
count(struct stream const *s, struct slice jid, struct reason *r)
{
  totals.failed++;
  r->n++;
  log_event(LOG_INFO, "auth-failed", "conn", conduit_conn(&s->c), "ip",
            log_peer(slice_str(s->c.ip)), "jid", jid.len ? log_text(jid) : NULL,
            "mechanism", s->negotiation->login.mechanism, "why", r->why, NULL);
}

void
login_begins(struct stream *s, struct slice mechanism)
{
  if (mechanism.len > MECHANISM_MAX) mechanism.len = MECHANISM_MAX;
  free(s->negotiation->login.mechanism);
  s->negotiation->login.mechanism = slice_dup(mechanism);
}

static void
forget(struct stream *s)
{
  free(s->negotiation->login.mechanism);
  s->negotiation->login.mechanism = NULL;
  s->negotiation->login.untried = 0;
}

void
login_succeeded(struct stream *s)
{
  totals.succeeded++;
  log_event(LOG_INFO, "authenticated", "conn", conduit_conn(&s->c), "ip",
            log_peer(slice_str(s->c.ip)), "jid", s->session.jid, "mechanism",
            s->negotiation->login.mechanism, NULL);
  forget(s);
}

void
login_failed(struct stream *s, struct slice jid, struct slice why)
{
  struct reason *r = reason_of(why);

  if (r->tried) {
    count(s, jid, r);
    forget(s);
    return;
  }
  totals.untried++;
  log_event(LOG_DEBUG, "auth-untried", "conn", conduit_conn(&s->c), "ip",
            log_peer(slice_str(s->c.ip)), "jid", jid.len ? log_text(jid) : NULL,
            "mechanism", s->negotiation->login.mechanism, "why", r->why, NULL);
  s->negotiation->login.untried = (unsigned char)(r - reasons);
}

void
login_ends(struct stream *s)
{
  if (!s->negotiation) return;
  if (s->negotiation->login.untried)
    count(s, SLICE(""), &reasons[s->negotiation->login.untried]);
  forget(s);
}

void
logins_stats(struct link *ctl)
{
  size_t i;

  service_stat(ctl, "logins", totals.succeeded);
  service_stat(ctl, "logins_failed", totals.failed);
  service_stat(ctl, "logins_untried", totals.untried);
  for (i = 0; i < REASONS; i++)
    if (reasons[i].n) service_stat(ctl, reasons[i].stat, reasons[i].n);
}

void
logins_snapshot(struct snapshot *k)
{
  size_t i;

  if (!snapshot_record(k, "logins", true)) return;
  SNAPSHOT_INT(k, totals.succeeded);
  SNAPSHOT_INT(k, totals.failed);
  SNAPSHOT_INT(k, totals.untried);
  for (i = 0; i < REASONS; i++)
    SNAPSHOT_INT(k, reasons[i].n);
}
