/* xmpp-dnsd: names for xmpp-s2sd: where the streams of a domain go (RFC 6120 s3.2, XEP-0368), and
 * what the DNS has signed of that (RFC 7673).
 *
 * USAGE   xmpp-dnsd [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 * READS   settings/xmpp-dnsd      (from xmpp-confgen; again on SIGHUP), /etc/resolv.conf, /etc/hosts,
 *         the trust anchors that the settings name
 * FDS     2 log, notif readiness; sockets to name servers; with -p 0 and 1 records
 * SPEAKS  resolve, target and resolved with s2sd (xmpp-records(7)); DNS
 * LIMITS  RESOLUTIONS_MAX at once, RESOLUTION_US each; TARGETS_MAX targets, ADDRESSES_MAX
 *         addresses, TLSA_MAX TLSA records a target
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, records of its neighbours; nothing of what the DNS says, but for signatures
 * ROOMS   resolution.c from a domain to its targets; say.c the answer; srv.c SRV records and their
 *         order; question.c one question with its time; unbound.c libunbound; fixed.c answers under
 *         -p; snapshot.c the state for a trace
 */
#include "dnsd.h"

#include <stdlib.h>

char const *PROG = "xmpp-dnsd";

struct settings const *dnsd;

static char const *const needs[] = {
  "dnssec",           "outgoing_s2s_families", "outgoing_s2s_port",
  "resolvers",        "s2s_dns_retries",       "s2s_dns_timeout",
  "s2s_use_starttls", "trust_anchors",         NULL};

static void *
read_settings(struct settings *st)
{
  return st;
}

/* Names are asked for anew after a reload: /etc/resolv.conf may be another. */
static void
take(void *fresh, bool first)
{
  dnsd = fresh;
  if (!first) resolver->open();
}

static bool
start(void)
{
  /* The pipe driver has no sockets and no threads. */
  resolver = service_pipes() ? &resolver_fixed : &resolver_unbound;
  if (service_pipes() && !link_admit(SLICE("dns"), ROLE_NAMES, LINK_SAME_USER))
    return false;
  return resolver->open();
}

static void
down(struct link *l)
{
  resolutions_of_link_gone(l);
}

static void
turn(void)
{
  if (resolver == &resolver_fixed) fixed_turn();
}

static void
stats(struct link *ctl)
{
  service_stat(ctl, "resolutions", resolutions_count());
  service_stat(ctl, "questions", questions_count());
}

static char const *
awaits(void)
{
  return unbound_lacks_signatures() ? "signatures: the name servers do not pass them on"
                                    : NULL;
}

static service_fn *const handlers[VERBS_N] = {
  [VERB_RESOLVE] = resolution_asked,
  [VERB_FOUND] = fixed_on_answer,
};

static struct service const service = {
  .program = "xmpp-dnsd",
  .accepts = ROLE_EDGE,
  .handlers = handlers,
  .needs = needs,
  .read = read_settings,
  .take = take,
  .start = start,
  .down = down,
  .turn = turn,
  .stats = stats,
  .awaits = awaits,
  .snapshot = dnsd_snapshot,
};

int
main(int argc, char const *const *argv)
{
  return service_main(&service, argc, argv);
}
