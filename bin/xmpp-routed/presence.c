#include "deliver.h"
#include "expected.h"
#include "kept.h"
#include "posts.h"
#include "presence.h"
#include "sessions.h"
#include "snapshot.h"
#include "sources.h"
#include "watch.h"

#include <stdlib.h>

/* Facts about sessions for userd, mamd and hostd. Facts that are told once (presence,
 * online, offline, gone) wait in the posts of services that are away. Facts that userd
 * forgets with its death the c2sds tell again (shown, wants, directed), so that nobody
 * notices. */

static uint64_t recalls;     /* how often all c2sds were asked to tell again */
static unsigned int awaited; /* c2sds that have not answered the last time */
static bool early;           /* a c2sd has told all, before all that are expected had */

static struct link *
watcher(void)
{
  return watch_first("presence");
}

/* Begin a record's fields with the full JID of s. */
static bool
begin_fields(stralloc *sa, struct session const *s)
{
  sa->len = 0;
  return record_put_more(sa, slice_str(s->user->bare)) && stralloc_cats(sa, "/") &&
         record_put_more(sa, slice_str(s->resource));
}

/* The fields of a record online, whose WORD is given. They live until the next call. */
static struct slice
online_fields(struct session const *s, char const *word)
{
  static stralloc sa = STRALLOC_ZERO;
  char buf[BASE_NUM];

  if (!begin_fields(&sa, s) || !stralloc_cats(&sa, "\t") ||
      (s->priority < 0 && !stralloc_cats(&sa, "-")) ||
      !stralloc_cats(&sa, num_u64(buf, (uint64_t)abs(s->priority)).s) ||
      !record_put(&sa, slice_str(word)) || !record_put(&sa, num_u64(buf, s->number))) {
    log_event(LOG_WARN, "session-not-told", "jid", s->user->bare, "why", "out of memory",
              NULL);
    return SLICE("");
  }
  return slice_of(sa.s, sa.len);
}

/* ---- a session's own presence (RFC 6121 s4.2, s4.4, s4.5) ---- */

static void
tell_online(struct session *s)
{
  struct post *p = NULL;

  while ((p = posts_next(p)))
    if (p->wants_online) {
      post_say(p, VERB_ONLINE, online_fields(s, ""));
      s->in_mamd = s->in_mamd || p->program == MAMD;
    }
}

void
presence_still_online(struct session *s)
{
  struct post *p = s->drained ? post_find(MAMD) : NULL;

  if (p && p->wants_online) post_say(p, VERB_ONLINE, online_fields(s, "again"));
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
tell_offline(struct session const *s, char const *how, uint64_t upto)
{
  static stralloc sa = STRALLOC_ZERO;
  struct post *post = s->in_mamd ? post_find(MAMD) : NULL;
  char buf[BASE_NUM];

  if (post && begin_fields(&sa, s) && record_put(&sa, slice_str(how)) &&
      record_put(&sa, num_u64(buf, s->number)) && record_put(&sa, num_u64(buf, upto)))
    post_say(post, VERB_OFFLINE, slice_of(sa.s, sa.len));
}

void
presence_leaves(struct session *s)
{
  tell_offline(s, "away", 0);
}

void
presence_ends(struct session *s, enum session_end how, uint64_t upto)
{
  tell_offline(s, how == SESSION_LOST ? "lost" : "over", upto);
}

void
presence_mark(struct link *l, struct record *r)
{
  struct session *s = session_or_leaving(l, record_u64(r, 1));
  struct post *post = s && s->in_mamd ? post_find(MAMD) : NULL;
  static stralloc sa = STRALLOC_ZERO;
  char buf[BASE_NUM];
  unsigned int i;
  bool ok;

  if (s) kept_through(s, record_u64(r, 2));
  if (!post) return;
  ok = begin_fields(&sa, s);
  for (i = 2; i <= 4; i++)
    ok = ok && record_put(&sa, num_u64(buf, record_u64(r, i)));
  if (ok && record_put(&sa, num_u64(buf, s->number)))
    post_say(post, VERB_MARK, slice_of(sa.s, sa.len));
}

/* The presence waits in the post of userd while userd is away. */
void
presence_own(struct session *s, struct passing const *p)
{
  struct post *post = post_find(USERD);
  bool was = s->available;

  session_presence(s, &p->st);
  if (may_drain(s) || (!was && s->available)) {
    tell_online(s);
    kept_look();
  }
  if (s->drained && (!s->available || s->priority < 0)) {
    tell_offline(s, "away", 0);
    s->drained = false;
  }
  if (!was && post && (!post->link || post->held)) s->waits = post->round + 1;
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

void
presence_gone(struct session *s, struct slice directed)
{
  static stralloc sa = STRALLOC_ZERO;
  struct post *post = post_find(USERD);

  if (!post || (!s->told && !directed.len)) return;
  sa.len = 0;
  if (record_put_more(&sa, slice_str(s->user->bare)) && stralloc_cats(&sa, "/") &&
      record_put_more(&sa, slice_str(s->resource)) && record_put(&sa, directed))
    post_say(post, VERB_GONE, slice_of(sa.s, sa.len));
}

/* ---- after a restart ---- */

void
presence_recall(void)
{
  struct link *l;

  recalls++;
  awaited = 0;
  early = false;
  for (l = link_next(NULL); l; l = link_next(l)) {
    if (!l->up || l->program != C2SD) continue;
    awaited++;
    link_begin(l, VERB_RECALL);
    link_num(l, recalls);
    link_end(l);
  }
}

void
presence_all_there(void)
{
  if (early && watcher()) presence_recall();
}

void
presence_shown(struct link *l, struct record *r)
{
  struct session *s = session_by_sid(l, record_u64(r, 1));
  struct link *userd = watcher();
  struct post const *post = post_find(USERD);

  if (!s) return;
  s->told = true;
  /* Presence that waits in the post is told as new presence. */
  if (!userd || (post && s->waits == post->round + 1)) return;
  link_begin(userd, VERB_SHOWN);
  session_put_jid(userd, s);
  link_str(userd, l->name);
  link_raw(userd, record_raw(r, 3));
  link_end(userd);
}

static void
tell_recalled(struct link *userd, struct link const *c2sd)
{
  link_begin(userd, VERB_RECALLED);
  link_str(userd, c2sd->name);
  link_end(userd);
}

/* After userd restarts it gets, in this order: every session (shown, wants); the
 * stanzas queued for it; recalled. Until recalled, userd takes an unknown session for
 * one that it has forgotten. After a restart of routed, recalled is kept back until
 * the sessions of all c2sds are known here: userd then broadcasts the end of those
 * that are missing, and no contact is to miss it. */
static void
all_recalled(struct link *userd)
{
  struct link *l;

  if (!expected_sessions_known()) {
    early = true;
    return;
  }
  posts_recalled();
  for (l = link_next(NULL); l; l = link_next(l))
    if (l->up && l->program == C2SD) tell_recalled(userd, l);
}

/* Its link has come up, perhaps before that of userd, which then has not heard all. */
static void
announced(struct link *userd, struct link *l)
{
  if (!expected_sessions_known())
    early = true;
  else if (early || awaited)
    presence_recall();
  else
    tell_recalled(userd, l);
}

void
presence_recalled(struct link *l, struct record *r)
{
  struct link *userd = watcher();
  struct slice n = record_get(r, 2);

  expected_announced(l);
  if (!userd) return;
  if (!n.len)
    announced(userd, l);
  else if (awaited && record_u64(r, 2) == recalls && !--awaited)
    all_recalled(userd);
}

void
presence_c2sd_gone(void)
{
  if (awaited && watcher()) presence_recall();
}

void
presence_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "recalls", true)) return;
  SNAPSHOT_INT(k, recalls);
  SNAPSHOT_INT(k, awaited);
  SNAPSHOT_INT(k, early);
}
