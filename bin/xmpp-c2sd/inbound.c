#include "asked.h"
#include "deliver.h"
#include "inbound.h"
#include "requests.h"
#include "settings.h"
#include "shown.h"
#include "stream.h"
#include "xep0198_sm.h"
#include "xep0280_carbons.h"
#include "xep0398_picture.h"

#include "stanza/refused.h"

#include <stdlib.h>
#include <string.h>

/* Stanzas of bound streams: whose they are is checked, c2sd answers what is the stream's own
 * matter, and lib/edge passes on the rest. */

/* ---- errors ---- */

void
inbound_error(struct stream *s, struct xml_node const *e, enum stanza_error err,
              char const *text)
{
  stralloc sa = STRALLOC_ZERO;
  struct stanza in = {.to = xml_attr(e, "to"), .kind = e->name, .id = xml_attr(e, "id")};
  struct slice type = xml_attr(e, "type");

  /* s8.3.1: an error is never answered with an error, nor is a result. */
  if (slice_is(type, "error") || (slice_is(e->name, "iq") && slice_is(type, "result")))
    return;
  if (s->state == ST_BOUND) in.from = slice_str(s->session.jid);
  if (stanza_cat_error(&sa, &in, err, slice_str(text)))
    deliver_own(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* ---- checks ---- */

/* s8.1.2.1: a client that gives a from gives its own, bare or full. */
static bool
from_is_own(struct stream const *s, struct slice from)
{
  struct jid j;

  if (!from.s) return true;
  if (!jid_parse(edge_arena(), from, &j)) return false;
  return slice_is(j.full, s->session.jid) || slice_eq(j.full, stream_bare(s));
}

/* Presence to nobody in particular is the session's own (RFC 6121 s4.2, s4.4, s4.5). */
static void
note_presence(struct inbound const *in)
{
  if (in->st.to.full.len || !slice_is(in->st.kind, "presence")) return;
  if (slice_is(in->st.type, "unavailable")) in->s->session.available = false;
  if (in->st.type.len) return;
  in->s->session.available = true;
  in->s->session.priority = (signed char)in->st.priority;
}

/* Answer a stanza that goes no further with an error, and log that. */
static void
refuse(struct inbound *in, enum stanza_error err, char const *text, enum refusal why)
{
  struct stanza st = {.to = xml_attr(in->st.e, "to"),
                      .from = slice_str(in->s->session.jid),
                      .kind = in->st.kind,
                      .type = in->st.type,
                      .id = in->st.id};

  stanza_refused_on(conduit_conn(&in->s->c), &st,
                    stanza_may_answer(&st) ? DECIDED_BOUNCED : DECIDED_DROPPED, why);
  inbound_error(in->s, in->st.e, err, text);
}

/* Check the stanza. A stanza that may not go on has been answered when check gives
 * false. */
static bool
check(struct inbound *in)
{
  enum stanza_error err;
  char const *text;

  if (edge_check(&in->st, &err, &text)) return true;
  refuse(in, err, text, REFUSED_MALFORMED);
  return false;
}

/* RFC 3921 s3, optional since RFC 6121: an old client asks the host to begin a session. */
static bool
is_session_request(struct inbound const *in)
{
  struct slice to = in->st.to.full;

  return slice_is(in->st.kind, "iq") && slice_is(in->st.type, "set") &&
         (!to.len || slice_eq(to, stream_bare(in->s)) ||
          slice_is(to, in->s->host->name)) &&
         xml_child(in->st.e, NS_SESSION, "session");
}

static void
answer_session(struct inbound const *in)
{
  struct stanza st = {.to = in->st.to.full, .kind = in->st.kind, .id = in->st.id};
  stralloc sa = STRALLOC_ZERO;

  if (stanza_cat_result(&sa, &st)) deliver_own(in->s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* A client that asks for its roster or block list is told of their changes (RFC 6121
 * s2.2, XEP-0191 s3.2). */
static void
note_wants(struct inbound const *in)
{
  struct xml_node const *c = xml_next(in->st.e, NULL);

  if (!slice_is(in->st.kind, "iq") || !slice_is(in->st.type, "get") || !c) return;
  if (in->st.to.full.len && !slice_eq(in->st.to.full, stream_bare(in->s))) return;
  if (xml_is(c, NS_ROSTER, "query")) shown_wants(in->s, WANTS_ROSTER, 0);
  if (xml_is(c, NS_BLOCKING, "blocklist")) shown_wants(in->s, WANTS_BLOCKLIST, 0);
}

static bool
is_of_account(struct xml_node const *iq)
{
  struct xml_node const *c = xml_next(iq, NULL);

  return edge_is_one_of(xml_attr(iq, "type"), "get set") && c &&
         slice_is(c->ns, NS_REGISTER);
}

/* RFC 6120 s10.3.1: a message without to is for the sender's own account. */
static void
address(struct inbound *in)
{
  if (slice_is(in->st.kind, "message") && !in->st.to.full.len)
    in->st.to = jid_cut(stream_bare(in->s));
  /* Some clients ask their own session about the account (XEP-0077 s3.2). */
  if (slice_is(in->st.kind, "iq") && slice_is(in->st.to.full, in->s->session.jid) &&
      is_of_account(in->st.e))
    in->st.to = jid_cut(stream_bare(in->s));
}

static void
pass_on(struct inbound *in)
{
  struct link *routed = edge_routed();
  struct edge_stanza *st = &in->st;

  if (!check(in)) return;
  if (is_session_request(in)) {
    answer_session(in);
    return;
  }
  if (in->s->c.is_leaving && slice_is(st->kind, "iq") && slice_is(st->type, "get"))
    return;
  if (carbons_request(in)) return;
  address(in);
  if (edge_is_subscription(st)) st->from = stream_bare(in->s);
  note_presence(in);
  note_wants(in);
  picture_put(in->s, st);
  if (!routed || !edge_put(st, routed)) {
    refuse(in, routed ? ERR_RESOURCE_CONSTRAINT : ERR_INTERNAL, NULL, REFUSED_NOT_TAKEN);
    return;
  }
  if (slice_is(st->kind, "presence")) shown_presence(in);
  if (slice_is(st->kind, "iq") && edge_is_one_of(st->type, "get set")) {
    asked_note(in, routed);
    requests_passed(in->s, routed);
  }
}

static bool
serves(struct slice domain)
{
  return c2sd_host(domain) != NULL;
}

static struct edge_rules const rules = {NS_CLIENT, serves, true};

enum state
inbound_stanza(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  struct inbound in = {.s = s};

  edge_read(&in.st, &rules, e, bytes, s->c.xml.root || s->c.xml.borrows);
  in.st.from = slice_str(s->session.jid);
  in.st.lang = slice_str(s->c.lang);
  in.st.ip = slice_str(s->c.ip);
  in.st.client = slice_str(s->session.client);
  if (!from_is_own(s, xml_attr(e, "from"))) {
    conduit_error(&s->c, "invalid-from", NULL);
    return s->state;
  }
  pass_on(&in);
  edge_done();
  sm_count(s);
  return ST_BOUND;
}
