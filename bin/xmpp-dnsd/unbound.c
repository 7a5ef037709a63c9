#include "dnsd.h"

#include <skalibs/djbunix.h>
#include <stdio.h>
#include <unbound.h>
#include <unistd.h>

/* libunbound, in a thread of its own: this thread hears of answers by a pipe. */

static struct {
  struct ub_ctx *ctx;
  struct event_io io;
  bool anchored;      /* signatures are looked at */
  bool lost;          /* they cannot be */
  unsigned int bogus; /* answers in a row */
  bool suspected;     /* bogus answers are why the probe is made */
  struct question probe;
  struct event_timer change;
} unbound = {.io = EVENT_IO_ZERO};

/* ---- the context ---- */

static bool
is_refused(char const *what, int code)
{
  if (!code) return false;
  log_event(LOG_WARN, "resolver-failed", "step", what, "why", ub_strerror(code), NULL);
  return true;
}

/* Options of libunbound: the times of the cache (a failure is believed for 5 seconds, which is
 * libunbound's own) and its size. A resolver on this machine may be asked. */
static char const *const ub_options[][2] = {
  {"cache-min-ttl:",          "30"  },
  {"cache-max-ttl:",          "3600"},
  {"cache-max-negative-ttl:", "60"  },
  {"msg-cache-size:",         "4m"  },
  {"rrset-cache-size:",       "8m"  },
  {"do-not-query-localhost:", "no"  },
  {"infra-cache-numhosts:",   "2000"},
  {"outgoing-range:",         "512" },
  {"num-queries-per-thread:", "1024"}
};

static bool
set_options(void)
{
  size_t i;

  for (i = 0; i < sizeof ub_options / sizeof *ub_options; i++)
    if (is_refused(ub_options[i][0],
                   ub_ctx_set_option(unbound.ctx, ub_options[i][0], ub_options[i][1])))
      return false;
  return true;
}

/* The resolvers of the setting, else those of /etc/resolv.conf. */
static bool
set_forwarders(void)
{
  struct slice list = settings_get(dnsd, "resolvers", SLICE("*")), word;
  char address[80];

  if (!list.len) {
    ub_ctx_resolvconf(unbound.ctx, NULL); /* without that file the roots are asked */
    return true;
  }
  while (slice_word(&list, ' ', &word)) {
    snprintf(address, sizeof address, "%.*s", (int)word.len, word.s);
    if (is_refused("resolvers", ub_ctx_set_fwd(unbound.ctx, address))) return false;
  }
  return true;
}

/* The root's key as Debian's dns-root-data has it. Without the file nothing is secure. */
static bool
set_anchors(void)
{
  struct slice path = settings_get(dnsd, "trust_anchors", SLICE("*"));

  if (!unbound.anchored || !path.len || access(path.s, R_OK) < 0) {
    unbound.anchored = false;
    return true;
  }
  return !is_refused("trust_anchors", ub_ctx_add_ta_file(unbound.ctx, path.s));
}

static void
on_answers(void *cookie, uint32_t what)
{
  (void)cookie;
  (void)what;
  ub_process(unbound.ctx);
}

static void
close_context(void)
{
  event_io_cancel(&unbound.io);
  if (unbound.ctx) ub_ctx_delete(unbound.ctx);
  unbound.ctx = NULL;
}

static bool
open_context(void)
{
  close_context();
  unbound.ctx = ub_ctx_create();
  if (!unbound.ctx) {
    is_refused("context", UB_NOMEM);
    return false;
  }
  ub_ctx_hosts(unbound.ctx, NULL);
  if (!set_options() || !set_forwarders() || !set_anchors() ||
      is_refused("async", ub_ctx_async(unbound.ctx, 1)))
    return false;
  return event_io_start(&unbound.io, ub_fd(unbound.ctx), EVENT_READ, on_answers, NULL);
}

/* ---- a forwarder that strips signatures ---- */

static bool unbound_open(void);
static event_timer_fn regain_anchors;

/* Such a forwarder makes every answer bogus. Go on without looking at signatures, unless the
 * administrator demands them. Not from within libunbound, which is about to be closed. */
static void
lose_anchors(void *cookie)
{
  (void)cookie;
  log_event(LOG_WARN, "dnssec-off", "why",
            "the resolver does not pass on the signatures of the root", "do",
            "name another in tabber.resolvers", NULL);
  unbound.anchored = false;
  unbound.lost = true;
  if (open_context()) questions_again();
  event_timer_start(&unbound.change, door_now() + PROBE_AGAIN_US, regain_anchors, NULL);
}

static void
regain_anchors(void *cookie)
{
  (void)cookie;
  unbound_open();
}

/* A name server that is silent, or that cannot reach the root (as at a machine's start), may be so
 * for a moment: it has stripped nothing, and bogus answers lead to another probe. */
static bool
is_undecided(struct answer const *a)
{
  return a->status == ANSWER_TIMEOUT ||
         (a->status == ANSWER_SERVFAIL && !unbound.suspected);
}

static void
probed(struct question *q, struct answer const *a)
{
  (void)q;
  if (slice_is(settings_get(dnsd, "dnssec", SLICE("*")), "required")) return;
  if (!is_undecided(a) && !(a->status == ANSWER_DATA && a->secure))
    event_timer_start(&unbound.change, door_now(), lose_anchors, NULL);
}

static void
probe(bool suspected)
{
  unbound.bogus = 0;
  if (!unbound.anchored || unbound.probe.name) return;
  unbound.suspected = suspected;
  unbound.probe.fn = probed;
  question_ask(&unbound.probe, ".", TYPE_DNSKEY, 2, PROBE_US);
}

static bool
unbound_open(void)
{
  unbound.anchored = true;
  unbound.lost = false;
  if (!open_context()) return false;
  questions_again();
  probe(false);
  return true;
}

bool
unbound_lacks_signatures(void)
{
  return unbound.lost;
}

/* ---- questions ---- */

#define RECORDS_MAX 64

static enum answer_status
status_of(struct ub_result const *r, int err)
{
  if (err || !r) return ANSWER_SERVFAIL;
  if (r->bogus) return ANSWER_BOGUS;
  if (r->nxdomain) return ANSWER_NXDOMAIN;
  if (r->rcode) return ANSWER_SERVFAIL;
  return r->havedata ? ANSWER_DATA : ANSWER_NODATA;
}

static void
on_answer(void *cookie, int err, struct ub_result *r)
{
  struct question *q = cookie;
  struct slice records[RECORDS_MAX];
  struct answer a = {.status = status_of(r, err), .records = records};
  bool is_probe = q == &unbound.probe;

  a.secure = r && r->secure;
  while (a.status == ANSWER_DATA && a.n < RECORDS_MAX && r->data[a.n]) {
    records[a.n] = slice_of(r->data[a.n], (size_t)r->len[a.n]);
    a.n++;
  }
  unbound.bogus = a.status == ANSWER_BOGUS ? unbound.bogus + 1 : 0;
  if (link_is_traced()) answer_trace(q, &a);
  question_answered(q, &a);
  ub_resolve_free(r);
  if (!is_probe && unbound.bogus >= PROBE_AFTER_BOGUS) probe(true);
}

static bool
unbound_ask(struct question *q)
{
  return unbound.ctx &&
         !ub_resolve_async(unbound.ctx, q->name, q->type, 1, q, on_answer, &q->id);
}

static void
unbound_drop(struct question *q)
{
  if (unbound.ctx) ub_cancel(unbound.ctx, q->id);
}

struct resolver const resolver_unbound = {unbound_open, unbound_ask, unbound_drop};
