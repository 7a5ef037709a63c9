#include "sessions.h"

#include <stdio.h>

/* The list of sessions for the administrator, and for services that compare theirs with it. */

/* A service is to know of sessions that are leaving, too, and of numbers. */
static void
list_one(struct link *ctl, struct session const *s)
{
  char priority[8];

  if (s->leaving && ctl->roles & ROLE_CONTROL) return;
  snprintf(priority, sizeof priority, "%d", s->priority);
  link_begin(ctl, VERB_ROW);
  session_put_jid(ctl, s);
  link_str(ctl, s->ip);
  link_str(ctl, s->available && !s->leaving ? priority : "");
  link_num(ctl, s->since_us / 1000000);
  link_str(ctl, s->link->name);
  if (!(ctl->roles & ROLE_CONTROL)) link_num(ctl, s->number);
  link_end(ctl);
}

void
sessions_list(struct link *ctl, struct record *r)
{
  struct link const *l;
  uint32_t i;

  (void)r;
  for (l = link_next(NULL); l; l = link_next(l)) {
    struct id_map const *m = l->program == C2SD ? l->cookie : NULL;
    for (i = 0; m && i < m->size; i++)
      if (m->v[i].item) list_one(ctl, m->v[i].item);
  }
  service_done(ctl);
}
