#include "deliver.h"
#include "incoming.h"
#include "posts.h"
#include "services.h"
#include "sessions.h"
#include "settings.h"
#include "sources.h"

/* The same stanza to several accounts: what userd broadcasts. One line to each c2sd for the
 * sessions of an account there, and no copy but the one that leaves. */

/* How long the start of the element is up to the end of its name. */
static size_t
name_len(struct slice xml)
{
  size_t n = 1;

  while (n < xml.len && xml.s[n] >= 'a' && xml.s[n] <= 'z')
    n++;
  return n;
}

/* The element as it stands, with a to behind its name. */
static void
put_with_to(struct link *l, struct slice xml, struct slice to)
{
  size_t n = name_len(xml);

  link_field(l);
  link_more_raw(l, slice_of(xml.s, n));
  link_more(l, SLICE(" to='"));
  link_more(l, to);
  link_more(l, SLICE("'"));
  link_more_raw(l, slice_of(xml.s + n, xml.len - n));
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
  size_t n = name_len(p->st.xml);

  if (!post) return;
  sa.len = 0;
  if (!stralloc_catb(&sa, p->st.xml.s, n) || !stralloc_cats(&sa, " to='") ||
      !record_put_more(&sa, p->st.to) || !stralloc_cats(&sa, "'") ||
      !stralloc_catb(&sa, p->st.xml.s + n, p->st.xml.len - n))
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
