#include "archive.h"
#include "asked.h"
#include "behind.h"
#include "deliver.h"
#include "held.h"
#include "kept.h"
#include "number.h"
#include "pairs.h"
#include "posts.h"
#include "rules.h"
#include "services.h"
#include "sessions.h"
#include "settings.h"
#include "sources.h"
#include "xep0280_carbons.h"
#include "xep0357_push.h"

#include <stdlib.h>
#include <string.h>

/* The way of a stanza through the router. Nothing here looks into XML: the envelope says all
 * that is asked, and the element goes on as it stands in the record. Only what this program
 * itself says (errors) is made here; then xml is text, to be escaped. */

/* ---- to where it goes ---- */

/* Put a record on the link of each c2sd that has receivers among the sessions of u,
 * naming them all. fields: the fields of p as passing_cat has them, or empty. */
static void
to_sessions(struct user const *u, struct passing const *p, struct receivers const *to,
            struct slice fields)
{
  struct session const *s, *t;
  char buf[BASE_NUM];

  for (s = u ? u->sessions : NULL; s; s = s->next) {
    if (!rules_receives(to, s)) continue;
    for (t = u->sessions; t != s; t = t->next)
      if (t->link == s->link && rules_receives(to, t)) break;
    if (t != s) continue; /* the line of this stanza has left already */
    source_crosses(p->source, p->number, s->link);
    link_begin(s->link, VERB_DELIVER);
    link_field(s->link);
    for (t = s; t; t = t->next) {
      if (t->link != s->link || !rules_receives(to, t)) continue;
      if (t != s) link_more(s->link, SLICE(" "));
      link_more(s->link, num_u64(buf, t->sid));
    }
    if (!fields.len) {
      passing_put(s->link, p);
      continue;
    }
    link_raw(s->link, fields);
    link_end(s->link);
  }
}

void
deliver_to_session(struct session const *s, struct passing const *p)
{
  source_crosses(p->source, p->number, s->link);
  link_begin(s->link, VERB_DELIVER);
  link_num(s->link, s->sid);
  passing_put(s->link, p);
  push_queued(s, p);
}

/* Give the session of u that has the name of p's sender, of whose end p tells: an earlier session
 * of that name. NULL: there is none. */
static struct session const *
successor(struct user const *u, struct passing const *p)
{
  struct jid from = jid_cut(p->st.from);

  if (!u || !slice_is(p->st.type, "unavailable") || !slice_is(from.bare, u->bare))
    return NULL;
  return session_find(u, from.resource);
}

void
deliver_to_available(struct user const *u, struct passing const *p)
{
  struct receivers to = {.who = RECEIVE_AVAILABLE, .but = successor(u, p)};

  to_sessions(u, p, &to, SLICE(""));
  push_queued_all(u, p);
}

/* The highest priority among available sessions; NO_PRIORITY when there are none. */
#define NO_PRIORITY (-129)

static int
top_priority(struct user const *u)
{
  struct session const *s;
  int top = NO_PRIORITY;

  for (s = u ? u->sessions : NULL; s; s = s->next)
    if (s->available && s->priority > top) top = s->priority;
  return top;
}

/* ---- errors ---- */

/* Errors skip block lists and have no ORIGIN, so nobody acknowledges them. A stanza without to
 * is a session's own presence: it has no addressee whose absence an error could tell. */
static void
bounce(struct passing const *p, enum decision d, enum refusal rule, enum stanza_error e,
       char const *more)
{
  static stralloc sa = STRALLOC_ZERO;
  struct passing back = {.own = true};

  if (p->silent || !stanza_may_answer(&p->st) || !p->st.from.len || !p->st.to.len) return;
  sa.len = 0;
  if (!stanza_cat_error_more(&sa, &p->st, e, SLICE(""), slice_str(more))) return;
  stanza_refused(&p->st, d, rule);
  back.st = (struct stanza){.to = p->st.from,
                            .from = p->st.to,
                            .kind = p->st.kind,
                            .type = SLICE("error"),
                            .id = p->st.id,
                            .xml = slice_of(sa.s, sa.len)};
  deliver_route(&back);
}

void
deliver_bounce(struct passing const *p, enum refusal rule, enum stanza_error e,
               char const *more)
{
  bounce(p, DECIDED_BOUNCED, rule, e, more);
}

void
deliver_back(struct passing const *p, enum refusal rule, enum stanza_error e)
{
  bounce(p, DECIDED_RETURNED, rule, e, NULL);
}

/* ---- by address ---- */

bool
deliver_to_post(struct post *post, struct passing const *p)
{
  if (post_put(post, p)) return true;
  deliver_bounce(p, REFUSED_SERVICE_BEHIND, ERR_RESOURCE_CONSTRAINT, NULL);
  return false;
}

/* Put the request p into the post of mamd, with the number of the session that asked: the
 * marks of that session pace the answer. */
static void
ask_mamd(struct post *post, struct passing const *p)
{
  static stralloc tags = STRALLOC_ZERO;
  struct session *s = session_of(p->st.from);
  struct passing asked = *p;

  if (s && passing_name_session(&asked, &tags, s->number)) s->named = true;
  if (deliver_to_post(post, &asked) && s) asked_add(s, p, post);
}

static void
to_service(struct post *post, struct passing const *p, bool to_domain)
{
  struct session *s = asked_later(post, p, to_domain) ? session_of(p->st.from) : NULL;

  if (deliver_to_post(post, p) && s) asked_add(s, p, post);
}

/* A request goes to whoever handles its namespace for this scope. */
static void
to_handler(struct passing const *p, char const *scope)
{
  struct slice host = jid_cut(p->st.to.len ? p->st.to : p->st.from).domain;
  struct post *post = services_handler(scope, stanza_tag(p->st.tags, "ns"), host);

  if (!post)
    deliver_bounce(p, REFUSED_NO_SERVICE, ERR_SERVICE_UNAVAILABLE, NULL);
  else if (post->program == MAMD)
    ask_mamd(post, p);
  else
    to_service(post, p, false);
}

/* A host gives nobody its presence: answer a request for a subscription with no, so that the
 * sender's roster does not wait for ever (RFC 6121 s3.1.3). */
static void
refuse_subscription(struct passing const *p, struct jid const *host)
{
  static stralloc sa = STRALLOC_ZERO;
  struct slice to = jid_cut(p->st.from).bare;
  struct passing back = {.own = true};

  sa.len = 0;
  if (!xml_cat(&sa, "<presence") || !xml_cat_attr(&sa, "from", host->domain) ||
      !xml_cat_attr(&sa, "to", to) || !xml_cat(&sa, " type='unsubscribed'/>"))
    return;
  back.st = (struct stanza){.to = to,
                            .from = host->domain,
                            .kind = SLICE("presence"),
                            .type = SLICE("unsubscribed"),
                            .xml = slice_of(sa.s, sa.len)};
  deliver_route(&back);
}

/* RFC 6121 s5.2.2: the sender of a headline expects no reply. A host ignores one as an account without
 * sessions does (s8.5.2.2.1); HOST/NAME says that no service is there. */
static void
refuse_message(struct passing const *p, struct jid const *host)
{
  if (host->resource.len || !slice_is(p->st.type, "headline"))
    deliver_bounce(p, REFUSED_NO_SERVICE, ERR_SERVICE_UNAVAILABLE, NULL);
}

/* Addresses HOST/NAME/... belong to the service that has said so: answers (iq result, error) to
 * what it asks, presence, messages. Requests to a host go by their namespace whatever the
 * resource is (RFC 6121 s8.4, s8.5.1). */
static void
to_host(struct passing const *p, struct jid const *a)
{
  bool is_iq = slice_is(p->st.kind, "iq");
  struct post *post;

  if (is_iq && stanza_may_answer(&p->st)) {
    to_handler(p, "host");
    return;
  }
  post = is_iq && !a->resource.len ? services_handler("answers", SLICE("host"), a->domain)
                                   : services_resource(a);
  if (post)
    deliver_to_post(post, p);
  else if (slice_is(p->st.kind, "message"))
    refuse_message(p, a);
  else if (slice_is(p->st.kind, "presence") && slice_is(p->st.type, "subscribe"))
    refuse_subscription(p, a);
}

static enum fate
fate_of(struct passing const *p, struct presence_count c)
{
  /* An error that was held is for the account, as its session is over. */
  if (slice_is(p->st.kind, "message"))
    return rules_message(p->held ? SLICE("normal") : p->st.type, c);
  if (slice_is(p->st.kind, "presence")) return rules_presence(p->st.type, c);
  return rules_iq(p->st.type, c);
}

/* ---- sessions that are given a message, and those that keep a copy until they have it
 * ---- */

static bool
shares(struct passing const *p, struct session const *s)
{
  struct slice rest = p->sharers, word;
  uint64_t number;

  while (slice_word(&rest, ',', &word))
    if (slice_u64(word, &number) && number == s->number) return true;
  return false;
}

/* Append the numbers of the sessions of u that are given p, copies included. named: mamd is
 * told them, and is to hear of the end of these sessions. */
static unsigned int
list_given(struct passing const *p, struct user const *u, struct receivers const *to,
           bool named, stralloc *out)
{
  char buf[BASE_NUM];
  struct slice number;
  struct session *s;
  unsigned int n = 0;

  for (s = u->sessions; s; s = s->next) {
    if (!rules_receives(to, s) && !carbons_copies(p, s, to) && !shares(p, s)) continue;
    number = num_u64(buf, s->number);
    if ((n++ && !stralloc_cats(out, ",")) || !stralloc_catb(out, number.s, number.len))
      return 0;
    if (named) s->named = true;
  }
  return n;
}

static bool
is_of_another_delivery(struct slice word)
{
  return slice_is(word, "kept") || slice_is(word, "unacked") || slice_is(word, "again") ||
         slice_is(word, "carbon") || slice_starts(word, "of=") ||
         slice_starts(word, "given=") || slice_starts(word, "late=");
}

static bool
cat_tag(stralloc *sa, char const *name, uint64_t n)
{
  char buf[BASE_NUM];

  return (!sa->len || stralloc_cats(sa, " ")) && stralloc_cats(sa, name) &&
         stralloc_cats(sa, num_u64(buf, n).s);
}

/* Make the tags of this delivery: those of the edge, the id, and the sessions that have a
 * copy. An id that was there before stays where it is. */
static bool
cat_delivery_tags(stralloc *sa, struct passing const *p, bool kept, struct slice given)
{
  struct slice rest = p->st.tags, word;
  bool again = p->late || slice_has_word(rest, SLICE("unacked"));

  sa->len = 0;
  if (!again && !stralloc_catb(sa, rest.s, rest.len)) return false;
  while (again && slice_word(&rest, ' ', &word))
    if (!is_of_another_delivery(word) &&
        (!stralloc_catb(sa, sa->len ? " " : "", sa->len ? 1 : 0) ||
         !stralloc_catb(sa, word.s, word.len)))
      return false;
  return (p->tagged || cat_tag(sa, "id=", p->id)) &&
         (!p->late || cat_tag(sa, "late=", p->late)) &&
         (!kept || stralloc_cats(sa, " kept")) &&
         (!given.len ||
          (stralloc_cats(sa, " given=") && stralloc_catb(sa, given.s, given.len)));
}

/* Keep p for all who are given it. fields is set to those of p. */
static void
keep_for_all(struct passing const *p, struct user const *u, struct receivers const *to,
             struct slice *fields)
{
  static stralloc sa = STRALLOC_ZERO;
  struct session *s;
  bool ok;

  sa.len = 0;
  ok = passing_cat(&sa, p);
  *fields = slice_of(sa.s, ok ? sa.len : 0);
  for (s = u->sessions; s; s = s->next)
    if ((rules_receives(to, s) || carbons_copies(p, s, to)) &&
        !(ok && kept_has_room(s) && kept_add(s, p->late ? p->late : p->id, *fields)))
      kept_say_full(s);
}

/* The message p, which has an id, goes to the receivers. */
static void
give_message(struct passing const *p, struct user const *u, struct receivers const *to)
{
  static stralloc given = STRALLOC_ZERO, tags = STRALLOC_ZERO;
  /* Receivers are sessions, so there is a user. */
  struct jid a = jid_cut(slice_str(u->bare)); /* NOLINT(clang-analyzer-core.*) */
  struct passing one;
  struct slice fields = SLICE("");
  bool kept = routed_keeps && !slice_is(p->st.type, "headline") &&
              (p->late || !archive_is_sure(p, &a));
  unsigned int n = 0;

  given.len = 0;
  if (!kept || u->n > 1) n = list_given(p, u, to, !kept, &given);
  archive_stamp(p, a.bare, 0, &one);
  if (cat_delivery_tags(&tags, p, kept, slice_of(given.s, n > 1 ? given.len : 0)))
    one.st.tags = slice_of(tags.s, tags.len);
  if (kept)
    keep_for_all(&one, u, to, &fields);
  else if (p->outcome && !stralloc_copy(&p->outcome->given, &given))
    p->outcome->given.len = 0;
  to_sessions(u, &one, to, fields);
  carbons_received(&one, u, to);
}

static bool
is_error(struct passing const *p)
{
  return slice_is(p->st.kind, "message") && slice_is(p->st.type, "error");
}

/* A request of one client to another is kept, for the first client is told should the other end
 * without an answer; and so is an error, for the sender of a message that was acknowledged and
 * returned may hear of the message in no other way. */
static bool
is_kept(struct passing const *p)
{
  if (!routed_keeps) return false;
  return is_error(p) ||
         (slice_is(p->st.kind, "iq") && p->source && stanza_may_answer(&p->st));
}

static void
give_kept(struct passing const *p, struct user const *u, struct receivers const *to)
{
  static stralloc tags = STRALLOC_ZERO;
  struct passing one = *p;
  struct slice fields = SLICE("");

  one.tagged = stanza_tag(p->st.tags, "id").len > 0;
  if (!one.tagged) one.id = number_next();
  if (cat_delivery_tags(&tags, &one, true, SLICE(""))) {
    one.st.tags = slice_of(tags.s, tags.len);
    keep_for_all(&one, u, to, &fields);
  }
  to_sessions(u, &one, to, fields);
  if (is_error(p)) carbons_received(&one, u, to);
}

void
deliver_again(struct session *s, struct passing *p)
{
  static stralloc tags = STRALLOC_ZERO, fields = STRALLOC_ZERO;
  struct slice resource = jid_cut(p->st.to).resource;

  p->tagged = true;
  p->late = number_next();
  p->st.origin = SLICE("");
  if (cat_delivery_tags(&tags, p, true, stanza_tag(p->st.tags, "given")))
    p->st.tags = slice_of(tags.s, tags.len);
  fields.len = 0;
  if (passing_cat(&fields, p)) kept_add(s, p->late, slice_of(fields.s, fields.len));
  if (s->leaving) return;
  if (resource.len && !slice_is(resource, s->resource))
    carbons_copy(s, p);
  else
    deliver_to_session(s, p);
}

static void
give(struct passing const *p, struct user const *u, struct receivers to)
{
  stanza_delivered(&p->st, p->id);
  if (p->id)
    give_message(p, u, &to);
  else if (is_kept(p))
    give_kept(p, u, &to);
  else {
    to_sessions(u, p, &to, SLICE(""));
    carbons_received(p, u, &to);
  }
  push_given(p, u, &to);
}

/* A message that is refused is in nobody's archive. */
static void
to_nobody(struct passing const *p)
{
  if (p->outcome) p->outcome->done = true;
  deliver_bounce(p, REFUSED_NO_SESSION, ERR_SERVICE_UNAVAILABLE, NULL);
}

bool
deliver_to_wait(struct passing const *p, struct jid const *to)
{
  switch (archive_wait(p, to)) {
  case WAIT_NOT: return false;
  case WAIT_FULL:
    deliver_bounce(p, REFUSED_STORE_FULL, ERR_RESOURCE_CONSTRAINT, NULL);
    return true;
  case WAIT_IGNORED:
    stanza_refused(&p->st, DECIDED_DROPPED, REFUSED_NOT_KEPT);
    return true;
  case WAIT_BEGUN:
    stanza_waits(&p->st, p->id);
    push_waits(p, to->bare);
    return true;
  }
  return false;
}

/* Presence about a subscription. userd gives back a request that waits for a session to see it. */
static void
to_roster(struct passing const *p, struct jid const *a)
{
  struct post *userd = post_find(USERD);

  if (slice_has_word(p->st.tags, SLICE("unseen")))
    push_waits(p, a->bare);
  else if (userd && deliver_to_post(userd, p))
    behind_subscription(userd, p);
}

/* The session of u that was bound last. */
static struct session const *
newest(struct user const *u)
{
  struct session const *s = u->sessions;

  while (s->next)
    s = s->next;
  return s;
}

/* An error that was held is given to a session that takes no messages, if the account has no
 * others. */
static void
to_account(struct passing const *p, struct jid const *a)
{
  struct user const *u = user_find(a->bare);
  struct session const *s = a->resource.len ? session_find(u, a->resource) : NULL;
  int top = s ? 0 : top_priority(u);
  struct post *post;
  struct presence_count c = {
    .full = a->resource.len > 0, .match = s != NULL, .non_neg = top >= 0};

  if (p->held && is_error(p) && u && u->sessions && !s && !c.non_neg) {
    give(p, u, (struct receivers){.who = RECEIVE_ONE, .one = newest(u)});
    return;
  }
  switch (fate_of(p, c)) {
  case FATE_IGNORE:
    if (is_error(p) && !p->held) held_error(p);
    return;
  case FATE_ERROR: to_nobody(p); return;
  case FATE_OFFLINE:
    if (deliver_to_wait(p, a)) return;
    deliver_bounce(p, REFUSED_NOT_KEPT, ERR_SERVICE_UNAVAILABLE, NULL);
    push_untaken(p, a->bare);
    return;
  case FATE_THIS:
    if (s) give(p, u, (struct receivers){.who = RECEIVE_ONE, .one = s});
    return;
  case FATE_TOP: give(p, u, (struct receivers){.who = RECEIVE_TOP, .top = top}); return;
  case FATE_NON_NEG: give(p, u, (struct receivers){.who = RECEIVE_NON_NEG}); return;
  case FATE_AVAILABLE:
    if (!u || !behind_takes(p)) give(p, u, (struct receivers){.who = RECEIVE_AVAILABLE});
    return;
  case FATE_ASKED:
    post = services_handler("answers", SLICE("account"), a->domain);
    if (post) deliver_to_post(post, p);
    return;
  case FATE_ACCOUNT:
    if (slice_is(p->st.kind, "iq"))
      to_handler(p, "account");
    else
      to_roster(p, a);
    return;
  }
}

/* The sender is of another server. */
static bool
is_abroad(struct passing const *p)
{
  struct slice domain = jid_cut(p->st.from).domain;

  return !routed_host(domain) && !services_domain(domain);
}

void
deliver_route(struct passing const *p)
{
  struct jid a = jid_cut(p->st.to);
  struct post *post = services_domain(a.domain);

  if (post) {
    to_service(post, p, true);
  } else if (!routed_host(a.domain)) {
    pairs_route(p);
  } else if (a.local.len && routed_is_anonymous(a.domain, a.local) && is_abroad(p))
    deliver_bounce(p, REFUSED_NO_ACCOUNT, ERR_SERVICE_UNAVAILABLE, NULL);
  else if (a.local.len)
    to_account(p, &a);
  else
    to_host(p, &a);
}

bool
deliver_begin(struct passing *p)
{
  if (archive_begin(p)) return true;
  deliver_bounce(p, REFUSED_STORE_FULL, ERR_RESOURCE_CONSTRAINT, NULL);
  return false;
}

void
deliver_and_keep(struct passing *p, bool of_a_client)
{
  static struct outcome outcome;
  struct passing stamped;

  outcome.done = false;
  outcome.given.len = 0;
  p->outcome = &outcome;
  if (!deliver_begin(p)) return;
  if (of_a_client && carbons_may_be_sent(jid_cut(p->st.from).bare) &&
      (slice_has_word(p->st.tags, SLICE("cc")) || slice_is(p->st.type, "error"))) {
    archive_stamp(p, jid_cut(p->st.from).bare, 1, &stamped);
    carbons_sent(&stamped);
  }
  deliver_route(p);
  if (!archive_end(p))
    deliver_bounce(p, REFUSED_STORE_FULL, ERR_RESOURCE_CONSTRAINT, NULL);
}
