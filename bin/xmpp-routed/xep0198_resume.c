#include "sessions.h"
#include "unacked.h"
#include "xep0198_resume.h"

#include <string.h>

/* XEP-0198 s5: a session that is wanted by another stream, perhaps at another c2sd. Where it is
 * now decides, for there its token is known. When that is another c2sd, it lets go (yielded),
 * is told that nothing more comes (leave), and hands over what the client has not
 * acknowledged. */

static struct link *
c2sd_named(struct slice name)
{
  struct link *l;

  for (l = link_next(NULL); l; l = link_next(l))
    if (l->up && l->program == C2SD && slice_is(name, l->name)) return l;
  return NULL;
}

static void
unyielded(struct link *l, struct slice sid)
{
  link_begin(l, VERB_UNYIELDED);
  link_str(l, l->name);
  link_text(l, sid);
  link_str(l, "item-not-found");
  link_end(l);
}

/* A token is a secret, a dot, and the resource of the session. */
static struct session *
wanted(struct slice jid, struct slice token)
{
  struct slice secret;

  return slice_word(&token, '.', &secret) ? session_find(user_find(jid), token) : NULL;
}

void
resume_ask(struct link *l, struct record *r)
{
  struct session const *s = wanted(record_get(r, 3), record_get(r, 2));

  if (!s) {
    unyielded(l, record_get(r, 1));
    return;
  }
  link_begin(s->link, VERB_YIELD);
  link_num(s->link, s->sid);
  link_text(s->link, record_get(r, 2));
  link_text(s->link, record_get(r, 3));
  link_text(s->link, record_get(r, 4));
  link_str(s->link, l->name);
  link_text(s->link, record_get(r, 1));
  link_end(s->link);
}

/* To the instance that the record names, field by field. */
static bool
pass_on(struct record *r, enum verb v)
{
  struct link *l = c2sd_named(record_get(r, 1));
  unsigned int i;

  if (!l) return false;
  link_begin(l, v);
  for (i = 1; i < r->n; i++)
    link_raw(l, record_raw(r, i));
  link_end(l);
  return true;
}

/* The old place has let go of it. What routed has sent there so far arrives before leave, so
 * the order of stanzas is kept: the new place has what comes from now on, and puts it behind
 * what it is handed. Without a new place the session is over now: the old one gives nothing
 * more to a client. One that was ended meanwhile is not handed over. */
void
resume_yielded(struct link *l, struct record *r)
{
  struct session *s = session_by_sid(l, record_u64(r, 3));
  struct link *to = c2sd_named(record_get(r, 1));

  if (!s) {
    if (to) unyielded(to, record_get(r, 2));
    return;
  }
  if (to)
    session_move(s, to, record_u64(r, 2));
  else
    session_over(s, SESSION_OVER, 0);
  link_begin(l, VERB_LEAVE);
  link_num(l, record_u64(r, 3));
  link_end(l);
}

/* Should the new place, or the stream there, be gone by now, so is the session, and its
 * stanzas are those of one that has ended. */
void
resume_queued(struct link *l, struct record *r)
{
  struct link const *to = c2sd_named(record_get(r, 1));

  (void)l;
  if (!to || !session_by_sid(to, record_u64(r, 2)) || !pass_on(r, VERB_QUEUED))
    unacked_record(r, 2);
}

void
resume_handed(struct link *l, struct record *r)
{
  struct session *s = session_by_sid(l, record_u64(r, 3));

  if (s) session_over(s, SESSION_LOST, 0); /* the session could not be moved */
  pass_on(r, VERB_HANDED);
}

void
resume_refused(struct link *l, struct record *r)
{
  (void)l;
  pass_on(r, VERB_UNYIELDED);
}
