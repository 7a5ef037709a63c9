#include "resolution.h"

#include "jid/jid.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* A resolution is the way from a domain to targets (RFC 6120 s3.2, XEP-0368): SRV records of both
 * kinds are asked for at once; then the addresses of all targets; then, of those that are
 * signed throughout, TLSA records (RFC 7673). The domain's own addresses are taken where no
 * SRV record exists; they are not where the DNS has failed, for the apex is mostly another
 * machine. */

struct resolution *resolutions;
uint64_t resolution_questions;
static uint64_t count;

static void step_on(struct resolution *g);

/* ---- making and ending ---- */

static void
way_free(struct way *w)
{
  question_drop(&w->v4.q);
  question_drop(&w->v6.q);
  question_drop(&w->tlsa_q);
  free(w->v4.text);
  free(w->v6.text);
  free(w->tlsa);
  free(w->t.name);
}

static void
resolution_free(struct resolution *g)
{
  struct resolution **at;
  size_t i;

  for (at = &resolutions; *at != g; at = &(*at)->next) {
  }
  *at = g->next;
  count--;
  event_timer_cancel(&g->timer);
  event_timer_cancel(&g->late);
  question_drop(&g->tls.q);
  question_drop(&g->plain.q);
  for (i = 0; i < g->n; i++)
    way_free(&g->ways[i]);
  free(g->ways);
  free(g->domain);
  free(g->host);
  free(g);
}

static void
finish(struct resolution *g, char const *why)
{
  say_resolved(g->link, g->id, why);
  resolution_free(g);
}

static void
finish_with_targets(struct resolution *g)
{
  say_all(g);
  resolution_free(g);
}

static bool
ask(struct resolution *g, struct question *q, char const *name, int type,
    void (*fn)(struct question *, struct answer const *))
{
  struct slice host = slice_str(g->host);
  uint64_t tries = settings_u64(dnsd, "s2s_dns_retries", host);

  q->fn = fn;
  q->cookie = g;
  q->number = ++resolution_questions;
  if (!question_ask(q, name, type, (unsigned int)(tries < UINT_MAX ? tries : UINT_MAX),
                    settings_us(dnsd, "s2s_dns_timeout", host)))
    return false;
  g->awaited++;
  return true;
}

static void
answered(struct resolution *g)
{
  if (!--g->awaited) step_on(g);
}

/* ---- SRV records ---- */

static void
srv_answered(struct resolution *g, struct srv_set *s, struct answer const *a)
{
  struct target t;
  struct way *more;
  size_t i;

  s->status = a->status;
  for (i = 0; i < a->n; i++) {
    if (!srv_read(&t, a->records[i])) continue;
    more = t.name[0] ? realloc(g->ways, (g->n + 1) * sizeof *more) : NULL;
    if (more) {
      g->ways = more;
      g->ways[g->n++] = (struct way){.t = t};
      g->ways[g->n - 1].t.tls = s == &g->tls;
      g->ways[g->n - 1].t.secure = a->secure;
      s->some = true;
      continue;
    }
    s->dot = s->dot || !t.name[0];
    free(t.name);
  }
  answered(g);
}

static void
tls_answered(struct question *q, struct answer const *a)
{
  struct resolution *g = q->cookie;

  srv_answered(g, &g->tls, a);
}

static void
plain_answered(struct question *q, struct answer const *a)
{
  struct resolution *g = q->cookie;

  srv_answered(g, &g->plain, a);
}

static bool
is_empty(enum answer_status s)
{
  return s == ANSWER_NODATA || s == ANSWER_NXDOMAIN;
}

/* Put the targets in order, and leave out those above TARGETS_MAX. */
static bool
order_ways(struct resolution *g)
{
  struct target *v = calloc(g->n, sizeof *v);
  size_t i;

  if (!v) return false;
  for (i = 0; i < g->n; i++)
    v[i] = g->ways[i].t;
  srv_order(v, g->n);
  for (i = 0; i < g->n; i++)
    g->ways[i].t = v[i];
  free(v);
  while (g->n > TARGETS_MAX)
    free(g->ways[--g->n].t.name);
  return true;
}

/* ---- addresses ---- */

static void
add_address(struct resolution *g, struct family *f, char const *text)
{
  size_t len = f->text ? strlen(f->text) : 0;
  char *longer;

  if (g->addresses == ADDRESSES_MAX) return;
  longer = realloc(f->text, len + strlen(text) + 2);
  if (!longer) return;
  f->text = longer;
  if (len) longer[len++] = ',';
  memcpy(longer + len, text, strlen(text) + 1);
  g->addresses++;
}

/* Some name servers leave questions for AAAA unanswered. */
void
resolution_on_late(void *cookie)
{
  struct resolution *g = cookie;
  size_t i;

  for (i = 0; i < g->n; i++) {
    question_drop(&g->ways[i].v4.q);
    question_drop(&g->ways[i].v6.q);
  }
  g->awaited = 0;
  step_on(g);
}

/* Wait for the other family of a target that has addresses no longer than RESOLUTION_LATE_US
 * (RFC 8305 s3), when no target waits for its first ones. */
static void
look_for_late(struct resolution *g)
{
  size_t i;

  for (i = 0; i < g->n; i++) {
    struct way const *w = &g->ways[i];
    if ((w->v4.q.name && !w->v6.text) || (w->v6.q.name && !w->v4.text)) return;
  }
  if (!event_timer_on(&g->late))
    event_timer_start(&g->late, door_now() + RESOLUTION_LATE_US, resolution_on_late, g);
}

static void
address_answered(struct question *q, struct answer const *a)
{
  struct resolution *g = q->cookie;
  struct way *w;
  struct family *f = NULL;
  char text[INET6_ADDRSTRLEN];
  size_t i;

  for (w = g->ways; !f; w++) {
    if (q == &w->v4.q) f = &w->v4;
    if (q == &w->v6.q) f = &w->v6;
  }
  f->status = a->status;
  f->secure = a->secure;
  for (i = 0; i < a->n; i++) {
    int family = q->type == TYPE_A ? AF_INET : AF_INET6;
    if (a->records[i].len == (family == AF_INET ? 4 : 16) &&
        inet_ntop(family, a->records[i].s, text, sizeof text))
      add_address(g, f, text);
  }
  if (g->awaited > 1) look_for_late(g);
  answered(g);
}

static bool
asks_for(struct resolution const *g, char const *family)
{
  return slice_has_word(settings_get(dnsd, "outgoing_s2s_families", slice_str(g->host)),
                        slice_str(family));
}

/* A family that the options leave out is as if it had no records. */
static bool
ask_addresses(struct resolution *g)
{
  bool v4 = asks_for(g, "ipv4"), v6 = asks_for(g, "ipv6"), ok = true;
  size_t i;

  g->step = STEP_ADDRESSES;
  g->awaited = 1; /* no answer ends the step before all are asked */
  for (i = 0; i < g->n && ok; i++) {
    struct way *w = &g->ways[i];
    w->v4.status = w->v6.status = ANSWER_NODATA;
    ok = (!v6 || ask(g, &w->v6.q, w->t.name, TYPE_AAAA, address_answered)) &&
         (!v4 || ask(g, &w->v4.q, w->t.name, TYPE_A, address_answered));
  }
  answered(g);
  return ok;
}

/* ---- TLSA records ---- */

static void
add_tlsa(struct way *w, struct slice r)
{
  size_t len = w->tlsa ? strlen(w->tlsa) : 0, i;
  char *longer;

  if (r.len < 4 || r.len > TLSA_BYTES_MAX) return;
  longer = realloc(w->tlsa, len + 2 * r.len + 16);
  if (!longer) return;
  w->tlsa = longer;
  len +=
    (size_t)sprintf(longer + len, "%s%u:%u:%u:", len ? "," : "", (unsigned char)r.s[0],
                    (unsigned char)r.s[1], (unsigned char)r.s[2]);
  for (i = 3; i < r.len; i++)
    len += (size_t)sprintf(longer + len, "%02x", (unsigned char)r.s[i]);
}

/* Records without signatures say nothing; where they should be signed and are not to be had, somebody
 * may keep them from us (RFC 7672 s2.1.2). */
static void
tlsa_answered(struct question *q, struct answer const *a)
{
  struct resolution *g = q->cookie;
  struct way *w = g->ways;
  size_t i;

  while (q != &w->tlsa_q)
    w++;
  w->tlsa_status = a->status;
  w->skipped = a->status != ANSWER_DATA && !is_empty(a->status);
  for (i = 0; a->secure && i < a->n && i < TLSA_MAX; i++)
    add_tlsa(w, a->records[i]);
  answered(g);
}

/* Say whether the way to a target is signed, and TLSA records are to be asked for. */
static bool
is_signed(struct way const *w)
{
  return w->t.secure && addresses_are_secure(w);
}

static bool
ask_tlsa(struct resolution *g)
{
  char name[300];
  bool ok = true;
  size_t i;

  g->step = STEP_TLSA;
  g->awaited = 1;
  event_timer_cancel(&g->late);
  for (i = 0; i < g->n && ok; i++) {
    struct way *w = &g->ways[i];
    if (!is_signed(w)) continue;
    snprintf(name, sizeof name, "_%u._tcp.%s", w->t.port, w->t.name);
    ok = ask(g, &w->tlsa_q, name, TYPE_TLSA, tlsa_answered);
  }
  answered(g);
  return ok;
}

/* ---- the steps ---- */

/* The domain itself is the target, on the usual port. */
static bool
fall_back(struct resolution *g)
{
  g->ways = calloc(1, sizeof *g->ways);
  if (!g->ways) return false;
  g->ways[0].t.name = slice_dup(slice_str(g->domain));
  g->ways[0].t.port =
    (unsigned int)settings_u64(dnsd, "outgoing_s2s_port", slice_str(g->host));
  g->n = 1;
  return g->ways[0].t.name != NULL;
}

/* Both sets of SRV records are there, or have failed. */
static void
choose(struct resolution *g)
{
  bool plain_failed = !g->plain.some && !g->plain.dot && !is_empty(g->plain.status);
  bool tls_failed = !g->tls.some && !g->tls.dot && !is_empty(g->tls.status);
  bool ok = true;

  if (g->n) {
    ok = order_ways(g) && ask_addresses(g);
  } else if (plain_failed || tls_failed) {
    finish(g, why_not(plain_failed ? g->plain.status : g->tls.status));
  } else if (g->tls.dot || g->plain.dot) {
    finish(g, "dot");
  } else {
    ok = fall_back(g) && ask_addresses(g);
  }
  if (!ok) finish(g, "servfail");
}

static void
step_on(struct resolution *g)
{
  switch (g->step) {
  case STEP_SRV: choose(g); return;
  case STEP_ADDRESSES:
    if (!ask_tlsa(g)) finish(g, "servfail");
    return;
  case STEP_TLSA: finish_with_targets(g); return;
  }
}

/* A target whose TLSA records were not waited for is left out: the records might forbid what its
 * certificate says. */
static void
skip_unasked(struct resolution *g)
{
  size_t i;

  for (i = 0; i < g->n; i++) {
    struct way *w = &g->ways[i];
    if (!is_signed(w) || (g->step == STEP_TLSA && !w->tlsa_q.name)) continue;
    w->skipped = true;
    w->tlsa_status = ANSWER_TIMEOUT;
  }
}

/* All has taken too long; addresses that are there are used. */
void
resolution_on_time(void *cookie)
{
  struct resolution *g = cookie;

  if (g->step == STEP_SRV) {
    finish(g, "timeout");
    return;
  }
  skip_unasked(g);
  finish_with_targets(g);
}

/* ---- requests ---- */

/* An address as a domain (RFC 7622 s3.2) is its own target. */
static bool
is_address(struct slice domain, char text[INET6_ADDRSTRLEN])
{
  unsigned char bytes[16];
  bool v6 = domain.len > 2 && domain.s[0] == '[';
  struct slice bare = v6 ? slice_of(domain.s + 1, domain.len - 2) : domain;

  if (bare.len >= INET6_ADDRSTRLEN) return false;
  memcpy(text, bare.s, bare.len);
  text[bare.len] = 0;
  return inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes) == 1;
}

/* A family that the options do not name has no addresses (outgoing_s2s_families). */
static void
say_address(struct link *l, uint64_t id, char const *text, struct slice host)
{
  struct slice family = strchr(text, ':') ? SLICE("ipv6") : SLICE("ipv4");

  if (!slice_has_word(settings_get(dnsd, "outgoing_s2s_families", host), family)) {
    say_resolved(l, id, "nodata");
    return;
  }
  link_begin(l, VERB_TARGET);
  link_num(l, id);
  link_str(l, "plain");
  link_num(l, settings_u64(dnsd, "outgoing_s2s_port", host));
  link_str(l, text);
  link_str(l, text);
  link_str(l, "-");
  link_end(l);
  say_resolved(l, id, "");
}

static bool
uses_tls(struct resolution const *g)
{
  return !slice_is(settings_get(dnsd, "s2s_use_starttls", slice_str(g->host)), "false");
}

static bool
begin(struct resolution *g)
{
  char name[300];
  bool ok = true;

  g->awaited = 1;
  g->tls.status = g->plain.status = ANSWER_NODATA;
  if (strchr(g->domain, '.')) {
    snprintf(name, sizeof name, "_xmpps-server._tcp.%s", g->domain);
    if (uses_tls(g)) ok = ask(g, &g->tls.q, name, TYPE_SRV, tls_answered);
    snprintf(name, sizeof name, "_xmpp-server._tcp.%s", g->domain);
    ok = ok && ask(g, &g->plain.q, name, TYPE_SRV, plain_answered);
  }
  event_timer_start(&g->timer, door_now() + RESOLUTION_US, resolution_on_time, g);
  answered(g);
  return ok;
}

static struct resolution *
resolution_new(struct link *l, uint64_t id, struct slice ascii, struct slice host)
{
  struct resolution *g = count < RESOLUTIONS_MAX ? calloc(1, sizeof *g) : NULL;

  if (!g || !(g->host = slice_dup(host)) || !(g->domain = slice_dup(ascii))) {
    if (g) free(g->host);
    free(g);
    return NULL;
  }
  g->link = l;
  g->id = id;
  g->next = resolutions;
  resolutions = g;
  count++;
  return g;
}

void
resolution_asked(struct link *l, struct record *r)
{
  uint64_t id = record_u64(r, 1);
  struct slice domain = record_get(r, 2), host = record_get(r, 3);
  char text[INET6_ADDRSTRLEN];
  struct resolution *g;
  struct arena a = ARENA_ZERO;
  struct slice ascii;

  if (is_address(domain, text)) {
    say_address(l, id, text, host);
    return;
  }
  ascii = jid_ascii_host(&a, domain);
  g = ascii.s ? resolution_new(l, id, ascii, host) : NULL;
  arena_wipe(&a);
  if (!ascii.s)
    say_resolved(l, id, "name");
  else if (!g)
    say_resolved(l, id, "servfail");
  else if (!begin(g))
    finish(g, "servfail");
}

void
resolutions_of_link_gone(struct link const *l)
{
  struct resolution *g, *next;

  for (g = resolutions; g; g = next) {
    next = g->next;
    if (g->link == l) resolution_free(g);
  }
}

uint64_t
resolutions_count(void)
{
  return count;
}

/* ---- made anew from a trace ---- */

static void
expect(struct question *q, struct resolution *g,
       void (*fn)(struct question *, struct answer const *))
{
  q->fn = fn;
  q->cookie = g;
}

void
resolution_restored(struct resolution *g)
{
  size_t i;

  count++;
  expect(&g->tls.q, g, tls_answered);
  expect(&g->plain.q, g, plain_answered);
  for (i = 0; i < g->n; i++) {
    expect(&g->ways[i].v4.q, g, address_answered);
    expect(&g->ways[i].v6.q, g, address_answered);
    expect(&g->ways[i].tlsa_q, g, tlsa_answered);
  }
}
