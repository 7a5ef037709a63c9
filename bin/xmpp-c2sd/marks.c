#include "marks.h"
#include "snapshot.h"
#include "stream.h"
#include "xep0198_sm.h"
#include "xep0352_csi.h"

#include <stdlib.h>

/* c2sd tells routed and mamd up to which id the client of a session has its messages (its
 * marks); they keep the rest (xmpp-restarts(7)). With stream management the client
 * acknowledges stanzas; without it, a message counts as had when it has left for the
 * front.
 *
 * The mark of live messages may lag, since messages behind it only come twice after a
 * kill: c2sd tells it after LIVE_US. Messages that waited, and results of the archive,
 * leave mamd no faster than their marks move: c2sd tells those after SOON_US. Either mark
 * is told when MARK_EVERY messages have been noted. */

#define LIVE_US 250000u
#define SOON_US 10000u
#define MARK_EVERY 32u

/* Streams with news, by sid. */
struct due {
  uint64_t *v;
  size_t n, size;
  struct event_timer timer;
};

static struct due soon, later;

static void
tell(struct stream *s)
{
  struct link *l = link_find(ROUTED);

  s->session.mark.due = s->session.mark.due_soon = false;
  s->session.mark.noted = 0;
  if (!l) return;
  link_begin(l, VERB_MARK);
  link_num(l, s->sid);
  link_num(l, s->session.mark.had.live);
  link_num(l, s->session.mark.had.waited);
  link_num(l, s->session.mark.had.page);
  link_end(l);
}

static void
tell_all(void *cookie)
{
  struct due *d = cookie;
  size_t i;

  for (i = 0; i < d->n; i++) {
    struct stream *s = stream_find(d->v[i]);
    if (s && (d == &soon ? s->session.mark.due_soon : s->session.mark.due)) tell(s);
  }
  d->n = 0;
}

static bool
enlist(struct due *d, struct stream const *s, uint64_t us)
{
  if (d->n == d->size) {
    size_t size = d->size ? 2 * d->size : 64;
    uint64_t *v = realloc(d->v, size * sizeof *v);
    if (!v) return false;
    d->v = v;
    d->size = size;
  }
  d->v[d->n++] = s->sid;
  if (!event_timer_on(&d->timer))
    event_timer_start(&d->timer, door_now() + us, tell_all, d);
  return true;
}

/* Set in *had the marks that the tags name. true: the message has a mark. */
static bool
read_tags(struct slice tags, struct had *had)
{
  uint64_t id = 0, late = 0, page = 0, offer = 0;
  struct slice word;
  bool waited = false;

  while (slice_word(&tags, ' ', &word)) {
    if (slice_starts(word, "id="))
      slice_u64(slice_of(word.s + 3, word.len - 3), &id);
    else if (slice_starts(word, "late="))
      slice_u64(slice_of(word.s + 5, word.len - 5), &late);
    else if (slice_starts(word, "page="))
      slice_u64(slice_of(word.s + 5, word.len - 5), &page);
    else if (slice_is(word, "offline"))
      waited = true;
    else if (slice_starts(word, "offer="))
      slice_u64(slice_of(word.s + 6, word.len - 6), &offer);
  }
  if (late) id = late;
  if (page)
    had->page = page;
  else if (waited)
    had->waited = offer;
  else if (id > had->live)
    had->live = id;
  return id || page;
}

static void
news(struct stream *s, bool hurry)
{
  struct mark *m = &s->session.mark;

  if (++m->noted >= MARK_EVERY)
    tell(s);
  else if (hurry && !m->due_soon)
    m->due_soon = enlist(&soon, s, SOON_US);
  else if (!hurry && !m->due)
    m->due = enlist(&later, s, LIVE_US);
}

void
marks_note(struct stream *s, struct slice tags)
{
  uint64_t live = s->session.mark.had.live;

  if (read_tags(tags, &s->session.mark.had)) news(s, s->session.mark.had.live == live);
}

static bool
any(struct had const *b)
{
  return b->live || b->waited || b->page;
}

/* Move the marks of from to those of to. */
static void
move(struct had *to, struct had *from)
{
  if (from->live > to->live) to->live = from->live;
  if (from->waited) to->waited = from->waited;
  if (from->page) to->page = from->page;
  *from = (struct had){0};
}

/* ---- clients that fetch what is sent (XEP-0124) ----
 *
 * xmpp-webd says how many records such a client has. Two marks suffice: the one of all records up
 * to a number, and the one of those behind. */

static void
cut(struct stream *s)
{
  struct fetched *f = s->fetched;

  if (f->cut_at || !any(&f->later)) return;
  move(&f->cut, &f->later);
  f->cut_at = s->c.records;
}

void
marks_note_sent(struct stream *s, struct slice tags)
{
  read_tags(tags, &s->fetched->later);
  cut(s);
}

void
marks_on_taken(struct link *l, struct record *r)
{
  struct conduit *c = conduit_find(l, r);
  struct stream *s = c ? stream_of(c) : NULL;
  uint64_t n = record_u64(r, 2);

  if (s && !s->fetched) s->fetched = calloc(1, sizeof *s->fetched);
  if (!s || !s->fetched) return;
  while (s->fetched->cut_at && s->fetched->cut_at <= n) {
    move(&s->session.mark.had, &s->fetched->cut);
    s->fetched->cut_at = 0;
    news(s, true);
    cut(s);
  }
}

/* ---- output that waits ---- */

void
marks_note_blocked(struct stream *s, struct slice tags)
{
  read_tags(tags, &s->session.mark.blocked);
}

bool
marks_blocked(struct stream const *s)
{
  struct fetched const *f = s->fetched;

  return any(&s->session.mark.blocked) || (f && (any(&f->cut) || any(&f->later)));
}

void
marks_unblocked(struct stream *s)
{
  if (!any(&s->session.mark.blocked)) return;
  if (s->fetched) {
    move(&s->fetched->later, &s->session.mark.blocked);
    cut(s);
    return;
  }
  move(&s->session.mark.had, &s->session.mark.blocked);
  news(s, true);
}

void
marks_end(struct stream *s)
{
  if (s->session.mark.due || s->session.mark.due_soon) tell(s);
}

void
marks_again(struct stream *s)
{
  struct had const *had = &s->session.mark.had;

  if (stream_is_session(s) && (had->live || had->waited || had->page)) tell(s);
}

static void
read_queue(struct sm_queue const *q, struct had *had)
{
  size_t at = q->head;
  struct sm_entry e;
  struct slice raw;

  while (sm_queue_next(q, &at, &e, &raw))
    read_tags(stanza_raw_field(raw, STANZA_TAGS), had);
}

uint64_t
marks_upto(struct stream const *s)
{
  struct had had = s->session.mark.had;

  if (s->session.sm) read_queue(&s->session.sm->out.queue, &had);
  return had.live;
}

uint64_t
marks_come(struct stream const *s)
{
  struct fetched const *f = s->fetched;
  struct had const *written[] = {&s->session.mark.blocked, f ? &f->cut : NULL,
                                 f ? &f->later : NULL};
  struct had had = {.live = marks_upto(s)};
  size_t i;

  for (i = 0; i < sizeof written / sizeof *written; i++)
    if (written[i] && written[i]->live > had.live) had.live = written[i]->live;
  if (s->csi) read_queue(csi_queue(s->csi), &had);
  return had.live;
}

/* ---- the state for a trace ---- */

static void
due_snapshot(struct snapshot *k, struct due *d)
{
  size_t n = d->n, i;

  if (!snapshot_record(k, "due", true)) return;
  snapshot_timer(k, &d->timer, tell_all, d);
  SNAPSHOT_INT(k, n);
  if (snapshot_restores(k)) {
    d->v = n < SIZE_MAX / 16 ? snapshot_new(k, (n + 1) * sizeof *d->v) : NULL;
    d->n = d->size = d->v ? n : 0;
  }
  for (i = 0; i < d->n; i++)
    SNAPSHOT_INT(k, d->v[i]);
}

void
marks_snapshot(struct snapshot *k)
{
  due_snapshot(k, &soon);
  due_snapshot(k, &later);
}
