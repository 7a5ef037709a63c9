#include "routed.h"

#include <stdlib.h>
#include <string.h>

/* The way of a stanza through the router. Nothing here looks into XML: the envelope says all
 * that is asked, and the element goes on as it stands in the record. Only what this program
 * itself says (errors) is made here; then xml is text, to be escaped. */

uint64_t deliver_total;

/* ---- to where it goes ---- */

void
deliver_envelope(struct link *l, struct passing const *p)
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
    deliver_envelope(s->link, p);
  }
}

void
deliver_to_session(struct session const *s, struct passing const *p)
{
  link_begin(s->link, VERB_DELIVER);
  link_num(s->link, s->sid);
  deliver_envelope(s->link, p);
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

/* Insert more before the last place where the text says end. */
static bool
put_behind(stralloc *sa, struct slice end, struct slice more)
{
  size_t i = sa->len;

  while (i-- > 0)
    if (sa->len - i >= end.len && !memcmp(sa->s + i, end.s, end.len))
      return stralloc_insertb(sa, i, more.s, more.len);
  return true;
}

/* Nothing of what is said here is stopped by a block list, or acknowledged to anybody. What
 * has no to is a session's own presence: nobody was to have it who could send it back. */
void
deliver_bounce(struct passing const *p, enum stanza_error e, char const *more)
{
  static stralloc sa = STRALLOC_ZERO;
  struct passing back = {.own = true};

  if (!stanza_may_answer(&p->st) || !p->st.from.len || !p->st.to.len) return;
  sa.len = 0;
  if (!stanza_cat_error(&sa, &p->st, e, SLICE(""))) return;
  if (more && !put_behind(&sa, SLICE("</error>"), slice_str(more))) return;
  back.st = (struct stanza){.to = p->st.from,
                            .from = p->st.to,
                            .kind = p->st.kind,
                            .type = SLICE("error"),
                            .id = p->st.id,
                            .xml = slice_of(sa.s, sa.len)};
  deliver_route(&back);
}

/* ---- by address ---- */

/* A request goes to whoever handles its namespace for this scope. */
static void
to_handler(struct passing const *p, char const *scope)
{
  struct post *post = services_handler(scope, stanza_tag(p->st.tags, "ns"));

  if (post)
    post_put(post, p);
  else
    deliver_bounce(p, ERR_SERVICE_UNAVAILABLE, NULL);
}

/* Messages to host/NAME/... are for who said to handle message NAME. */
static void
message_to_host(struct passing const *p, struct jid const *a)
{
  struct slice rest = a->resource, name = {0};
  struct post *post;

  slice_word(&rest, '/', &name);
  post = services_handler("message", name);
  if (post)
    post_put(post, p);
  else
    deliver_bounce(p, ERR_SERVICE_UNAVAILABLE, NULL);
}

/* RFC 6121 s8.4, s8.5.1: the host itself. Presence to it is nobody's business. */
static void
to_host(struct passing const *p, struct jid const *a)
{
  if (slice_is(p->st.kind, "iq")) {
    if (stanza_may_answer(&p->st)) to_handler(p, "host");
  } else if (slice_is(p->st.kind, "message"))
    message_to_host(p, a);
}

static enum fate
fate_of(struct passing const *p, struct presence_count c)
{
  if (slice_is(p->st.kind, "message")) return rules_message(p->st.type, c);
  if (slice_is(p->st.kind, "presence")) return rules_presence(p->st.type, c);
  return rules_iq(p->st.type, c);
}

static struct session const *matched;

static bool
takes_matched(struct session const *s, int unused)
{
  (void)unused;
  return s == matched;
}

static void
to_those(struct passing const *p, struct user const *u, takes_fn *takes, int top)
{
  struct passing stamped;

  archive_stamp(p, slice_str(u->bare), 0, &stamped);
  to_sessions(u, &stamped, takes, top);
  carbons_received(&stamped, u, takes, top);
}

static void
to_account(struct passing const *p, struct jid const *a)
{
  struct user const *u = user_find(a->bare);
  struct session const *s = a->resource.len ? session_find(u, a->resource) : NULL;
  int top = s ? 0 : top_priority(u);
  struct presence_count c = {
    .full = a->resource.len > 0, .match = s != NULL, .non_neg = top >= 0};

  switch (fate_of(p, c)) {
  case FATE_IGNORE: return;
  case FATE_ERROR:
    if (!archive_wait(p, a)) deliver_bounce(p, ERR_SERVICE_UNAVAILABLE, NULL);
    return;
  case FATE_THIS:
    matched = s;
    if (s) to_those(p, u, takes_matched, 0);
    return;
  case FATE_TOP: to_those(p, u, takes_top, top); return;
  case FATE_NON_NEG: to_those(p, u, takes_non_neg, 0); return;
  case FATE_AVAILABLE: to_sessions(u, p, takes_available, 0); return;
  case FATE_ACCOUNT:
    if (slice_is(p->st.kind, "iq"))
      to_handler(p, "account");
    else if (post_find(USERD))
      post_put(post_find(USERD), p);
    return;
  }
}

void
deliver_route(struct passing const *p)
{
  struct jid a = jid_cut(p->st.to);
  struct post *post = services_domain(a.domain);

  if (post) {
    post_put(post, p);
  } else if (!routed_host(a.domain)) {
    post = post_find(S2SD);
    if (post)
      post_put(post, p);
    else
      deliver_bounce(p, ERR_REMOTE_NOT_FOUND, NULL);
  } else if (a.local.len)
    to_account(p, &a);
  else
    to_host(p, &a);
}

/* RFC 6120 s10.3: without to it is for the sender's own account; presence is the session's
 * own (RFC 6121 s4). */
static void
route_to_nobody(struct passing *p)
{
  struct session *s;

  if (slice_is(p->st.kind, "presence")) {
    s = session_of(p->st.from);
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
    post_put(post_find(USERD), p);
  else
    deliver_bounce(p, ERR_SERVICE_UNAVAILABLE, NULL);
}

static bool
has_word(struct passing const *p, struct slice word)
{
  return slice_has_word(p->st.tags, word);
}

/* What waited may have been given to one of the same name that is over; then it still waits,
 * and s gets it in its turn. */
static bool
drains(struct session const *s, struct passing const *p)
{
  struct slice text = stanza_tag(p->st.tags, "session");
  uint64_t sid;

  return s->drained && (!text.len || (slice_u64(text, &sid) && sid == s->sid));
}

/* What userd and mamd say to a session they have chosen themselves, whatever the rules are.
 * What waits for mamd's goes on waiting should the session be gone. */
static bool
chosen(struct link const *l, struct passing const *p)
{
  bool waited = has_word(p, SLICE("offline"));
  struct session const *s;

  if (!(l->program & (USERD | MAMD))) return false;
  s = session_of(p->st.to);
  if (s && waited && !drains(s, p)) s = NULL;
  if (s) deliver_to_session(s, p);
  return s || waited;
}

/* A message that may be kept. */
static void
route_and_keep(struct passing *p, bool of_a_client)
{
  struct passing stamped;

  archive_begin(p);
  if (of_a_client && (has_word(p, SLICE("cc")) || slice_is(p->st.type, "error"))) {
    archive_stamp(p, jid_cut(p->st.from).bare, 1, &stamped);
    carbons_sent(&stamped);
  }
  deliver_route(p);
  archive_end(p);
}

static void
one_of_a_client(struct passing *p)
{
  if (has_word(p, SLICE("unacked")))
    unacked_route(p);
  else if (has_word(p, SLICE("outbound")))
    outbound_subscription(p);
  else
    route_and_keep(p, true);
}

void
deliver_record(struct link *l, struct record *r)
{
  struct passing p = {.own = false};

  if (expected_keeps(l, r)) return;
  stanza_read(r, 0, &p.st);
  if (!source_take(l, p.st.origin, &p)) return;
  deliver_total++;
  if (l->program != USERD && blocking_stops(&p)) return;
  if (!p.st.to.len)
    route_to_nobody(&p);
  else if (l->program == C2SD)
    one_of_a_client(&p);
  else if (!chosen(l, &p))
    route_and_keep(&p, false);
}
