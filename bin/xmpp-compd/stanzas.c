#include "compd.h"

#include <string.h>

/* Stanzas both ways. A component says from whom each is, within its domain; routed has them
 * numbered, and acknowledges them. What comes for a component goes out as it stands. */

static bool
serves(struct slice domain)
{
  return settings_domain(compd->hosts, domain) != NULL;
}

static struct edge_rules const rules = {NS_COMPONENT, serves, false};

static bool
is_stanza(struct xml_node const *e)
{
  return slice_is(e->ns, NS_COMPONENT) &&
         (slice_is(e->name, "message") || slice_is(e->name, "presence") ||
          slice_is(e->name, "iq"));
}

static void
answer_error(struct component *m, struct edge_stanza const *in, enum stanza_error err,
             char const *text)
{
  struct stanza st = {.kind = in->kind,
                      .type = in->type,
                      .id = in->id,
                      .from = in->from,
                      .to = xml_attr(in->e, "to")};
  stralloc sa = STRALLOC_ZERO;

  if (stanza_may_answer(&st) && stanza_cat_error(&sa, &st, err, slice_str(text)))
    conduit_write(&m->c, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* Give the fault of the addresses as a stream error; NULL: none. */
static char const *
check_addresses(struct component const *m, struct edge_stanza *in)
{
  struct jid from;

  if (!jid_parse(edge_arena(), xml_attr(in->e, "from"), &from)) return "invalid-from";
  if (!component_may_send(m, from.domain)) return "invalid-from";
  in->from = from.full;
  return xml_attr(in->e, "to").len ? NULL : "improper-addressing";
}

static void
pass_on(struct component *m, struct edge_stanza *in)
{
  struct link *routed = edge_routed();
  enum stanza_error err;
  char const *text;

  if (!edge_check(in, &err, &text))
    answer_error(m, in, err, text);
  else if (!routed || !edge_put(in, routed))
    answer_error(m, in, routed ? ERR_RESOURCE_CONSTRAINT : ERR_INTERNAL, NULL);
}

void
stanzas_in(struct component *m, struct xml_node const *e, struct slice bytes)
{
  struct edge_stanza in;
  char const *fault;

  if (!is_stanza(e)) {
    conduit_error(&m->c, "unsupported-stanza-type", NULL);
    return;
  }
  edge_read(&in, &rules, e, bytes, m->c.xml.root || m->c.xml.borrows);
  fault = check_addresses(m, &in);
  if (fault)
    conduit_error(&m->c, fault, NULL);
  else
    pass_on(m, &in);
  edge_done();
}

/* No component is there: presence is nobody's business then. */
static void
bounce(struct link *routed, struct record *r)
{
  struct stanza st;
  stralloc sa = STRALLOC_ZERO;

  stanza_read(r, 0, &st);
  if (slice_is(st.kind, "presence") || !stanza_may_answer(&st)) return;
  if (stanza_cat_error(&sa, &st, ERR_SERVICE_UNAVAILABLE,
                       SLICE("the component is not connected")))
    stanza_answer(routed, &st, "error", slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

void
stanzas_out(struct link *l, struct record *r)
{
  struct component *m = component_of(jid_cut(record_get(r, STANZA_TO)).domain);

  if (slice_is(record_raw(r, STANZA_KIND), "message") &&
      !edge_is_new(record_raw(r, STANZA_ORIGIN), false))
    return;
  if (!m) {
    bounce(l, r);
    return;
  }
  conduit_write_raw(&m->c, record_raw(r, STANZA_XML));
  conduit_settle(&m->c);
}
