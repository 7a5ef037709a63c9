#include "mamd.h"

#include <string.h>

/* After a restart of routed or of mamd (lib/online): RECALL_US after the link is up mamd asks
 * routed for its sessions. A session that mamd knows, or that has a mark, and that is not among
 * them was lost: the session has ended, and no program can say how. */

#define RECALL_US 5000000

static void
ended(struct online *o)
{
  struct session *s = (struct session *)o;

  marks_end(slice_str(s->account->bare), s->account->owner, s->number, 0);
  session_free(s);
}

static void
ask(void)
{
  struct link *l = link_find(ROUTED);

  link_begin(l, VERB_SESSIONS);
  link_end(l);
}

struct online_mirror mirror = ONLINE_MIRROR(ended, ask, RECALL_US);

/* Put all sessions in the line again: a record on the old link to routed may be lost, so
 * takers are offered waiting messages again. */
void
recall_routed_up(void)
{
  struct account *a;
  struct session *s;

  for (a = account_next(NULL); a; a = account_next(a))
    for (s = a->sessions; s; s = s->next)
      pace_due(s);
  online_up(&mirror);
}

/* JID IP PRIORITY SINCE INSTANCE NUMBER. mamd need not know a session that takes no
 * waiting messages and has no mark. */
void
recall_row(struct link *l, struct record *r)
{
  struct jid j = jid_cut(record_get(r, 1));
  struct slice priority = record_get(r, 3);
  bool takes = priority.len && priority.s[0] != '-';
  uint64_t number = record_u64(r, 6);
  struct session *s = session_numbered(number);
  struct archive_mark m;

  (void)l;
  if (!s && (takes || archive_mark_get(mamd.archive, mamd_number(j.bare), number, &m)))
    s = session_make(j.bare, j.resource, number);
  if (!s) return;
  online_confirm(&mirror, &s->online);
  if (!takes || !s->resource) return;
  s->takes = true;
  offer_begin(s->account);
}

/* ---- the list is whole ---- */

static bool
note_unknown(void *cookie, uint64_t owner, uint64_t session, struct archive_mark m)
{
  uint64_t pair[2] = {owner, session};

  (void)m;
  return session_numbered(session) ||
         stralloc_catb(cookie, (char const *)pair, sizeof pair);
}

static void
end_marks_of_nobody(void)
{
  stralloc list = STRALLOC_ZERO;
  struct slice bare;
  uint64_t pair[2];
  size_t i;

  archive_marks_each(mamd.archive, 0, note_unknown, &list);
  for (i = 0; i + sizeof pair <= list.len; i += sizeof pair) {
    memcpy(pair, list.s + i, sizeof pair);
    if (mamd_jid_of(pair[0], &bare))
      marks_end(bare, pair[0], pair[1], 0);
    else
      archive_mark_del(mamd.archive, pair[0], pair[1]);
  }
  stralloc_free(&list);
}

void
recall_done(struct link *l, struct record *r)
{
  (void)l;
  (void)r;
  if (archive_is_full(mamd.archive)) return; /* full.c asks again */
  online_compare(&mirror);
  end_marks_of_nobody();
}
