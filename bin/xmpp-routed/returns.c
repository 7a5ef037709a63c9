#include "asked.h"
#include "deliver.h"
#include "kept.h"
#include "passing.h"
#include "posts.h"
#include "returns.h"
#include "sessions.h"

/* Say whether p was delivered: mamd was to archive p and not to let it wait. The sender
 * of a delivered message gets no error. */
static bool
was_delivered(struct post const *post, struct passing const *p)
{
  return post->program == MAMD && slice_is(p->st.kind, "message") &&
         !slice_has_word(p->st.tags, SLICE("wait"));
}

/* The log does not have p: from now on routed keeps p for those who were given it. */
static void
keep_for_given(struct passing const *p)
{
  static stralloc fields = STRALLOC_ZERO;
  struct user const *u = user_find(jid_cut(p->st.to).bare);
  struct slice given = stanza_tag(p->st.tags, "given"), word;
  struct session *s;
  uint64_t id, number;

  fields.len = 0;
  if (!slice_u64(stanza_tag(p->st.tags, "id"), &id) || !passing_cat(&fields, p)) return;
  while (slice_word(&given, ',', &word)) {
    s = slice_u64(word, &number) ? session_numbered(u, number) : NULL;
    if (s && !(kept_has_room(s) && kept_add(s, id, slice_of(fields.s, fields.len))))
      kept_say_full(s);
  }
}

static void
keep_if_given(struct passing const *p)
{
  if (!slice_has_word(p->st.tags, SLICE("wait"))) keep_for_given(p);
}

void
returns_not_logged(struct link *mamd)
{
  struct post const *post = post_of(mamd);

  if (post) posts_each_unacked(post, keep_if_given);
}

/* p was to stay behind a stanza about a subscription (behind.c). */
static bool
was_behind(struct post const *post, struct passing const *p)
{
  return post->program == USERD && slice_is(p->st.kind, "presence") && p->st.to.len &&
         (!p->st.type.len || slice_is(p->st.type, "unavailable"));
}

static void
deliver_at_last(struct passing const *p)
{
  struct passing one = *p;

  one.st.tags = SLICE("behind");
  deliver_route(&one);
}

void
returns_stanza(struct post const *post, struct passing const *p)
{
  struct session *asker = session_of(p->st.from);

  if (asker && post->program & PROGRAMS_ASKED) asked_answered(asker, &p->st);
  if (was_delivered(post, p))
    keep_for_given(p);
  else if (was_behind(post, p))
    deliver_at_last(p);
  else
    deliver_back(p, REFUSED_SERVICE_LOST, ERR_SERVICE_UNAVAILABLE);
}

/* XEP-0313 and XEP-0055 have no word for it: the client may ask again. */
static void
give_up_asked(struct passing const *p)
{
  deliver_back(p, REFUSED_SERVICE_LOST, ERR_RESOURCE_CONSTRAINT);
}

static void
of_session(struct session *s, void *post)
{
  asked_restarted(s, post, give_up_asked);
}

void
returns_asked(struct post *post)
{
  if (post->program & PROGRAMS_ASKED) sessions_each(of_session, post);
}

void
returns_session(struct session *s, enum session_end how, uint64_t upto)
{
  kept_through(s, upto);
  kept_over(s, how == SESSION_LOST);
  asked_free(s);
}
