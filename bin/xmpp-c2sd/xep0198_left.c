#include "settings.h"
#include "snapshot.h"
#include "stream.h"
#include "xep0198_left.h"
#include "xep0198_sm.h"

#include <stdlib.h>
#include <string.h>

/* Sessions that were handed to another c2sd a moment ago. Until the queue has reached its new
 * place it is in the memory of routed alone: should routed be killed then, nobody would have the
 * stanzas that are in no log (tag kept). So c2sd keeps a copy of each for LEFT_US, and returns
 * them to a new routed as those of a session that has ended. That routed drops what it is
 * returned if the session is there at its new place, which has the stanzas. */

struct left {
  struct left *next; /* oldest first */
  struct sm_queue queue;
  struct host const *host;
  uint64_t until_us, epoch, number; /* epoch: of the routed that was handed the session */
  char *jid;
};

static struct left *first, **end = &first;
static size_t bytes;
static struct event_timer timer;

static void
drop_first(void)
{
  struct left *l = first;

  first = l->next;
  if (!first) end = &first;
  bytes -= l->queue.text.len;
  stralloc_free(&l->queue.text);
  free(l->jid);
  free(l);
}

static void
drop_old(void *cookie)
{
  (void)cookie;
  while (first && first->until_us <= door_now())
    drop_first();
  if (first) event_timer_start(&timer, first->until_us, drop_old, NULL);
}

static void
append(struct left *l)
{
  l->next = NULL;
  *end = l;
  end = &l->next;
  bytes += l->queue.text.len;
}

static bool
copy_kept(struct left *l, struct sm_queue const *q)
{
  size_t at = q->head;
  struct sm_entry e;
  struct slice raw;

  while (sm_queue_next(q, &at, &e, &raw))
    if (slice_has_word(stanza_raw_field(raw, STANZA_TAGS), SLICE("kept")) &&
        !sm_queue_add(&l->queue, raw, e.xml, e.at_us))
      return false;
  return true;
}

void
left_keep(struct stream const *s, struct link const *routed)
{
  struct left *l = calloc(1, sizeof *l);
  bool ok =
    l && (l->jid = strdup(s->session.jid)) && copy_kept(l, &s->session.sm->out.queue);

  if (!ok || !l->queue.n) {
    if (l) stralloc_free(&l->queue.text);
    if (l) free(l->jid);
    free(l);
    return;
  }
  l->host = s->host;
  l->number = s->session.number;
  l->epoch = routed->epoch;
  l->until_us = door_now() + LEFT_US;
  append(l);
  while (bytes > LEFT_BYTES_MAX)
    drop_first();
  if (first && !event_timer_on(&timer))
    event_timer_start(&timer, first->until_us, drop_old, NULL);
}

void
left_routed_is_up(struct link *routed)
{
  struct sm_entry e;
  struct slice raw;
  size_t at;

  while (first && first->epoch != routed->epoch) {
    at = first->queue.head;
    while (sm_queue_next(&first->queue, &at, &e, &raw))
      sm_give_back(routed, first->jid, first->number, first->host, &e, raw);
    drop_first();
  }
}

/* ---- the state for a trace ---- */

static void
fields(struct snapshot *k, struct left *l)
{
  char *host = snapshot_restores(k) ? NULL : l->host->name;

  snapshot_text(k, &host);
  snapshot_text(k, &l->jid);
  SNAPSHOT_INT(k, l->number);
  SNAPSHOT_INT(k, l->epoch);
  SNAPSHOT_INT(k, l->until_us);
  sm_queue_snapshot(k, &l->queue);
  if (!snapshot_restores(k)) return;
  l->host = host ? c2sd_known_host(slice_str(host)) : NULL;
  if (!l->host) l->host = c2sd_first_host();
  free(host);
}

void
left_snapshot(struct snapshot *k)
{
  struct left *l = first;

  for (; snapshot_record(k, "left", l != NULL); l = l ? l->next : NULL) {
    struct left *it = snapshot_restores(k) ? snapshot_new(k, sizeof *it) : l;
    if (!it) return;
    fields(k, it);
    if (!snapshot_restores(k)) continue;
    append(it);
    l = NULL;
  }
  if (snapshot_record(k, "leaving", true)) snapshot_timer(k, &timer, drop_old, NULL);
}
