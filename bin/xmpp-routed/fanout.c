#include "deliver.h"
#include "incoming.h"
#include "posts.h"
#include "services.h"
#include "sessions.h"
#include "settings.h"
#include "sources.h"

#include "splice/splice.h"

/* The same stanza to several accounts: what userd broadcasts. One line to each c2sd for the
 * sessions of an account there, and no copy but the one that leaves. */

/* The element as it stands, with a to behind its name. */
static void
put_with_to(struct link *l, struct slice xml, struct slice to)
{
  struct splice at;

  link_field(l);
  if (!splice_attribute(xml, &at)) at = (struct splice){.head = xml};
  splice_put_head(l, &at);
  link_more(l, SLICE(" to='"));
  link_more(l, to);
  link_more(l, SLICE("'"));
  splice_put_tail(l, &at);
  link_end(l);
}

/* Bare JIDs have no bytes that an attribute would escape (RFC 7622 s3.3). */
static void
fan_to_account(struct passing const *p, struct user const *u)
{
  struct session const *s, *t;
  char buf[BASE_NUM];

  for (s = u->sessions; s; s = s->next) {
    if (!s->available) continue;
    for (t = u->sessions; t != s; t = t->next)
      if (t->link == s->link && t->available) break;
    if (t != s) continue;
    link_begin(s->link, VERB_DELIVER);
    link_field(s->link);
    for (t = s; t; t = t->next) {
      if (t->link != s->link || !t->available) continue;
      if (t != s) link_more(s->link, SLICE(" "));
      link_more(s->link, num_u64(buf, t->sid));
    }
    link_text(s->link, p->st.to);
    link_text(s->link, p->st.from);
    link_text(s->link, p->st.kind);
    link_text(s->link, p->st.type);
    link_text(s->link, p->st.id);
    link_text(s->link, p->st.tags);
    link_text(s->link, p->st.origin);
    put_with_to(s->link, p->st.xml, p->st.to);
  }
}

/* To a service, or another server: a stanza of its own for each. */
static void
fan_to_post(struct passing const *p, struct post *post)
{
  static stralloc sa = STRALLOC_ZERO;
  struct passing one = *p;
  struct splice at;

  if (!post || !splice_attribute(p->st.xml, &at)) return;
  sa.len = 0;
  if (!splice_cat_head(&sa, &at) || !stralloc_cats(&sa, " to='") ||
      !record_put_more(&sa, p->st.to) || !stralloc_cats(&sa, "'") ||
      !splice_cat_tail(&sa, &at))
    return;
  one.st.xml = slice_of(sa.s, sa.len);
  deliver_to_post(post, &one);
}

void
incoming_fanout(struct link *l, struct record *r)
{
  struct passing p = {.own = false};
  struct slice tos;

  (void)l;
  stanza_read(r, 0, &p.st);
  tos = p.st.to;
  while (slice_word(&tos, ' ', &p.st.to)) {
    struct slice domain = jid_cut(p.st.to).domain;
    struct post *served = services_domain(domain);
    struct user const *u = served ? NULL : user_find(p.st.to);
    incoming_total++;
    if (u)
      fan_to_account(&p, u);
    else if (served || !routed_host(domain))
      fan_to_post(&p, served ? served : post_find(S2SD));
  }
}
