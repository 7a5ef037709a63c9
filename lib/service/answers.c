#include "service/service.h"

#include <stdarg.h>
#include <stdlib.h>

/* Answers to xmpp-ctl: rows and their end; those that go on over turns. */

void
service_stat(struct link *ctl, char const *name, uint64_t value)
{
  link_begin(ctl, VERB_STAT);
  link_str(ctl, name);
  link_num(ctl, value);
  link_end(ctl);
}

void
service_row(struct link *ctl, ...)
{
  char const *value;
  va_list ap;

  link_begin(ctl, VERB_ROW);
  va_start(ap, ctl);
  while ((value = va_arg(ap, char const *)))
    link_str(ctl, value);
  va_end(ap);
  link_end(ctl);
}

void
service_done(struct link *ctl)
{
  link_begin(ctl, VERB_DONE);
  link_end(ctl);
}

void
service_error(struct link *ctl, char const *text)
{
  link_begin(ctl, VERB_ERROR);
  link_str(ctl, text);
  link_end(ctl);
}

/* ---- jobs ---- */

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
