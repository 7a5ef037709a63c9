#include "deliver.h"
#include "exists.h"
#include "fanout.h"
#include "pairs.h"
#include "posts.h"
#include "services.h"
#include "sessions.h"
#include "settings.h"
#include "sources.h"
#include "xep0191_blocking.h"
#include "xep0357_push.h"

#include <stdlib.h>

/* The same stanza to several addresses. Sessions get no copy but the one that leaves, and those at
 * one c2sd a line together: the stanza stands there once, and c2sd puts each one's to in. All copies
 * would have one ORIGIN, so they have none: an edge takes the second stanza of a number for one that
 * came before. */

/* A message may wait for its account, or be kept until a client has it. An event, which is a
 * headline for a session (XEP-0060 s7.1.2), is not; and no groupchat, which ends with the session:
 * the room has it, and the client asks the room when it has entered again. */
static bool
is_kept(struct passing const *p, struct jid const *to)
{
  return slice_is(p->st.kind, "message") &&
         (!to->resource.len ||
          !(slice_is(p->st.type, "headline") || slice_is(p->st.type, "groupchat")));
}

/* ---- sessions ---- */

/* A session that gets the stanza, and its full JID. */
struct addressee {
  struct session const *session;
  struct slice to;
};

/* The addressees of the stanza at hand. */
static struct {
  struct addressee *v;
  size_t n, size;
} those;

static bool
add(struct session const *s, struct slice to)
{
  size_t size = those.size ? 2 * those.size : 64;
  struct addressee *v;

  if (those.n == those.size) {
    v = realloc(those.v, size * sizeof *v);
    if (!v) return false;
    those.v = v;
    those.size = size;
  }
  those.v[those.n++] = (struct addressee){s, to};
  return true;
}

/* Put a line on l that names those from i on, up to `end`, whose sessions are there. fields are those
 * of p behind its address, as a record has them. */
static void
put_line(struct link *l, struct passing *p, struct slice fields, size_t i, size_t end)
{
  struct slice between = SLICE("");
  char buf[BASE_NUM];
  size_t j;

  source_crosses(p->source, p->number, l);
  link_begin(l, VERB_DELIVER);
  link_field(l);
  for (j = i; j < end; j++) {
    if (those.v[j].session->link != l) continue;
    link_more_raw(l, between);
    link_more_raw(l, num_u64(buf, those.v[j].session->sid));
    between = SLICE(" ");
  }
  link_field(l);
  between = SLICE("");
  for (j = i; j < end; j++) {
    if (those.v[j].session->link != l) continue;
    link_more_raw(l, between);
    link_more(l, those.v[j].to);
    push_queued(those.v[j].session, p);
    between = SLICE("\\n");
  }
  link_more_raw(l, fields);
  link_end(l);
}

static void
to_one(struct addressee const *one, struct passing *p)
{
  p->st.to = one->to;
  deliver_to_session(one->session, p);
}

/* Deliver p to those at l. What the c2sd puts for one line is about LINK_TURN_BYTES at most, for it
 * handles a line at once. */
static void
to_link(struct link *l, struct passing *p, struct slice fields)
{
  struct addressee const *one = NULL;
  size_t i, end, n, bytes;

  for (i = 0; i < those.n; i = end) {
    for (end = i, n = bytes = 0; end < those.n && bytes < LINK_TURN_BYTES; end++) {
      if (those.v[end].session->link != l) continue;
      one = &those.v[end];
      bytes += fields.len + one->to.len;
      n++;
    }
    if (n == 1)
      to_one(one, p);
    else if (n)
      put_line(l, p, fields, i, end);
  }
}

static void
to_those(struct passing *p)
{
  static stralloc fields = STRALLOC_ZERO;
  struct passing unaddressed = *p;
  struct link *l;
  size_t i;

  if (!those.n) return;
  unaddressed.st.to = SLICE("");
  unaddressed.lacks_to = false;
  fields.len = 0;
  if (passing_cat(&fields, &unaddressed))
    for (l = link_next(NULL); l; l = link_next(l)) {
      if (l->program == C2SD) to_link(l, p, slice_of(fields.s, fields.len));
    }
  else
    for (i = 0; i < those.n; i++)
      to_one(&those.v[i], p);
}

/* ---- by address ---- */

/* Addresses of one account that follow each other, for which a message is that is kept: the message's id
 * (0: none of them has been given it yet), and the numbers of the sessions that are there under one of
 * them, with commas. */
struct same {
  struct slice account, sharers;
  uint64_t id;
};

static bool
cat_number(stralloc *numbers, struct session const *s)
{
  char buf[BASE_NUM];

  return (!numbers->len || stralloc_cats(numbers, ",")) &&
         stralloc_cats(numbers, num_u64(buf, s->number).s);
}

/* to is the first of the addresses of the account u, rest are those behind it. What `same` has lives until
 * the next call. */
static void
begin(struct same *same, struct jid to, struct user const *u, struct slice rest)
{
  static stralloc numbers = STRALLOC_ZERO;
  struct session const *s;
  struct slice next;

  *same = (struct same){.account = to.bare};
  numbers.len = 0;
  while (u && slice_eq(to.bare, same->account)) {
    s = to.resource.len ? session_find(u, to.resource) : NULL;
    if ((s && !cat_number(&numbers, s)) || !slice_word(&rest, '\n', &next)) break;
    to = jid_cut(next);
  }
  same->sharers = slice_of(numbers.s, numbers.len);
}

/* Addresses of one account that follow each other name its sessions under one nick of a room: the
 * message is one in its archive, with one id, and the tag given= of each copy names all of them. A session
 * that has gone gets nothing then if another is there; if none is, the message is for the account. s is the
 * session of to, rest the addresses behind. */
static void
keep(struct passing const *p, struct jid const *to, struct user const *u,
     struct session const *s, struct slice rest, struct same *same)
{
  struct passing one = *p;

  if (!to->resource.len)
    *same = (struct same){.id = 0};
  else if (!slice_eq(to->bare, same->account))
    begin(same, *to, u, rest);
  if (to->resource.len && !s && (same->id || same->sharers.len)) return;
  one.id = same->id;
  one.repeats = same->id != 0;
  one.sharers = same->sharers;
  if (!passing_address(&one)) return;
  exists_deliver(&one, false);
  if (to->resource.len) same->id = one.id;
}

/* A request leaves alone, for c2sd looks at each. */
static void
to_account(struct passing const *p, struct jid const *to, struct slice rest,
           struct same *same)
{
  struct user const *u = user_find(to->bare);
  struct session const *s = to->resource.len ? session_find(u, to->resource) : NULL;

  if (is_kept(p, to)) {
    keep(p, to, u, s, rest, same);
  } else if (s) {
    if (slice_is(p->st.kind, "iq") || !add(s, p->st.to)) deliver_to_session(s, p);
  } else if (!to->resource.len)
    deliver_to_available(u, p);
}

void
fanout_stanza(struct passing *p, bool checked)
{
  struct slice tos = p->st.to, domain = SLICE("");
  struct post *post, *serves = NULL;
  struct same same = {.id = 0};
  bool hosted = false;
  struct jid to;

  p->st.origin = SLICE("");
  p->lacks_to = true;
  those.n = 0;
  while (slice_word(&tos, '\n', &p->st.to)) {
    if (!p->st.to.len || (checked && blocking_of(p) != BLOCKED_NOT)) continue;
    to = jid_cut(p->st.to);
    if (!slice_eq(to.domain, domain)) {
      domain = to.domain;
      serves = services_domain(domain);
      hosted = routed_host(domain) != NULL;
    }
    post = serves;
    if (!post && !hosted)
      pairs_route(p);
    else if (!post && !to.local.len)
      post = services_resource(&to);
    else if (!post)
      to_account(p, &to, tos, &same);
    if (post) deliver_to_post(post, p);
  }
  to_those(p);
}
