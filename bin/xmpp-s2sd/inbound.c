#include "inbound.h"
#include "domains.h"
#include "pairs.h"
#include "policy.h"
#include "xep0198_sm.h"

#include "edge/edge.h"

/* Stanzas of peers: from a domain that the stream has proven, to one that is served here (RFC 6120
 * s8.1). routed has them numbered, and acknowledges them. */

static struct edge_rules const rules = {NS_SERVER, domain_is_served, false};

bool
inbound_is(struct xml_node const *e)
{
  return slice_is(e->ns, NS_SERVER) &&
         (slice_is(e->name, "message") || slice_is(e->name, "presence") ||
          slice_is(e->name, "iq"));
}

/* Say whether the certificate of the stream is one of domain. A stream of ours was judged when it began: the
 * key that the DNS names needs no name. */
static bool
is_certified(struct stream *s, struct slice domain)
{
  if (!s->c.secure) return false;
  if (s->out && slice_is(domain, s->remote) && s->trust >= TRUST_PKIX) return true;
  return !stream_judge(s, domain, SLICE(""));
}

/* Each host has options of its own: a domain that dialback has proven towards one of them may not
 * send to another one that asks for a certificate, or for TLS. */
bool
inbound_admits(struct stream *s, struct slice from, struct slice to)
{
  struct host const *h = settings_host_of(to);
  enum situation at = !s->c.secure            ? SITUATION_IN_PLAIN
                      : is_certified(s, from) ? SITUATION_IN_VALID
                                              : SITUATION_IN_INVALID;

  if (!settings_admits(h, from)) return false;
  return policy(h->tls, settings_dialback(h, from), at) & (MAY_EXTERNAL | MAY_DIALBACK);
}

/* Ask about each of our domains once for each domain that the stream has proven. A domain may have become
 * ours since it was proven. */
static char const *
check_pair(struct stream *s, struct slice from, struct slice to)
{
  struct proof const *p = proof_find(s, from, to);
  struct proof *fresh;

  if (domain_is_served(from)) return "invalid-from";
  if (p && p->valid) return NULL;
  if (!proof_valid(s, from)) return "invalid-from";
  if (!domain_is_served(to))
    return domain_may_be_served(to) ? "resource-constraint" : "host-unknown";
  if (!inbound_admits(s, from, to)) return "policy-violation";
  fresh = p ? NULL : proof_add(s, from, to);
  if (fresh) fresh->valid = true;
  return NULL;
}

static char const *
check_addresses(struct stream *s, struct edge_stanza *in)
{
  struct jid from;

  if (!jid_parse(edge_arena(), xml_attr(in->e, "from"), &from) ||
      !jid_parse(edge_arena(), xml_attr(in->e, "to"), &in->to))
    return "improper-addressing";
  in->from = from.full;
  return check_pair(s, from.domain, in->to.domain);
}

/* The error goes by routed, which keeps it until the peer has it: else a kill of s2sd would lose an answer
 * to a stanza that the peer has seen acknowledged. */
static void
answer_error(struct link *routed, struct edge_stanza const *in, enum stanza_error err,
             char const *text)
{
  struct stanza st = {.kind = in->kind,
                      .type = in->type,
                      .id = in->id,
                      .from = in->from,
                      .to = in->to.full};
  stralloc sa = STRALLOC_ZERO;

  if (!stanza_may_answer(&st)) return;
  if (routed && stanza_cat_error(&sa, &st, err, slice_str(text)))
    stanza_answer(routed, &st, "error", slice_of(sa.s, sa.len));
  else
    pairs_answer(&st, err, text);
  stralloc_free(&sa);
}

static void
pass_on(struct edge_stanza *in)
{
  struct link *routed = edge_routed();
  enum stanza_error err;
  char const *text;

  if (!edge_check(in, &err, &text))
    answer_error(routed, in, err, text);
  else if (!routed || !edge_put(in, routed))
    answer_error(routed, in, routed ? ERR_RESOURCE_CONSTRAINT : ERR_INTERNAL_WAIT, NULL);
}

/* Prefixes that the root declares are the only names that the text borrows: its default namespace
 * is that of the content, or the element says its own. */
void
inbound_stanza(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  struct edge_stanza in;
  char const *fault;

  edge_read(&in, &rules, e, bytes, s->c.xml.borrows);
  in.lang = slice_str(s->c.lang);
  fault = check_addresses(s, &in);
  s->in_n++;
  s->active_us = door_now();
  if (fault)
    conduit_error(&s->c, fault, NULL);
  else
    pass_on(&in);
  edge_done();
  if (!fault) sm_count(s);
}
