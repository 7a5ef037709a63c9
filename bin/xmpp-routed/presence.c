#include "deliver.h"
#include "expected.h"
#include "held.h"
#include "kept.h"
#include "posts.h"
#include "presence.h"
#include "sessions.h"
#include "snapshot.h"
#include "sources.h"
#include "watch.h"
#include "xep0115_caps.h"

#include <stdlib.h>

/* Facts about sessions. Facts that are told once (a session's own presence, online, offline,
 * mark, gone) wait in the posts of services that are away. Facts that a service forgets with
 * its death the c2sds tell again (shown, wants, directed), so that nobody notices. A service
 * that is there may be told them again because another one has asked. */

static uint64_t recalls;     /* how often all c2sds were asked to tell again */
static unsigned int awaited; /* c2sds that have not answered the last time */
static bool early;           /* a c2sd has told all, before all that are expected had */

/* Give the link behind that of *p of a service that watches presence and is there, and set *p
 * to its post. NULL: no more. */
static struct link *
next_watcher(struct post **p)
{
  while ((*p = watch_next(WATCH_PRESENCE, *p)))
    if (watch_link(WATCH_PRESENCE, *p)) return (*p)->link;
  return NULL;
}

static bool
is_watched(void)
{
  struct post *p = NULL;

  return next_watcher(&p) != NULL;
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
    log_event(LOG_WARN, "session-not-told", "jid", s->user->bare, "sid", log_num(s->sid),
              "why", "out of memory", NULL);
    return SLICE("");
  }
  return slice_of(sa.s, sa.len);
}

/* ---- a session's own presence (RFC 6121 s4.2, s4.4, s4.5) ---- */

static void
tell_online(struct session *s)
{
  if (watch_say(WATCH_SESSIONS, VERB_ONLINE, online_fields(s, ""))) s->named = true;
}

void
presence_still_online(struct session *s, struct slice caps)
{
  watch_say(WATCH_SESSIONS, VERB_ONLINE, online_fields(s, "again"));
  caps_shown(s, caps, true);
}

static void
tell_one_online(struct session *s, void *post)
{
  if (!s->available || s->leaving) return;
  s->named = true;
  post_say(post, VERB_ONLINE, online_fields(s, "again"));
}

void
presence_tell_sessions(struct post *p)
{
  sessions_each(tell_one_online, p);
}

/* Of a session without an account those hear too who have not heard that it was available: what they keep
 * under its address goes. */
static void
tell_offline(struct session const *s, char const *how, uint64_t upto)
{
  static stralloc sa = STRALLOC_ZERO;
  char buf[BASE_NUM];

  if ((s->named || s->anonymous) && begin_fields(&sa, s) &&
      record_put(&sa, slice_str(how)) && record_put(&sa, num_u64(buf, s->number)) &&
      record_put(&sa, num_u64(buf, upto)))
    watch_say(WATCH_SESSIONS, VERB_OFFLINE, slice_of(sa.s, sa.len));
}

void
presence_leaves(struct session *s)
{
  caps_end(s);
  tell_offline(s, "away", 0);
}

void
presence_ends(struct session *s, enum session_end how, uint64_t upto)
{
  caps_end(s);
  tell_offline(s, how == SESSION_LOST ? "lost" : "over", upto);
}

void
presence_mark(struct link *l, struct record *r)
{
  struct session *s = session_or_leaving(l, record_u64(r, 1));
  static stralloc sa = STRALLOC_ZERO;
  char buf[BASE_NUM];
  unsigned int i;
  bool ok;

  if (s) kept_through(s, record_u64(r, 2));
  if (!s || !s->named) return;
  ok = begin_fields(&sa, s);
  for (i = 2; i <= 4; i++)
    ok = ok && record_put(&sa, num_u64(buf, record_u64(r, i)));
  if (ok && record_put(&sa, num_u64(buf, s->number)))
    watch_say(WATCH_MARKS, VERB_MARK, slice_of(sa.s, sa.len));
}

/* Waiting messages are not for a session of negative priority (RFC 6121 s8.5.2.1.1), so those who watch
 * are told when the sign changes. */
static void
tell_change(struct session *s, bool was_available)
{
  bool takes = s->available && s->priority >= 0;

  if (s->available && (!was_available || takes != s->takes)) {
    tell_online(s);
    held_back(slice_str(s->user->bare));
  } else if (was_available && !s->available) {
    caps_end(s);
    tell_offline(s, "away", 0);
  }
  s->takes = takes;
}

/* s4.5.2: the session that has become unavailable is told too, with the to that the others get.
 * A later session of that name never is. */
static void
tell_itself(struct session const *s, struct passing const *p)
{
  struct passing back = *p;

  back.st.to = slice_str(s->user->bare);
  back.st.tags = back.st.origin = SLICE("");
  back.lacks_to = true;
  deliver_to_session(s, &back);
}

/* The presence waits in the posts of services that are away. */
static void
tell_presence(struct session *s, struct passing const *p)
{
  struct post *post = NULL;

  s->told = true;
  while ((post = watch_next(WATCH_PRESENCE, post)))
    post_put(post, p);
}

/* Presence for contacts alone changes nothing here: the session takes what it took. */
void
presence_own(struct session *s, struct passing const *p)
{
  bool was = s->available;

  if (slice_has_word(p->st.tags, SLICE("contacts"))) {
    tell_presence(s, p);
    return;
  }
  session_presence(s, &p->st);
  tell_change(s, was);
  if (s->available) caps_shown(s, stanza_tag(p->st.tags, "caps"), false);
  if (!was && s->available) s->first_shown = posts_tick();
  if (was && !s->available) tell_itself(s, p);
  tell_presence(s, p);
}

void
presence_directed(struct link *l, struct record *r)
{
  struct post *p = NULL;

  (void)l;
  while ((l = next_watcher(&p))) {
    link_begin(l, VERB_DIRECTED);
    link_raw(l, record_raw(r, 1));
    link_raw(l, record_raw(r, 2));
    link_raw(l, record_raw(r, 3));
    link_end(l);
  }
}

void
presence_wants(struct session *s, struct slice words)
{
  struct post *p = NULL;
  struct link *l;

  s->told = true;
  while ((l = next_watcher(&p))) {
    link_begin(l, VERB_WANTS);
    session_put_jid(l, s);
    link_text(l, words);
    link_end(l);
  }
}

void
presence_picture(struct link *l, struct record *r)
{
  struct session const *s = session_of(record_get(r, 1));

  (void)l;
  if (!s) return;
  link_begin(s->link, VERB_PICTURE);
  link_num(s->link, s->sid);
  link_raw(s->link, record_raw(r, 2));
  link_end(s->link);
}

/* ---- its end ---- */

void
presence_gone(struct session *s, struct slice directed)
{
  static stralloc sa = STRALLOC_ZERO;

  if (!s->told && !directed.len) return;
  sa.len = 0;
  if (record_put_more(&sa, slice_str(s->user->bare)) && stralloc_cats(&sa, "/") &&
      record_put_more(&sa, slice_str(s->resource)) && record_put(&sa, directed) &&
      (!s->replaced || record_put(&sa, SLICE("replaced"))))
    watch_say(WATCH_PRESENCE, VERB_GONE, slice_of(sa.s, sa.len));
}

/* ---- after a restart ---- */

static void
recall(void)
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
presence_recall(struct post *p)
{
  (void)p;
  recall();
}

void
presence_all_there(void)
{
  if (early && is_watched()) recall();
}

void
presence_shown(struct link *l, struct record *r)
{
  struct session *s = session_by_sid(l, record_u64(r, 1));
  struct post *p = NULL;
  struct link *to;

  if (!s) return;
  s->told = true;
  while ((to = next_watcher(&p))) {
    /* Presence that waits in the post is told as new presence. */
    if (!post_had(p, s->first_shown)) continue;
    link_begin(to, VERB_SHOWN);
    session_put_jid(to, s);
    link_str(to, l->name);
    link_raw(to, record_raw(r, 3));
    if (r->n > 4) link_raw(to, record_raw(r, 4));
    link_end(to);
  }
}

static void
tell_recalled(struct link const *c2sd)
{
  struct post *p = NULL;
  struct link *l;

  while ((l = next_watcher(&p))) {
    link_begin(l, VERB_RECALLED);
    link_str(l, c2sd->name);
    link_end(l);
  }
}

/* A service that watches presence gets after its restart, in this order: every session (shown, wants); the
 * stanzas queued for it; recalled. Until recalled, xmpp-userd takes an unknown session for
 * one that it has forgotten. After a restart of routed, recalled is kept back until
 * the sessions of all c2sds are known here: xmpp-userd then broadcasts the end of those
 * that are missing, and no contact is to miss it. */
static void
all_recalled(void)
{
  struct link *l;

  if (!expected_sessions_known()) {
    early = true;
    return;
  }
  posts_recalled();
  for (l = link_next(NULL); l; l = link_next(l))
    if (l->up && l->program == C2SD) tell_recalled(l);
}

/* The link of a c2sd has come up, perhaps before that of a service that watches, which then has
 * not heard all. */
static void
announced(struct link *l)
{
  if (!expected_sessions_known())
    early = true;
  else if (early || awaited)
    recall();
  else
    tell_recalled(l);
}

void
presence_recalled(struct link *l, struct record *r)
{
  struct slice n = record_get(r, 2);

  expected_announced(l);
  if (!is_watched()) return;
  if (!n.len)
    announced(l);
  else if (awaited && record_u64(r, 2) == recalls && !--awaited)
    all_recalled();
}

void
presence_c2sd_gone(void)
{
  if (awaited && is_watched()) recall();
}

void
presence_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "recalls", true)) return;
  SNAPSHOT_INT(k, recalls);
  SNAPSHOT_INT(k, awaited);
  SNAPSHOT_INT(k, early);
}
