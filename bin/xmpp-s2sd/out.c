#include "out.h"
#include "condition.h"
#include "dialback.h"
#include "domains.h"
#include "inbound.h"
#include "pairs.h"
#include "policy.h"
#include "tell.h"
#include "xep0198_resume.h"
#include "xep0198_sm.h"

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

/* Streams that we have opened: header, STARTTLS, the peer's certificate, EXTERNAL or dialback, and
 * then stanzas of one pair of domains. Each refusal is a verdict, from which the dial goes on to
 * the next target. */

/* ---- failing ---- */

/* Only the first verdict of a stream counts; of a refused EXTERNAL dialback may be tried still. */
static void
fail(struct stream *s, struct verdict v)
{
  if (!s->verdict.step || s->verdict.step == STEP_EXTERNAL) s->verdict = v;
  conduit_end(&s->c, s->verdict.why);
}

static void
fail_at(struct stream *s, enum step step, char const *why)
{
  fail(s, verdict_of(step, false, why));
}

static struct slice heard; /* the bytes that are being read */

void
out_on_data(struct link *l, struct record *r)
{
  heard = record_get(r, 2);
  conduit_on_data(l, r);
  heard = SLICE("");
}

/* ---- what we may do ---- */

static unsigned int
may(struct stream const *s, enum situation at)
{
  struct host const *h = stream_host(s);

  return policy(h->tls, settings_dialback(h, slice_str(s->remote)), at);
}

static struct dial *
dial_of(struct stream const *s)
{
  return s->dial ? dial_find(s->dial) : NULL;
}

/* ---- the beginning ---- */

struct stream *
out_begin(struct dial *d, struct link *l, uint64_t id, struct slice ip)
{
  bool tls = dial_now(d)->tls;
  struct stream *s = stream_new(true, tls ? ST_SILENT : ST_HEADER);

  if (!s) return NULL;
  s->local = slice_dup(slice_str(d->from));
  s->remote = slice_dup(slice_str(d->to));
  if (!s->local || !s->remote || !stream_stands(s) ||
      !conduit_begin_as(&s->c, l, id, ip)) {
    stream_drop(s);
    return NULL;
  }
  s->dial = d->id;
  s->began_us = d->began_us;
  conduit_deadline(&s->c, door_now() + s2sd->negotiation_us);
  if (!tls) stream_header(s, SLICE(""), SLICE(""));
  return s;
}

/* TLS of our own wish, whose peer is judged before it hears anything. */
void
out_secured(struct stream *s)
{
  struct dial *d = dial_of(s);
  struct target const *t = d ? dial_now(d) : NULL;
  struct slice other = SLICE("");
  char const *fault;

  if (s->c.secure || (s->state != ST_TLS && s->state != ST_SILENT)) {
    fail_at(s, STEP_TLS, "TLS out of turn");
    return;
  }
  if (t && t->ee)
    other = SLICE("*");
  else if (t && t->signed_name)
    other = slice_str(t->name);
  fault = stream_judge(s, slice_str(s->remote), other);
  if (d)
    dial_tell(d, "tls", s->tls, s->cert ? s->cert : "",
              s->cert_names ? s->cert_names : "", fault ? fault : "certificate is valid",
              NULL);
  if (fault) s->trust = TRUST_DNS;
  if (fault && !may(s, SITUATION_OUT_INVALID)) {
    fail_at(s, STEP_NAME, fault);
    return;
  }
  conduit_secure(&s->c);
  s->state = ST_HEADER;
  stream_header(s, SLICE(""), SLICE(""));
}

/* ---- dialback and EXTERNAL ---- */

static void
say_bidi(struct stream *s)
{
  stralloc sa = STRALLOC_ZERO;

  if (!s->bidi_offered || !stream_host(s)->bidi || s->bidi) return;
  if (xml_cat(&sa, "<bidi xmlns='" NS_BIDI "'>") && stream_cat_limits(&sa, s) &&
      xml_cat(&sa, "</bidi>")) {
    stream_say(s, slice_of(sa.s, sa.len));
    s->bidi = true;
  }
  stralloc_free(&sa);
}

static unsigned int
open_now(struct stream const *s)
{
  if (!s->c.secure) return may(s, SITUATION_OUT_PLAIN);
  return may(s, s->trust >= TRUST_PKIX ? SITUATION_OUT_VALID : SITUATION_OUT_INVALID);
}

/* Questions to the peer about others may be asked now. */
static void
become_ready(struct stream *s)
{
  s->ready = true;
  dialback_ready(s);
}

enum dial_kind
out_kind(struct stream const *s)
{
  struct dial const *d = dial_of(s);

  return d ? d->kind : DIAL_PAIR;
}

static void
try_dialback(struct stream *s, char const *otherwise, enum step step)
{
  if (!(open_now(s) & MAY_DIALBACK)) {
    fail_at(s, step, otherwise);
    return;
  }
  say_bidi(s);
  s->state = ST_DIALBACK;
  dialback_send_key(s);
}

/* An old Openfire wants to hear who we are. */
static void
try_external(struct stream *s)
{
  size_t n = strlen(s->local);
  stralloc sa = STRALLOC_ZERO;

  say_bidi(s);
  if (xml_cat(&sa, "<auth xmlns='" NS_SASL "' mechanism='EXTERNAL'>") &&
      stralloc_readyplus(&sa, 4 * ((n + 2) / 3) + 1)) {
    sa.len += (size_t)EVP_EncodeBlock((unsigned char *)sa.s + sa.len,
                                      (unsigned char const *)s->local, (int)n);
    if (xml_cat(&sa, "</auth>")) stream_say(s, slice_of(sa.s, sa.len));
  }
  stralloc_free(&sa);
  s->state = ST_SASL;
}

static bool
offers_external(struct xml_node const *features)
{
  struct xml_node const *m = xml_child(features, NS_SASL, "mechanisms"), *c;
  struct arena a = ARENA_ZERO;
  bool offered = false;

  for (c = m ? xml_next(m, NULL) : NULL; c && !offered; c = xml_next(m, c))
    offered = slice_is(xml_text(&a, c), "EXTERNAL");
  arena_wipe(&a);
  return offered;
}

/* ---- open ---- */

/* With stanzas both ways the peer says those of its own domain here (XEP-0288). */
static void
prove_peer(struct stream *s)
{
  struct proof *p =
    s->bidi ? proof_add(s, slice_str(s->remote), slice_str(s->local)) : NULL;

  if (p) p->valid = true;
}

void
out_opens(struct stream *s)
{
  struct dial *d = dial_of(s);
  enum dial_kind kind = out_kind(s);

  stream_opens(s);
  domain_note(slice_str(s->remote));
  prove_peer(s);
  stream_shape(s);
  if (d) dial_tell(d, "open", auth_word(s->auth), trust_word(s->trust), NULL);
  if (d) dial_done(d);
  if (kind != DIAL_PAIR || !s->pair) stream_close(s, "not needed any more");
}

void
out_proven(struct stream *s)
{
  if (s->state != ST_DIALBACK) return;
  s->auth = AUTH_DIALBACK;
  out_opens(s);
}

void
out_refused(struct stream *s, struct verdict v)
{
  fail(s, v);
}

/* ---- features ---- */

static void
authenticate(struct stream *s, struct xml_node const *features)
{
  struct dial const *d = dial_of(s);
  bool external = features && offers_external(features) && !s->external &&
                  !(d && d->skips_external) && open_now(s) & MAY_EXTERNAL && s->c.secure;

  become_ready(s);
  if (out_kind(s) == DIAL_VERIFY) {
    s->state = ST_DIALBACK;
    if (!dialback_waits_for(s)) stream_close(s, "not needed any more");
  } else if (external) {
    try_external(s);
  } else {
    try_dialback(s, "no way to authenticate", STEP_FEATURES);
  }
}

static void
plain_features(struct stream *s, struct xml_node const *features)
{
  struct xml_node const *tls = features ? xml_child(features, NS_TLS, "starttls") : NULL;
  bool off = stream_host(s)->tls == TLS_OFF;

  if (tls && !off) {
    stream_say(s, SLICE("<starttls xmlns='" NS_TLS "'/>"));
    s->state = ST_STARTTLS;
  } else if (tls && xml_child(tls, NS_TLS, "required")) {
    fail_at(s, STEP_POLICY, "the other server requires TLS");
  } else if (off && !open_now(s)) {
    fail_at(s, STEP_FEATURES, "no way to authenticate");
  } else if (!open_now(s)) {
    s->verdict = verdict_of(STEP_TLS, false, "not offered");
    conduit_error(&s->c, "policy-violation", "TLS is required here");
  } else {
    authenticate(s, features);
  }
}

static void
features(struct stream *s, struct xml_node const *e)
{
  struct dial const *d = dial_of(s);

  stream_read_limits(s, e);
  s->bidi_offered = xml_child(e, NS_BIDI_FEATURE, "bidi") != NULL;
  s->db_offered = xml_child(e, NS_DIALBACK_FEATURE, "dialback") != NULL;
  if (d)
    dial_tell(d, "features", xml_child(e, NS_TLS, "starttls") ? "starttls" : "",
              offers_external(e) ? "external" : "", s->db_offered ? "dialback" : "",
              s->bidi_offered ? "bidi" : "", NULL);
  if (s->authed) {
    if (xml_child(e, SM_NS3, "sm") && out_kind(s) == DIAL_PAIR && sm_wish(s)) return;
    out_opens(s);
  } else if (s->c.secure) {
    authenticate(s, e);
  } else {
    plain_features(s, e);
  }
}

/* ---- headers ---- */

void
out_header(struct stream *s, struct xml_node const *root, char const *fault)
{
  struct slice id;

  if (!root) return;
  if (fault) {
    s->verdict = verdict_of(STEP_CLOSED, false, "wrong stream header");
    verdict_detail(&s->verdict, heard);
    conduit_error(&s->c, fault, NULL);
    return;
  }
  conduit_take_lang(&s->c, root);
  id = xml_attr(root, "id");
  s->has_version = stream_version_is_ours(root);
  free(s->id);
  s->id = id.len && id.len <= STANZA_ID_MAX ? slice_dup(id) : NULL;
  s->state = ST_FEATURES;
  if (!s->id) {
    s->verdict = verdict_of(STEP_CLOSED, false, "no stream id");
    conduit_error(&s->c, "undefined-condition", "a stream header without id");
  } else if (!s->has_version && !s->authed) {
    plain_features(s, NULL);
  }
}

/* ---- elements ---- */

static void
start_tls(struct stream *s, struct xml_node const *e)
{
  if (!xml_is(e, NS_TLS, "proceed")) {
    fail_at(s, STEP_TLS, "refused by the other server");
    return;
  }
  s->state = ST_TLS;
  s->starts_tls = true;
}

/* Our certificate is refused, and dialback is tried. CAs issue certificates for TLS servers alone since
 * 2026, and some servers want the purpose of a client too. */
static void
log_certificate_refused(struct stream *s, struct verdict const *v)
{
  bool purpose = strstr(v->detail, "purpose") || strstr(v->detail, "unsupported cert");

  log_event(LOG_INFO, "s2s-certificate-refused", "conn", conduit_conn(&s->c), "from",
            s->local, "to", s->remote, "addr", log_peer(slice_str(s->c.ip)), "why",
            v->why, "detail", *v->detail ? v->detail : NULL, "do",
            purpose ? "show a certificate that has the extended key usage clientAuth too"
                    : NULL,
            NULL);
}

static void
sasl_failed(struct stream *s, struct xml_node const *e)
{
  struct xml_node const *t = xml_child(e, NS_SASL, "text");
  struct slice condition = condition_of_sasl(e);
  struct arena a = ARENA_ZERO;

  s->verdict = verdict_of_peer(STEP_EXTERNAL, false, "refused", condition);
  verdict_detail(&s->verdict, t ? xml_text(&a, t) : condition_made_up(e, condition));
  arena_wipe(&a);
  if (!(open_now(s) & MAY_DIALBACK)) {
    conduit_end(&s->c, s->verdict.why);
    return;
  }
  log_certificate_refused(s, &s->verdict);
  s->external = true;
  s->state = ST_DIALBACK;
  dialback_send_key(s);
}

static void
sasl(struct stream *s, struct xml_node const *e)
{
  if (xml_is(e, NS_SASL, "challenge")) {
    stream_say(s, SLICE("<response xmlns='" NS_SASL "'>=</response>"));
  } else if (xml_is(e, NS_SASL, "success")) {
    s->auth = AUTH_EXTERNAL;
    s->authed = true;
    conduit_restart(&s->c);
    s->state = ST_HEADER;
    stream_header(s, SLICE(""), SLICE(""));
  } else if (xml_is(e, NS_SASL, "failure")) {
    sasl_failed(s, e);
  }
}

/* Without XEP-0288 answers of the peer come on a stream of its own. */
static void
stanza(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  if (s->bidi && (s->state == ST_OPEN || stream_takes_late(s))) {
    inbound_stanza(s, e, bytes);
    return;
  }
  if (!s->said_dropped)
    log_event(LOG_WARN, "s2s-stanza-dropped", "conn", conduit_conn(&s->c), "from",
              s->remote, "to", s->local, "addr", log_peer(slice_str(s->c.ip)), "why",
              "the stream is for one direction", NULL);
  s->said_dropped = true;
}

void
out_element(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  if (inbound_is(e))
    stanza(s, e, bytes);
  else if (dialback_is(e))
    dialback_out(s, e);
  else if (sm_is(e))
    sm_element(s, e);
  else if (s->state == ST_FEATURES && xml_is(e, XML_NS_STREAMS, "features"))
    features(s, e);
  else if (s->state == ST_STARTTLS && slice_is(e->ns, NS_TLS))
    start_tls(s, e);
  else if (s->state == ST_SASL && slice_is(e->ns, NS_SASL))
    sasl(s, e);
}

/* ---- the rest of its life ---- */

/* White space waits for its next time while the peer does not read what it has. */
static void
idle(struct stream *s)
{
  uint64_t us = stream_host(s)->idle_us;

  if (us < UINT64_MAX / 4 && door_now() >= s->active_us + us &&
      !(s->pair && s->pair->out.queue.n)) {
    stream_close(s, "nothing was said for too long");
    return;
  }
  if (us < UINT64_MAX / 4 && door_now() >= s->active_us + us) s->active_us = door_now();
  if (s->c.is_blocked)
    s->said_us = door_now();
  else
    stream_say(s, SLICE(" "));
  stream_look_later(s);
}

void
out_late(struct stream *s)
{
  if (s->state == ST_CLOSING)
    conduit_end(&s->c, s->verdict.why);
  else if (s->state == ST_OPEN)
    idle(s);
  else if (s->state == ST_DIALBACK && s->ready && out_kind(s) == DIAL_VERIFY)
    stream_close(s, "no answer in time");
  else {
    if (!s->verdict.step)
      s->verdict =
        verdict_of(s->state == ST_TLS || s->state == ST_SILENT ? STEP_TLS : STEP_CLOSED,
                   true, "no answer in time");
    conduit_error(&s->c, "connection-timeout", NULL);
  }
}

/* Say whether the end of the conduit was an alert about our certificate: in a handshake of TLS 1.2, or
 * behind one of TLS 1.3, before the peer has said anything. */
static bool
has_alerted(struct stream const *s)
{
  char const *why = s->c.ending.why;

  if (s->state != ST_TLS && !(s->state == ST_HEADER && s->c.secure && !s->authed))
    return false;
  return strstr(why, " alert ") &&
         (strstr(why, "certificate") || strstr(why, "unknown ca")) &&
         !strstr(why, "certificate required");
}

static void
certificate_refused(struct stream *s)
{
  enum situation at =
    s->trust >= TRUST_PKIX ? SITUATION_OUT_VALID : SITUATION_OUT_INVALID;

  s->verdict = verdict_of(STEP_EXTERNAL, false, "our certificate was refused");
  verdict_detail(&s->verdict, slice_str(s->c.ending.why));
  s->alerted = may(s, at) & MAY_DIALBACK;
  log_certificate_refused(s, &s->verdict);
}

/* A conduit that ends without a verdict of ours ends by the peer, or by what the peer has said. */
static void
settle_verdict(struct stream *s)
{
  bool tls = s->state == ST_TLS || s->state == ST_SILENT;

  if (s->verdict.step) return;
  if (has_alerted(s)) {
    certificate_refused(s);
    return;
  }
  if (s->c.fault)
    s->verdict = verdict_of(STEP_CLOSED, false,
                            s->state == ST_HEADER ? "no XMPP stream" : "broken stream");
  else
    s->verdict = verdict_of(tls ? STEP_TLS : STEP_CLOSED, true,
                            tls ? "handshake failed" : "connection closed");
  verdict_detail(&s->verdict, s->state == ST_HEADER && s->c.fault && heard.len
                                ? heard
                                : slice_str(s->c.ending.why));
}

/* Say whether the peer has ended the stream in the place of an answer to EXTERNAL, for no reason that
 * passes. Some servers say nothing but that. */
static bool
is_refused_by_end(struct stream const *s)
{
  bool ended =
    !s->verdict.step || (s->verdict.step == STEP_CLOSED && !s->verdict.passing);

  return s->state == ST_SASL && ended && !s->c.fault && !s->tlsd_gone;
}

/* Dialback may do then, as behind a failure. */
static void
refused_by_end(struct stream *s)
{
  s->verdict.step = STEP_EXTERNAL;
  if (!(open_now(s) & MAY_DIALBACK)) return;
  s->external = true;
  log_certificate_refused(s, &s->verdict);
}

void
out_ended(struct stream *s)
{
  struct dial *d = dial_of(s);
  bool served = s->state == ST_CLOSING || (s->state == ST_LEAVING && !s->peer_closed);
  bool refused = is_refused_by_end(s);

  settle_verdict(s);
  if (refused) refused_by_end(s);
  if (s->pair)
    pair_lost(s->pair, &s->verdict,
              s->tlsd_gone || served || door_now() >= s->open_us + S2S_STEADY_US,
              resume_leave(s));
  dialback_lost(s);
  s->dial = 0;
  if (d && (served || (d->kind == DIAL_VERIFY && s->ready)))
    dial_done(d);
  else if (d)
    dial_stream_failed(d, s);
}
