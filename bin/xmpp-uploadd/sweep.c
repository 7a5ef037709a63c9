#include "uploadd.h"

/* mod_http_upload_quota.max_days: files whose time is older go, first ten minutes after the start,
 * then daily, a step a turn. Of hosts that share a docroot the longest max_days counts, for nobody
 * knows whose a file is; a host without one keeps all. */

#define FIRST_US 600000000u
#define DAILY_US 86400000000u
#define WAITING_MAX 8

static struct event_timer timer;

static struct {
  bool on;
  struct walk walk;
  struct slice host; /* of the docroot that is swept: a host may go at a reload */
  char host_text[256];
  uint64_t before_us;    /* files of an earlier time go */
  uint64_t files, bytes; /* deleted in this sweep, of docroots that are done */
} sweep;

/* Administrators who wait for the end of a sweep. */
static struct link *waiting[WAITING_MAX];

static uint64_t
longest(struct vhost const *v)
{
  struct vhost const *w;
  uint64_t us = 0;

  for (w = uploadd.vhosts; w; w = w->next)
    if (slice_eq(w->docroot, v->docroot) && w->max_us > us) us = w->max_us;
  return us;
}

static bool
is_old(void *cookie, struct walk_file const *f)
{
  (void)cookie;
  return (uint64_t)f->st.st_mtim.tv_sec * 1000000u +
           (uint64_t)f->st.st_mtim.tv_nsec / 1000u <
         sweep.before_us;
}

/* The next docroot behind that of the host, or the first; false: there is no more. */
static bool
next_docroot(void)
{
  struct vhost const *v = uploadd.vhosts;
  uint64_t us;

  if (sweep.host.len) {
    v = vhost_find(sweep.host);
    v = v ? v->next : NULL;
  }
  for (; v; v = v->next) {
    us = longest(v);
    if (vhost_shares(v) || us == UINT64_MAX || us > door_wall() ||
        v->host.len > sizeof sweep.host_text ||
        !walk_open(&sweep.walk, v, SLICE(""), true))
      continue;
    memcpy(sweep.host_text, v->host.s, v->host.len);
    sweep.host = slice_of(sweep.host_text, v->host.len);
    sweep.before_us = door_wall() - us;
    return true;
  }
  return false;
}

static void
end_docroot(void)
{
  if (sweep.walk.files)
    log_event(LOG_INFO, "uploads-deleted", "host", log_text(sweep.host), "files",
              log_num(sweep.walk.files), "bytes", log_num(sweep.walk.bytes), "why",
              "max-days", NULL);
  sweep.files += sweep.walk.files;
  sweep.bytes += sweep.walk.bytes;
  walk_close(&sweep.walk);
}

static void
tell(struct link *ctl)
{
  service_row(ctl, log_num(sweep.files), log_num(sweep.bytes), NULL);
  service_done(ctl);
}

static void on_timer(void *cookie);

static void
end_sweep(void)
{
  size_t i;

  sweep.on = false;
  quota_forget();
  for (i = 0; i < WAITING_MAX; i++) {
    if (waiting[i]) tell(waiting[i]);
    waiting[i] = NULL;
  }
  event_timer_start(&timer, door_now() + DAILY_US, on_timer, NULL);
}

static void
on_timer(void *cookie)
{
  bool more = true;

  (void)cookie;
  if (!sweep.on) {
    sweep.on = true;
    sweep.files = sweep.bytes = 0;
    sweep.host = SLICE("");
    more = next_docroot();
  } else if (!walk_step(&sweep.walk, UPLOAD_WALK_STEP, is_old, NULL)) {
    end_docroot();
    more = next_docroot();
  }
  if (more)
    event_timer_start(&timer, door_now(), on_timer, NULL);
  else
    end_sweep();
}

void
sweep_start(void)
{
  event_timer_start(&timer, door_now() + FIRST_US, on_timer, NULL);
}

void
sweep_now(struct link *ctl)
{
  size_t i;

  for (i = 0; i < WAITING_MAX && waiting[i]; i++) {
  }
  if (i == WAITING_MAX) {
    service_error(ctl, "too many wait for this sweep");
    return;
  }
  waiting[i] = ctl;
  if (!sweep.on) event_timer_start(&timer, door_now(), on_timer, NULL);
}

void
sweep_down(struct link const *l)
{
  size_t i;

  for (i = 0; i < WAITING_MAX; i++)
    if (waiting[i] == l) waiting[i] = NULL;
}

/* A sweep that is under way is not in a trace: the files are not. */
void
sweep_snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "sweep", true)) snapshot_timer(k, &timer, on_timer, NULL);
}
