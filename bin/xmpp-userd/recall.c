#include "userd.h"

#include <string.h>

/* Sessions over restarts. The sessions are the c2sds'; after a restart of userd or of routed
 * the c2sds tell them again. Meanwhile each record has this sense:
 *
 *   routed's link comes up   no session is confirmed. Each record that names a session
 *                            confirms it.
 *   shown                    a session that userd knows goes on. An unknown session has come
 *                            while the link was down, and its contacts are told; but until
 *                            its c2sd has told all sessions since userd started, userd takes
 *                            the session for one that it has forgotten, of which the
 *                            contacts know.
 *   gone, unavailable        of an unknown session: as long as userd may have forgotten the
 *                            session, its contacts are told.
 *   recalled                 the c2sd has told all its sessions: those that are not
 *                            confirmed have ended while the link was down.
 *   RECALL_US after          c2sds that are not back have lost their sessions. */

#define RECALL_US 30000000
#define INSTANCES_MAX 64

static struct event_timer deadline;
static char heard_out[INSTANCES_MAX][LINK_NAME_MAX + 1]; /* c2sds that have told us all */
static size_t heard_out_n;

static bool
has_told_all(struct slice instance)
{
  size_t i;

  for (i = 0; i < heard_out_n; i++)
    if (slice_is(instance, heard_out[i])) return true;
  return false;
}

bool
recall_forgot(struct slice origin)
{
  struct slice instance = origin;

  if (!origin.len) return !heard_out_n;
  return slice_word(&origin, ':', &instance) && !has_told_all(instance);
}

/* End the sessions of a c2sd (empty: of all) that are not confirmed. presence_lost may free
 * the session that it is given, and frees no other. */
static void
end_unconfirmed(struct slice instance)
{
  struct session *s, *next;

  for (s = sessions_first(); s; s = next) {
    next = s->all_next;
    if (session_is_confirmed(s)) continue;
    if (!instance.len || slice_is(instance, s->instance)) presence_lost(s);
  }
}

static void
on_deadline(void *cookie)
{
  (void)cookie;
  if (link_find(ROUTED)) end_unconfirmed(SLICE(""));
}

void
recall_up(void)
{
  sessions_up();
  event_timer_start(&deadline, door_now() + RECALL_US, on_deadline, NULL);
}

void
recall_shown(struct link *l, struct record *r)
{
  struct slice instance = record_get(r, 2), xml = record_get(r, 3);
  struct session *s = session_make(record_get(r, 1));

  (void)l;
  if (!s) return;
  session_instance(s, instance);
  if (s->shown.len && !s->untold) return;
  if (!session_show(s, xml)) {
    session_free_if_idle(s);
    return;
  }
  if (s->untold || has_told_all(instance)) presence_comes(s, SLICE(""));
}

void
recall_recalled(struct link *l, struct record *r)
{
  struct slice instance = record_get(r, 1);

  (void)l;
  if (!instance.len || instance.len > LINK_NAME_MAX) return;
  end_unconfirmed(instance);
  if (has_told_all(instance) || heard_out_n == INSTANCES_MAX) return;
  memcpy(heard_out[heard_out_n], instance.s, instance.len);
  heard_out[heard_out_n++][instance.len] = 0;
}

void
recall_snapshot(struct snapshot *k)
{
  size_t n = heard_out_n, i;

  if (!snapshot_record(k, "recall", true)) return;
  snapshot_timer(k, &deadline, on_deadline, NULL);
  SNAPSHOT_INT(k, n);
  heard_out_n = n < INSTANCES_MAX ? n : INSTANCES_MAX;
  for (i = 0; i < heard_out_n; i++)
    snapshot_name(k, heard_out[i], sizeof heard_out[i]);
}
