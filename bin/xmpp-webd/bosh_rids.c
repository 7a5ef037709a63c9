#include "bosh.h"

#include <string.h>

/* The order of requests (XEP-0124 s14). rid is the last request that was worked on;
 * requests behind a gap wait for their predecessors; all are answered in their order,
 * the oldest first. */

#define CLOSE_ELEMENT "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"

/* ---- requests that wait ---- */

static struct bosh_asked *
asked_of(struct bosh *s, uint64_t rid)
{
  unsigned int i;

  for (i = 0; i < s->asked_n; i++)
    if (s->asked[i].rid == rid) return &s->asked[i];
  return NULL;
}

static struct bosh_asked *
add(struct bosh *s, uint64_t rid, struct post *p)
{
  unsigned int i = s->asked_n++;

  while (i && s->asked[i - 1].rid > rid) {
    s->asked[i] = s->asked[i - 1];
    i--;
  }
  s->asked[i] = (struct bosh_asked){.rid = rid, .at_us = door_now(), .post = p};
  p->session = s;
  if (s->shaped) shaper_set(p->q->conn, s->rate, s->burst);
  s->quiet_us = 0;
  return &s->asked[i];
}

static void
take_out(struct bosh *s, unsigned int i)
{
  s->asked_n--;
  memmove(&s->asked[i], &s->asked[i + 1], (s->asked_n - i) * sizeof s->asked[0]);
}

static unsigned int
done_n(struct bosh const *s)
{
  unsigned int n = 0;

  while (n < s->asked_n && s->asked[n].done)
    n++;
  return n;
}

void
bosh_lost(struct post *p)
{
  struct bosh *s = p->session;
  unsigned int i;

  for (i = 0; i < s->asked_n; i++) {
    if (s->asked[i].post != p) continue;
    s->asked[i].post = NULL;
    if (!s->asked[i].done) take_out(s, i);
    break;
  }
  bosh_due(s);
}

void
bosh_hurry(struct post *p)
{
  struct bosh *s = p->session;
  unsigned int i;

  for (i = 0; i < s->asked_n; i++)
    if (s->asked[i].post == p && s->hurry_rid < s->asked[i].rid)
      s->hurry_rid = s->asked[i].rid;
  bosh_due(s);
}

/* ---- work on a request ---- */

static bool
pass_payload(struct bosh *s, struct bosh_body const *b)
{
  struct xml_node *e;
  bool ok = true;

  for (e = b->root->first; e && ok && s->stream; e = e->next) {
    stralloc sa = STRALLOC_ZERO;
    if (!e->name.len) continue;
    ok = bosh_cat_child(&sa, e);
    if (ok) stream_put(s->stream, slice_of(sa.s, sa.len));
    stralloc_free(&sa);
  }
  return ok;
}

static enum bosh_fault
pause(struct bosh *s, struct bosh_body const *b)
{
  if (s->maxpause_us != UINT64_MAX && b->pause > s->maxpause_us / 1000000)
    return BOSH_POLICY_VIOLATION;
  s->silence_us = b->pause * 1000000;
  s->pauses = true;
  return BOSH_FINE;
}

/* XEP-0206 s5: payload beside a restart is ignored. */
static enum bosh_fault
act(struct bosh *s, struct bosh_body const *b)
{
  bool ok = true;

  if (b->has_pause) return pause(s, b);
  if (b->restarts)
    ok = bosh_open_stream(s, b);
  else
    ok = pass_payload(s, b);
  if (!ok) return BOSH_POLICY_VIOLATION;
  if (b->terminates) {
    if (s->told_n) bosh_client_has(s, s->told[s->told_n - 1].upto);
    stream_put(s->stream, SLICE(CLOSE_ELEMENT));
    bosh_end(s, BOSH_FINE, "closed by the client");
  }
  return BOSH_FINE;
}

/* A client that breaks the rules gets no more payload, which waits for its next
 * session. */
static void
fail(struct bosh *s, enum bosh_fault fault)
{
  stralloc_free(&s->out);
  s->out_n = 0;
  bosh_end(s, fault, bosh_condition(fault));
}

/* The request that made the session is the first, and has nothing to pass on. */
static void
work(struct bosh *s, struct bosh_asked *a, struct bosh_body const *b)
{
  enum bosh_fault fault = BOSH_FINE;
  bool first = !s->created;

  a->done = true;
  s->rid = a->rid;
  bosh_due(s);
  if (s->over) return;
  if (first) {
    if (!bosh_open_stream(s, b)) fail(s, BOSH_INTERNAL_SERVER_ERROR);
    return;
  }
  if (!bosh_take_key(s, a, b)) {
    fail(s, BOSH_ITEM_NOT_FOUND);
    return;
  }
  bosh_take_ack(s, b);
  s->silence_us = s->inactivity_us;
  if (bosh_is_too_often(s, a, b))
    fault = BOSH_POLICY_VIOLATION;
  else
    fault = act(s, b);
  if (fault) fail(s, fault);
}

void
bosh_advance(struct bosh *s)
{
  struct bosh_asked *next;

  while (!s->held && (next = asked_of(s, s->rid + 1)) && !next->done) {
    struct arena a = ARENA_ZERO;
    struct bosh_body b;
    enum bosh_fault fault =
      bosh_read(&b, &a, slice_of(next->post->in.s, next->post->in.len));
    if (fault)
      fail(s, fault);
    else
      work(s, next, &b);
    arena_wipe(&a);
    if (fault) return;
  }
}

/* ---- repeated requests (s14.3) ---- */

/* Say whether one request is repeated too often. */
static bool
repeats_too_often(struct bosh *s, uint64_t rid)
{
  if (s->repeat_rid != rid || door_now() - s->repeat_us >= BOSH_REPEATS_US) {
    s->repeat_rid = rid;
    s->repeat_us = door_now();
    s->repeat_n = 0;
  }
  return ++s->repeat_n > BOSH_REPEATS_MAX;
}

/* The new request takes the place of the old one, whose client is told to repeat what
 * it has not got an answer for. */
static void
replace(struct bosh *s, struct bosh_asked *a, struct post *p)
{
  struct post *old = a->post;

  a->post = p;
  p->session = s;
  if (s->shaped) shaper_set(p->q->conn, s->rate, s->burst);
  s->quiet_us = 0;
  if (!old) return;
  old->session = NULL;
  post_answer(old, SLICE("<body xmlns='" NS_BOSH "' type='error'/>"), s->type);
}

static void
repeat(struct bosh *s, struct post *p, struct bosh_body const *b)
{
  struct bosh_asked *a = asked_of(s, b->rid);
  unsigned int i;

  bosh_due(s);
  if (repeats_too_often(s, b->rid)) {
    post_refuse(p, BOSH_POLICY_VIOLATION, s->legacy);
    fail(s, BOSH_POLICY_VIOLATION);
    return;
  }
  if (a && bosh_same_key(a->key, b)) {
    replace(s, a, p);
    return;
  }
  for (i = 0; i < s->told_n; i++)
    if (s->told[i].rid == b->rid && bosh_same_key(s->told[i].key, b)) {
      s->quiet_us = 0;
      post_answer(p, slice_of(s->told[i].text.s, s->told[i].text.len), s->type);
      return;
    }
  post_refuse(p, BOSH_ITEM_NOT_FOUND, s->legacy);
  fail(s, BOSH_ITEM_NOT_FOUND);
}

/* ---- new requests ---- */

/* s11, s14.2: another request may come to pause or to end the session. */
static enum bosh_fault
refuses(struct bosh const *s, struct bosh_body const *b)
{
  unsigned int max = s->requests + (b->has_pause || b->terminates ? 1 : 0);

  if (b->rid > s->rid + max) return BOSH_ITEM_NOT_FOUND;
  return s->asked_n >= max ? BOSH_POLICY_VIOLATION : BOSH_FINE;
}

void
bosh_take(struct bosh *s, struct post *p, struct bosh_body const *b)
{
  enum bosh_fault fault;
  struct bosh_asked *a;

  if (b->rid <= s->rid || asked_of(s, b->rid)) {
    repeat(s, p, b);
    return;
  }
  fault = refuses(s, b);
  if (fault) {
    post_refuse(p, fault, s->legacy);
    fail(s, fault);
    return;
  }
  a = add(s, b->rid, p);
  bosh_due(s);
  if (b->rid == s->rid + 1 && !s->held) {
    work(s, a, b);
    bosh_advance(s);
  }
}

/* ---- answers ---- */

static bool
may_end(struct bosh const *s)
{
  return s->over && !s->said && !s->out_n;
}

/* Answer the oldest request. */
static void
answer(struct bosh *s, bool bare)
{
  struct bosh_asked a = s->asked[0];
  struct bosh_told t = {.rid = a.rid, .at_us = door_now()};
  bool legacy = s->legacy && may_end(s) && bosh_status(s->fault);
  bool empty = bare || !s->out_n;

  take_out(s, 0);
  if (!bosh_cat_answer(&t.text, s, &a, bare)) {
    stralloc_free(&t.text);
    if (a.post) conn_end(a.post->q->conn, "out of memory");
    return;
  }
  if (!empty) s->empty_us = 0;
  s->created = true;
  s->reports = false;
  t.upto = s->records - s->out_n;
  memcpy(t.key, a.key, sizeof t.key);
  bosh_keep(s, t);
  if (!a.post) return;
  a.post->session = NULL;
  if (legacy)
    post_refuse(a.post, s->fault, true);
  else
    post_answer(a.post, slice_of(t.text.s, t.text.len), s->type);
}

/* The oldest request that awaits its answer: the connections of those before it have ended. */
static unsigned int
first_awaiting(struct bosh const *s)
{
  unsigned int i = 0;

  while (i < s->asked_n && !s->asked[i].post)
    i++;
  return i;
}

/* An early request that has waited long: its client is to repeat it, and those before
 * it (s17.3). */
static bool
give_up(struct bosh *s)
{
  unsigned int i = first_awaiting(s);
  struct bosh_asked a;

  if (i == s->asked_n) return false;
  a = s->asked[i];
  if (a.done || (!s->over && door_now() < a.at_us + s->wait_us)) return false;
  take_out(s, i);
  a.post->session = NULL;
  if (s->over)
    post_answer(a.post, SLICE("<body xmlns='" NS_BOSH "'/>"), s->type);
  else
    post_answer(a.post, SLICE("<body xmlns='" NS_BOSH "' type='error'/>"), s->type);
  return true;
}

/* When the oldest request is to be answered without news; the stream's header and
 * features are awaited for the first. */
static uint64_t
answer_us(struct bosh const *s)
{
  struct bosh_asked const *a = &s->asked[0];

  if (!s->created && !s->polls) return a->at_us + BOSH_FIRST_US;
  return a->at_us + s->wait_us;
}

static bool
is_due(struct bosh const *s)
{
  struct bosh_asked const *a = &s->asked[0];

  if (s->over || s->pauses || a->rid <= s->hurry_rid) return true;
  if (!a->post) return done_n(s) > 1;
  return s->out_n || s->reports || done_n(s) > (s->created ? s->hold : 1) || s->polls ||
         door_now() >= answer_us(s);
}

void
bosh_flush(struct bosh *s)
{
  while (s->asked_n && s->asked[0].done && is_due(s))
    answer(s, s->pauses || !s->asked[0].post);
  s->pauses = false;
  while (give_up(s)) {
  }
}

/* Requests behind the oldest one that awaits its answer are looked at when that has it. */
uint64_t
bosh_next_us(struct bosh const *s)
{
  unsigned int i = first_awaiting(s);

  if (i < s->asked_n)
    return i || !s->asked[i].done ? s->asked[i].at_us + s->wait_us : answer_us(s);
  return s->silence_us < UINT64_MAX - s->quiet_us ? s->quiet_us + s->silence_us
                                                  : UINT64_MAX;
}
