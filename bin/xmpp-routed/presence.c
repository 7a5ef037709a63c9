#include "routed.h"

#include <stdlib.h>
#include <string.h>

/* What userd is told of sessions, and hostd. userd sends presence to those who may see it; so
 * that nobody notices when it is restarted, c2sds then tell again what was shown already, and
 * sessions that ended meanwhile wait here (absent). */

/* A gone record that waits for userd. */
struct absent {
  struct absent *next;
  size_t jid_len, len;
  char text[]; /* its full JID, and behind that the addresses */
};

static struct absent *absent, **absent_end = &absent;
static size_t absent_n;
static bool userd_was_there;
static uint64_t catches = 1; /* how often userd has had what waited, and one */
static unsigned int awaited; /* c2sds that were asked to tell again and have not yet */

static struct link *
watcher(void)
{
  return services_watcher("presence", NULL);
}

/* ---- a session's own presence (RFC 6121 s4.2, s4.4, s4.5) ---- */

static void
tell_online(struct session const *s)
{
  struct link *l = NULL;
  char buf[BASE_NUM];

  while ((l = services_watcher("online", l))) {
    link_begin(l, VERB_ONLINE);
    session_put_jid(l, s);
    link_field(l);
    if (s->priority < 0) link_more(l, SLICE("-"));
    link_more(l, num_u64(buf, (uint64_t)abs(s->priority)));
    link_end(l);
  }
}

/* RFC 6121 s8.5.2.1.1: what waits is not for a session of negative priority. */
static bool
may_drain(struct session *s)
{
  if (s->drained || !s->available || s->priority < 0) return false;
  s->drained = true;
  return true;
}

static void
tell_offline(struct session const *s, bool lost)
{
  struct link *l = link_find(MAMD);

  if (!l) return;
  link_begin(l, VERB_OFFLINE);
  session_put_jid(l, s);
  link_num(l, lost);
  link_end(l);
}

void
presence_mark(struct link *l, struct record *r)
{
  struct session const *s = session_by_sid(l, record_u64(r, 1));
  struct link *mamd = link_find(MAMD);

  if (!s || !mamd) return;
  link_begin(mamd, VERB_MARK);
  session_put_jid(mamd, s);
  link_num(mamd, record_u64(r, 2));
  link_num(mamd, record_u64(r, 3));
  link_end(mamd);
}

/* It waits in the post of userd while that is away. */
void
presence_own(struct session *s, struct passing const *p)
{
  struct post *post = post_find(USERD);
  bool was = s->available;

  session_presence(s, &p->st);
  if (may_drain(s) || (!was && s->available)) tell_online(s);
  if (!was && post && (!post->link || post->held)) s->waits = catches;
  s->told = true;
  if (post) post_put(post, p);
}

void
presence_directed(struct link *l, struct record *r)
{
  (void)l;
  l = watcher();
  if (!l) return;
  link_begin(l, VERB_DIRECTED);
  link_raw(l, record_raw(r, 1));
  link_raw(l, record_raw(r, 2));
  link_raw(l, record_raw(r, 3));
  link_end(l);
}

void
presence_wants(struct session *s, struct slice words)
{
  struct link *l = watcher();

  s->told = true;
  if (!l) return;
  link_begin(l, VERB_WANTS);
  session_put_jid(l, s);
  link_text(l, words);
  link_end(l);
}

/* ---- its end ---- */

/* Nobody is there to be told: it is told when userd is back. A server without userd keeps
 * nothing. */
static void
put_aside(struct session const *s, struct slice directed)
{
  static stralloc sa = STRALLOC_ZERO;
  struct absent *a;

  if (!userd_was_there) return;
  sa.len = 0;
  if (absent_n == ABSENT_MAX || !stralloc_cats(&sa, s->user->bare) ||
      !stralloc_cats(&sa, "/") || !stralloc_cats(&sa, s->resource) ||
      !(a = malloc(sizeof *a + sa.len + directed.len))) {
    log_event(LOG_WARN, "presence-lost", "jid", s->user->bare, "resource", s->resource,
              "why", "userd is away", NULL);
    return;
  }
  a->next = NULL;
  a->jid_len = sa.len;
  a->len = sa.len + directed.len;
  memcpy(a->text, sa.s, sa.len);
  if (directed.len) memcpy(a->text + sa.len, directed.s, directed.len);
  *absent_end = a;
  absent_end = &a->next;
  absent_n++;
}

void
presence_gone(struct session *s, struct slice directed, bool lost)
{
  struct link *l = watcher();

  tell_offline(s, lost);
  if (!s->told && !directed.len) return;
  if (!l || posts_held(USERD)) {
    put_aside(s, directed);
    return;
  }
  link_begin(l, VERB_GONE);
  session_put_jid(l, s);
  link_text(l, directed);
  link_end(l);
}

/* ---- after a restart ---- */

/* One of the same name that is available since is what userd has been told of by now: its
 * presence waited in the post, and has left before this. */
static void
tell_absent(struct link *userd, struct absent const *a)
{
  struct slice jid = slice_of(a->text, a->jid_len);
  struct session const *s = session_of(jid);

  if (s && s->available) return;
  link_begin(userd, VERB_GONE);
  link_text(userd, jid);
  link_text(userd, slice_of(a->text + a->jid_len, a->len - a->jid_len));
  link_end(userd);
}

void
presence_caught_up(void)
{
  struct link *userd = watcher();
  struct absent *a;

  catches++;
  if (!userd) return;
  while ((a = absent)) {
    absent = a->next;
    tell_absent(userd, a);
    free(a);
  }
  absent_end = &absent;
  absent_n = 0;
}

void
presence_recall(void)
{
  struct link *l;

  userd_was_there = true;
  if (!posts_held(USERD)) presence_caught_up();
  awaited = 0;
  for (l = link_next(NULL); l; l = link_next(l)) {
    if (!l->up || l->program != C2SD) continue;
    awaited++;
    link_begin(l, VERB_RECALL);
    link_end(l);
  }
}

void
presence_shown(struct link *l, struct record *r)
{
  struct session *s = session_by_sid(l, record_u64(r, 1));
  struct link *userd = watcher();

  if (!s) return;
  s->told = true;
  if (!userd || s->waits == catches) return; /* it is told as presence that is new */
  link_begin(userd, VERB_SHOWN);
  session_put_jid(userd, s);
  link_str(userd, l->name);
  link_raw(userd, record_raw(r, 3));
  link_end(userd);
}

void
presence_recalled(struct link *l, struct record *r)
{
  struct link *userd = watcher();

  (void)r;
  if (!userd) return;
  link_begin(userd, VERB_RECALLED);
  link_str(userd, l->name);
  link_end(userd);
  if (awaited && !--awaited) posts_recalled();
}
