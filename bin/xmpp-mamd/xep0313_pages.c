#include "mamd.h"

#include "splice/splice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* XEP-0313 s4: the results of a query go to the session that asked, at the pace at which its
 * client takes them (pace.c), one query after the other; behind the last result of each comes
 * the answer to the request. A request whose session is not known is answered at once. */

/* A page that is being sent. */
struct job {
  struct job *next; /* of the session, in the order of the requests */
  struct job *touched_next;
  struct session *s; /* NULL: not known, or it has ended */
  struct stanza in;  /* addresses and id of the request, in text */
  struct slice fin;  /* in text */
  stralloc text;
  stralloc fields, head; /* of each result, as they stand in records */
  uint64_t owner;
  size_t n, at;           /* of ids; the next */
  size_t at_before;       /* at, when this turn began */
  uint64_t touched, born; /* turns */
  bool answered;
  uint64_t ids[];
};

struct pages {
  struct pace pace;
  struct job *first, *last;
  unsigned int n;
};

static struct job *touched; /* in this turn */

/* ---- jobs ---- */

static void
job_free(struct job *j)
{
  stralloc_free(&j->text);
  stralloc_free(&j->fields);
  stralloc_free(&j->head);
  free(j);
}

static bool
cat_texts(struct job *j, struct stanza const *in, struct found const *f)
{
  stralloc *t = &j->text;
  size_t at[4];

  at[0] = in->from.len;
  at[1] = at[0] + in->to.len;
  at[2] = at[1] + in->id.len;
  at[3] = at[2] + f->fin.len;
  if (!stralloc_catb(t, in->from.s, in->from.len) ||
      !stralloc_catb(t, in->to.s, in->to.len) ||
      !stralloc_catb(t, in->id.s, in->id.len) || !stralloc_catb(t, f->fin.s, f->fin.len))
    return false;
  j->in = (struct stanza){.kind = SLICE("iq"), .type = SLICE("set")};
  j->in.from = slice_of(t->s, at[0]);
  j->in.to = slice_of(t->s + at[0], at[1] - at[0]);
  j->in.id = slice_of(t->s + at[1], at[2] - at[1]);
  j->fin = slice_of(t->s + at[2], at[3] - at[2]);
  return true;
}

/* All fields of a result up to the number that its tags end in, and its XML up to its id. */
static bool
cat_frame(struct job *j, struct found const *f)
{
  struct slice const fields[] = {f->from, f->account, SLICE("message"), SLICE(""),
                                 SLICE("")};
  char buf[BASE_NUM];
  size_t i;
  bool ok = true;

  for (i = 0; ok && i < sizeof fields / sizeof *fields; i++)
    ok = record_put(&j->fields, fields[i]);
  ok = ok && stralloc_cats(&j->fields, "\tmam") &&
       (!j->s || (stralloc_cats(&j->fields, " session=") &&
                  stralloc_cats(&j->fields, num_u64(buf, j->s->number).s) &&
                  stralloc_cats(&j->fields, " page=")));
  return ok && mam_result_head(&j->head, f->from, f->account, f->queryid);
}

static struct job *
job_new(struct session *s, struct stanza const *in, struct found const *f)
{
  struct job *j = calloc(1, sizeof *j + f->n * sizeof *f->ids);

  if (!j) return NULL;
  j->s = s;
  j->owner = f->owner;
  j->n = f->n;
  j->born = mamd_turn;
  if (f->n) memcpy(j->ids, f->ids, f->n * sizeof *f->ids);
  if (cat_texts(j, in, f) && cat_frame(j, f)) return j;
  job_free(j);
  return NULL;
}

/* ---- sending ---- */

static void
put_result(struct link *l, struct job const *j, struct archive_message const *m,
           struct splice const *at, uint64_t number)
{
  char buf[BASE_NUM];

  link_begin(l, VERB_STANZA);
  link_more_raw(l, slice_of(j->fields.s, j->fields.len));
  if (j->s) link_more_raw(l, num_u64(buf, number));
  link_origin(l);
  link_field(l);
  mam_result_put(l, slice_of(j->head.s, j->head.len), m, at);
  link_end(l);
}

/* Send the next result, which may be gone since. Gives its bytes. */
static size_t
send_one(struct link *l, struct job *j, uint64_t number)
{
  struct archive_message m;
  struct splice at;

  if (!archive_get(mamd.archive, j->owner, j->ids[j->at++], &m)) {
    if (errno != ENOENT) mamd_failed("read a message", j->in.from);
    return 0;
  }
  if (!splice_attribute(m.text.xml, &at)) return 0;
  put_result(l, j, &m, &at, number);
  return m.text.xml.len;
}

static void
touch(struct job *j)
{
  if (j->touched == mamd_turn) return;
  j->touched = mamd_turn;
  j->at_before = j->at;
  j->touched_next = touched;
  touched = j;
}

/* Send results as the window of the session lets them. true: more may be sent. */
static bool
send_some(struct link *l, struct pages *p, struct job *j, size_t *budget)
{
  uint64_t number;
  size_t bytes;

  touch(j);
  while (j->at < j->n && pace_has_room(&p->pace)) {
    if (!*budget || l->full) return true;
    number = pace_number();
    bytes = send_one(l, j, number);
    if (bytes) pace_add(&p->pace, number, 0, bytes);
    *budget -= bytes < *budget ? bytes : *budget;
  }
  if (j->at < j->n) return false;
  handle_result(l, &j->in, j->fin);
  j->answered = true;
  return false;
}

/* End the first page of the session, which is answered; the page is freed when the turn
 * is on disk. */
static void
shift(struct pages *p)
{
  p->first = p->first->next;
  if (!p->first) p->last = NULL;
  p->n--;
}

bool
pages_some(struct link *routed, struct session *s, size_t *budget)
{
  struct pages *p = s->pages;

  while (p && p->first) {
    if (send_some(routed, p, p->first, budget)) return true;
    if (!p->first->answered) return false;
    shift(p);
  }
  return false;
}

static void
send_all(struct link *l, struct job *j)
{
  while (j->at < j->n)
    send_one(l, j, 0);
  handle_result(l, &j->in, j->fin);
}

bool
pages_answer(struct stanza const *in, struct found const *f)
{
  struct link *l = link_find(ROUTED);
  uint64_t number = 0;
  struct session *s;
  struct job *j;

  slice_u64(stanza_tag(in->tags, "session"), &number);
  s = number ? session_make(f->account, jid_cut(f->from).resource, number) : NULL;
  if (s && !s->pages) s->pages = calloc(1, sizeof *s->pages);
  if ((s && (!s->pages || s->pages->n == QUERIES_MAX)) || !l) return false;
  j = job_new(s, in, f);
  if (!j) return false;
  if (!s) {
    send_all(l, j);
    job_free(j);
    return true;
  }
  touch(j);
  if (s->pages->last)
    s->pages->last->next = j;
  else
    s->pages->first = j;
  s->pages->last = j;
  s->pages->n++;
  pace_due(s);
  return true;
}

bool
pages_are_due(struct stanza const *st)
{
  uint64_t number = 0;
  struct session *s;
  struct job *j;

  slice_u64(stanza_tag(st->tags, "session"), &number);
  s = number ? session_numbered(number) : NULL;
  for (j = s && s->pages ? s->pages->first : NULL; j; j = j->next)
    if (slice_eq(j->in.id, st->id)) return true;
  return false;
}

void
pages_marked(struct session *s, uint64_t number)
{
  if (!s->pages) return;
  pace_drop(&s->pages->pace, pace_up_to(&s->pages->pace, number));
  pace_due(s);
}

/* ---- the end of a session, or of a turn ---- */

void
pages_free(struct session *s)
{
  struct job *j, *next;

  for (j = s->pages ? s->pages->first : NULL; j; j = next) {
    next = j->next;
    j->s = NULL;
    j->answered = true;
    if (j->touched != mamd_turn) job_free(j);
  }
  if (s->pages) pace_free(&s->pages->pace);
  free(s->pages);
  s->pages = NULL;
}

/* Take back the work of a lost turn on j: its results are sent again; routed repeats a
 * request that came in the turn. Jobs come last first, so answered jobs go back in front
 * in their order. */
static void
take_back(struct job *j)
{
  struct pages *p = j->s ? j->s->pages : NULL;
  struct job **at;

  if (j->answered && p) {
    j->next = p->first;
    if (!p->first) p->last = j;
    p->first = j;
    p->n++;
  }
  j->answered = false;
  j->at = j->at_before;
  if (j->born != mamd_turn || !p) return;
  for (at = &p->first; *at && *at != j; at = &(*at)->next) {
  }
  if (*at) {
    *at = j->next;
    p->n--;
    for (p->last = p->first; p->last && p->last->next; p->last = p->last->next) {
    }
  }
  j->answered = true; /* to be freed */
}

void
pages_turn(bool lost_turn)
{
  struct job *j, *next;

  for (j = touched; j; j = next) {
    next = j->touched_next;
    if (lost_turn && j->s) {
      pace_turn_lost(&j->s->pages->pace);
      take_back(j);
      pace_due(j->s);
    }
    if (j->answered) job_free(j);
  }
  touched = NULL;
}

/* ---- the state for a trace: between turns nothing is touched ---- */

static void
texts(struct snapshot *k, struct job *j)
{
  struct slice *const at[] = {&j->in.from, &j->in.to, &j->in.id, &j->fin};
  size_t from = 0, i;

  snapshot_bytes(k, &j->text);
  j->in.kind = SLICE("iq");
  j->in.type = SLICE("set");
  for (i = 0; i < sizeof at / sizeof *at; i++) {
    size_t len = at[i]->len;
    SNAPSHOT_INT(k, len);
    if (len > j->text.len - from) len = 0;
    *at[i] = slice_of(j->text.s + from, len);
    from += len;
  }
}

static struct job *
job_fields(struct snapshot *k, struct session *s, struct job *j)
{
  size_t n = j ? j->n : 0, i;

  SNAPSHOT_INT(k, n);
  if (snapshot_restores(k))
    j = n < SIZE_MAX / 16 ? snapshot_new(k, sizeof *j + n * sizeof *j->ids) : NULL;
  if (!j) return NULL;
  j->n = n;
  j->s = s;
  for (i = 0; i < n; i++)
    SNAPSHOT_INT(k, j->ids[i]);
  texts(k, j);
  snapshot_bytes(k, &j->fields);
  snapshot_bytes(k, &j->head);
  SNAPSHOT_INT(k, j->owner);
  SNAPSHOT_INT(k, j->at);
  SNAPSHOT_INT(k, j->at_before);
  SNAPSHOT_INT(k, j->touched);
  SNAPSHOT_INT(k, j->born);
  return j;
}

void
pages_snapshot(struct snapshot *k, struct session *s)
{
  struct pages *p;
  struct job **at;

  if (!snapshot_record(k, "pages", s->pages != NULL)) return;
  if (snapshot_restores(k)) s->pages = snapshot_new(k, sizeof *s->pages);
  p = s->pages;
  if (!p) return;
  pace_snapshot(k, &p->pace);
  for (at = &p->first; snapshot_record(k, "page", *at != NULL); at = &(*at)->next) {
    *at = job_fields(k, s, *at);
    if (!*at) return;
    p->last = *at;
    if (snapshot_restores(k)) p->n++;
  }
}
