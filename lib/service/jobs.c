#include "service/service.h"

#include <stdlib.h>

#define SERVICE_JOB_WAIT_US 10000

static struct service_job *jobs;

void
service_job_start(struct service_job *j, struct link *ctl, event_timer_fn *fn)
{
  if (!j) {
    service_error(ctl, "out of memory");
    return;
  }
  j->ctl = ctl;
  j->next = jobs;
  jobs = j;
  event_timer_start(&j->timer, door_now(), fn, j);
}

void
service_job_again(struct service_job *j, event_timer_fn *fn)
{
  event_timer_start(&j->timer, door_now() + (j->ctl->full ? SERVICE_JOB_WAIT_US : 0), fn,
                    j);
}

static void
drop(struct service_job *j)
{
  struct service_job **at;

  for (at = &jobs; *at != j; at = &(*at)->next) {
  }
  *at = j->next;
  event_timer_cancel(&j->timer);
  free(j);
}

void
service_job_end(struct service_job *j, bool ok)
{
  if (ok)
    service_done(j->ctl);
  else
    service_error(j->ctl, "the store failed; the log says why");
  drop(j);
}

void
service_jobs_gone(struct link const *ctl)
{
  struct service_job *j, *next;

  for (j = jobs; j; j = next) {
    next = j->next;
    if (j->ctl == ctl) drop(j);
  }
}
