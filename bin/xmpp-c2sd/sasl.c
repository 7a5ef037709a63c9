#include "bans.h"
#include "logins.h"
#include "rules.h"
#include "sasl.h"
#include "settings.h"
#include "stream.h"
#include "xep0077_register.h"

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

/* Say whether a mechanism of the host may be used on this stream as it is. */
static bool
may_use(struct stream const *s, struct slice mech)
{
  if (slice_is(mech, "PLAIN")) return s->c.secure;
  return !is_plus(mech) || s->bindings;
}

/* XEP-0440 s3: the channel bindings that the server can do on this stream, but those with a - in
 * front, which no standard defines for it. */
static bool
cat_bindings(struct stream const *s, stralloc *out)
{
  struct slice list = slice_str(s->bindings), type;
  bool ok = xml_cat(out, "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>");

  while (ok && (type = binding_type(&list)).len)
    ok = *type.s == '-' || (xml_cat(out, "<channel-binding") &&
                            xml_cat_attr(out, "type", type) && xml_cat(out, "/>"));
  return ok && xml_cat(out, "</sasl-channel-binding>");
}

bool
sasl_features(struct stream const *s, stralloc *out)
{
  struct slice list = slice_str(s->host ? s->host->mechanisms : NULL), mech;
  bool any = false, ok = true;

  while (ok && slice_word(&list, ' ', &mech)) {
    if (!may_use(s, mech)) continue;
    if (!any) ok = xml_cat(out, "<mechanisms xmlns='" NS_SASL "'>");
    any = true;
    ok = ok && xml_cat(out, "<mechanism>") && xml_cat_text(out, mech) &&
         xml_cat(out, "</mechanism>");
  }
  if (any) ok = ok && xml_cat(out, "</mechanisms>");
  if (any && s->bindings) ok = ok && cat_bindings(s, out);
  return ok;
}

/* ---- answers to the client ---- */

/* A failure: condition and text are for the client, jid and why for the log. */
struct failure {
  char const *condition;
  struct slice text, jid, why;
  bool is_free; /* no secret was tried */
};

static void
say_failure(struct stream *s, struct failure const *f)
{
  stralloc sa = STRALLOC_ZERO;

  if (xml_cat(&sa, "<failure xmlns='" NS_SASL "'><") && xml_cat(&sa, f->condition) &&
      xml_cat(&sa, "/>") &&
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
  login_failed(s, f->jid, f->why);
  if (bans_end(s)) return ST_FEATURES;
  if (f->is_free ? ++s->untried >= SASL_UNTRIED_MAX : ++s->failures >= SASL_FAILURES_MAX)
    conduit_error(&s->c, "policy-violation",
                  f->is_free ? "too many mechanisms that do not fit"
                             : "too many failed authentications");
  return ST_FEATURES;
}

static enum state
fail(struct stream *s, char const *condition, char const *why)
{
  return fail_as(s, &(struct failure){.condition = condition, .why = slice_str(why)});
}

static void
say(struct stream *s, char const *element, struct slice data)
{
  stralloc sa = STRALLOC_ZERO;

  if (xml_cat(&sa, "<") && xml_cat(&sa, element) &&
      xml_cat(&sa, " xmlns='" NS_SASL "'") && xml_cat(&sa, data.len ? ">" : "/>") &&
      (!data.len || (xml_cat_text(&sa, data) && xml_cat(&sa, "</") &&
                     xml_cat(&sa, element) && xml_cat(&sa, ">"))))
    conduit_write(&s->c, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* ---- what the client says ---- */

static void
ask(struct link *authd, struct stream *s, struct slice mech, struct slice initial)
{
  s->asked_us = door_now();
  link_begin(authd, VERB_AUTH);
  link_num(authd, s->sid);
  link_str(authd, s->host->name);
  link_text(authd, mech);
  link_text(authd, initial);
  link_str(authd, s->c.ip);
  link_num(authd, s->c.secure);
  link_str(authd, s->bindings);
  link_end(authd);
}

enum state
sasl_auth(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  struct arena a = ARENA_ZERO;
  struct slice mech = xml_attr(e, "mechanism"), data;
  struct link *authd = link_find(AUTHD);
  enum state next = ST_ASKED;

  (void)bytes;
  login_begins(s, mech);
  if (!s->c.secure && s->listener->starttls_required)
    return fail(s, "encryption-required", "no-tls");
  if (!authd) return fail(s, "temporary-auth-failure", "authd-away");
  if (!mech.len || !slice_has_word(slice_str(s->host->mechanisms), mech))
    return fail(s, "invalid-mechanism", "not-offered");
  if (!may_use(s, mech))
    return s->c.secure ? fail(s, "invalid-mechanism", "not-offered")
                       : fail(s, "encryption-required", "no-tls");
  data = xml_text(&a, e);
  if (data.s)
    ask(authd, s, mech, data);
  else
    next = fail(s, "temporary-auth-failure", "out-of-memory");
  arena_wipe(&a);
  return next;
}

enum state
sasl_response(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  struct arena a = ARENA_ZERO;
  struct slice data = xml_text(&a, e);
  struct link *authd = link_find(AUTHD);

  (void)bytes;
  if (authd && data.s) {
    s->asked_us = door_now();
    link_begin(authd, VERB_RESPONSE);
    link_num(authd, s->sid);
    link_text(authd, data);
    link_end(authd);
  }
  arena_wipe(&a);
  if (authd && data.s) return ST_ASKED;
  return fail(s, "temporary-auth-failure", authd ? "out-of-memory" : "authd-away");
}

void
sasl_forget(struct stream *s)
{
  struct link *authd = link_find(AUTHD);

  if (s->state != ST_ASKED && s->state != ST_CHALLENGED) return;
  if (!authd) return;
  link_begin(authd, VERB_ABORT);
  link_num(authd, s->sid);
  link_end(authd);
}

enum state
sasl_abort(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  (void)e;
  (void)bytes;
  sasl_forget(s);
  return fail(s, "aborted", "aborted");
}

/* ---- what authd says ---- */

void
sasl_on_mechanisms(struct link *l, struct record *r)
{
  struct host *h = c2sd_known_host(record_get(r, 1));
  struct slice list = record_get(r, 2);

  (void)l;
  if (!h) return;
  free(h->mechanisms);
  h->mechanisms = list.len ? slice_dup(list) : NULL;
}

/* The time that authd took is not its client's; its own is not renewed. */
static struct stream *
asked(struct record *r)
{
  struct stream *s = stream_find(record_u64(r, 1));

  if (!s || s->state != ST_ASKED) return NULL;
  conduit_deadline(&s->c, s->c.deadline_us + door_now() - s->asked_us);
  return s;
}

void
sasl_on_challenge(struct link *l, struct record *r)
{
  struct stream *s = asked(r);

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
  struct stream *s = asked(r);

  (void)l;
  if (!s) return;
  s->state =
    ST_FEATURES; /* the exchange is over: should the stream end, there is no abort */
  fail_as(s, &(struct failure){.condition = log_text(record_get(r, 2)),
                               .text = record_get(r, 3),
                               .jid = record_get(r, 5),
                               .why = record_get(r, 6),
                               .is_free = slice_is(record_get(r, 4), "1")});
  conduit_resume(&s->c);
  conduit_settle(&s->c);
}

/* RFC 6120 s6.4.6: the stream begins anew, with the limits of those who are known. */
void
sasl_on_success(struct link *l, struct record *r)
{
  struct stream *s = asked(r);
  struct slice jid = record_get(r, 3);

  (void)l;
  if (!s) return;
  s->session.jid = slice_dup(jid);
  if (!s->session.jid) {
    s->state = fail(s, "temporary-auth-failure", "out-of-memory");
    conduit_resume(&s->c);
    conduit_settle(&s->c);
    return;
  }
  say(s, "success", record_get(r, 2));
  login_succeeded(s);
  free(s->bindings);
  s->bindings = NULL;
  s->authed = true;
  register_forget(s);
  conduit_restart(&s->c);
  s->state = ST_START;
  xml_limit(&s->c.xml, s->listener->max_stanza_size);
  rules_shape(s);
  conduit_resume(&s->c);
  conduit_settle(&s->c);
}

static void
give_up(struct stream *s)
{
  if (s->state != ST_ASKED && s->state != ST_CHALLENGED) return;
  s->state = fail(s, "temporary-auth-failure", "authd-away");
  conduit_resume(&s->c);
}

void
sasl_authd_gone(void)
{
  stream_each(give_up);
}
