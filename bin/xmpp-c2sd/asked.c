#include "asked.h"
#include "inbound.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>

/* Requests that a service answers later than it acknowledges them: queries of the archive
 * (XEP-0313), searches (XEP-0055). routed answers for a service that was restarted; when routed
 * was restarted too, nobody but the c2sd of the session knows that an answer is due. So c2sd
 * asks the service, with the tag asked. A service that has the request goes on with it; one that
 * does not know it answers with an error, which has the tag too. Such an error comes as well for
 * a request whose answer was on its way when routed was killed: c2sd drops that error, for it
 * has forgotten a request that is answered. */

struct asked {
  struct asked *next;
  uint64_t number; /* of the stanza at routed */
  unsigned int ns; /* place in services */
  size_t to_len, id_len;
  char text[]; /* to, id, as in a record */
};

static struct {
  char const *ns;
  bool of_account; /* else of a host */
} const services[] = {
  {"urn:xmpp:mam:2",   true },
  {"jabber:iq:search", false},
};

#define SERVICES_N (sizeof services / sizeof *services)

static struct slice
to_of(struct asked const *a)
{
  return slice_of(a->text, a->to_len);
}

static struct slice
id_of(struct asked const *a)
{
  return slice_of(a->text + a->to_len, a->id_len);
}

/* Find the service that answers in later; SERVICES_N: none does. */
static unsigned int
service_of(struct inbound const *in)
{
  struct xml_node const *c = xml_next(in->st.e, NULL);
  bool of_account = !in->st.to.full.len || slice_eq(in->st.to.full, stream_bare(in->s));
  bool of_host = in->st.to.full.len && !in->st.to.local.len && !in->st.to.resource.len;
  unsigned int i;

  for (i = 0; c && i < SERVICES_N; i++)
    if (slice_is(c->ns, services[i].ns) &&
        (services[i].of_account ? of_account : of_host))
      return i;
  return SERVICES_N;
}

static struct asked *
entry_new(struct slice to, struct slice id)
{
  stralloc sa = STRALLOC_ZERO;
  struct asked *a = NULL;
  size_t to_len = 0;
  bool ok = record_put_more(&sa, to);

  to_len = sa.len;
  if (ok && record_put_more(&sa, id)) a = calloc(1, sizeof *a + sa.len);
  if (a) {
    a->to_len = to_len;
    a->id_len = sa.len - to_len;
    memcpy(a->text, sa.s, sa.len);
  }
  stralloc_free(&sa);
  return a;
}

void
asked_note(struct inbound const *in, struct link const *routed)
{
  struct asked **at = &in->s->session.asked, *a;
  unsigned int i, n = 0;

  if (!slice_is(in->st.type, "set")) return;
  i = service_of(in);
  if (i == SERVICES_N) return;
  for (; *at; at = &(*at)->next)
    if (++n == ASKED_MAX) return;
  a = entry_new(in->st.to.full.len ? in->st.to.full : stream_bare(in->s), in->st.id);
  if (!a) return;
  a->number = routed->stanzas;
  a->ns = i;
  *at = a;
}

bool
asked_takes(struct stream *s, struct record *r)
{
  struct slice from = record_raw(r, 1 + STANZA_FROM), id = record_raw(r, 1 + STANZA_ID);
  struct slice type = record_raw(r, 1 + STANZA_TYPE);
  struct asked **at = &s->session.asked, *a;

  if (!slice_is(type, "result") && !slice_is(type, "error")) return true;
  while ((a = *at) && !(slice_eq(id_of(a), id) && slice_eq(to_of(a), from)))
    at = &a->next;
  if (!a) return !slice_has_word(record_raw(r, 1 + STANZA_TAGS), SLICE("asked"));
  *at = a->next;
  free(a);
  return true;
}

static void
ask(struct link *routed, struct stream const *s, struct asked *a)
{
  char const *ns = services[a->ns].ns;

  link_begin(routed, VERB_STANZA);
  link_raw(routed, to_of(a));
  link_str(routed, s->session.jid);
  link_str(routed, "iq");
  link_str(routed, "set");
  link_raw(routed, id_of(a));
  link_str(routed, "asked ns=");
  link_more(routed, slice_str(ns));
  link_origin(routed);
  link_str(routed, "<iq type='set'><query xmlns='");
  link_more(routed, slice_str(ns));
  link_more(routed, SLICE("'/></iq>"));
  link_end(routed);
  a->number = routed->stanzas;
}

void
asked_again(struct stream *s)
{
  struct link *routed = link_find(ROUTED);
  struct asked *a;

  for (a = s->session.asked; a && routed && stream_is_session(s); a = a->next)
    if (a->number <= edge_taken()) ask(routed, s, a);
}

size_t
asked_bytes(struct asked const *a)
{
  size_t n = 0;

  for (; a; a = a->next)
    n += sizeof *a + a->to_len + a->id_len;
  return n;
}

void
asked_free(struct asked *a)
{
  struct asked *next;

  for (; a; a = next) {
    next = a->next;
    free(a);
  }
}

/* ---- the state for a trace ---- */

static struct asked *
fields(struct snapshot *k, struct asked *a)
{
  stralloc text = STRALLOC_ZERO;
  struct asked head = a ? *a : (struct asked){0};

  if (a) text = (stralloc){.s = a->text, .len = a->to_len + a->id_len};
  SNAPSHOT_INT(k, head.number);
  SNAPSHOT_INT(k, head.ns);
  SNAPSHOT_INT(k, head.to_len);
  SNAPSHOT_INT(k, head.id_len);
  snapshot_bytes(k, &text);
  if (!snapshot_restores(k)) return a;
  if (head.ns < SERVICES_N && head.to_len + head.id_len == text.len)
    a = snapshot_new(k, sizeof *a + text.len);
  else
    snapshot_fail(k, "a request is malformed");
  if (a) {
    *a = head;
    memcpy(a->text, text.s ? text.s : "", text.len);
  }
  stralloc_free(&text);
  return a;
}

void
asked_snapshot(struct snapshot *k, struct stream *s)
{
  struct asked *a = s->session.asked, **at = &s->session.asked;
  unsigned int n = 0;

  for (; a; a = a->next)
    n++;
  SNAPSHOT_INT(k, n);
  for (; n--; at = &(*at)->next) {
    *at = fields(k, *at);
    if (!*at) return;
    if (snapshot_restores(k)) (*at)->next = NULL;
  }
}
