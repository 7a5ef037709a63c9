#include "mucd.h"

#include "accounts/accounts.h"

#include <errno.h>

/* cleanup_affiliations_on_start: affiliations of accounts of this server that are no more, which a
 * mucd that does not miss an end has not (ends.c), leave the rooms. */

struct job {
  struct accounts *accounts;
  stralloc gone; /* bare JIDs of a room, a line each */
};

static bool
is_gone(struct job *j, struct slice bare)
{
  struct jid who = jid_cut(bare);

  return who.local.len && is_local(who.domain) && !accounts_number(j->accounts, bare) &&
         errno == ENOENT;
}

static bool
note(void *cookie, struct slice bare, struct affil const *a)
{
  struct job *j = cookie;

  (void)a;
  if (is_gone(j, bare)) add_to(&j->gone, bare);
  return true;
}

static bool
clean(void *cookie, struct slice bare, struct slice unused)
{
  struct job *j = cookie;
  struct room *r = room_find(bare);
  struct slice rest, who;

  (void)unused;
  if (!r || !r->muc || !r->muc->cleans || r->state == ROOM_TOMBSTONE) return true;
  j->gone.len = 0;
  affil_each(r, note, j);
  rest = slice_of(j->gone.s, j->gone.len);
  while (slice_word(&rest, '\n', &who)) {
    log_event(LOG_INFO, "affiliation-removed", "room", log_text(r->bare), "jid",
              log_text(who), "why", "the account is no more", NULL);
    ends_leave(r, who);
  }
  return true;
}

static struct event_timer timer;
static bool begun;

static void
clean_all(void *cookie)
{
  struct job j = {.gone = STRALLOC_ZERO};
  struct muc const *m;
  size_t i;

  (void)cookie;
  for (i = 0; (m = muc_at(i)) && !m->cleans; i++) {
  }
  if (!m || !(j.accounts = accounts_open_reader(service_data()))) return;
  stored_each(clean, &j);
  accounts_close(j.accounts);
  stralloc_free(&j.gone);
}

/* Occupants are told, so routed has to be there; what is said again stands before (rtbl_up). */
void
cleanup_up(void)
{
  if (begun) return;
  begun = true;
  event_timer_start(&timer, door_now(), clean_all, NULL);
}

void
cleanup_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "cleanup", true)) return;
  snapshot_timer(k, &timer, clean_all, NULL);
  SNAPSHOT_INT(k, begun);
}
