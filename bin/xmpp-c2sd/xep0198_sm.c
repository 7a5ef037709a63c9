#include "bind.h"
#include "deliver.h"
#include "marks.h"
#include "settings.h"
#include "snapshot.h"
#include "stream.h"
#include "xep0198_sm.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* XEP-0198: acknowledgements both ways.
 *
 * In: a stanza counts as handled when routed has acknowledged it, for before that a killed
 * program could still lose it. Streams with stanzas on the way stand in one line, pending, in
 * the order of the numbers that the link gave; an a that is owed waits for them.
 *
 * Out: what is sent stays in the queue of its session until the client's a. An r follows when
 * SM_ASK_AFTER stanzas are out, or after SM_ASK_US; a client that does not answer it in time
 * is taken for gone. */

static struct edge_line pending;

/* ---- what the client sent ---- */

static void
write_a(struct stream *s)
{
  stralloc sa = STRALLOC_ZERO;

  if (sm_cat_a(&sa, s->sm->old_ns, s->sm->in.handled))
    stream_write(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

static void
handled_one(struct stream *s)
{
  struct sm *sm = s->sm;

  if (sm_in_handled(&sm->in) && s->state == ST_BOUND) write_a(s);
  if (sm_in_is_done(&sm->in)) sm_step(s);
}

/* A stanza that c2sd answered itself counts as handled when all stanzas that the same
 * client sent before it do. */
void
sm_count(struct stream *s)
{
  struct link const *l = edge_routed();
  struct edge_wait w = {l ? l->stanzas : 0, s->sid};

  if (!s->sm) return;
  s->sm->in.received++;
  if (w.n <= edge_taken() || !edge_line_push(&pending, w)) handled_one(s);
}

void
sm_acked(void)
{
  struct edge_wait w;

  while (edge_line_pop(&pending, &w)) {
    struct stream *s = stream_find(w.id);
    if (!s || !s->sm) continue;
    handled_one(s);
    stream_settle(s);
  }
}

enum state
sm_asks(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  if (!s->sm) return sm_early(s, e, bytes);
  if (sm_in_asked(&s->sm->in)) write_a(s);
  return ST_BOUND;
}

/* ---- what the client gets ---- */

static void on_timer(void *cookie);

static void
wait_for(struct stream *s, uint64_t us)
{
  if (us != UINT64_MAX)
    event_timer_start(&s->sm->timer, door_now() + us, on_timer, s);
  else
    event_timer_cancel(&s->sm->timer);
}

static void
ask(struct stream *s)
{
  stream_write(s, s->sm->old_ns ? SLICE("<r xmlns='" SM_NS2 "'/>")
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

static void
on_timer(void *cookie)
{
  struct stream *s = cookie;

  if (s->state == ST_AWAY)
    stream_end(s, "not resumed in time");
  else if (s->sm->out.phase == SM_SOON) {
    sm_out_asked(&s->sm->out);
    ask(s);
  } else if (s->sm->out.phase == SM_ASKED)
    stream_lost(s, "no acknowledgement in time");
  stream_settle(s);
}

/* The stanza that is one too many is in the queue, and returned with the others. */
void
sm_limit(struct stream *s, struct sm_queue const *q)
{
  switch (sm_queue_full(q, s->host->queue_max, c2sd.sm_bytes_max)) {
  case SM_FITS: return;
  case SM_TOO_MANY:
    stream_error(s, "policy-violation", "too many unacknowledged stanzas");
    return;
  case SM_TOO_LONG:
    stream_error(s, "policy-violation", "unacknowledged stanzas are too long");
    return;
  }
}

/* Our own stanzas have no sender to whom they could be returned. */
void
sm_send(struct stream *s, struct slice raw, size_t xml)
{
  struct sm *sm = s->sm;

  if (!sm_queue_add(&sm->out.queue, raw, xml, door_wall()))
    stream_error(s, "resource-constraint", NULL);
  else
    sm_limit(s, &sm->out.queue);
  sm_flush(s);
}

void
sm_flush(struct stream *s)
{
  struct sm_entry e;
  struct slice raw;

  if (s->state != ST_BOUND || s->is_blocked || s->ending.why) return;
  while (sm_out_next(&s->sm->out, &e, &raw))
    stream_write_raw(s, slice_of(raw.s + e.xml, raw.len - e.xml));
  ask_soon(s, sm_out_ask(&s->sm->out));
}

static void
note_acked(void *cookie, struct slice tags)
{
  marks_note(cookie, tags);
}

bool
sm_take_h(struct stream *s, uint32_t h)
{
  return sm_out_take(&s->sm->out, h, note_acked, s);
}

/* s4: a count that is too high breaks the stream; so does an a without one. */
static enum state
too_high(struct stream *s, uint32_t h)
{
  stralloc sa = STRALLOC_ZERO;

  if (sm_cat_too_high(&sa, s->sm->old_ns, h, s->sm->out.sent))
    stream_write(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  stream_end(s, "acknowledged more than was sent");
  return s->state;
}

enum state
sm_acks(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  uint32_t h = 0;

  if (!s->sm) return sm_early(s, e, bytes);
  if (!sm_read_h(e, &h)) {
    stream_error(s, "bad-format", "an acknowledgement without its count");
    return s->state;
  }
  if (!sm_take_h(s, h)) return too_high(s, h);
  wait_for(s, UINT64_MAX);
  ask_soon(s, sm_out_answered(&s->sm->out));
  return ST_BOUND;
}

/* ---- the beginning ---- */

void
sm_failed(struct stream *s, bool old_ns, char const *condition, struct slice h)
{
  stralloc sa = STRALLOC_ZERO;

  if (sm_cat_failed(&sa, old_ns, condition, h)) stream_write(s, slice_of(sa.s, sa.len));
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
resume_time(struct stream const *s, struct xml_node const *e)
{
  uint64_t us = s->host->resume_us, wish;

  if (!us || !is_true(xml_attr(e, "resume"))) return 0;
  if (slice_u64(xml_attr(e, "max"), &wish) && wish && wish < UINT64_MAX / 1000000)
    us = wish * 1000000;
  return us < s->host->resume_max_us ? us : s->host->resume_max_us;
}

static bool
cat_enabled(stralloc *out, struct stream const *s)
{
  static stralloc token = STRALLOC_ZERO;
  struct sm const *sm = s->sm;
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

enum state
sm_enable(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  stralloc sa = STRALLOC_ZERO;

  (void)bytes;
  if (s->sm) { /* s3: at most one attempt */
    stream_error(s, "policy-violation", "stream management is enabled already");
    return ST_BOUND;
  }
  s->sm = s->host->sm ? calloc(1, sizeof *s->sm) : NULL;
  if (!s->sm) {
    sm_failed(s, slice_is(e->ns, SM_NS2),
              s->host->sm ? "resource-constraint" : "feature-not-implemented", SLICE(""));
    return ST_BOUND;
  }
  s->sm->old_ns = slice_is(e->ns, SM_NS2);
  s->sm->max_us = resume_time(s, e);
  door_random_id(s->sm->random, sizeof s->sm->random);
  if (cat_enabled(&sa, s)) stream_write(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  return ST_BOUND;
}

/* ---- the end ---- */

void
sm_free(struct sm *sm)
{
  if (!sm) return;
  event_timer_cancel(&sm->timer);
  sm_queue_wipe(&sm->out.queue);
  free(sm->yield_to);
  free(sm);
}

/* A message gets a delay as its last child, unless it has no end tag. */
static void
put_delayed(struct link *l, struct host const *h, uint64_t at_us, struct slice kind,
            struct slice xml)
{
  static char const end[] = "</message>";
  size_t n = sizeof end - 1;
  time_t at = (time_t)(at_us / 1000000);
  char stamp[32];
  struct tm tm;

  link_field(l);
  if (!slice_is(kind, "message") || xml.len < n ||
      memcmp(xml.s + xml.len - n, end, n) != 0 || !gmtime_r(&at, &tm) ||
      !strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm)) {
    link_more_raw(l, xml);
    return;
  }
  link_more_raw(l, slice_of(xml.s, xml.len - n));
  link_more(l, SLICE("<delay xmlns='urn:xmpp:delay' from='"));
  link_more(l, slice_str(h->name));
  link_more(l, SLICE("' stamp='"));
  link_more(l, slice_str(stamp));
  link_more(l, SLICE("'/></message>"));
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

static void
give_all_back(struct stream const *s)
{
  struct link *l = edge_routed();
  size_t at = s->sm->out.queue.head;
  struct sm_entry e;
  struct slice raw;

  while (l && sm_queue_next(&s->sm->out.queue, &at, &e, &raw))
    sm_give_back(l, s->jid, s->number, s->host, &e, raw);
}

void
sm_over(struct stream *s)
{
  ended_note(s);
  give_all_back(s);
}

void
sm_forsake(struct stream *s)
{
  sm_free(s->sm);
  s->sm = NULL;
}

void
sm_drop_parts(struct stream *s)
{
  if (sm_is_here(s)) return;
  if (s->sm) sm_free(s->sm);
  s->sm = NULL;
}

void
sm_unpart(struct stream *s)
{
  sm_drop_parts(s);
  sm_part(s);
  if (!s->sm) return;
  give_all_back(s);
  sm_drop_parts(s);
}

/* Tell routed anew which stanzas the session holds: routed has lost its copies. */
void
sm_hold_again(struct stream const *s)
{
  struct link *l = edge_routed();
  size_t at = s->sm->out.queue.head;
  struct sm_entry e;
  struct slice raw;

  while (l && sm_queue_next(&s->sm->out.queue, &at, &e, &raw)) {
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
  s->sm->in.owes_a = false;
  sm_out_rewind(&s->sm->out);
  s->sm->out.unasked = 0;
  s->sm->out.phase = SM_IDLE;
  wait_for(s, s->sm->max_us);
}

/* ---- the state for a trace ---- */

void
sm_snapshot_timer(struct snapshot *k, struct stream *s)
{
  snapshot_timer(k, &s->sm->timer, on_timer, s);
}

void
sm_snapshot(struct snapshot *k)
{
  edge_line_snapshot(k, "pending", &pending);
}
