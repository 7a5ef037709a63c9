#include "asked.h"
#include "deliver.h"
#include "kept.h"
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

void
returns_stanza(struct post const *post, struct passing const *p)
{
  struct session *asker = session_of(p->st.from);

  if (asker && post->program & PROGRAMS_ASKED) asked_answered(asker, &p->st);
  if (!was_delivered(post, p))
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
