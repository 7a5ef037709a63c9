#include "bans.h"
#include "logins.h"
#include "negotiation.h"
#include "rules.h"
#include "sasl.h"
#include "settings.h"
#include "stream.h"
#include "xep0077_register.h"
#include "xep0388_sasl2.h"

#include <stdlib.h>
#include <string.h>

/* SASL (RFC 6120 s6) as a relay: authd knows the mechanisms, this file the stream. */

static struct slice
binding_type(struct slice *list)
{
  struct slice word, type = SLICE("");

  if (slice_word(list, ' ', &word)) slice_word(&word, '=', &type);
  return type;
}

static bool
is_plus(struct slice mech)
{
  return mech.len > 5 && !memcmp(mech.s + mech.len - 5, "-PLUS", 5);
}

/* Say whether a mechanism may be used on this stream as it is. */
static bool
may_use(struct stream const *s, struct slice mech)
{
  if (slice_is(mech, "PLAIN")) return s->c.secure;
  return !is_plus(mech) || s->negotiation->bindings;
}

bool
sasl_binding_features(struct stream const *s, stralloc *out)
{
  struct slice list = slice_str(s->negotiation->bindings), type;
  bool any = false, ok = true;

  if (!s->host || !s->host->mechanisms) return true;
  while (ok && (type = binding_type(&list)).len) {
    if (*type.s == '-') continue;
    if (!any) ok = xml_cat(out, "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>");
    any = true;
    ok = ok && xml_cat(out, "<channel-binding") && xml_cat_attr(out, "type", type) &&
         xml_cat(out, "/>");
  }
  return ok && (!any || xml_cat(out, "</sasl-channel-binding>"));
}

bool
sasl_cat_mechanisms(struct stream const *s, stralloc *out, char const *begin, bool *any)
{
  struct slice list = slice_str(s->host ? s->host->mechanisms : NULL), mech;
  bool ok = true;

  *any = false;
  while (ok && slice_word(&list, ' ', &mech)) {
    if (!may_use(s, mech)) continue;
    if (!*any) ok = xml_cat(out, begin);
    *any = true;
    ok = ok && xml_cat(out, "<mechanism>") && xml_cat_text(out, mech) &&
         xml_cat(out, "</mechanism>");
  }
  return ok;
}

bool
sasl_features(struct stream const *s, stralloc *out)
{
  bool any;

  return sasl_cat_mechanisms(s, out, "<mechanisms xmlns='" NS_SASL "'>", &any) &&
         (!any || xml_cat(out, "</mechanisms>"));
}

/* ---- answers to the client ---- */

/* A failure: condition and text are for the client, jid and why for the log. */
struct failure {
  struct slice condition, text, jid, why;
  bool untried; /* no secret was tried */
};

/* The namespace of the SASL that s speaks. */
static char const *
ns_of(struct stream const *s)
{
  return negotiation_is_sasl2(s) ? NS_SASL2 : NS_SASL;
}

/* XEP-0388 s3.7.2: the condition is of the namespace of RFC 6120 in both. */
static void
say_failure(struct stream *s, struct failure const *f)
{
  stralloc sa = STRALLOC_ZERO;

  if (xml_cat(&sa, "<failure") && xml_cat_attr(&sa, "xmlns", slice_str(ns_of(s))) &&
      xml_cat(&sa, "><") && stralloc_catb(&sa, f->condition.s, f->condition.len) &&
      xml_cat(&sa, negotiation_is_sasl2(s) ? " xmlns='" NS_SASL "'/>" : "/>") &&
      (!f->text.len || (xml_cat(&sa, "<text xml:lang='en'>") &&
                        xml_cat_text(&sa, f->text) && xml_cat(&sa, "</text>"))) &&
      xml_cat(&sa, "</failure>"))
    conduit_write(&s->c, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* Writing a failure, and too many of them (RFC 6120 s6.4.5), may mark the stream to end. A client
 * may need some for which no secret was tried before it finds a mechanism that works on this
 * stream: these are counted apart. */
static enum state
fail_as(struct stream *s, struct failure const *f)
{
  say_failure(s, f);
  sasl2_end(s);
  login_failed(s, f->jid, f->why);
  if (bans_end(s)) return ST_FEATURES;
  if (f->untried ? ++s->negotiation->untried >= SASL_UNTRIED_MAX
                 : ++s->negotiation->failures >= SASL_FAILURES_MAX)
    conduit_error(&s->c, "policy-violation",
                  f->untried ? "too many mechanisms that do not fit"
                             : "too many failed authentications");
  return ST_FEATURES;
}

enum state
sasl_fail(struct stream *s, char const *condition, char const *why)
{
  return fail_as(
    s, &(struct failure){.condition = slice_str(condition), .why = slice_str(why)});
}

static void
say(struct stream *s, char const *element, struct slice data)
{
  stralloc sa = STRALLOC_ZERO;

  if (xml_cat(&sa, "<") && xml_cat(&sa, element) &&
      xml_cat_attr(&sa, "xmlns", slice_str(ns_of(s))) &&
      xml_cat(&sa, data.len ? ">" : "/>") &&
      (!data.len || (xml_cat_text(&sa, data) && xml_cat(&sa, "</") &&
                     xml_cat(&sa, element) && xml_cat(&sa, ">"))))
    conduit_write(&s->c, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* ---- what the client says ---- */

void
sasl_ask(struct link *authd, struct stream *s, struct slice mech, struct slice initial)
{
  s->negotiation->asked_us = door_now();
  link_begin(authd, VERB_AUTH);
  link_num(authd, s->sid);
  link_str(authd, s->host->name);
  link_text(authd, mech);
  link_text(authd, initial);
  link_str(authd, s->c.ip);
  link_num(authd, s->c.secure);
  link_str(authd, s->negotiation->bindings);
}

char const *
sasl_fault(struct stream const *s, struct slice mech, bool offered, char const **why)
{
  *why = "no-tls";
  if (!s->c.secure && s->listener->starttls_required) return "encryption-required";
  *why = "authd-away";
  if (!link_find(AUTHD)) return "temporary-auth-failure";
  *why = "not-offered";
  if (!offered) return "invalid-mechanism";
  if (may_use(s, mech)) return NULL;
  if (!s->c.secure) *why = "no-tls";
  return s->c.secure ? "invalid-mechanism" : "encryption-required";
}

bool
sasl_offers(struct stream const *s, struct slice mech)
{
  return mech.len && slice_has_word(slice_str(s->host->mechanisms), mech);
}

enum state
sasl_auth(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  struct arena a = ARENA_ZERO;
  struct slice mech = xml_attr(e, "mechanism"), data;
  struct link *authd = link_find(AUTHD);
  char const *why, *fault;

  (void)bytes;
  login_begins(s, mech);
  fault = sasl_fault(s, mech, sasl_offers(s, mech), &why);
  if (fault) return sasl_fail(s, fault, why);
  data = xml_text(&a, e);
  if (data.s) {
    sasl_ask(authd, s, mech, data);
    link_end(authd);
  }
  arena_wipe(&a);
  return data.s ? ST_ASKED : sasl_fail(s, "temporary-auth-failure", "out-of-memory");
}

/* RFC 6120 s6.4.6, XEP-0388 s3.3: who has authenticated does not do so again. */
enum state
sasl_again(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  (void)e;
  (void)bytes;
  conduit_error(&s->c, "policy-violation", "the client is authenticated already");
  return s->state;
}

/* An exchange that was begun in the words of one SASL ends in them. */
static enum state
other_sasl(struct stream *s)
{
  conduit_error(&s->c, "not-authorized",
                "the login was begun by the other version of SASL");
  return s->state;
}

static enum state
respond(struct stream *s, struct xml_node const *e)
{
  struct arena a = ARENA_ZERO;
  struct slice data = xml_text(&a, e);
  struct link *authd = link_find(AUTHD);

  if (authd && data.s) {
    s->negotiation->asked_us = door_now();
    link_begin(authd, VERB_RESPONSE);
    link_num(authd, s->sid);
    link_text(authd, data);
    link_end(authd);
  }
  arena_wipe(&a);
  if (authd && data.s) return ST_ASKED;
  return sasl_fail(s, "temporary-auth-failure", authd ? "out-of-memory" : "authd-away");
}

enum state
sasl_response(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  (void)bytes;
  return negotiation_is_sasl2(s) ? other_sasl(s) : respond(s, e);
}

enum state
sasl2_response(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  (void)bytes;
  return negotiation_is_sasl2(s) ? respond(s, e) : other_sasl(s);
}

void
sasl_forget(struct stream *s)
{
  struct link *authd = link_find(AUTHD);

  if (s->state != ST_ASKED && s->state != ST_CHALLENGED && s->state != ST_TASKED) return;
  if (!authd) return;
  link_begin(authd, VERB_ABORT);
  link_num(authd, s->sid);
  link_end(authd);
}

static enum state
abort_it(struct stream *s)
{
  sasl_forget(s);
  return sasl_fail(s, "aborted", "aborted");
}

enum state
sasl_abort(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  (void)e;
  (void)bytes;
  return negotiation_is_sasl2(s) ? other_sasl(s) : abort_it(s);
}

enum state
sasl2_abort(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  (void)e;
  (void)bytes;
  return negotiation_is_sasl2(s) ? abort_it(s) : other_sasl(s);
}

/* ---- what authd says ---- */

static void
take_list(char **at, struct slice list)
{
  free(*at);
  *at = list.len ? slice_dup(list) : NULL;
}

void
sasl_on_mechanisms(struct link *l, struct record *r)
{
  struct host *h = c2sd_known_host(record_get(r, 1));

  (void)l;
  if (!h) return;
  take_list(&h->mechanisms, record_get(r, 2));
  take_list(&h->fast, record_get(r, 3));
  take_list(&h->upgrades, record_get(r, 4));
}

/* The time that authd took is not its client's; its own is not renewed. */
struct stream *
sasl_asked(struct record *r)
{
  struct stream *s = stream_find(record_u64(r, 1));

  if (!s || s->state != ST_ASKED) return NULL;
  negotiation_until(s, s->negotiation->until_us + door_now() - s->negotiation->asked_us);
  return s;
}

void
sasl_on_challenge(struct link *l, struct record *r)
{
  struct stream *s = sasl_asked(r);

  (void)l;
  if (!s) return;
  say(s, "challenge", record_get(r, 2));
  s->state = ST_CHALLENGED;
  conduit_resume(&s->c);
  conduit_settle(&s->c);
}

void
sasl_on_failure(struct link *l, struct record *r)
{
  struct stream *s = sasl_asked(r);

  (void)l;
  if (!s) return;
  /* authd has ended the exchange: no abort is sent to authd, should the stream end now. */
  s->state = ST_FEATURES;
  fail_as(s, &(struct failure){.condition = record_get(r, 2),
                               .text = record_get(r, 3),
                               .jid = record_get(r, 5),
                               .why = record_get(r, 6),
                               .untried = slice_is(record_get(r, 4), "1")});
  conduit_resume(&s->c);
  conduit_settle(&s->c);
}

/* The client has the limits of those who are known. */
static void
proven(struct stream *s)
{
  login_succeeded(s);
  free(s->negotiation->bindings);
  s->negotiation->bindings = NULL;
  s->authed = true;
  register_forget(s);
  rules_limit(s);
  rules_shape(s);
}

/* RFC 6120 s6.4.6: the stream begins anew; XEP-0388 s3.7.1: it goes on. */
void
sasl_on_success(struct link *l, struct record *r)
{
  struct stream *s = sasl_asked(r);
  struct slice jid = record_get(r, 3);

  (void)l;
  if (!s) return;
  s->session.jid = slice_dup(jid);
  if (!s->session.jid) {
    s->state = sasl_fail(s, "temporary-auth-failure", "out-of-memory");
    conduit_resume(&s->c);
    conduit_settle(&s->c);
    return;
  }
  proven(s);
  if (negotiation_is_sasl2(s)) {
    sasl2_proven(s, r);
  } else {
    say(s, "success", record_get(r, 2));
    conduit_restart(&s->c);
    s->state = ST_START;
    conduit_resume(&s->c);
  }
  conduit_settle(&s->c);
}

static void
give_up(struct stream *s)
{
  if (s->state != ST_ASKED && s->state != ST_CHALLENGED && s->state != ST_TASKED) return;
  s->state = sasl_fail(s, "temporary-auth-failure", "authd-away");
  conduit_resume(&s->c);
}

void
sasl_authd_gone(void)
{
  stream_each(give_up);
}
