#include "asks.h"
#include "bind.h"
#include "features.h"
#include "logins.h"
#include "negotiation.h"
#include "sasl.h"
#include "settings.h"
#include "stream.h"
#include "xep0198_resume.h"
#include "xep0198_sm.h"
#include "xep0386_bind2.h"
#include "xep0388_sasl2.h"

#include <stdlib.h>
#include <string.h>

/* XEP-0388: SASL in which the client says along with its login what it wants of the stream. authd
 * runs the mechanism as for RFC 6120 (sasl.c). Behind its success, c2sd goes on with the parts that
 * were asked for, one after the other: an old session is resumed (XEP-0198), or a resource is bound
 * (XEP-0386). The client gets success when all are decided, and features at once behind it, but
 * none behind a session that was resumed: a client would take them for a stream that begins. A part
 * that fails leaves the client authenticated. */

/* A neighbour that does not answer in so long has failed. */
#define INLINE_US 5000000u

struct sasl2 {
  struct bind2_wish bind;
  bool resumes; /* the session that resume_read has noted is wanted */
  char *agent;  /* the hash of the user-agent's id; NULL: none */
  char *name;   /* of the client at the account; NULL: none */
  char *data;   /* of the mechanism, for the client; NULL: none */
  char *token, *expiry;
  stralloc inside; /* content of success: the parts that are decided */
  struct event_timer timer;
};

/* ---- the feature ---- */

static bool
offers(struct stream const *s)
{
  return s->host && (s->c.secure || s->listener->plain_sasl2);
}

static bool
cat_list(stralloc *out, char const *list, char const *before, char const *behind)
{
  struct slice rest = slice_str(list), word;
  bool ok = true;

  while (ok && slice_word(&rest, ' ', &word))
    ok = xml_cat(out, before) && xml_cat_text(out, word) && xml_cat(out, behind);
  return ok;
}

static bool
cat_inline(stralloc *out, struct stream const *s)
{
  bool resumes = s->host->sm && s->host->resume_us;

  return xml_cat(out, "<inline>") &&
         (!resumes || xml_cat(out, "<sm xmlns='" SM_NS3 "'/>")) &&
         bind2_features(s, out) && asks_fast_features(s, out) &&
         xml_cat(out, "</inline>");
}

bool
sasl2_features(struct stream const *s, stralloc *out)
{
  bool any;

  if (!offers(s)) return true;
  return sasl_cat_mechanisms(s, out, "<authentication xmlns='" NS_SASL2 "'>", &any) &&
         (!any || (cat_inline(out, s) &&
                   cat_list(out, s->c.secure ? s->host->upgrades : NULL,
                            "<upgrade xmlns='" NS_UPGRADE "'>", "</upgrade>") &&
                   xml_cat(out, "</authentication>")));
}

bool
sasl2_may_come_from(struct stream const *s)
{
  return !offers(s) || s->authed;
}

void
sasl2_comes_from(struct stream *s, struct slice bare)
{
  free(s->negotiation->login.from);
  s->negotiation->login.from = bare.len && !s->authed ? slice_dup(bare) : NULL;
}

/* ---- the login ---- */

/* XEP-0388 s3.2: an empty element is an empty response. In RFC 6120 = is: here it is no base64. */
static char const *
take_initial(struct arena *a, struct xml_node const *e, struct slice *initial)
{
  *initial = SLICE("");
  if (!e) return NULL;
  *initial = xml_text(a, e);
  if (!initial->s) return "temporary-auth-failure";
  if (slice_is(*initial, "=")) return "incorrect-encoding";
  if (!initial->len) *initial = SLICE("=");
  return NULL;
}

/* A wish that cannot be read has failed, and the login goes on. */
static char const *
take_parts(struct stream *s, struct asks const *k)
{
  char const *condition = k->resume ? resume_read(s, k->resume) : NULL;

  s->negotiation->sasl2->resumes = k->resume && !condition;
  if (condition) sasl2_not_resumed(s, condition, SLICE(""));
  if (k->bind && !bind2_read(s, k->bind)) return "temporary-auth-failure";
  return NULL;
}

static char const *
fault_of(struct stream *s, struct asks *k, struct xml_node const *e, char const **why)
{
  struct slice mech = xml_attr(e, "mechanism");
  bool offered = sasl_offers(s, mech) || asks_offers_fast(s, mech);
  char const *fault;

  *why = "no-tls";
  if (!offers(s)) return "encryption-required";
  fault = sasl_fault(s, mech, offered, why);
  if (fault) return fault;
  *why = "malformed";
  if (!asks_read(k, e)) return "malformed-request";
  *why = "out-of-memory";
  return take_parts(s, k);
}

static void
ask(struct stream *s, struct asks const *k, struct slice mech, struct slice initial)
{
  struct link *authd = link_find(AUTHD);
  char agent[AGENT_SIZE];
  bool known = asks_agent(k, agent);

  if (known) s->negotiation->sasl2->agent = slice_dup(slice_str(agent));
  sasl_ask(authd, s, mech, initial);
  asks_put(authd, s, k, slice_str(known ? agent : NULL));
  link_end(authd);
}

enum state
sasl2_authenticate(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  struct arena a = ARENA_ZERO;
  struct slice initial;
  struct asks k;
  char const *why, *fault;

  (void)bytes;
  login_begins(s, xml_attr(e, "mechanism"));
  s->negotiation->sasl2 = calloc(1, sizeof *s->negotiation->sasl2);
  if (!s->negotiation->sasl2) {
    conduit_error(&s->c, "resource-constraint", NULL);
    return s->state;
  }
  fault = fault_of(s, &k, e, &why);
  if (!fault) {
    fault = take_initial(&a, k.initial, &initial);
    why = "malformed";
  }
  if (!fault) ask(s, &k, xml_attr(e, "mechanism"), initial);
  arena_wipe(&a);
  return fault ? sasl_fail(s, fault, why) : ST_ASKED;
}

/* ---- behind the proof ---- */

struct bind2_wish *
sasl2_bind_wish(struct stream *s)
{
  return &s->negotiation->sasl2->bind;
}

struct slice
sasl2_client_name(struct stream const *s)
{
  return slice_str(s->negotiation->sasl2->name);
}

void
sasl2_add(struct stream *s, struct slice markup)
{
  if (!stralloc_catb(&s->negotiation->sasl2->inside, markup.s, markup.len))
    conduit_error(&s->c, "resource-constraint", NULL);
}

/* Begin the next part that is left; finish when all are decided. */
static void
go_on(struct stream *s)
{
  struct sasl2 *x = s->negotiation->sasl2;
  char const *condition;

  s->state = ST_AUTHED;
  if (x->resumes) {
    x->resumes = false;
    condition = resume_begin(s);
    if (!condition) {
      sasl2_wait(s, INLINE_US);
      return;
    }
    sasl2_not_resumed(s, condition, SLICE(""));
  }
  if (!x->bind.any) {
    sasl2_finish(s);
    return;
  }
  x->bind.any = false;
  condition = bind2_begin(s);
  if (condition)
    bind2_refused(s, condition);
  else
    sasl2_wait(s, INLINE_US);
}

/* false: ENOMEM. */
static bool
take(char **at, struct slice text)
{
  *at = text.len ? slice_dup(text) : NULL;
  return *at || !text.len;
}

void
sasl2_proven(struct stream *s, struct record *r)
{
  struct sasl2 *x = s->negotiation->sasl2;

  s->session.client = x->agent;
  x->agent = NULL;
  if (take(&x->data, record_get(r, 2)) && take(&x->token, record_get(r, 4)) &&
      take(&x->expiry, record_get(r, 5)) && take(&x->name, record_get(r, 6)))
    go_on(s);
  else
    conduit_error(&s->c, "resource-constraint", NULL);
}

void
sasl2_not_resumed(struct stream *s, char const *condition, struct slice h)
{
  stralloc sa = STRALLOC_ZERO;

  if (sm_cat_failed(&sa, false, condition, h)) sasl2_add(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  if (s->authed && s->state == ST_RESUMING) go_on(s);
}

/* ---- the time of the neighbours ---- */

/* Answers that come late are for a stream that is not there: s has another sid from now on. */
static bool
forget_question(struct stream *s)
{
  bool ok;

  if (s->state == ST_RESUMING) resume_unpart(s);
  bind_forget(s);
  ok = stream_renew(s);
  if (!ok) conduit_error(&s->c, "resource-constraint", NULL);
  return ok;
}

static void
late(void *cookie)
{
  struct stream *s = cookie;

  if (s->state == ST_METADATA)
    bind2_without_metadata(s);
  else if (s->state == ST_BINDING && forget_question(s))
    bind2_refused(s, "remote-server-timeout");
  else if (s->state == ST_RESUMING && !stream_is_whole(s) && forget_question(s))
    sasl2_not_resumed(s, "remote-server-timeout", SLICE(""));
  conduit_settle(&s->c);
}

void
sasl2_wait(struct stream *s, uint64_t us)
{
  event_timer_start(&s->negotiation->sasl2->timer, door_now() + us, late, s);
}

/* ---- success ---- */

static bool
cat_token(stralloc *out, struct sasl2 const *x)
{
  return xml_cat(out, "<token xmlns='" NS_FAST "'") &&
         xml_cat_attr(out, "expiry", slice_str(x->expiry)) &&
         xml_cat_attr(out, "token", slice_str(x->token)) && xml_cat(out, "/>");
}

/* s3.7.1, s4 of XEP-0386: the full JID, once there is one. */
static bool
cat_success(stralloc *out, struct stream const *s)
{
  struct sasl2 const *x = s->negotiation->sasl2;

  return xml_cat(out, "<success xmlns='" NS_SASL2 "'>") &&
         (!x->data ||
          (xml_cat(out, "<additional-data>") && xml_cat_text(out, slice_str(x->data)) &&
           xml_cat(out, "</additional-data>"))) &&
         xml_cat(out, "<authorization-identifier>") &&
         xml_cat_text(out, slice_str(s->session.jid)) &&
         xml_cat(out, "</authorization-identifier>") &&
         (!x->token || cat_token(out, x)) &&
         stralloc_catb(out, x->inside.s ? x->inside.s : "", x->inside.len) &&
         xml_cat(out, "</success>");
}

static void
say_success(struct stream *s)
{
  stralloc sa = STRALLOC_ZERO;

  if (cat_success(&sa, s))
    conduit_write(&s->c, slice_of(sa.s, sa.len));
  else
    conduit_error(&s->c, "resource-constraint", NULL);
  stralloc_free(&sa);
}

void
sasl2_resumed(struct stream *s, struct slice markup)
{
  sasl2_add(s, markup);
  say_success(s);
  sasl2_end(s);
}

void
sasl2_finish(struct stream *s)
{
  struct bind2_wish bind = s->negotiation->sasl2->bind;
  stralloc sa = STRALLOC_ZERO;

  say_success(s);
  if (features_cat(s, &sa))
    conduit_write(&s->c, slice_of(sa.s, sa.len));
  else
    conduit_error(&s->c, "resource-constraint", NULL);
  stralloc_free(&sa);
  sasl2_end(s);
  if (s->state == ST_BOUND) negotiation_end(s);
  if (s->state == ST_BOUND && !s->c.ending.why) bind2_begun(s, &bind);
  conduit_resume(&s->c);
}

/* ---- the end ---- */

void
sasl2_end(struct stream *s)
{
  struct sasl2 *x = s->negotiation ? s->negotiation->sasl2 : NULL;

  if (!x) return;
  s->negotiation->sasl2 = NULL;
  event_timer_cancel(&x->timer);
  free(x->bind.tag);
  free(x->agent);
  free(x->name);
  free(x->data);
  free(x->token);
  free(x->expiry);
  stralloc_free(&x->inside);
  free(x);
}

/* ---- the state for a trace ---- */

void
sasl2_snapshot(struct snapshot *k, struct stream *s)
{
  bool there = s->negotiation->sasl2 != NULL;
  struct sasl2 *x;

  SNAPSHOT_INT(k, there);
  if (there && snapshot_restores(k))
    s->negotiation->sasl2 = snapshot_new(k, sizeof *s->negotiation->sasl2);
  x = s->negotiation->sasl2;
  if (!x) return;
  bind2_snapshot(k, &x->bind);
  SNAPSHOT_INT(k, x->resumes);
  snapshot_text(k, &x->agent);
  snapshot_text(k, &x->name);
  if (x->data && slice_starts(slice_str(x->data), "dj")) /* v=: the signature of SCRAM */
    snapshot_text(k, &x->data);
  else
    snapshot_secret(k, &x->data);
  snapshot_secret(k, &x->token);
  snapshot_text(k, &x->expiry);
  snapshot_bytes(k, &x->inside);
  snapshot_timer(k, &x->timer, late, s);
}
