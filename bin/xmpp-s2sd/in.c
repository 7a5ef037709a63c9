#include "in.h"
#include "crowd.h"
#include "dialback.h"
#include "domains.h"
#include "inbound.h"
#include "kept.h"
#include "pairs.h"
#include "policy.h"
#include "xep0178_external.h"
#include "xep0198_resume.h"
#include "xep0198_sm.h"

#include <stdlib.h>
#include <string.h>

/* Streams that peers have opened: headers and TLS (RFC 6120); xep0178_external.c and dialback.c have their
 * proofs. What a peer may do follows from the options of our domain, from TLS and from the
 * peer's certificate (policy.c). */

/* ---- what the peer may do ---- */

static struct slice
remote_of(struct stream const *s)
{
  return s->remote ? slice_str(s->remote) : SLICE("");
}

/* A peer that does not say who it is may still show a certificate: EXTERNAL checks its claim. */
static unsigned int
may(struct stream *s, char const **fault)
{
  struct host const *h = stream_host(s);
  bool dialback = settings_dialback(h, remote_of(s));

  *fault = s->c.secure ? NULL : "no way to authenticate";
  if (!s->c.secure) return policy(h->tls, dialback, SITUATION_IN_PLAIN);
  if (s->remote)
    *fault = stream_judge(s, remote_of(s), SLICE(""));
  else if (!slice_starts(slice_str(s->cert ? s->cert : ""), "valid"))
    *fault = "no valid certificate";
  return policy(h->tls, dialback, *fault ? SITUATION_IN_INVALID : SITUATION_IN_VALID);
}

/* ---- headers and features ---- */

static bool
cat_features(stralloc *out, struct stream *s, unsigned int open)
{
  struct host const *h = stream_host(s);
  bool ok = xml_cat(out, "<stream:features>");

  s->external = s->c.secure && open & MAY_EXTERNAL && !s->authed;
  if (open & MAY_STARTTLS)
    ok = ok && xml_cat(out, open & MUST_STARTTLS ? "<starttls xmlns='" NS_TLS
                                                   "'><required/></starttls>"
                                                 : "<starttls xmlns='" NS_TLS "'/>");
  if (s->external)
    ok = ok && xml_cat(out, "<mechanisms xmlns='" NS_SASL
                            "'><mechanism>EXTERNAL</mechanism></mechanisms>");
  if (s->authed) ok = ok && xml_cat(out, "<sm xmlns='" SM_NS3 "'/>");
  if (open & MAY_DIALBACK)
    ok = ok &&
         xml_cat(out, "<dialback xmlns='" NS_DIALBACK_FEATURE "'><errors/></dialback>");
  if (h->bidi && !s->authed && !(open & MUST_STARTTLS))
    ok = ok && xml_cat(out, "<bidi xmlns='" NS_BIDI_FEATURE "'/>");
  if (s->c.secure) ok = ok && stream_cat_limits(out, s);
  return ok && xml_cat(out, "</stream:features>");
}

static void
new_id(struct stream *s)
{
  char id[STREAM_ID_LEN];

  door_random_id(id, sizeof id);
  free(s->id);
  s->id = slice_dup(slice_of(id, sizeof id));
}

static void
write_header(struct stream *s, struct slice features)
{
  new_id(s);
  stream_header(s, s->id ? slice_str(s->id) : SLICE(""), features);
}

/* A domain of the header: the same as before, if there was one. NULL: all is well. */
static char const *
take_domain(char **at, struct slice text)
{
  struct arena a = ARENA_ZERO;
  struct slice name = jid_prep_domain(&a, text);
  char const *fault = NULL;

  if (!name.s || (*at && !slice_is(name, *at)))
    fault = "improper-addressing";
  else if (!*at && !(*at = slice_dup(name)))
    fault = "resource-constraint";
  arena_wipe(&a);
  return fault;
}

/* After a start it may last a moment until the domains of services are known: the peer is to come
 * again, and not to send back what it has for them. */
static char const *
take_to(struct stream *s, struct slice to)
{
  char const *fault;
  bool comes;

  if (!to.len) return s->has_version ? "improper-addressing" : NULL;
  fault = take_domain(&s->local, to);
  if (fault || domain_is_served(slice_str(s->local))) return fault;
  comes = domain_may_be_served(slice_str(s->local));
  free(s->local);
  s->local = NULL;
  return comes ? "resource-constraint" : "host-unknown";
}

static char const *
take_from(struct stream *s, struct slice from)
{
  char const *fault;

  if (!from.len) return NULL;
  fault = take_domain(&s->remote, from);
  if (!fault && domain_is_served(slice_str(s->remote))) fault = "invalid-from";
  if (!fault && !settings_admits(stream_host(s), slice_str(s->remote)))
    fault = "policy-violation";
  return fault;
}

/* The major number of a header's version; 0: there is none. */
static uint64_t
version_of(struct xml_node const *root)
{
  struct slice v = xml_attr(root, "version"), major;
  uint64_t n;

  return slice_word(&v, '.', &major) && slice_u64(major, &n) ? n : 0;
}

static char const *
check_header(struct stream *s, struct xml_node const *root)
{
  uint64_t version = version_of(root);
  char const *fault;

  if (version > 1) return "unsupported-version";
  s->has_version = version == 1;
  fault = take_to(s, xml_attr(root, "to"));
  return fault ? fault : take_from(s, xml_attr(root, "from"));
}

/* EXTERNAL has succeeded, and the stream has begun anew. */
static void
opens_external(struct stream *s, unsigned int open)
{
  stralloc sa = STRALLOC_ZERO;

  if (cat_features(&sa, s, open & MAY_DIALBACK))
    write_header(s, slice_of(sa.s, sa.len));
  else
    conduit_error(&s->c, "resource-constraint", NULL);
  stralloc_free(&sa);
  stream_opens(s);
  stream_shape(s);
  if (s->bidi) s->enable_us = door_now() + S2S_ENABLE_US;
}

/* An administrator finds here why a server stays outside. */
static void
log_refused(struct stream *s, enum step step, char const *why)
{
  struct verdict v = verdict_of(step, false, why);

  s->said_failed = true;
  verdict_log(&v, "in", s->remote, s->local, NULL, s->c.ip, 0, 0, 0);
}

static void
refuse(struct stream *s, char const *fault)
{
  log_refused(s, s->c.secure ? STEP_NAME : STEP_FEATURES, fault);
  conduit_error(&s->c, "not-authorized", fault);
}

static void
accept_header(struct stream *s)
{
  stralloc sa = STRALLOC_ZERO;
  char const *fault;
  unsigned int open = may(s, &fault);

  if (s->authed) {
    opens_external(s, open);
    return;
  }
  s->state = ST_FEATURES;
  if (!s->has_version) {
    write_header(s, SLICE(""));
    if (!(open & MAY_DIALBACK))
      conduit_error(&s->c, "unsupported-version", "TLS is required here");
  } else if (!open) {
    write_header(s, SLICE(""));
    refuse(s, fault ? fault : "no way to authenticate");
  } else if (cat_features(&sa, s, open)) {
    write_header(s, slice_of(sa.s, sa.len));
  } else {
    conduit_error(&s->c, "resource-constraint", NULL);
  }
  stralloc_free(&sa);
}

void
in_header(struct stream *s, struct xml_node const *root, char const *fault)
{
  char const *text = NULL;

  if (!root) {
    write_header(s, SLICE(""));
    return;
  }
  conduit_take_lang(&s->c, root);
  if (!fault) fault = check_header(s, root);
  if (!fault) {
    accept_header(s);
    return;
  }
  if (!strcmp(fault, "policy-violation")) {
    text = "not allowed to talk to this domain";
    log_refused(s, STEP_ACCESS, text);
  }
  write_header(s, SLICE(""));
  conduit_error(&s->c, fault, text);
}

/* ---- STARTTLS ---- */

/* s5.3.1: TLS comes before authentication, so that a stream that dialback has opened in plain goes on in
 * plain. Keys that were said in plain, and have no answer yet, are forgotten (s5.4.3.3). */
static void
start_tls(struct stream *s, unsigned int open)
{
  if (s->c.secure || s->state != ST_FEATURES || !(open & MAY_STARTTLS) || !s->local ||
      !(s->c.link->program & TLSD)) {
    stream_say(s, SLICE("<failure xmlns='" NS_TLS "'/>"));
    conduit_end(&s->c, "STARTTLS is not offered here");
    return;
  }
  dialback_forget(s);
  s->state = ST_TLS;
  s->starts_tls = true;
}

/* TLS comes once: behind proceed, or before the first byte. What was said before is checked again
 * in the header that follows. */
void
in_secured(struct stream *s)
{
  if (s->c.secure || (s->state != ST_TLS && s->state != ST_HEADER)) {
    conduit_end(&s->c, "TLS out of turn");
    return;
  }
  conduit_secure(&s->c);
  s->state = ST_HEADER;
  s->bidi = false;
  s->peer_max = s->peer_idle_us = 0;
}

/* ---- elements ---- */

/* Elements that no stream knows; before authentication they are ignored, for what peers try there
 * grows. */
static void
unknown(struct stream *s, struct xml_node const *e)
{
  if (s->state == ST_OPEN) {
    conduit_error(&s->c, "unsupported-stanza-type", NULL);
    return;
  }
  if (!s->said_unknown)
    log_event(LOG_INFO, "s2s-unknown-element", "conn", conduit_conn(&s->c), "from",
              s->remote, "to", s->local, "addr", log_peer(slice_str(s->c.ip)), "name",
              log_text(e->name), "ns", log_text(e->ns), NULL);
  s->said_unknown = true;
}

/* The peer says inside how large the stanzas may be that it takes (XEP-0478). */
static void
bidi(struct stream *s, struct xml_node const *e)
{
  if (!stream_host(s)->bidi || s->state != ST_FEATURES) return;
  s->bidi = true;
  stream_read_limits(s, e);
}

/* The peer has asked for stream management, or has gone on without: our stanzas may leave. */
static void
heard_first(struct stream *s)
{
  struct pair *p = pair_find(slice_str(s->local), slice_str(s->remote));

  s->enable_us = 0;
  if (!p || p->stream || !stream_is_open(s)) return;
  p->hold_us = 0;
  pair_touch(p);
}

/* Say whether the peer goes on in plain where TLS is required. */
static bool
skips_tls(struct stream *s, struct xml_node const *e)
{
  char const *fault;

  return !s->c.secure && s->state != ST_CLOSING && !xml_is(e, NS_TLS, "starttls") &&
         may(s, &fault) & MUST_STARTTLS;
}

static void
element(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  char const *fault;

  if (inbound_is(e) && (s->state == ST_OPEN || stream_takes_late(s))) {
    inbound_stanza(s, e, bytes);
    return;
  }
  if (skips_tls(s, e)) {
    conduit_error(&s->c, "policy-violation", "use STARTTLS first");
    return;
  }
  if (sm_is(e)) {
    sm_element(s, e);
    return;
  }
  if (s->state == ST_CLOSING) return;
  if (xml_is(e, NS_TLS, "starttls"))
    start_tls(s, may(s, &fault));
  else if (inbound_is(e))
    conduit_error(&s->c, "not-authorized", NULL);
  else if (dialback_is(e))
    dialback_in(s, e);
  else if (slice_is(e->ns, NS_SASL))
    external_element(s, e);
  else if (xml_is(e, NS_BIDI, "bidi"))
    bidi(s, e);
  else
    unknown(s, e);
}

void
in_element(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  bool first = s->enable_us > 0;

  element(s, e, bytes);
  if (first) heard_first(s);
}

/* ---- the rest of its life ---- */

static bool
rename_to(char **at, char const *name)
{
  char *fresh;

  if (*at && !strcmp(*at, name)) return true;
  fresh = slice_dup(slice_str(name));
  if (!fresh) return false;
  free(*at);
  *at = fresh;
  return true;
}

/* Open the stream by its first proof. The header may have named other domains, of which nothing is known:
 * the stream is between the two of the proof. */
static void
open_by(struct stream *s, struct proof const *p)
{
  if (!rename_to(&s->remote, p->from) || !rename_to(&s->local, p->to)) {
    conduit_error(&s->c, "resource-constraint", NULL);
    return;
  }
  s->auth = p->auth;
  if (stream_judge(s, slice_str(p->from), SLICE(""))) s->trust = TRUST_DNS;
  stream_opens(s);
  stream_shape(s);
}

void
in_proven(struct stream *s, struct proof *p)
{
  p->valid = true;
  crowd_leave(s);
  if (s->state == ST_FEATURES || s->state == ST_SASL)
    open_by(s, p);
  else if (s->remote && strcmp(p->from, s->remote) != 0)
    kept_closes(resume_kept(s));
  pairs_heard(slice_str(p->to), slice_str(p->from));
}

struct stream *
in_bidi(struct slice local, struct slice remote, uint64_t *until_us)
{
  struct proof *p = NULL;
  struct stream *s;

  *until_us = 0;
  while ((p = proof_between(remote, local, p))) {
    s = p->of;
    if (!s->out && s->bidi && !s->pair && stream_is_open(s) && p->valid &&
        p->auth != AUTH_NONE) {
      if (s->enable_us <= door_now()) return s;
      *until_us = s->enable_us;
    }
  }
  return NULL;
}

void
in_late(struct stream *s)
{
  uint64_t idle = stream_host(s)->idle_us;

  if (s->state == ST_CLOSING)
    conduit_end(&s->c, s->verdict.why);
  else if (s->state != ST_OPEN)
    conduit_error(&s->c, "connection-timeout", NULL);
  else if (idle < UINT64_MAX / 4 && door_now() >= s->active_us + 2 * idle)
    conduit_error(&s->c, "connection-timeout", "nothing was said for too long");
  else
    stream_look_later(s);
}

/* The step at which a stream stood that ends before it is open. */
static enum step
step_of(struct stream const *s)
{
  switch ((int)s->state) {
  case ST_TLS: return STEP_TLS;
  case ST_FEATURES: return STEP_FEATURES;
  case ST_SASL: return STEP_EXTERNAL;
  default: return STEP_CLOSED;
  }
}

/* Log a stream that came to nothing, and has no such line yet: the peer may not even have said
 * its domain. A stream on which a key was said, or asked about, has done its work. */
static void
log_in_vain(struct stream *s)
{
  if (s->open_us || s->authed || s->said_failed || s->tlsd_gone || s->proofs_n ||
      s->verifies_n || !strcmp(s->c.ending.why, "system-shutdown"))
    return;
  log_refused(s, step_of(s), s->c.ending.why);
}

void
in_ended(struct stream *s)
{
  struct verdict v = verdict_of(STEP_CLOSED, true, "connection closed");
  uint64_t left = resume_leave(s);

  log_in_vain(s);
  dialback_forget(s);
  crowd_leave(s);
  if (s->pair)
    pair_lost(s->pair, s->verdict.step ? &s->verdict : &v,
              s->tlsd_gone || door_now() >= s->open_us + S2S_STEADY_US, left);
}

void
in_on_open(struct link *l, struct record *r)
{
  struct conduit *old = conduit_in_place(l, r);
  struct stream *s;

  if (old) conduit_displace(old);
  s = stream_new(false, ST_HEADER);
  if (s) s->listener = slice_dup(record_get(r, 2));
  if (!s || !s->listener || !conduit_begin(&s->c, l, r)) {
    if (s) stream_drop(s);
    conduit_refuse(l, r);
    return;
  }
  conduit_deadline(&s->c, door_now() + s2sd->negotiation_us);
  if (crowd_enter(s))
    stream_shape(s);
  else
    conduit_error(&s->c, "resource-constraint", "too many connections");
  conduit_settle(&s->c);
}
