#include "userd.h"

#include <stdlib.h>
#include <string.h>

/* A client whose session is lost binds again (XEP-0386) and gets the same name. Its contacts would
 * see it go and come at each such login. So they are told of the end of the older session only when
 * the newer one has not shown presence for REPLACED_US. */

struct replaced {
  struct replaced *next; /* oldest first */
  uint64_t left_us; /* that of the session, or the session is not this one any more */
  char full[];
};

static struct replaced *first, **last = &first;
static struct event_timer timer;

static void
on_timer(void *cookie)
{
  struct replaced *e;
  struct session *s;

  (void)cookie;
  while ((e = first) && e->left_us + REPLACED_US <= door_now()) {
    first = e->next;
    if (!first) last = &first;
    s = session_find(slice_str(e->full));
    if (s && s->left_us == e->left_us) presence_left(s);
    free(e);
  }
  if (first) event_timer_start(&timer, first->left_us + REPLACED_US, on_timer, NULL);
}

static struct replaced *
append(char const *full, uint64_t left_us)
{
  struct replaced *e = calloc(1, sizeof *e + strlen(full) + 1);

  if (!e) return NULL;
  strcpy(e->full, full);
  e->left_us = left_us;
  *last = e;
  last = &e->next;
  if (!event_timer_on(&timer))
    event_timer_start(&timer, left_us + REPLACED_US, on_timer, NULL);
  return e;
}

void
replaced_begin(struct session *s)
{
  uint64_t now = door_now();

  if (s->left_us) return; /* replaced twice: the time runs on */
  if (append(s->full, now))
    s->left_us = now;
  else
    presence_left(s);
}

/* ---- the state for a trace ---- */

void
replaced_snapshot(struct snapshot *k)
{
  struct replaced *e = first;

  for (; snapshot_record(k, "replaced", e != NULL); e = e ? e->next : NULL) {
    char *full = e ? e->full : NULL;
    uint64_t left_us = e ? e->left_us : 0;

    snapshot_text(k, &full);
    SNAPSHOT_INT(k, left_us);
    if (!snapshot_restores(k)) continue;
    if (!full || !append(full, left_us)) snapshot_fail(k, "a replaced session is lost");
    free(full);
  }
}
