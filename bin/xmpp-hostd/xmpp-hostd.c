/* xmpp-hostd: what belongs to a host: disco for hosts and accounts, ping, time.
 *
 * USAGE   xmpp-hostd [ -d notif ] [ -v level ] [ -p ] settings
 * READS   settings/xmpp-hostd      (from xmpp-confgen; again on SIGHUP)
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  records to routed (xmpp-records(7))
 * LIMITS  1024 features, identities and items in all
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, and the envelope of what routed sends. Not the XML.
 * ROOMS   handlers.c what is answered; xepNNNN_*.c how
 */
#include "hostd.h"

char const *PROG = "xmpp-hostd";

static bool
load(struct settings *st, bool first)
{
  (void)st;
  (void)first;
  return true;
}

static void
up(struct link *l)
{
  if (l->program != ROUTED) return;
  handle_announce(l, handlers, handlers_n);
  disco_announce(l);
  link_begin(l, VERB_WATCH);
  link_str(l, "features");
  link_end(l);
}

/* What was received has its number; the answer is on its way in the same turn. */
static uint64_t received;

static void
on_stanza(struct link *l, struct record *r)
{
  received++;
  handle_record(l, r, handlers, handlers_n);
}

static void
stats(struct link *ctl)
{
  service_stat(ctl, "stanzas", received);
}

static service_fn *const verbs[VERBS_N] = {
  [VERB_STANZA] = on_stanza,      [VERB_FORGET] = disco_forget,
  [VERB_FEATURE] = disco_feature, [VERB_IDENTITY] = disco_identity,
  [VERB_ITEM] = disco_item,
};

static unsigned int
pauses(struct link const *full)
{
  return full->program;
}

static struct service const hostd = {
  .program = "xmpp-hostd",
  .handlers = verbs,
  .load = load,
  .up = up,
  .pauses = pauses,
  .stats = stats,
};

int
main(int argc, char const *const *argv)
{
  return service_main(&hostd, argc, argv);
}
