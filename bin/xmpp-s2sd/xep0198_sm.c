#include "xep0198_sm.h"
#include "out.h"
#include "pairs.h"
#include "xep0198_resume.h"

#include "edge/edge.h"

#include <stdlib.h>

/* XEP-0198 between servers: after EXTERNAL, both ways. A stanza of the peer counts as handled when
 * routed has acknowledged it; streams with stanzas on the way stand in one line. What the peer
 * gets stays in the queue of its pair until the peer's a, or until another stream goes on
 * (xep0198_resume.c). */

static struct edge_line pending;

bool
sm_is(struct xml_node const *e)
{
  return slice_is(e->ns, SM_NS3);
}

bool
sm_acks_come(struct stream const *s)
{
  return s->sm && s->sm->acks;
}

/* ---- what the peer sent ---- */

static void
write_a(struct stream *s)
{
  stralloc sa = STRALLOC_ZERO;

  s->sm->told = s->sm->in.handled;
  if (sm_cat_a(&sa, false, s->sm->in.handled)) stream_say(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

bool
sm_is_behind(struct stream const *s)
{
  return s->sm && s->sm->counts && !sm_in_is_done(&s->sm->in);
}

void
sm_last_count(struct stream *s)
{
  if (s->sm && s->sm->counts && s->sm->told != s->sm->in.handled) write_a(s);
}

static void
handled_one(struct stream *s)
{
  if (sm_in_handled(&s->sm->in)) write_a(s);
  kept_handled(resume_kept(s), s->sm->in.handled);
  if (sm_in_is_done(&s->sm->in)) stream_go_away(s);
}

void
sm_count(struct stream *s)
{
  struct link const *l = edge_routed();
  struct edge_wait w = {l ? l->stanzas : 0, s->number};

  if (!s->sm || !s->sm->counts) return;
  s->sm->in.received++;
  kept_came(resume_kept(s), s->sm->in.received, w.n);
  if (w.n <= edge_taken() || !edge_line_push(&pending, w)) handled_one(s);
}

void
sm_acked(void)
{
  struct edge_wait w;

  while (edge_line_pop(&pending, &w)) {
    struct stream *s = stream_find(w.id);
    if (!s) resume_acked(w.id);
    if (!s || !s->sm) continue;
    handled_one(s);
    conduit_settle(&s->c);
  }
}

/* ---- what the peer gets ---- */

static void
on_timer(void *cookie)
{
  struct stream *s = cookie;

  s->sm->may_go_on = true;
  conduit_error(&s->c, "connection-timeout", "no acknowledgement");
  conduit_settle(&s->c);
}

bool
sm_asks(struct stream const *s)
{
  return s->sm && s->sm->asks;
}

static void
have_answer(struct stream *s)
{
  if (!s->sm->asks) return;
  s->sm->asks = false;
  event_timer_cancel(&s->sm->timer);
  if (s->pair) pair_go_on(s->pair);
}

/* A peer that has offered stream management, and does not answer. */
static void
on_no_answer(void *cookie)
{
  have_answer(cookie);
}

struct sm *
sm_new(struct stream *s)
{
  if (!s->sm) s->sm = calloc(1, sizeof *s->sm);
  if (!s->sm) conduit_error(&s->c, "resource-constraint", NULL);
  return s->sm;
}

static struct pair *
pair_of(struct stream const *s)
{
  return pair_find(slice_str(s->local), slice_str(s->remote));
}

static void
ask_anew(struct stream *s)
{
  struct sm *sm = sm_new(s);

  if (!sm) return;
  sm->acks = sm->asks = true;
  event_timer_start(&sm->timer, door_now() + S2S_ENABLE_US, on_no_answer, s);
  stream_say(s, SLICE("<enable xmlns='" SM_NS3 "' resume='true'/>"));
}

bool
sm_wish(struct stream *s)
{
  if (resume_ask(s, pair_of(s))) return true;
  ask_anew(s);
  return false;
}

void
sm_ask(struct stream *s)
{
  if (!sm_acks_come(s) || !stream_is_open(s) || s->pair->out.phase == SM_ASKED ||
      !s->pair->out.unasked)
    return;
  sm_out_asked(&s->pair->out);
  stream_say(s, SLICE("<r xmlns='" SM_NS3 "'/>"));
  event_timer_start(&s->sm->timer, door_now() + S2S_ACK_US, on_timer, s);
}

void
sm_too_high(struct stream *s, uint32_t h, uint32_t sent)
{
  stralloc sa = STRALLOC_ZERO;

  if (sm_cat_too_high(&sa, false, h, sent)) stream_say(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  conduit_end(&s->c, "acknowledged more than was sent");
}

static void
take_a(struct stream *s, struct xml_node const *e)
{
  struct sm_out *out = s->pair ? &s->pair->out : NULL;
  uint32_t h;

  if (!out || !sm_acks_come(s)) return;
  if (!sm_read_h(e, &h)) {
    conduit_error(&s->c, "bad-format", "an acknowledgement without its count");
    return;
  }
  if (h - out->acked > out->sent - out->acked) {
    sm_too_high(s, h, out->sent);
    return;
  }
  pair_has(s->pair, h - out->acked);
  out->acked = h;
  kept_acked(s->pair->kept, h);
  out->phase = SM_IDLE;
  event_timer_cancel(&s->sm->timer);
  if (out->acked != out->sent && !out->unasked) out->unasked = 1;
  sm_ask(s);
}

/* ---- the beginning ---- */

void
sm_fail(struct stream *s, char const *condition, struct slice h)
{
  stralloc sa = STRALLOC_ZERO;

  if (sm_cat_failed(&sa, false, condition, h)) stream_say(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* A stream whose stanzas the peer does not count cannot be resumed. */
static void
say_enabled(struct stream *s, struct xml_node const *e)
{
  struct slice wish = xml_attr(e, "resume");
  bool resumes = (slice_is(wish, "true") || slice_is(wish, "1")) && s->sm->acks;
  char const *id = resumes ? resume_grant(s) : NULL;
  stralloc sa = STRALLOC_ZERO;
  char max[BASE_NUM];
  bool ok = xml_cat(&sa, "<enabled xmlns='" SM_NS3 "'");

  if (id)
    ok = ok && xml_cat_attr(&sa, "id", slice_str(id)) && xml_cat(&sa, " resume='true'") &&
         xml_cat_attr(&sa, "max", num_u64(max, S2S_LEFT_US / 1000000));
  if (ok && xml_cat(&sa, "/>")) stream_say(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* Stanzas that have left before are not counted, so those of such a stream never are. */
static void
enable(struct stream *s, struct xml_node const *e)
{
  struct sm *sm;

  if (s->out || s->state != ST_OPEN || !s->authed) {
    sm_fail(s, "unexpected-request", SLICE(""));
    return;
  }
  if (s->sm) {
    conduit_error(&s->c, "policy-violation", "stream management is enabled already");
    return;
  }
  sm = sm_new(s);
  if (!sm) return;
  sm->counts = true;
  sm->acks = !s->pair;
  say_enabled(s, e);
}

static void
refused(struct stream *s)
{
  if (!s->sm || !s->sm->acks) return;
  have_answer(s);
  s->sm->acks = false;
  event_timer_cancel(&s->sm->timer);
  if (s->pair) pair_trust_writes(s->pair);
}

static void
enabled(struct stream *s, struct xml_node const *e)
{
  if (!s->out || !s->sm) return;
  s->sm->counts = true;
  resume_note(s, e);
  have_answer(s);
}

/* Stanzas that were sent on a stream that is not resumed leave again, or go back. */
static void
resumed(struct stream *s, struct xml_node const *e)
{
  if (!resume_answered(s, pair_of(s), e) && !s->c.ending.why) ask_anew(s);
  if (!s->c.ending.why) out_opens(s);
}

void
sm_element(struct stream *s, struct xml_node const *e)
{
  if (s->out && s->state == ST_RESUMING &&
      (slice_is(e->name, "resumed") || slice_is(e->name, "failed")))
    resumed(s, e);
  else if (s->state == ST_CLOSING && !slice_is(e->name, "a"))
    return; /* an answer would follow our end tag */
  else if (slice_is(e->name, "enable"))
    enable(s, e);
  else if (slice_is(e->name, "resume"))
    resume_asked(s, e);
  else if (slice_is(e->name, "enabled"))
    enabled(s, e);
  else if (slice_is(e->name, "failed") && s->out)
    refused(s);
  else if (slice_is(e->name, "r") && s->sm && sm_in_asked(&s->sm->in))
    write_a(s);
  else if (slice_is(e->name, "a"))
    take_a(s, e);
}

/* ---- the end ---- */

void
sm_free(struct stream *s)
{
  if (!s->sm) return;
  event_timer_cancel(&s->sm->timer);
  resume_free(s);
  free(s->sm);
  s->sm = NULL;
}

/* ---- the state for a trace ---- */

void
sm_snapshot(struct snapshot *k, struct stream *s)
{
  bool has = s->sm != NULL;

  SNAPSHOT_INT(k, has);
  if (!has) return;
  if (snapshot_restores(k)) s->sm = snapshot_new(k, sizeof *s->sm);
  if (!s->sm) return;
  SNAPSHOT_INT(k, s->sm->in.received);
  SNAPSHOT_INT(k, s->sm->in.handled);
  SNAPSHOT_INT(k, s->sm->in.answer_at);
  SNAPSHOT_INT(k, s->sm->in.answer_last);
  SNAPSHOT_INT(k, s->sm->in.owes_a);
  SNAPSHOT_INT(k, s->sm->counts);
  SNAPSHOT_INT(k, s->sm->acks);
  SNAPSHOT_INT(k, s->sm->resumed);
  SNAPSHOT_INT(k, s->sm->told);
  resume_snapshot(k, s);
  SNAPSHOT_INT(k, s->sm->asks);
  snapshot_timer(k, &s->sm->timer, s->sm->asks ? on_no_answer : on_timer, s);
}

void
sm_line_snapshot(struct snapshot *k)
{
  edge_line_snapshot(k, "pending", &pending);
  resume_left_snapshot(k);
}
