#include "stream.h"
#include "domains.h"
#include "xep0198_sm.h"

#include "certname/certname.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The table of streams, and what streams of both directions share: headers, certificates, proofs,
 * the state for a trace. */

static struct stream *first;
static struct ids ids;
static uint64_t counts[2];
static struct table outs = BETWEEN_TABLE;

/* ---- the table ---- */

struct stream *
stream_new(bool out, enum state st)
{
  struct stream *s = calloc(1, sizeof *s);

  if (s) s->number = ids_take(&ids, s);
  if (!s || !s->number) {
    free(s);
    return NULL;
  }
  s->out = out;
  s->state = st;
  s->began_us = s->active_us = s->said_us = door_now();
  s->next = first;
  if (first) first->prev = s;
  first = s;
  counts[out]++;
  return s;
}

void
stream_drop(struct stream *s)
{
  if (s->prev)
    s->prev->next = s->next;
  else
    first = s->next;
  if (s->next) s->next->prev = s->prev;
  counts[s->out]--;
  ids_give(&ids, s->number);
  between_del(&outs, &s->place);
  while (s->proofs)
    proof_drop(s, s->proofs);
  free(s->local);
  free(s->remote);
  free(s->listener);
  free(s->id);
  free(s->tls);
  free(s->cert_names);
  free(s->cert);
  free(s);
}

struct stream *
stream_find(uint64_t number)
{
  return ids_get(&ids, number);
}

bool
stream_stands(struct stream *s)
{
  return between_put(&outs, &s->place, s, s->local, s->remote);
}

struct stream *
stream_between(struct slice local, struct slice remote, struct stream const *s)
{
  struct between const *at = s ? s->place.next : between_first(&outs, local, remote);

  return at ? at->thing : NULL;
}

struct stream *
streams_first(void)
{
  return first;
}

void
stream_each(stream_each_fn *fn, void *cookie)
{
  struct stream *s, *next;

  for (s = first; s; s = next) {
    next = s->next;
    fn(s, cookie);
    conduit_settle(&s->c);
  }
}

uint64_t
streams_count(bool out)
{
  return counts[out];
}

/* ---- what a stream is ---- */

struct host const *
stream_host(struct stream const *s)
{
  return settings_host_of(s->local ? slice_str(s->local) : SLICE(""));
}

bool
stream_is_open(struct stream const *s)
{
  return s->state == ST_OPEN && !s->c.ending.why;
}

void
stream_say(struct stream *s, struct slice markup)
{
  if (s->state == ST_CLOSING) return;
  s->said_us = door_now();
  conduit_write(&s->c, markup);
}

void
stream_header(struct stream *s, struct slice id, struct slice features)
{
  struct stream_header const h = {.id = id,
                                  .from =
                                    slice_str(s->local ? s->local : s2sd->hosts->name),
                                  .to = slice_str(s->remote),
                                  .lang = slice_str(s2sd->language),
                                  .decls = SLICE(" xmlns:db='" NS_DIALBACK "'"),
                                  .version = true};

  s->said_us = door_now();
  conduit_header(&s->c, &h, features);
}

/* ---- certificates ---- */

static void
set(char **at, struct slice text)
{
  free(*at);
  *at = text.len ? slice_dup(text) : NULL;
}

void
stream_take_tls(struct stream *s, struct record *r)
{
  struct slice version = record_get(r, 2), cipher = record_get(r, 3);
  char tls[96];
  int n = snprintf(tls, sizeof tls, "%.*s %.*s", (int)version.len, version.s,
                   (int)cipher.len, cipher.s);

  set(&s->tls, slice_of(tls, n > 0 && n < (int)sizeof tls ? (size_t)n : 0));
  set(&s->cert_names, record_get(r, 6));
  set(&s->cert, record_get(r, 7));
}

static struct {
  char const *word, *why;
} const faults[] = {
  {"none",           "no certificate"                    },
  {"expired",        "certificate expired"               },
  {"not-yet",        "certificate not yet valid"         },
  {"self-signed",    "certificate self-signed"           },
  {"unknown-issuer", "certificate from an unknown issuer"},
  {"purpose",        "certificate not for servers"       },
  {"dane-mismatch",  "certificate does not match the DNS"},
};

static bool
has_name(struct stream const *s, struct slice domain)
{
  struct arena a = ARENA_ZERO;
  bool is =
    domain.len && certname_identifies(&a, jid_prep_domain, slice_str(s->cert_names),
                                      domain, jid_ascii_domain(&a, domain));

  arena_wipe(&a);
  return is;
}

char const *
stream_judge(struct stream *s, struct slice domain, struct slice other)
{
  struct slice rest = slice_str(s->cert ? s->cert : "none"), word;
  size_t i;

  if (!s->open_us) s->trust = TRUST_NONE;
  if (!slice_word(&rest, ' ', &word)) word = SLICE("none");
  if (slice_is(word, "valid") || slice_is(word, "dane")) {
    bool dane = slice_is(word, "dane");
    if (!(dane && slice_is(other, "*")) && !has_name(s, domain) && !has_name(s, other))
      return "certificate has another name";
    if (!s->open_us) s->trust = dane ? TRUST_DANE : TRUST_PKIX;
    return NULL;
  }
  for (i = 0; i < sizeof faults / sizeof *faults; i++)
    if (slice_is(word, faults[i].word)) return faults[i].why;
  return "certificate invalid";
}

char const *
auth_word(enum auth a)
{
  return a == AUTH_EXTERNAL ? "external" : a == AUTH_DIALBACK ? "dialback" : "none";
}

char const *
trust_word(enum trust t)
{
  static char const *const trusts[] = {"none", "dns", "pkix", "dane"};

  return trusts[t];
}

/* ---- an open stream ---- */

/* A domain that has proven itself by dialback alone is as sure as the DNS. */
static void
log_trust(struct stream *s)
{
  char const *why = s->tls ? stream_judge(s, slice_str(s->remote), SLICE("")) : "no TLS";

  if (s->trust != TRUST_DNS || !domain_dns_is_news(slice_str(s->remote))) return;
  log_event(LOG_INFO, "s2s-dns-trusted", "conn", conduit_conn(&s->c), "domain", s->remote,
            "dir", s->out ? "out" : "in", "addr", log_peer(slice_str(s->c.ip)), "why",
            why ? why : "dialback alone", NULL);
}

void
stream_opens(struct stream *s)
{
  struct listener const *ln = s->out ? NULL : settings_listener(slice_str(s->listener));
  char took[BASE_NUM + 8];
  uint64_t us = door_now() - s->began_us;

  s->state = ST_OPEN;
  s->open_us = s->active_us = door_now();
  s->c.blocked_max = BLOCKED_MAX;
  xml_limit(&s->c.xml, ln ? ln->max_stanza_size : s2sd->max_stanza_size);
  stream_look_later(s);
  snprintf(took, sizeof took, "%llu.%03llu", (unsigned long long)(us / 1000000),
           (unsigned long long)(us / 1000 % 1000));
  log_event(LOG_INFO, "s2s-up", "conn", conduit_conn(&s->c), "dir", s->out ? "out" : "in",
            "from", s->out ? s->local : s->remote, "to", s->out ? s->remote : s->local,
            "addr", log_peer(slice_str(s->c.ip)), "tls", s->tls ? s->tls : "none", "auth",
            auth_word(s->auth), "trust", trust_word(s->trust), "sm", s->sm ? "yes" : "no",
            "bidi", s->bidi ? "yes" : "no", "took_s", took, NULL);
  log_trust(s);
}

/* The listener whose shaper a stream has: its own, or one with a shaper for a stream that we have
 * opened. */
static struct listener const *
shaping_listener(struct stream const *s)
{
  struct listener const *ln = s2sd->listeners;

  if (!s->out) return settings_listener(slice_str(s->listener));
  while (ln && !ln->shaper)
    ln = ln->next;
  return ln;
}

void
stream_shape(struct stream *s)
{
  struct listener const *ln = shaping_listener(s);
  struct access_who const who = {.ip = slice_str(s->c.ip),
                                 .domain = s->remote ? slice_str(s->remote) : SLICE("")};
  uint64_t rate, burst;

  if (!ln || !ln->shaper) return;
  access_shaper(s2sd->access, slice_str(ln->shaper), slice_str(stream_host(s)->name),
                &who, &rate, &burst);
  conduit_shape(&s->c, rate, burst);
}

static uint64_t
least(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

/* The peer closes at the latest when it has been idle for as long as it says. */
static uint64_t
keepalive_us(struct stream const *s)
{
  uint64_t us = least(stream_host(s)->idle_us / 2, S2S_KEEPALIVE_US);

  return s->peer_idle_us ? least(us, s->peer_idle_us / 2) : us;
}

static uint64_t
idle_end(struct stream const *s)
{
  uint64_t us = stream_host(s)->idle_us;

  if (us >= UINT64_MAX / 4) return UINT64_MAX;
  return s->active_us + (s->out ? us : 2 * us);
}

void
stream_look_later(struct stream *s)
{
  uint64_t at = idle_end(s);

  if (s->out) at = least(at, s->said_us + keepalive_us(s));
  if (at == UINT64_MAX)
    conduit_no_deadline(&s->c);
  else
    conduit_deadline(&s->c, at);
}

static void
say_end(struct stream *s)
{
  sm_last_count(s);
  stream_say(s, SLICE("</stream:stream>"));
  s->c.header_sent = false;
  s->state = ST_CLOSING;
  conduit_deadline(&s->c, door_now() + S2S_CLOSE_US);
}

static void
wait_for_routed(struct stream *s)
{
  s->state = ST_LEAVING;
  conduit_fall_behind(&s->c);
  conduit_deadline(&s->c, door_now() + S2S_CLOSE_US);
}

void
stream_close(struct stream *s, char const *why)
{
  if (s->state == ST_LEAVING || s->state == ST_CLOSING || s->c.ending.why) return;
  if (!s->c.header_sent) {
    conduit_end(&s->c, why);
    return;
  }
  s->verdict = verdict_of(STEP_NONE, true, why);
  if (sm_is_behind(s))
    wait_for_routed(s);
  else
    say_end(s);
}

void
stream_closed(struct stream *s)
{
  s->peer_closed = true;
  if (s->state == ST_CLOSING)
    conduit_end(&s->c, s->verdict.why);
  else if (sm_is_behind(s))
    wait_for_routed(s);
  else
    conduit_end(&s->c, "closed by the peer");
}

void
stream_go_away(struct stream *s)
{
  if (s->state != ST_LEAVING || s->c.ending.why) return;
  if (s->peer_closed) {
    conduit_end(&s->c, "closed by the peer");
    return;
  }
  say_end(s);
  conduit_catch_up(&s->c);
}

bool
stream_takes_late(struct stream const *s)
{
  return s->state == ST_CLOSING && s->open_us && !(s->sm && s->sm->counts);
}

/* ---- limits (XEP-0478) ---- */

static bool
cat_number(stralloc *out, uint64_t n)
{
  char buf[BASE_NUM];
  struct slice text = num_u64(buf, n);

  return stralloc_catb(out, text.s, text.len);
}

bool
stream_cat_limits(stralloc *out, struct stream const *s)
{
  struct listener const *ln = s->out ? NULL : settings_listener(slice_str(s->listener));
  uint64_t idle = stream_host(s)->idle_us;

  if (!xml_cat(out, "<limits xmlns='" NS_LIMITS "'><max-bytes>") ||
      !cat_number(out, ln ? ln->max_stanza_size : s2sd->max_stanza_size) ||
      !xml_cat(out, "</max-bytes>"))
    return false;
  if (idle < UINT64_MAX / 4 && (!xml_cat(out, "<idle-seconds>") ||
                                !cat_number(out, (s->out ? idle : 2 * idle) / 1000000) ||
                                !xml_cat(out, "</idle-seconds>")))
    return false;
  return xml_cat(out, "</limits>");
}

static uint64_t
number(struct xml_node const *e, char const *name)
{
  struct xml_node const *c = xml_child(e, NS_LIMITS, name);
  struct arena a = ARENA_ZERO;
  struct slice text = c ? xml_text(&a, c) : SLICE("");
  uint64_t n = 0;

  if (!slice_u64(text, &n)) n = 0;
  arena_wipe(&a);
  return n;
}

void
stream_read_limits(struct stream *s, struct xml_node const *e)
{
  struct xml_node const *limits = xml_child(e, NS_LIMITS, "limits");
  uint64_t idle;

  if (!limits) return;
  s->peer_max = number(limits, "max-bytes");
  idle = number(limits, "idle-seconds");
  s->peer_idle_us = idle < UINT64_MAX / 1000000 ? idle * 1000000 : 0;
  if (s->peer_idle_us && s->peer_idle_us < 2000000) s->peer_idle_us = 2000000;
}

/* ---- the state for a trace ---- */

static void
facts(struct snapshot *k, struct stream *s)
{
  SNAPSHOT_INT(k, s->auth);
  SNAPSHOT_INT(k, s->trust);
  SNAPSHOT_INT(k, s->has_version);
  SNAPSHOT_INT(k, s->bidi_offered);
  SNAPSHOT_INT(k, s->bidi);
  SNAPSHOT_INT(k, s->db_offered);
  SNAPSHOT_INT(k, s->peer_closed);
  SNAPSHOT_INT(k, s->authed);
  SNAPSHOT_INT(k, s->external);
  SNAPSHOT_INT(k, s->alerted);
  SNAPSHOT_INT(k, s->ready);
  SNAPSHOT_INT(k, s->said_failed);
  SNAPSHOT_INT(k, s->said_unknown);
  SNAPSHOT_INT(k, s->said_dropped);
  SNAPSHOT_INT(k, s->said_unasked);
  SNAPSHOT_INT(k, s->counted);
  SNAPSHOT_INT(k, s->failures);
  SNAPSHOT_INT(k, s->asked_n);
  SNAPSHOT_INT(k, s->verifies_n);
  SNAPSHOT_INT(k, s->dial);
  SNAPSHOT_INT(k, s->began_us);
  SNAPSHOT_INT(k, s->active_us);
  SNAPSHOT_INT(k, s->open_us);
  SNAPSHOT_INT(k, s->enable_us);
  SNAPSHOT_INT(k, s->said_us);
  SNAPSHOT_INT(k, s->in_n);
  SNAPSHOT_INT(k, s->out_n);
  SNAPSHOT_INT(k, s->peer_max);
  SNAPSHOT_INT(k, s->peer_idle_us);
}

static void
fields(struct snapshot *k, struct stream *s)
{
  conduit_snapshot(k, &s->c);
  SNAPSHOT_INT(k, s->number);
  SNAPSHOT_INT(k, s->out);
  SNAPSHOT_INT(k, s->state);
  snapshot_text(k, &s->local);
  snapshot_text(k, &s->remote);
  snapshot_text(k, &s->listener);
  snapshot_text(k, &s->id);
  snapshot_text(k, &s->tls);
  snapshot_text(k, &s->cert_names);
  snapshot_text(k, &s->cert);
  facts(k, s);
  verdict_snapshot(k, &s->verdict);
  proofs_snapshot(k, s);
  sm_snapshot(k, s);
  if (!snapshot_restores(k)) return;
  counts[s->out]++;
  if (!ids_restore(&ids, s->number, s)) snapshot_fail(k, "a stream has no number");
}

static bool
stands_again(struct stream *s)
{
  return proofs_stand(s) && (!s->out || (s->local && s->remote && stream_stands(s)));
}

/* The newest stream comes first, and stands in front. */
void
streams_snapshot(struct snapshot *k)
{
  struct stream **at = &first, *before = NULL;

  snapshot_ids(k, &ids);
  for (; snapshot_record(k, "stream", *at != NULL); at = &(*at)->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof **at);
    if (!*at) return;
    (*at)->prev = before;
    before = *at;
    fields(k, *at);
  }
  for (; before && snapshot_restores(k); before = before->prev)
    if (!stands_again(before)) snapshot_fail(k, "a stream has no place");
}
