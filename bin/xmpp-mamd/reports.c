#include "mamd.h"

#include <string.h>

/* The records in which routed says which sessions come, go, and have messages. */

/* A session that has the resource of s, under another number, has ended, and routed was
 * restarted before it could say so; nor does one take what waits that routed, since a restart,
 * has not named yet. recall.c ends them. */
static void
supersede(struct session *s)
{
  struct session *other;

  for (other = s->account->sessions; other; other = other->next)
    if (other != s && other->takes &&
        (!online_is_confirmed(&mirror, &other->online) ||
         (other->resource && !strcmp(other->resource, s->resource))))
      offer_end(other, false);
}

/* The session is available still, but takes nothing that waits. */
static void
takes_no_more(struct session *s)
{
  if (!s) return;
  s->takes = false;
  offer_end(s, false);
}

/* JID PRIORITY WORD SESSION */
void
reports_online(struct link *l, struct record *r)
{
  struct jid j = jid_cut(record_get(r, 1));
  struct slice priority = record_get(r, 2);
  struct session *s;

  (void)l;
  if (priority.len && priority.s[0] == '-') {
    takes_no_more(session_numbered(record_u64(r, 4)));
    return;
  }
  s = session_make(j.bare, j.resource, record_u64(r, 4));
  if (!s || !s->resource) return;
  online_confirm(&mirror, &s->online);
  s->takes = true;
  supersede(s);
  offer_begin(s->account);
}

/* A stanza for s did not reach its client, which will never say that it has all up to there: what
 * waits is offered anew, here or elsewhere, and queries are over. */
static void
missed(struct session *s)
{
  if (!s) return;
  offer_end(s, true);
  pages_free(s);
}

/* JID HOW SESSION UPTO */
void
reports_offline(struct link *l, struct record *r)
{
  struct jid j = jid_cut(record_get(r, 1));
  struct slice how = record_get(r, 2);
  uint64_t number = record_u64(r, 3), upto = record_u64(r, 4), owner;
  struct session *s = session_numbered(number);

  (void)l;
  if (slice_is(how, "missed")) {
    missed(s);
    return;
  }
  takes_no_more(s);
  if (slice_is(how, "away")) return;
  if (archive_is_full(mamd.archive)) {
    if (s) session_free(s);
    return; /* the session's mark stays (full.c) */
  }
  owner = s ? s->account->owner : mamd_number(j.bare);
  if (owner) marks_end(j.bare, owner, number, upto);
  if (s) session_free(s);
}

/* JID LIVE WAITED PAGE SESSION. After a restart of ours the session may be known by its mark
 * alone. */
void
reports_mark(struct link *l, struct record *r)
{
  struct jid j = jid_cut(record_get(r, 1));
  uint64_t live = record_u64(r, 2), waited = record_u64(r, 3), page = record_u64(r, 4);
  struct session *s = session_make(j.bare, j.resource, record_u64(r, 5));

  (void)l;
  if (!s) return;
  if (page) pages_marked(s, page);
  if (archive_is_full(mamd.archive)) return;
  if (live) marks_move(s, live);
  if (waited) offer_marked(s, waited);
}
