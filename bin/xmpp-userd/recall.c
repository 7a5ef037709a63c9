#include "userd.h"

/* Sessions over restarts (lib/online). For userd the records of the c2sds mean:
 *
 *   shown                a session that userd knows goes on. An unknown session has come
 *                        while the link was down, and its contacts are told; but until its
 *                        c2sd has told all sessions since userd started, userd takes the
 *                        session for one that it has forgotten, of which the contacts know.
 *                        Contacts do not see a session that is shown hidden: userd has told
 *                        them, or a stanza that is on its way has userd tell them.
 *   gone, unavailable    of an unknown session: as long as userd may have forgotten the
 *                        session, its contacts are told. */

#define RECALL_US 30000000

/* presence_lost may free the session that it is given, and frees no other. */
static void
ended(struct online *s)
{
  presence_lost((struct session *)s);
}

static void on_deadline(void);

struct online_mirror mirror = ONLINE_MIRROR(ended, on_deadline, RECALL_US);

/* c2sds that are not back have lost their sessions. */
static void
on_deadline(void)
{
  online_compare(&mirror);
}

void
recall_shown(struct link *l, struct record *r)
{
  struct slice instance = record_get(r, 2), xml = record_get(r, 3);
  bool hidden = slice_is(record_get(r, 4), "hidden");
  struct session *s = session_make(record_get(r, 1));

  (void)l;
  if (!s) return;
  online_from(&mirror, &s->online, instance);
  if (s->shown.len && !s->untold && !s->left_us) return;
  if (!session_show(s, xml)) {
    session_free_if_idle(s);
    return;
  }
  if (s->left_us) s->untold = true;
  s->left_us = 0;
  s->hidden = hidden;
  if (hidden) return;
  if (s->untold || online_has_told_all(&mirror, instance)) presence_comes(s, SLICE(""));
}

void
recall_recalled(struct link *l, struct record *r)
{
  (void)l;
  online_recalled(&mirror, record_get(r, 1));
}
