#include "deliver.h"
#include "fanout.h"
#include "posts.h"
#include "services.h"
#include "sessions.h"
#include "settings.h"
#include "sources.h"
#include "xep0191_blocking.h"

#include "splice/splice.h"

/* The same stanza to several addresses. Sessions get one line at each c2sd for those of one
 * account, and no copy but the one that leaves. All copies would have one ORIGIN, so they have
 * none: an edge takes the second stanza of a number for one that came before. */

/* The attribute to as text; it lives until the next call. */
static struct slice
to_attribute(struct slice to)
{
  static stralloc sa = STRALLOC_ZERO;

  sa.len = 0;
  return xml_cat_attr(&sa, "to", to) ? slice_of(sa.s, sa.len) : SLICE("");
}

/* Say the envelope of p, and its element as it stands with a to behind its name. */
static void
put(struct link *l, struct passing const *p)
{
  struct splice at;

  link_text(l, p->st.to);
  link_text(l, p->st.from);
  link_text(l, p->st.kind);
  link_text(l, p->st.type);
  link_text(l, p->st.id);
  link_text(l, p->st.tags);
  link_text(l, p->st.origin);
  link_field(l);
  if (!splice_attribute(p->st.xml, &at)) at = (struct splice){.head = p->st.xml};
  splice_put_head(l, &at);
  link_more(l, to_attribute(p->st.to));
  splice_put_tail(l, &at);
  link_end(l);
}

static void
to_sessions(struct passing const *p, struct user const *u)
{
  struct session const *s, *t;
  char buf[BASE_NUM];

  for (s = u->sessions; s; s = s->next) {
    if (!s->available) continue;
    for (t = u->sessions; t != s; t = t->next)
      if (t->link == s->link && t->available) break;
    if (t != s) continue;
    source_crosses(p->source, p->number, s->link);
    link_begin(s->link, VERB_DELIVER);
    link_field(s->link);
    for (t = s; t; t = t->next) {
      if (t->link != s->link || !t->available) continue;
      if (t != s) link_more(s->link, SLICE(" "));
      link_more(s->link, num_u64(buf, t->sid));
    }
    put(s->link, p);
  }
}

static void
to_session(struct passing const *p, struct session const *s)
{
  source_crosses(p->source, p->number, s->link);
  link_begin(s->link, VERB_DELIVER);
  link_num(s->link, s->sid);
  put(s->link, p);
}

/* Make one the copy of p for its address. false: ENOMEM, or the XML is no element. */
static bool
addressed(struct passing const *p, struct passing *one)
{
  static stralloc sa = STRALLOC_ZERO;
  struct slice attr = to_attribute(p->st.to);
  struct splice at;

  *one = *p;
  sa.len = 0;
  if (!attr.len || !splice_attribute(p->st.xml, &at) || !splice_cat_head(&sa, &at) ||
      !record_put_more(&sa, attr) || !splice_cat_tail(&sa, &at))
    return false;
  one->st.xml = slice_of(sa.s, sa.len);
  return true;
}

static void
to_post(struct passing const *p, struct post *post)
{
  struct passing one;

  if (post && addressed(p, &one)) deliver_to_post(post, &one);
}

/* A message may wait for its account, or be kept until a client has it; but no event does,
 * which is a headline for a session (XEP-0060 s7.1.2). */
static bool
is_kept(struct passing const *p, struct jid const *to)
{
  return slice_is(p->st.kind, "message") &&
         (!to->resource.len || !slice_is(p->st.type, "headline"));
}

static void
to_account(struct passing const *p, struct jid const *to)
{
  struct user const *u = user_find(to->bare);
  struct session const *s = to->resource.len ? session_find(u, to->resource) : NULL;
  struct passing one;

  if (is_kept(p, to)) {
    if (addressed(p, &one)) deliver_and_keep(&one, false);
  } else if (s)
    to_session(p, s);
  else if (u && !to->resource.len)
    to_sessions(p, u);
}

void
fanout_stanza(struct passing *p, bool checked)
{
  struct slice tos = p->st.to;
  struct post *served;
  struct jid to;

  p->st.origin = SLICE("");
  while (slice_word(&tos, '\n', &p->st.to)) {
    if (!p->st.to.len || (checked && blocking_of(p) != BLOCKED_NOT)) continue;
    to = jid_cut(p->st.to);
    served = services_domain(to.domain);
    if (served || !routed_host(to.domain))
      to_post(p, served ? served : post_find(S2SD));
    else if (to.local.len)
      to_account(p, &to);
    else
      to_post(p, services_resource(&to));
  }
}
