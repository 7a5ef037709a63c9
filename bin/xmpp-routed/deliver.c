#include "routed.h"

#include <stdlib.h>
#include <string.h>

/* The way of a stanza through the router. Nothing here looks into XML: the envelope says all
 * that is asked, and the element goes on as it stands in the record. Only what this program
 * itself says (errors) is made here; then xml is text, to be escaped. */

/* How far each edge or service has been taken over, by its ORIGIN numbers: what it sends
 * again after a reconnect is known by them. Kept over the life of its link. */
struct source {
  struct source *next;
  struct link *link; /* NULL: not connected now */
  char name[LINK_NAME_MAX + 1];
  uint64_t epoch, last;
  bool owes_ack;
};

struct passing {
  struct stanza st;
  bool own; /* xml is text of ours, not a raw field */
};

static struct source *sources;
uint64_t deliver_total;

static void route(struct passing const *p);

/* ---- who sent it ---- */

static struct source *
source_of(struct link *l)
{
  struct source *s;

  for (s = sources; s; s = s->next)
    if (!strcmp(s->name, l->name)) break;
  if (!s) {
    s = calloc(1, sizeof *s);
    if (!s) return NULL;
    strcpy(s->name, l->name);
    s->next = sources;
    sources = s;
  }
  if (s->epoch != l->epoch) {
    s->epoch = l->epoch;
    s->last = 0;
  }
  s->link = l;
  return s;
}

/* Whether the stanza is new. Its number is behind the colon of ORIGIN. */
static bool
take_number(struct link *l, struct slice origin)
{
  struct source *s = source_of(l);
  struct slice name;
  uint64_t n;

  if (!s || !slice_word(&origin, ':', &name) || !slice_u64(origin, &n)) return true;
  s->owes_ack = true;
  if (n <= s->last) return false;
  s->last = n;
  return true;
}

void
deliver_turn(void)
{
  struct source *s;

  for (s = sources; s; s = s->next) {
    if (!s->owes_ack) continue;
    s->owes_ack = false;
    if (s->link && s->link->up) link_ack(s->link, s->last);
  }
}

void
deliver_gone(struct link const *l)
{
  struct source *s;

  for (s = sources; s; s = s->next)
    if (s->link == l) s->link = NULL;
}

/* ---- to where it goes ---- */

static void
put_envelope(struct link *l, struct passing const *p)
{
  link_text(l, p->st.to);
  link_text(l, p->st.from);
  link_text(l, p->st.kind);
  link_text(l, p->st.type);
  link_text(l, p->st.id);
  link_text(l, p->st.tags);
  link_text(l, p->st.origin);
  if (p->own)
    link_text(l, p->st.xml);
  else
    link_raw(l, p->st.xml);
  link_end(l);
}

static void
to_service(struct link *l, struct passing const *p)
{
  link_begin(l, VERB_STANZA);
  put_envelope(l, p);
}

typedef bool takes_fn(struct session const *s, int top);

/* One line to each c2sd that has sessions which take it, naming them all. */
static void
to_sessions(struct user const *u, struct passing const *p, takes_fn *takes, int top)
{
  struct session const *s, *t;
  char buf[BASE_NUM];

  for (s = u ? u->sessions : NULL; s; s = s->next) {
    if (!takes(s, top)) continue;
    for (t = u->sessions; t != s; t = t->next)
      if (t->link == s->link && takes(t, top)) break;
    if (t != s) continue; /* its line has left already */
    link_begin(s->link, VERB_DELIVER);
    link_field(s->link);
    for (t = s; t; t = t->next) {
      if (t->link != s->link || !takes(t, top)) continue;
      if (t != s) link_more(s->link, SLICE(" "));
      link_more(s->link, num_u64(buf, t->sid));
    }
    put_envelope(s->link, p);
  }
}

static void
to_session(struct session const *s, struct passing const *p)
{
  link_begin(s->link, VERB_DELIVER);
  link_num(s->link, s->sid);
  put_envelope(s->link, p);
}

static bool
takes_top(struct session const *s, int top)
{
  return s->available && s->priority == top;
}

static bool
takes_non_neg(struct session const *s, int unused)
{
  (void)unused;
  return s->available && s->priority >= 0;
}

static bool
takes_available(struct session const *s, int unused)
{
  (void)unused;
  return s->available;
}

/* The highest priority among available sessions; under -128 when there are none. */
static int
top_priority(struct user const *u)
{
  struct session const *s;
  int top = -129;

  for (s = u ? u->sessions : NULL; s; s = s->next)
    if (s->available && s->priority > top) top = s->priority;
  return top;
}

/* ---- errors ---- */

static void
bounce(struct passing const *p, enum stanza_error e)
{
  static stralloc sa = STRALLOC_ZERO;
  struct passing back = {.own = true};

  if (!stanza_may_answer(&p->st) || !p->st.from.len) return;
  sa.len = 0;
  if (!stanza_cat_error(&sa, &p->st, e, SLICE(""))) return;
  back.st = (struct stanza){.to = p->st.from,
                            .from = p->st.to,
                            .kind = p->st.kind,
                            .type = SLICE("error"),
                            .id = p->st.id,
                            .xml = slice_of(sa.s, sa.len)};
  route(&back);
}

/* ---- by address ---- */

struct address {
  struct slice local, domain, resource, bare;
};

/* Cut a prepared JID: no check, no copy. */
static struct address
cut(struct slice jid)
{
  struct address a = {.domain = jid, .bare = jid};
  char const *slash = jid.len ? memchr(jid.s, '/', jid.len) : NULL, *at;

  if (slash) {
    a.bare = a.domain = slice_of(jid.s, (size_t)(slash - jid.s));
    a.resource = slice_of(slash + 1, jid.len - a.bare.len - 1);
  }
  at = a.bare.len ? memchr(a.bare.s, '@', a.bare.len) : NULL;
  if (at) {
    a.local = slice_of(a.bare.s, (size_t)(at - a.bare.s));
    a.domain = slice_of(at + 1, a.bare.len - a.local.len - 1);
  }
  return a;
}

/* A request goes to whoever handles its namespace for this scope. */
static void
to_handler(struct passing const *p, char const *scope)
{
  struct link *l = services_handler(scope, stanza_tag(p->st.tags, "ns"));

  if (l)
    to_service(l, p);
  else
    bounce(p, ERR_SERVICE_UNAVAILABLE);
}

/* RFC 6121 s8.4, s8.5.1: the host itself. Presence to it is nobody's business. */
static void
to_host(struct passing const *p)
{
  if (slice_is(p->st.kind, "iq")) {
    if (stanza_may_answer(&p->st)) to_handler(p, "host");
  } else if (slice_is(p->st.kind, "message"))
    bounce(p, ERR_SERVICE_UNAVAILABLE);
}

static enum fate
fate_of(struct passing const *p, struct presence_count c)
{
  if (slice_is(p->st.kind, "message")) return rules_message(p->st.type, c);
  if (slice_is(p->st.kind, "presence")) return rules_presence(p->st.type, c);
  return rules_iq(p->st.type, c);
}

static void
to_account(struct passing const *p, struct address const *a)
{
  struct user const *u = user_find(a->bare);
  struct session const *s = a->resource.len ? session_find(u, a->resource) : NULL;
  int top = s ? 0 : top_priority(u);
  struct presence_count c = {
    .full = a->resource.len > 0, .match = s != NULL, .non_neg = top >= 0};

  switch (fate_of(p, c)) {
  case FATE_IGNORE: return;
  case FATE_ERROR: bounce(p, ERR_SERVICE_UNAVAILABLE); return;
  case FATE_THIS:
    if (s) to_session(s, p);
    return;
  case FATE_TOP: to_sessions(u, p, takes_top, top); return;
  case FATE_NON_NEG: to_sessions(u, p, takes_non_neg, 0); return;
  case FATE_AVAILABLE: to_sessions(u, p, takes_available, 0); return;
  case FATE_ACCOUNT:
    if (slice_is(p->st.kind, "iq"))
      to_handler(p, "account");
    else if (link_find(USERD))
      to_service(link_find(USERD), p);
    return;
  }
}

static void
route(struct passing const *p)
{
  struct address a = cut(p->st.to);
  struct link *l = services_domain(a.domain);

  if (l) {
    to_service(l, p);
  } else if (!routed_host(a.domain)) {
    l = link_find(S2SD);
    if (l)
      to_service(l, p);
    else
      bounce(p, ERR_REMOTE_NOT_FOUND);
  } else if (a.local.len)
    to_account(p, &a);
  else
    to_host(p);
}

/* RFC 6120 s10.3: without to it is for the sender's own account; presence is the session's
 * own (RFC 6121 s4). */
static void
route_to_nobody(struct passing *p)
{
  struct session *s;

  if (slice_is(p->st.kind, "presence")) {
    s = session_of(p->st.from);
    if (s) session_presence(s, &p->st);
    return;
  }
  p->st.to = cut(p->st.from).bare;
  route(p);
}

void
deliver_record(struct link *l, struct record *r)
{
  struct passing p = {.own = false};

  stanza_read(r, 0, &p.st);
  if (!take_number(l, p.st.origin)) return;
  deliver_total++;
  if (p.st.to.len)
    route(&p);
  else
    route_to_nobody(&p);
}
