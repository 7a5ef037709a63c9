/* xmpp-tlsd: TCP and TLS for streams; carries their bytes as conduits.
 *
 * USAGE   xmpp-tlsd [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 * READS   settings/xmpp-tlsd, certificates and keys, DH parameters, certificates that
 *         are trusted (again on SIGHUP); RUN/tlsd/tickets, which it writes
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  TCP and TLS 1.2, 1.3 to the network; conduits to c2sd, s2sd, compd and webd
 *         (xmpp-records(7))
 * LIMITS  CONN_READ bytes a turn and connection; CONN_AHEAD on the way to a stream program;
 *         CONN_HIGH_WATER bytes of output, then its feeder must stop and it is not read, and after
 *         send_timeout, or at CONN_OUTPUT_MAX, it is cut; TLS_HANDSHAKE_US twice, PROXY_HEADER_US,
 *         PROXY_HEADER_MAX; TLS_HELLO_MAX; TLS_CONTROL_MAX; CONN_PIPES_MAX pipes for bodies.
 *         DIALS_MAX requests for connections at once, DIALS_WAITING_MAX behind them
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings; conduit records of its neighbours. Not a byte from the network: it is passed
 *         on, or given to OpenSSL, and never looked at, but for the header of a proxy
 * ROOMS   listener.c sockets that accept, socket.c how they are bound; conn.c the life of a
 *         connection, deadline.c its end when it is late, proxied.c the header of a proxy;
 *         requests.c records of its stream program; output.c its way out, divert.c big bodies as
 *         descriptors; bounds.c what it may hold and cost; shaper.c; context.c TLS contexts,
 *         channel bindings; tickets.c keys of tickets; certs.c the pool of certificates; s2s.c
 *         options of streams between servers; verify.c certificates of other servers; dial.c
 *         requests for connections, target.c where to, race.c the order of attempts, client.c TLS
 *         as the client; tally.c how much was written; addresses.c addresses that are shut out, and
 *         how many connections each has
 */
#include "addresses.h"
#include "tickets.h"
#include "tlsd.h"

#include <skalibs/strerr.h>

char const *PROG = "xmpp-tlsd";

static void
up(struct link *l)
{
  (void)l;
  listeners_wake();
}

static void
stats(struct link *ctl)
{
  service_stat(ctl, "connections", conn_totals.open);
  service_stat(ctl, "accepted", conn_totals.accepted);
  service_stat(ctl, "handshakes", conn_totals.handshakes);
  service_stat(ctl, "resumptions", conn_totals.resumed);
  service_stat(ctl, "handshakes_failed", conn_totals.failed);
  service_stat(ctl, "bytes_in", conn_totals.bytes_in);
  service_stat(ctl, "bytes_out", conn_totals.bytes_out);
  service_stat(ctl, "bytes_waiting", bounds_waiting());
  service_stat(ctl, "refused_banned", address_totals.banned);
  service_stat(ctl, "refused_crowded", address_totals.crowded);
  service_stat(ctl, "dials", dials_racing());
  service_stat(ctl, "dials_waiting", dials_waiting());
}

/* Say whether another link to the program of l is up. */
static bool
has_other(struct link const *l)
{
  struct link const *o;

  for (o = link_next(NULL); o; o = link_next(o))
    if (o != l && o->up && o->program == l->program) return true;
  return false;
}

static void
down(struct link *l)
{
  dials_of_link_gone(l);
  conns_of_link_gone(l);
  if (l->program & (C2SD | COMPD) && !has_other(l)) addresses_forget_bans(l->program);
}

static void
stop(void)
{
  listeners_close();
  tickets_stop();
  dials_close();
}

static service_fn *const handlers[VERBS_N] = {
  [VERB_DATA] = conn_data,
  [VERB_CLOSE] = conn_close,
  [VERB_STOP] = conn_stop,
  [VERB_GO] = conn_go,
  [VERB_STARTTLS] = conn_starttls,
  [VERB_SHAPE] = conn_shape,
  [VERB_CONNECT] = dial_connect,
  [VERB_ABANDON] = dial_abandon,
  [VERB_DIVERT] = divert_record,
  [VERB_BAN] = addresses_ban,
  [VERB_CERTIFICATE] = listeners_certificate,
};

static struct service const tlsd = {
  .program = "xmpp-tlsd",
  .sockets = true,
  .handlers = handlers,
  .needs = tlsd_needs,
  .read = listeners_read,
  .take = listeners_take,
  .drop = listeners_drop,
  .up = up,
  .down = down,
  .turn = conns_flush,
  .stop = stop,
  .stopped = conns_none,
  .ready = listeners_ready,
  .awaits = listeners_awaits,
  .stats = stats,
  .status = listeners_status,
};

int
main(int argc, char const *const *argv)
{
  if (!context_init()) strerr_diefu(111, "prepare OpenSSL");
  return service_main(&tlsd, argc, argv);
}
