#include "fresh.h"
#include "marks.h"
#include "rules.h"
#include "settings.h"
#include "snapshot.h"
#include "stream.h"
#include "veil.h"
#include "xep0198_ended.h"
#include "xep0198_sm.h"

#include "splice/splice.h"

#include <stdlib.h>
#include <string.h>

/* XEP-0198: acknowledgements both ways.
 *
 * In: a stanza counts as handled when routed has acknowledged it, for before that a killed
 * program could still lose it. Streams with stanzas on the way stand in one line, pending, in
 * the order of the numbers that the link gave; an a that is owed waits for them, SM_ANSWER_US at
 * most: then it says what is handled so far, and another a follows when the rest is.
 *
 * Out: what is sent stays in the queue of its session until the client's a. An r follows when
 * SM_ASK_AFTER stanzas are out, or after SM_ASK_US; a client that does not answer it in time
 * is taken for gone. Rooms that a client enters send it more than max_ack_queue stanzas before it
 * can answer: while it is there the queue may have more, up to SM_QUEUE_BYTES_MAX, and the client
 * ack_timeout to acknowledge some of them; then its session ends. A session that is away ends with
 * the stanza that is one too many. */

static struct edge_line pending;

/* ---- what the client sent ---- */

static void
write_a(struct stream *s)
{
  stralloc sa = STRALLOC_ZERO;

  if (sm_cat_a(&sa, s->session.sm->old_ns, s->session.sm->in.handled))
    conduit_write(&s->c, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

static void
handled_one(struct stream *s)
{
  struct sm *sm = s->session.sm;

  if (!sm_in_handled(&sm->in)) return;
  if (s->state == ST_BOUND) write_a(s);
  if (!sm->in.owes_a) event_timer_cancel(&sm->answer);
}

/* A stanza that c2sd answered itself counts as handled when all stanzas that the same
 * client sent before it do. */
void
sm_count(struct stream *s)
{
  struct link const *l = edge_routed();
  struct edge_wait w = {l ? l->stanzas : 0, s->sid};

  if (!s->session.sm) return;
  s->session.sm->in.received++;
  if (w.n <= edge_taken() || !edge_line_push(&pending, w)) handled_one(s);
}

void
sm_acked(sm_done_fn *done)
{
  struct edge_wait w;

  while (edge_line_pop(&pending, &w)) {
    struct stream *s = stream_find(w.id);
    if (!s || !s->session.sm) continue;
    handled_one(s);
    if (sm_in_is_done(&s->session.sm->in)) done(s);
    conduit_settle(&s->c);
  }
}

/* Someone behind routed is slow, and the client is not to take the stream for dead. */
static void
answer_now(void *cookie)
{
  struct stream *s = cookie;

  if (s->session.sm->in.owes_a && s->state == ST_BOUND) write_a(s);
  conduit_settle(&s->c);
}

enum state
sm_asks(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  if (!s->session.sm) return sm_early(s, e, bytes);
  if (sm_in_asked(&s->session.sm->in))
    write_a(s);
  else if (!event_timer_on(&s->session.sm->answer))
    event_timer_start(&s->session.sm->answer, door_now() + SM_ANSWER_US, answer_now, s);
  return ST_BOUND;
}

/* ---- what the client gets ---- */

static void on_timer(void *cookie);

static void
wait_for(struct stream *s, uint64_t us)
{
  if (us != UINT64_MAX)
    event_timer_start(&s->session.sm->timer, door_now() + us, on_timer, s);
  else
    event_timer_cancel(&s->session.sm->timer);
}

static void
ask(struct stream *s)
{
  conduit_write(&s->c, s->session.sm->old_ns ? SLICE("<r xmlns='" SM_NS2 "'/>")
                                             : SLICE("<r xmlns='" SM_NS3 "'/>"));
  wait_for(s, s->host->ack_us);
}

static void
ask_soon(struct stream *s, enum sm_phase what)
{
  if (what == SM_ASKED)
    ask(s);
  else if (what == SM_SOON)
    wait_for(s, SM_ASK_US);
}

/* Say whether s, whose usual time to be away is over, is kept on for push: its contacts see that. */
static bool
is_kept(struct stream *s)
{
  uint64_t kept_us = s->session.sm->kept_us;

  if (kept_us <= door_now()) return false;
  veil_put(s);
  wait_for(s, kept_us == UINT64_MAX ? kept_us : kept_us - door_now());
  return true;
}

static bool
has_too_many(struct stream const *s)
{
  return sm_queue_full(&s->session.sm->out.queue, s->host->queue_max, UINT64_MAX) ==
         SM_TOO_MANY;
}

static void
end_for_many(struct stream *s)
{
  conduit_error(&s->c, "policy-violation", "too many unacknowledged stanzas");
}

static void
on_timer(void *cookie)
{
  struct stream *s = cookie;

  if (s->state == ST_AWAY && is_kept(s)) return;
  if (s->state == ST_AWAY)
    conduit_end(&s->c, "not resumed in time");
  else if (s->session.sm->out.phase == SM_SOON) {
    sm_out_asked(&s->session.sm->out);
    ask(s);
  } else if (s->session.sm->out.phase == SM_ASKED && has_too_many(s))
    end_for_many(s);
  else if (s->session.sm->out.phase == SM_ASKED)
    conduit_lost(&s->c, "no acknowledgement in time");
  conduit_settle(&s->c);
}

/* The stanza that is one too many is in the queue, and returned with the others. */
void
sm_limit(struct stream *s, struct sm_queue const *q)
{
  uint64_t n_max = s->state == ST_BOUND ? UINT64_MAX : s->host->queue_max;

  switch (sm_queue_full(q, n_max, c2sd.sm_bytes_max)) {
  case SM_FITS: return;
  case SM_TOO_MANY: end_for_many(s); return;
  case SM_TOO_LONG:
    conduit_error(&s->c, "policy-violation", "unacknowledged stanzas are too long");
    return;
  }
}

bool
sm_is_nearly_full(struct stream const *s, struct sm_queue const *q)
{
  return sm_queue_full(q, s->host->queue_max / 2, c2sd.sm_bytes_max / 2) != SM_FITS;
}

/* Our own stanzas have no sender to whom they could be returned. */
void
sm_send(struct stream *s, struct slice raw, size_t xml)
{
  struct sm *sm = s->session.sm;

  if (!sm_queue_add(&sm->out.queue, raw, xml, door_wall()))
    conduit_error(&s->c, "resource-constraint", NULL);
  else
    sm_limit(s, &sm->out.queue);
  sm_flush(s);
}

void
sm_flush(struct stream *s)
{
  struct sm_entry e;
  struct slice raw;

  if (s->state != ST_BOUND || s->c.is_blocked || s->c.ending.why) return;
  while (sm_out_next(&s->session.sm->out, &e, &raw))
    conduit_write_raw(&s->c, slice_of(raw.s + e.xml, raw.len - e.xml));
  ask_soon(s, sm_out_ask(&s->session.sm->out));
}

static void
note_acked(void *cookie, struct slice tags)
{
  marks_note(cookie, tags);
}

bool
sm_take_h(struct stream *s, uint32_t h)
{
  return sm_out_take(&s->session.sm->out, h, note_acked, s);
}

/* s4: a count that is too high breaks the stream; so does an a without one. */
static enum state
too_high(struct stream *s, uint32_t h)
{
  stralloc sa = STRALLOC_ZERO;

  if (sm_cat_too_high(&sa, s->session.sm->old_ns, h, s->session.sm->out.sent))
    conduit_write(&s->c, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  conduit_end(&s->c, "acknowledged more than was sent");
  return s->state;
}

enum state
sm_acks(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  uint32_t h = 0, acked;

  if (!s->session.sm) return sm_early(s, e, bytes);
  if (!sm_read_h(e, &h)) {
    conduit_error(&s->c, "bad-format", "an acknowledgement without its count");
    return s->state;
  }
  acked = s->session.sm->out.acked;
  if (!sm_take_h(s, h)) return too_high(s, h);
  /* An a that acknowledges nothing is no answer of a client that owes many. */
  if (acked == h && has_too_many(s)) return ST_BOUND;
  wait_for(s, UINT64_MAX);
  ask_soon(s, sm_out_answered(&s->session.sm->out));
  return ST_BOUND;
}

/* ---- the beginning ---- */

void
sm_failed(struct stream *s, bool old_ns, char const *condition, struct slice h)
{
  stralloc sa = STRALLOC_ZERO;

  if (sm_cat_failed(&sa, old_ns, condition, h))
    conduit_write(&s->c, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* s3: before binding. */
enum state
sm_early(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  (void)bytes;
  sm_failed(s, slice_is(e->ns, SM_NS2), "unexpected-request", SLICE(""));
  return s->state;
}

static bool
is_true(struct slice word)
{
  return slice_is(word, "true") || slice_is(word, "1");
}

/* s5: how long the session may be away; the client may ask for less, or for more within the
 * host's limit. */
static uint64_t
resume_time(struct stream const *s, struct sm_wish const *w)
{
  uint64_t us = s->host->resume_us;

  uint64_t most = s->host->resume_max_us;

  if (!us || !w->resume) return 0;
  if (w->max_s && w->max_s < UINT64_MAX / 1000000) us = w->max_s * 1000000;
  /* Nobody else can end a session without an account (XEP-0175), or take its place. */
  if (rules_is_anonymous(s) && most > ANONYMOUS_RESUME_US) most = ANONYMOUS_RESUME_US;
  return us < most ? us : most;
}

bool
sm_cat_token(stralloc *out, struct stream const *s)
{
  char const *slash = strchr(s->session.jid, '/');

  return stralloc_catb(out, s->session.sm->random, sizeof s->session.sm->random) &&
         stralloc_cats(out, ".") && stralloc_cats(out, slash ? slash + 1 : "");
}

bool
sm_cat_enabled(stralloc *out, struct stream const *s)
{
  static stralloc token = STRALLOC_ZERO;
  struct sm const *sm = s->session.sm;
  char buf[BASE_NUM];

  if (!xml_cat(out, "<enabled") || !xml_cat_attr(out, "xmlns", sm_ns(sm->old_ns)))
    return false;
  if (!sm->max_us) return xml_cat(out, "/>");
  token.len = 0;
  return sm_cat_token(&token, s) &&
         xml_cat_attr(out, "id", slice_of(token.s, token.len)) &&
         xml_cat_attr(out, "resume", SLICE("true")) &&
         xml_cat_attr(out, "max", num_u64(buf, sm->max_us / 1000000)) &&
         xml_cat(out, "/>");
}

void
sm_read_wish(struct xml_node const *e, struct sm_wish *w)
{
  w->resume = is_true(xml_attr(e, "resume"));
  if (!slice_u64(xml_attr(e, "max"), &w->max_s)) w->max_s = 0;
}

bool
sm_begin(struct stream *s, bool old_ns, struct sm_wish const *w)
{
  struct sm *sm = calloc(1, sizeof *sm);

  s->session.sm = sm;
  if (!sm) return false;
  sm->old_ns = old_ns;
  sm->max_us = resume_time(s, w);
  door_random_id(sm->random, sizeof sm->random);
  return true;
}

enum state
sm_enable(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  bool old_ns = slice_is(e->ns, SM_NS2);
  stralloc sa = STRALLOC_ZERO;
  struct sm_wish w;

  (void)bytes;
  if (s->session.sm) { /* s3: at most one attempt */
    conduit_error(&s->c, "policy-violation", "stream management is enabled already");
    return ST_BOUND;
  }
  sm_read_wish(e, &w);
  if (!s->host->sm || !sm_begin(s, old_ns, &w)) {
    sm_failed(s, old_ns, s->host->sm ? "resource-constraint" : "feature-not-implemented",
              SLICE(""));
    fresh_enabled(s);
    return ST_BOUND;
  }
  if (sm_cat_enabled(&sa, s)) conduit_write(&s->c, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  fresh_enabled(s);
  return ST_BOUND;
}

/* ---- the end ---- */

void
sm_free(struct sm *sm)
{
  if (!sm) return;
  event_timer_cancel(&sm->timer);
  event_timer_cancel(&sm->answer);
  sm_queue_wipe(&sm->out.queue);
  free(sm->yield_to);
  free(sm);
}

/* Put the stanza; a message gets a delay as its last child. */
static void
put_delayed(struct link *l, struct host const *h, uint64_t at_us, struct slice kind,
            struct slice xml)
{
  char stamp[STAMP_SIZE];
  struct splice at;

  link_field(l);
  if (!slice_is(kind, "message") || !splice_append(xml, &at)) {
    link_more_raw(l, xml);
    return;
  }
  splice_put_head(l, &at);
  link_more(l, SLICE("<delay xmlns='urn:xmpp:delay' from='"));
  link_more(l, slice_str(h->name));
  link_more(l, SLICE("' stamp='"));
  link_more(l, stamp_s(stamp, at_us / 1000000));
  link_more(l, SLICE("'/>"));
  splice_put_tail(l, &at);
}

void
sm_give_back(struct link *l, char const *jid, uint64_t number, struct host const *h,
             struct sm_entry const *e, struct slice raw)
{
  struct slice f[STANZA_XML + 1] = {{0}}, rest = raw;
  char buf[BASE_NUM];
  unsigned int i;

  for (i = STANZA_TO; i <= STANZA_XML; i++)
    slice_word(&rest, '\t', &f[i]);
  if (!f[STANZA_FROM].len || slice_is(f[STANZA_KIND], "presence")) return;
  link_begin(l, VERB_STANZA);
  link_str(l, jid);
  for (i = STANZA_FROM; i < STANZA_TAGS; i++)
    link_raw(l, f[i]);
  link_field(l);
  link_more(l, SLICE("unacked of="));
  link_more(l, num_u64(buf, number));
  link_more(l, SLICE(" "));
  link_more_raw(l, f[STANZA_TAGS]);
  link_origin(l);
  put_delayed(l, h, e->at_us, f[STANZA_KIND], f[STANZA_XML]);
  link_end(l);
}

void
sm_give_all_back(struct stream const *s)
{
  struct link *l = edge_routed();
  size_t at = s->session.sm->out.queue.head;
  struct sm_entry e;
  struct slice raw;

  while (l && sm_queue_next(&s->session.sm->out.queue, &at, &e, &raw))
    sm_give_back(l, s->session.jid, s->session.number, s->host, &e, raw);
}

void
sm_over(struct stream *s)
{
  ended_note(s);
  sm_give_all_back(s);
}

void
sm_forsake(struct stream *s)
{
  sm_free(s->session.sm);
  s->session.sm = NULL;
}

void
sm_hold_again(struct stream const *s, struct sm_queue const *q)
{
  struct link *l = edge_routed();
  size_t at = q->head;
  struct sm_entry e;
  struct slice raw;

  while (l && sm_queue_next(q, &at, &e, &raw)) {
    if (!slice_has_word(stanza_raw_field(raw, STANZA_TAGS), SLICE("kept"))) continue;
    link_begin(l, VERB_HOLDS);
    link_num(l, s->sid);
    link_raw(l, raw);
    link_end(l);
  }
}

void
sm_away(struct stream *s)
{
  s->session.sm->in.owes_a = false;
  event_timer_cancel(&s->session.sm->answer);
  sm_out_rewind(&s->session.sm->out);
  s->session.sm->out.unasked = 0;
  s->session.sm->out.phase = SM_IDLE;
  s->session.sm->usual_us = door_now() + s->session.sm->max_us;
  wait_for(s, s->session.sm->max_us);
}

void
sm_keep(struct stream *s, uint64_t us)
{
  struct sm *sm = s->session.sm;
  uint64_t now = door_now(), until = us < UINT64_MAX - now ? now + us : UINT64_MAX;

  /* The client was granted the usual time (XEP-0198 s5), which nobody shortens. */
  if (until < sm->usual_us) until = sm->usual_us;
  sm->kept_us = until;
  /* With push_presence the timer stops at the end of the usual time first. */
  if (s->host->veil != VEIL_NONE && sm->usual_us > now && sm->usual_us < until)
    until = sm->usual_us;
  wait_for(s, until == UINT64_MAX ? until : until - now);
}

/* pushd has ordered it once for this time away, so is not asked again. */
void
sm_keep_on(struct stream *s)
{
  uint64_t kept_us = s->session.sm->kept_us, now = door_now();

  if (kept_us > now) sm_keep(s, kept_us == UINT64_MAX ? kept_us : kept_us - now);
}

/* ---- the state for a trace ---- */

void
sm_snapshot_timer(struct snapshot *k, struct stream *s)
{
  snapshot_timer(k, &s->session.sm->timer, on_timer, s);
  snapshot_timer(k, &s->session.sm->answer, answer_now, s);
}

void
sm_snapshot(struct snapshot *k)
{
  edge_line_snapshot(k, "pending", &pending);
}
