#include "c2sd.h"

#include <stdlib.h>

/* Up to which archive id the client of a session has its messages: told to mamd now and then,
 * so that it knows what was lost with a c2sd. With stream management the client says what it
 * has; without it, what has left is taken for had. */

#define MARK_US 250000u

static uint64_t *due; /* sids of streams with news */
static size_t due_n, due_size;
static struct event_timer timer;

static void
tell(struct stream *s)
{
  struct link *l = link_find(ROUTED);

  s->mark.due = false;
  if (!l) return;
  link_begin(l, VERB_MARK);
  link_num(l, s->sid);
  link_num(l, s->mark.live);
  link_num(l, s->mark.waited);
  link_end(l);
}

static void
tell_all(void *cookie)
{
  size_t i;

  (void)cookie;
  for (i = 0; i < due_n; i++) {
    struct stream *s = stream_find(due[i]);
    if (s && s->mark.due) tell(s);
  }
  due_n = 0;
}

static bool
enlist(struct stream *s)
{
  if (due_n == due_size) {
    size_t size = due_size ? 2 * due_size : 64;
    uint64_t *v = realloc(due, size * sizeof *v);
    if (!v) return false;
    due = v;
    due_size = size;
  }
  due[due_n++] = s->sid;
  if (!event_timer_on(&timer))
    event_timer_start(&timer, door_now() + MARK_US, tell_all, NULL);
  return true;
}

void
marks_note(struct stream *s, struct slice tags)
{
  struct slice text = stanza_tag(tags, "id");
  bool waited = slice_has_word(tags, SLICE("offline"));
  uint64_t id;

  if (!text.len || !slice_u64(text, &id)) return;
  if (waited)
    s->mark.waited = id;
  else
    s->mark.live = id;
  if (!s->mark.due) s->mark.due = enlist(s);
}

void
marks_end(struct stream *s)
{
  if (s->mark.due) tell(s);
}
