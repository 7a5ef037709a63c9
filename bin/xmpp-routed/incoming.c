#include "archive.h"
#include "asked.h"
#include "deliver.h"
#include "domains.h"
#include "exists.h"
#include "expected.h"
#include "fanout.h"
#include "incoming.h"
#include "held.h"
#include "kept.h"
#include "posts.h"
#include "presence.h"
#include "services.h"
#include "sessions.h"
#include "settings.h"
#include "sources.h"
#include "unacked.h"
#include "unasked.h"
#include "watch.h"
#include "xep0115_caps.h"
#include "xep0191_blocking.h"
#include "xep0280_carbons.h"

/* Stanzas as they arrive from neighbours: has it come before, may it pass, and which of
 * the ways of RFC 6121 s8 does it go: a session's own presence, a stanza that a client did not
 * get, a subscription, an answer to one session, or a stanza for where its to says. */

uint64_t incoming_total;

/* RFC 6120 s10.3: without to it is for the sender's own account; presence is the session's
 * own (RFC 6121 s4). Presence that comes by another c2sd than the session's is of an earlier session
 * of that name, which has been ended meanwhile. */
static void
route_to_nobody(struct link const *l, struct passing *p)
{
  struct session *s;

  if (slice_is(p->st.kind, "presence")) {
    s = session_of(p->st.from);
    if (s && l->program == C2SD && s->link != l) return;
    if (s && (!p->st.type.len || slice_is(p->st.type, "unavailable"))) presence_own(s, p);
    return;
  }
  p->st.to = jid_cut(p->st.from).bare;
  deliver_route(p);
}

/* RFC 6121 s3.1.2: what a client says of subscriptions changes its own roster first. */
static void
outbound_subscription(struct passing const *p)
{
  if (post_find(USERD))
    deliver_to_post(post_find(USERD), p);
  else
    deliver_bounce(p, REFUSED_NO_SERVICE, ERR_SERVICE_UNAVAILABLE, NULL);
}

static bool
has_word(struct passing const *p, struct slice word)
{
  return slice_has_word(p->st.tags, word);
}

/* Say whether p is meant for s: p names its session by number when the service knows the
 * number, for another session may have the name by now. A message that has waited is for
 * a session that takes such messages. */
static bool
is_meant(struct session const *s, struct passing const *p)
{
  struct slice text = stanza_tag(p->st.tags, "session");
  uint64_t number;

  if (text.len && (!slice_u64(text, &number) || number != s->number)) return false;
  return s->takes || !has_word(p, SLICE("offline"));
}

/* mamd waits for the mark of each stanza that it gives to a session by number, and is told here that
 * p has reached no session. */
static void
say_missed(struct post *mamd, struct passing const *p)
{
  static stralloc fields = STRALLOC_ZERO;
  struct slice number = stanza_tag(p->st.tags, "session");

  fields.len = 0;
  if (mamd && number.len && record_put_more(&fields, p->st.to) &&
      record_put(&fields, SLICE("missed")) && record_put(&fields, number) &&
      record_put(&fields, SLICE("0")))
    post_say(mamd, VERB_OFFLINE, slice_of(fields.s, fields.len));
}

/* Deliver p, which userd or mamd addresses to a session of ours, to that session alone,
 * whatever the rules are; without that session nobody gets p, and a message that has
 * waited goes on waiting. false: p is another stanza. */
static bool
to_its_session(struct link const *l, struct passing const *p)
{
  struct jid a;
  struct session *s;

  if (!(l->program & (USERD | MAMD))) return false;
  a = jid_cut(p->st.to);
  if (!a.local.len || !a.resource.len || !routed_host(a.domain)) return false;
  s = session_of(p->st.to);
  if (s && is_meant(s, p))
    deliver_to_session(s, p);
  else if (l->program == MAMD)
    say_missed(post_find(MAMD), p);
  return true;
}

/* The iq p of a service answers a request of one of our sessions, if there is one. */
static void
forget_request(struct passing const *p)
{
  struct session *s = stanza_may_answer(&p->st) ? NULL : session_of(p->st.to);

  if (s && s->asked) asked_answered(s, &p->st);
}

/* Give the number of the session that returns p (0: its c2sd does not say). routed's copy of p goes
 * with p. */
static uint64_t
returned_by(struct link const *l, struct passing *p)
{
  uint64_t of = 0, id = 0;
  struct slice text = stanza_tag(p->st.tags, "late");
  struct user const *u = user_find(jid_cut(p->st.to).bare);
  struct session *s;

  slice_u64(stanza_tag(p->st.tags, "of"), &of);
  if (!text.len) text = stanza_tag(p->st.tags, "id");
  if (!slice_u64(text, &id)) id = 0;
  s = of ? session_numbered(u, of) : NULL;
  if (of && !s) held_returned(jid_cut(p->st.to).bare, of, id);
  if (!s || s->link != l) return of;
  session_leave(s);
  kept_returned(s, id, p);
  return of;
}

/* Say whether session `of`, for which p was meant, is there at another c2sd than l: l handed the
 * session over, and p with it. */
static bool
was_handed(struct link const *l, struct passing const *p, uint64_t of)
{
  struct session *s = of ? session_numbered(user_find(jid_cut(p->st.to).bare), of) : NULL;

  return s && s->link != l;
}

/* Presence for a service that watches sessions says which session sends it: the end of an
 * earlier session of the same name may be told behind it. */
static void
name_session(struct passing *p)
{
  static stralloc tags = STRALLOC_ZERO;
  struct post const *post = slice_is(p->st.kind, "presence") && p->st.to.len
                              ? services_domain(jid_cut(p->st.to).domain)
                              : NULL;
  struct session *s =
    post && post->watches & WATCH_BIT(WATCH_SESSIONS) ? session_of(p->st.from) : NULL;

  if (s && passing_name_session(p, &tags, s->number)) s->named = true;
}

static void
one_of_a_client(struct link const *l, struct passing *p)
{
  uint64_t of;

  if (has_word(p, SLICE("unacked"))) {
    of = returned_by(l, p);
    if (!was_handed(l, p, of)) unacked_route(p, of);
  } else if (has_word(p, SLICE("outbound")))
    outbound_subscription(p);
  else {
    name_session(p);
    exists_deliver(p, true);
  }
}

/* Return true if a block list stops p; its sender is answered as XEP-0191 s3.3 has it, unless
 * p may not be answered. */
static bool
is_blocked(struct passing const *p)
{
  switch (blocking_of(p)) {
  case BLOCKED_NOT: return false;
  case BLOCKED_BY_OWN:
    deliver_bounce(p, REFUSED_BLOCKED_OWN, ERR_BLOCKED,
                   "<blocked xmlns='urn:xmpp:blocking:errors'/>");
    return true;
  case BLOCKED_AWAY:
    deliver_bounce(p, REFUSED_BLOCKED, ERR_SERVICE_UNAVAILABLE, NULL);
    return true;
  case BLOCKED_SILENT:
    stanza_refused(&p->st, DECIDED_DROPPED, REFUSED_BLOCKED);
    return true;
  }
  return false;
}

/* Say whether p, which another server has sent, is not from there or not for here: it is dropped,
 * for no server speaks for us, and we pass nothing from one server to another. An error the other way
 * is xmpp-s2sd's own answer to a stanza that it has refused. */
static bool
is_astray(struct passing const *p)
{
  bool from_us = domains_has(jid_cut(p->st.from).domain);
  bool for_us = domains_has(jid_cut(p->st.to).domain);

  if (from_us != for_us && (for_us || slice_is(p->st.type, "error"))) return false;
  stanza_refused(&p->st, DECIDED_DROPPED, REFUSED_ASTRAY);
  return true;
}

/* Say whether p passes whatever block lists say. userd obeys the lists itself. A message that has waited
 * passed them when it came, and mamd looks at its recipient's again: the sender's own would hold up all that
 * waits behind it. An error in the name of an account, by which xmpp-s2sd refuses what a peer has sent, tells
 * no more than one of our own does (bounce in deliver.c), and a request of the peer is to be answered
 * (XEP-0191 s3.3). */
static bool
skips_lists(struct link const *l, struct passing const *p)
{
  return l->program == USERD || p->silent ||
         (l->program == S2SD && domains_has(jid_cut(p->st.from).domain));
}

void
incoming_record(struct link *l, struct record *r)
{
  struct passing p = {.own = false};
  bool is_fanout;

  if (expected_keeps(l, r)) return;
  stanza_read(r, 0, &p.st);
  if (!source_take(l, &p)) return;
  if (l->program == S2SD && is_astray(&p)) return;
  incoming_total++;
  is_fanout = slice_is(record_get(r, 0), "fanout");
  if (!is_fanout && unasked_has(p.st.origin)) return;
  if (is_fanout) {
    fanout_stanza(&p, l->program != USERD);
    return;
  }
  p.silent = l->program == MAMD && has_word(&p, SLICE("offline"));
  if (!skips_lists(l, &p) && is_blocked(&p)) return;
  if (slice_is(p.st.kind, "presence") && !has_word(&p, SLICE("behind")))
    caps_directed(&p);
  if (l->program & PROGRAMS_ASKED && slice_is(p.st.kind, "iq")) forget_request(&p);
  if (!p.st.to.len)
    route_to_nobody(l, &p);
  else if (l->program == C2SD)
    one_of_a_client(l, &p);
  else if (!to_its_session(l, &p))
    exists_deliver(&p, false);
}
