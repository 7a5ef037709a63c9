#include "mamd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* archive stat|export|purge JID [ID]: what xmpp-ctl asks. An export, and a purge, of a large
 * archive goes on over many turns. */

#define EXPORT_STEP 200u
#define PURGE_STEP 500u

struct job {
  struct service_job job;
  uint64_t owner, behind, before;
};

static struct job *
job_new(struct link *ctl, uint64_t owner, event_timer_fn *fn)
{
  struct job *j = calloc(1, sizeof *j);

  if (j) j->owner = owner;
  service_job_start(j ? &j->job : NULL, ctl, fn);
  return j;
}

/* ---- export ---- */

static void
put_row(struct link *ctl, struct archive_message const *m)
{
  char stamp[STAMP_SIZE];

  link_begin(ctl, VERB_ROW);
  link_num(ctl, m->id);
  link_text(ctl, stamp_us(stamp, m->id >> ARCHIVE_ID_SHIFT));
  link_raw(ctl, m->text.from);
  link_raw(ctl, m->text.to);
  link_raw(ctl, m->text.type);
  link_raw(ctl, m->text.xml);
  link_end(ctl);
}

static bool
export_some(struct job *j, bool *more)
{
  struct archive_range r;
  struct archive_message m;
  unsigned int i;
  uint64_t place;

  *more = false;
  if (!archive_range_open(mamd.archive, j->owner, SLICE(""), &r) ||
      !archive_range_find(mamd.archive, &r, j->behind + 1, &place))
    return false;
  for (i = 0; place < r.to && i < EXPORT_STEP; place++, i++) {
    if (!archive_range_get(mamd.archive, &r, place, &m)) return false;
    put_row(j->job.ctl, &m);
    j->behind = m.id;
  }
  *more = place < r.to;
  return true;
}

/* Rows that the administrator does not read are not made. */
static void
export_step(void *cookie)
{
  struct job *j = cookie;
  bool more = true, ok = j->job.ctl->full || export_some(j, &more);

  if (ok && more)
    service_job_again(&j->job, export_step);
  else
    service_job_end(&j->job, ok);
}

/* ---- purge ---- */

static void
purge_step(void *cookie)
{
  struct job *j = cookie;
  unsigned int done = 0;
  bool ok =
    archive_trim(mamd.archive, j->owner, j->before, UINT64_MAX, PURGE_STEP, &done);

  if (ok && done == PURGE_STEP)
    service_job_again(&j->job, purge_step);
  else
    service_job_end(&j->job, ok);
}

/* BEFORE is an id, or a time (XEP-0082); nothing: all. */
static void
purge(struct link *ctl, uint64_t owner, struct slice before)
{
  uint64_t id = UINT64_MAX, us;
  struct job *j;

  if (before.len && !slice_u64(before, &id)) {
    if (!stamp_read(before, &us)) {
      service_error(ctl, "that is neither an id nor a time like 2026-01-31T00:00:00Z");
      return;
    }
    id = us << ARCHIVE_ID_SHIFT;
  }
  j = job_new(ctl, owner, purge_step);
  if (!j) return;
  j->before = id;
}

/* ---- stat ---- */

static void
stat_one(struct link *ctl, uint64_t owner)
{
  struct archive_stat st;

  if (!archive_stat(mamd.archive, owner, &st)) {
    service_error(ctl, "the store failed; the log says why");
    return;
  }
  service_stat(ctl, "messages", st.messages);
  service_stat(ctl, "bytes", st.bytes);
  service_stat(ctl, "waiting", st.waiting);
  service_stat(ctl, "first", st.first_id);
  service_stat(ctl, "last", st.last_id);
  service_done(ctl);
}

void
control_archive(struct link *l, struct record *r)
{
  struct slice what = record_get(r, 1);
  struct arena a = ARENA_ZERO;
  uint64_t owner = 0;
  struct jid j;

  mamd_readers();
  if (jid_parse(&a, record_get(r, 2), &j)) {
    owner = mamd_number(j.bare);
    if (!owner) owner = archive_owner_number(mamd.archive, j.bare);
  }
  arena_wipe(&a);
  if (!owner)
    service_error(l, "there is no such account");
  else if (slice_is(what, "stat"))
    stat_one(l, owner);
  else if (slice_is(what, "export"))
    job_new(l, owner, export_step);
  else if (slice_is(what, "purge"))
    purge(l, owner, record_get(r, 3));
  else
    service_error(l, "archive knows stat, export and purge");
}
