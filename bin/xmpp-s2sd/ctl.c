#include "ctl.h"
#include "crowd.h"
#include "dial.h"
#include "domains.h"
#include "left.h"
#include "pairs.h"

#include <stdio.h>
#include <string.h>

/* Lists, a try, an end of streams, as xmpp-ctl(8) asks for them. */

static char const *const states[ST_COUNT] = {
  [ST_SILENT] = "tls",        [ST_HEADER] = "header",     [ST_FEATURES] = "features",
  [ST_STARTTLS] = "starttls", [ST_TLS] = "tls",           [ST_SASL] = "external",
  [ST_RESUMING] = "resuming", [ST_DIALBACK] = "dialback", [ST_OPEN] = "open",
  [ST_LEAVING] = "leaving",   [ST_CLOSING] = "closing",   [ST_OVER] = "over"};

static void
put_age(struct link *l, uint64_t us)
{
  link_num(l, us ? (door_now() - us) / 1000000 : 0);
}

/* Put the stanzas that wait for the pair's stream, or for one to be made. */
static void
put_queue(struct link *l, struct pair const *p)
{
  link_num(l, p ? p->out.sent - p->out.acked : 0);
  link_num(l, p ? p->out.queue.n : 0);
  link_num(l, p ? pair_bytes(p) : 0);
  put_age(l, p ? pair_oldest_us(p) : 0);
  link_field(l);
  if (p && p->verdict.step) {
    link_more(l, slice_str(step_word(p->verdict.step)));
    link_more(l, SLICE(": "));
    link_more(l, slice_str(p->verdict.why));
  }
  if (p && p->next_us > door_now())
    link_num(l, (p->next_us - door_now()) / 1000000);
  else
    link_str(l, "");
}

static void
put_stream(struct link *l, struct stream const *s)
{
  link_begin(l, VERB_ROW);
  link_str(l, s->out ? "out" : "in");
  link_str(l, s->out ? s->local : s->remote);
  link_str(l, s->out ? s->remote : s->local);
  link_str(l, states[s->state]);
  link_str(l, auth_word(s->auth));
  link_str(l, trust_word(s->trust));
  link_str(l, s->tls ? s->tls : "none");
  link_str(l, log_peer(slice_str(s->c.ip)));
  put_age(l, s->began_us);
  put_age(l, s->active_us);
  link_num(l, s->in_n);
  link_num(l, s->out_n);
  put_queue(l, s->pair);
  link_end(l);
}

static char const *
waits_for(struct pair const *p)
{
  static char const *const at[] = {"line", "dns", "connect", "negotiation"};
  struct dial const *d = p->dial ? dial_find(p->dial) : NULL;

  return d ? at[d->at] : "wait";
}

static void
put_pair(struct link *l, struct pair const *p)
{
  link_begin(l, VERB_ROW);
  link_str(l, "out");
  link_str(l, p->from);
  link_str(l, p->to);
  link_str(l, waits_for(p));
  link_str(l, "none");
  link_str(l, "none");
  link_str(l, "none");
  link_str(l, "");
  put_age(l, pair_oldest_us(p));
  put_age(l, pair_oldest_us(p));
  link_num(l, 0);
  link_num(l, 0);
  put_queue(l, p);
  link_end(l);
}

static bool
is_of(struct slice domain, char const *name)
{
  return !domain.len || (name && slice_is(domain, name));
}

static void
list(struct link *l, struct slice domain)
{
  struct stream const *s;
  struct pair const *p;

  for (s = streams_first(); s; s = s->next)
    if (is_of(domain, s->remote)) put_stream(l, s);
  for (p = pairs_first(); p; p = p->next)
    if (!p->stream && (p->out.queue.n || p->dial || p->next_us > door_now()) &&
        is_of(domain, p->to))
      put_pair(l, p);
  service_done(l);
}

static void
close_one(struct stream *s, void *cookie)
{
  struct slice const *domain = cookie;

  if (!s->remote || !slice_is(*domain, s->remote)) return;
  if (s->out || s->state == ST_OPEN)
    stream_close(s, "closed by the administrator");
  else
    conduit_error(&s->c, "reset", NULL);
}

static void
forget(struct slice domain)
{
  struct pair *p;

  for (p = pairs_first(); p; p = p->next)
    if (slice_is(domain, p->to)) pair_forget(p);
}

/* The domain in whose name is tried: the one that is given, or the first host. */
static void
try(struct link *l, struct slice domain, struct slice from)
{
  if (!from.len) from = slice_str(s2sd->hosts->name);
  if (!domain_is_served(from))
    service_error(l, "the domain that asks is not served here");
  else if (domain_is_served(domain))
    service_error(l, "the domain is served here");
  else if (!settings_admits(settings_host_of(from), domain))
    service_error(l, "s2s_access does not allow this domain");
  else if (!dial_try(from, domain, l))
    service_error(l, "too many connections are being made");
}

void
ctl_on_s2s(struct link *l, struct record *r)
{
  struct slice what = record_get(r, 1), domain = record_get(r, 2);
  struct arena a = ARENA_ZERO;

  if (domain.len) domain = jid_prep_domain(&a, domain);
  if (!domain.s) {
    service_error(l, "not a domain");
  } else if (slice_is(what, "list")) {
    list(l, domain);
  } else if (!domain.len) {
    service_error(l, "which domain?");
  } else if (slice_is(what, "try")) {
    try(l, domain, record_get(r, 3));
  } else if (slice_is(what, "close")) {
    stream_each(close_one, &domain);
    service_done(l);
  } else if (slice_is(what, "forget")) {
    forget(domain);
    service_done(l);
  } else {
    service_error(l, "list, try, close or forget");
  }
  arena_wipe(&a);
}

void
ctl_stats(struct link *ctl)
{
  char name[40];
  enum step s;

  service_stat(ctl, "streams_in", streams_count(false));
  service_stat(ctl, "streams_out", streams_count(true));
  service_stat(ctl, "streams_unproven", crowd_count());
  service_stat(ctl, "streams_resumable", left_count());
  service_stat(ctl, "pairs", pairs_count());
  service_stat(ctl, "dials", dials_count());
  service_stat(ctl, "queued", pairs_totals.queued);
  service_stat(ctl, "queued_bytes", pairs_totals.bytes);
  service_stat(ctl, "returned", pairs_totals.returned);
  for (s = STEP_ACCESS; s < STEPS_N; s++) {
    snprintf(name, sizeof name, "failures_%s", step_word(s));
    service_stat(ctl, name, verdict_count(s));
  }
}
