/* xmpp-webd: HTTP: requests of clients as records for web services; XMPP over WebSocket
 * (RFC 7395) and BOSH (XEP-0124, XEP-0206).
 *
 * USAGE   xmpp-webd [ -d notif ] [ -v level ] [ -i instance ] [ -p ] settings
 * READS   settings/xmpp-webd      (from xmpp-confgen; again on SIGHUP)
 * FDS     2 log, notif readiness; with -p 0 and 1 records
 * SPEAKS  conduits with tlsd; conduits of its own with c2sd; requests with web services
 *         (xmpp-records(7))
 * LIMITS  a head: HTTP_HEAD_MAX bytes, HTTP_LINE_MAX its first line, HTTP_FIELDS_MAX fields,
 *         WEB_HEAD_US; WEB_IDLE_US between requests; WEB_BODY_US without a byte of a body,
 *         WEB_BODY_RATE; WEB_AHEAD_MAX bytes behind a request; WEB_REQUESTS_MAX requests of a
 *         service, WEB_REQUESTS_ALL_MAX in all; a service is awaited WEB_MOUNT_US, and is silent
 *         for WEB_SILENCE_US at most
 * EXIT    0 SIGTERM or end of input; 100 usage or bad settings; 111 system call
 * TRUSTS  settings, records of its front. Of web services their answers, but not their fields. Not
 *         a byte of a client.
 * ROOMS   conn.c connections, shaper.c how fast they are read, diverts.c their big bodies;
 *         request.c from a head to its handler; client.c the client behind proxies, bans.c
 *         addresses that are shut out; answer.c answers; kinds.c the table of handlers; services.c
 *         web services, mounts.c what they have; websocket.c WebSocket, ws_frames.c its frames;
 *         bosh.c requests of BOSH, bosh_body.c their element, bosh_sessions.c sessions, bosh_rids.c
 *         the order of requests, bosh_rules.c keys, rates and answers that are kept; streams.c
 *         conduits to c2sd, shares.c those of an address; hostmeta.c where clients connect
 *         (XEP-0156), addresses.c how that is found; files.c files of a folder; converse.c a page
 *         to chat; metrics.c figures for monitors; settings.c
 */
#include "bosh.h"

#include <skalibs/strerr.h>

char const *PROG = "xmpp-webd";

static void
take(void *fresh, bool first)
{
  struct web *was = web;

  web = fresh;
  if (!first) settings_free(was);
}

static void
down(struct link *l)
{
  if (l->roles & ROLE_FRONT)
    conns_link_gone(l);
  else if (l->roles & ROLE_EDGE) {
    streams_link_gone(l);
    bans_link_gone(l);
  } else if (l->roles & ROLE_SERVICE)
    services_link_gone(l);
}

static void
full(struct link *l, bool is_full)
{
  if (l->roles & ROLE_FRONT && !is_full)
    conns_front_drained(l);
  else if (l->roles & ROLE_EDGE)
    streams_full(l, is_full);
  else if (l->roles & ROLE_SERVICE)
    services_full(l, is_full);
}

/* While a front takes nothing more, services and c2sd are not read. A service or c2sd that takes
 * nothing more holds its own clients alone (services_full, streams_full). */
static bool
feeds(struct link const *from, struct link const *full_one)
{
  return full_one->roles & ROLE_FRONT && from->roles & (ROLE_SERVICE | ROLE_EDGE);
}

static bool
stopped(void)
{
  return !conns_count();
}

static void
stats(struct link *ctl)
{
  service_stat(ctl, "connections", conns_count());
  service_stat(ctl, "requests", requests_total());
  service_stat(ctl, "requests_open", requests_count());
  service_stat(ctl, "mounts", services_mounts());
  service_stat(ctl, "websockets", websockets_count());
  service_stat(ctl, "bosh_sessions", bosh_count());
  service_stat(ctl, "streams", streams_count());
  metrics_stats(ctl);
}

static void
turn(void)
{
  bosh_turn();
  conns_turn();
}

static void
stop(void)
{
  conns_stop();
  bosh_stop();
}

/* Both ends of a conduit, and of a request, say these. */
static void
on_stop(struct link *l, struct record *r)
{
  (l->roles & ROLE_FRONT  ? conn_on_stop
   : l->roles & ROLE_EDGE ? streams_on_stop
                          : services_on_stop)(l, r);
}

static void
on_go(struct link *l, struct record *r)
{
  (l->roles & ROLE_FRONT  ? conn_on_go
   : l->roles & ROLE_EDGE ? streams_on_go
                          : services_on_go)(l, r);
}

static void
on_data(struct link *l, struct record *r)
{
  (l->roles & ROLE_FRONT ? conn_on_data : streams_on_data)(l, r);
}

static void
on_close(struct link *l, struct record *r)
{
  (l->roles & ROLE_FRONT ? conn_on_close : streams_on_close)(l, r);
}

static void
on_divert(struct link *l, struct record *r)
{
  (l->roles & ROLE_FRONT ? conn_on_divert : services_on_divert)(l, r);
}

static service_fn *const handlers[VERBS_N] = {
  [VERB_OPEN] = conn_on_open,
  [VERB_SECURED] = conn_on_secured,
  [VERB_DATA] = on_data,
  [VERB_CLOSE] = on_close,
  [VERB_STOP] = on_stop,
  [VERB_GO] = on_go,
  [VERB_SHAPE] = streams_on_shape,
  [VERB_BAN] = bans_on_ban,
  [VERB_MOUNT] = services_on_mount,
  [VERB_ACCEPT] = services_on_accept,
  [VERB_ANSWER] = services_on_answer,
  [VERB_BODY] = services_on_body,
  [VERB_DIVERT] = on_divert,
  [VERB_ENDED] = services_on_ended,
  [VERB_CANCEL] = services_on_cancel,
};

static struct service const service = {
  .program = "xmpp-webd",
  .accepts = ROLE_FRONT | ROLE_SERVICE,
  .handlers = handlers,
  .needs = web_needs,
  .read = settings_fresh,
  .take = take,
  .drop = settings_free,
  .down = down,
  .feeds = feeds,
  .full = full,
  .turn = turn,
  .stop = stop,
  .stopped = stopped,
  .stats = stats,
};

int
main(int argc, char const *const *argv)
{
  return service_main(&service, argc, argv);
}
