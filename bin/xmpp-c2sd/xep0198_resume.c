#include "directed.h"
#include "marks.h"
#include "negotiation.h"
#include "rules.h"
#include "settings.h"
#include "shown.h"
#include "stream.h"
#include "veil.h"
#include "xep0198_ended.h"
#include "xep0198_left.h"
#include "xep0198_resume.h"
#include "xep0198_sm.h"
#include "xep0199_ping.h"
#include "xep0352_csi.h"
#include "xep0357_push.h"
#include "xep0388_sasl2.h"

#include <stdlib.h>
#include <string.h>

/* XEP-0198 s5: a stream becomes the session of another one.
 *
 * routed knows where the session is, so it is asked first (resume), and asks the c2sd that has
 * it (yield). When that is this one, the new stream takes what the session is from the old
 * one. Else the old place lets go of it when all that its client sent is taken over (yielded),
 * and hands over its queue once nothing more comes for it (leave, queued, handed). Either way
 * the client is answered when the count of what it sent is final, so that it sends nothing
 * twice. */

/* The old place waits so long to be told to leave. */
#define YIELD_US 30000000u

static struct link *
routed(void)
{
  return link_find(ROUTED);
}

/* ---- asking ---- */

void
resume_ask(struct stream *s)
{
  struct link *l = routed();

  if (!l || s->session.sm) return;
  link_begin(l, VERB_RESUME);
  link_num(l, s->sid);
  link_str(l, s->negotiation->resume.token);
  link_str(l, s->session.jid);
  link_num(l, s->negotiation->resume.h);
  link_end(l);
}

void
resume_unyield(struct stream *s)
{
  free(s->session.sm->yield_to);
  s->session.sm->yield_to = NULL;
}

char const *
resume_read(struct stream *s, struct xml_node const *e)
{
  struct slice token = xml_attr(e, "previd");
  uint64_t n;

  if (!token.len || token.len > JID_MAX || !slice_u64(xml_attr(e, "h"), &n) ||
      n > UINT32_MAX)
    return "bad-request";
  free(s->negotiation->resume.token);
  s->negotiation->resume =
    (struct resume_wish){slice_dup(token), (uint32_t)n, slice_is(e->ns, SM_NS2)};
  return s->negotiation->resume.token ? NULL : "resource-constraint";
}

char const *
resume_begin(struct stream *s)
{
  struct slice resource = slice_str(s->negotiation->resume.token), secret;

  slice_word(&resource, '.', &secret);
  if (!s->host->sm || !s->host->resume_us) return "feature-not-implemented";
  if (!rules_may_bind(s, resource)) return "not-allowed";
  s->state = ST_RESUMING;
  resume_ask(s); /* without routed: again when it is back */
  return NULL;
}

enum state
resume_request(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  char const *condition = resume_read(s, e);

  (void)bytes;
  if (!condition) condition = resume_begin(s);
  if (condition) sm_failed(s, slice_is(e->ns, SM_NS2), condition, SLICE(""));
  return s->state;
}

static struct stream *
resuming(uint64_t sid)
{
  struct stream *s = stream_find(sid);

  return s && s->state == ST_RESUMING ? s : NULL;
}

static void
say_failed(struct stream *s, char const *condition, struct slice h)
{
  if (negotiation_is_sasl2(s)) {
    sasl2_not_resumed(s, condition, h);
    return;
  }
  sm_failed(s, s->negotiation->resume.old_ns, condition, h);
  s->state = ST_AUTHED;
  conduit_resume(&s->c);
}

void
resume_on_unyielded(struct link *l, struct record *r)
{
  struct stream *s = resuming(record_u64(r, 2));
  struct slice h = record_get(r, 4);
  char buf[BASE_NUM];
  uint32_t n;

  (void)l;
  if (!s) return;
  if (!h.len &&
      ended_find(slice_str(s->negotiation->resume.token), s->host, s->session.jid, &n))
    h = num_u64(buf, n);
  free(s->negotiation->resume.token);
  s->negotiation->resume.token = NULL;
  resume_unpart(s);
  say_failed(s, stanza_error_name(stanza_error_find(record_get(r, 3))), h);
  conduit_settle(&s->c);
}

/* ---- being the session ---- */

static void
say_resumed(struct stream *s)
{
  stralloc sa = STRALLOC_ZERO;
  char buf[BASE_NUM];

  if (xml_cat(&sa, "<resumed") &&
      xml_cat_attr(&sa, "xmlns", sm_ns(s->negotiation->resume.old_ns)) &&
      xml_cat_attr(&sa, "previd", slice_str(s->negotiation->resume.token)) &&
      xml_cat_attr(&sa, "h", num_u64(buf, s->session.sm->in.handled)) &&
      xml_cat(&sa, "/>")) {
    if (negotiation_is_sasl2(s))
      sasl2_resumed(s, slice_of(sa.s, sa.len));
    else
      conduit_write(&s->c, slice_of(sa.s, sa.len));
  }
  stralloc_free(&sa);
  free(s->negotiation->resume.token);
  s->negotiation->resume.token = NULL;
}

/* Everything is here and counted. */
static void
finish(struct stream *s)
{
  log_event(LOG_INFO, "resumed", "conn", conduit_conn(&s->c), "ip",
            log_peer(slice_str(s->c.ip)), "jid", s->session.jid, "sid", log_num(s->sid),
            NULL);
  say_resumed(s);
  if (s->c.ending.why) return;
  s->session.sm->old_ns = s->negotiation->resume.old_ns;
  negotiation_end(s);
  s->state = ST_BOUND;
  s->c.blocked_max = BLOCKED_MAX;
  s->session.sm->kept_us = 0;
  push_back(s);
  veil_lift(s);
  ping_start(s);
  rules_shape(s);
  sm_out_rewind(&s->session.sm->out);
  s->session.sm->out.sent = s->session.sm->out.acked;
  csi_join(s);
  sm_flush(s);
  conduit_resume(&s->c);
}

/* The session has no stream for now. */
static void
detach(struct stream *s)
{
  if (s->state == ST_AWAY) return;
  conduit_detach(&s->c, "conflict");
  s->state = ST_AWAY;
}

/* Move the session from one stream to another. */
static void
take_over(struct stream *s, struct stream *old)
{
  detach(old);
  csi_join(old);
  stream_swap(s, old);
  free(s->session.jid);
  free(s->session.client);
  s->session = old->session; /* marks that are due name the sid, which s has now */
  old->session = (struct session){0};
  event_timer_cancel(&s->session.sm->timer);
  event_timer_cancel(&s->session.sm->answer);
  s->session.sm->out.phase = SM_IDLE;
  s->session.sm->in.owes_a = false;
  old->state = ST_CLOSED;
  conduit_settle(&old->c);
}

/* ---- letting go ---- */

static void
take_failed(struct link *l, struct record *r, char const *condition)
{
  link_begin(l, VERB_UNYIELDED);
  link_text(l, record_get(r, 5));
  link_text(l, record_get(r, 6));
  link_str(l, condition);
  link_end(l);
}

static bool
is_token_of(struct slice token, struct slice bare, struct stream const *s)
{
  struct slice secret;

  return s && !s->c.ending.why && s->session.sm && s->session.sm->max_us &&
         !s->session.sm->yield_to && (s->state == ST_BOUND || s->state == ST_AWAY) &&
         slice_eq(stream_bare(s), bare) && slice_word(&token, '.', &secret) &&
         slice_eq(secret, slice_of(s->session.sm->random, sizeof s->session.sm->random));
}

static void
yielded(struct stream *s)
{
  struct link *l = routed();

  if (!l) return; /* when it is back it is asked again */
  link_begin(l, VERB_YIELDED);
  link_str(l, s->session.sm->yield_to);
  link_num(l, s->session.sm->yield_sid);
  link_num(l, s->sid);
  link_end(l);
}

static void
build_handed(struct link *l, struct stream const *s, char const *instance, uint64_t sid)
{
  stralloc token = STRALLOC_ZERO;
  char buf[BASE_NUM];

  sm_cat_token(&token, s);
  link_begin(l, VERB_HANDED);
  link_str(l, instance);
  link_num(l, sid);
  link_num(l, s->sid);
  link_text(l, slice_of(token.s, token.len));
  link_str(l, s->session.jid);
  link_num(l, s->session.sm->in.handled);
  link_num(l, s->session.sm->out.acked);
  shown_put_wants(l, s->session.wants);
  link_field(l);
  if (s->session.available && s->session.priority < 0) link_more(l, SLICE("-"));
  if (s->session.available)
    link_more(l, num_u64(buf, (uint64_t)abs(s->session.priority)));
  link_str(l, s->session.shown);
  directed_put(l, s->session.directed);
  link_num(l, s->session.sm->max_us);
  link_num(l, s->session.number);
  if (s->session.caps || s->session.client || s->session.picture)
    link_str(l, s->session.caps);
  if (s->session.client || s->session.picture) link_str(l, s->session.client);
  if (s->session.picture) link_str(l, s->session.picture);
  stralloc_free(&token);
}

/* Presence of nearly STANZA_MAX and addresses with directed presence may be more than one
 * record takes. Such a session stays where it is: the client logs in anew. */
static bool
can_be_handed(struct link *l, struct stream const *s)
{
  bool fits;

  build_handed(l, s, "", 0);
  fits = link_fits(l, LINK_NAME_MAX + 8 * BASE_NUM); /* and numbers that may rise */
  link_cancel(l);
  return fits;
}

static void
yield_elsewhere(struct stream *s, struct record *r)
{
  detach(s);
  csi_join(s);
  s->session.sm->kept_us = 0;
  veil_lift(s);
  s->session.sm->yield_to = slice_dup(record_get(r, 5));
  s->session.sm->yield_sid = record_u64(r, 6);
  if (s->session.sm->max_us < YIELD_US) s->session.sm->max_us = YIELD_US;
  sm_away(s);
  if (sm_in_is_done(&s->session.sm->in)) resume_step(s);
}

/* The rules may have been read anew since the client asked. */
void
resume_on_yield(struct link *l, struct record *r)
{
  struct stream *s = stream_find(record_u64(r, 1)), *fresh;
  bool is_here = slice_is(record_get(r, 5), service_instance());

  if (!is_token_of(record_get(r, 2), record_get(r, 3), s)) {
    take_failed(l, r, "item-not-found");
    return;
  }
  fresh = is_here ? resuming(record_u64(r, 6)) : NULL;
  if (is_here && !fresh) return; /* fresh did not wait for the answer */
  if (fresh && !rules_may_bind(fresh, jid_cut(slice_str(s->session.jid)).resource)) {
    take_failed(l, r, "not-allowed");
    return;
  }
  if (!sm_take_h(s, (uint32_t)record_u64(r, 4))) {
    take_failed(l, r, "item-not-found");
    return;
  }
  if (!fresh && !can_be_handed(l, s)) {
    take_failed(l, r, "item-not-found");
    return;
  }
  if (!fresh) {
    yield_elsewhere(s, r);
    conduit_settle(&s->c);
    return;
  }
  take_over(fresh, s);
  if (sm_in_is_done(&fresh->session.sm->in)) resume_step(fresh);
  conduit_settle(&fresh->c);
}

void
resume_step(struct stream *s)
{
  if (s->c.ending.why) return;
  if (s->state == ST_RESUMING)
    finish(s);
  else if (s->session.sm->yield_to)
    yielded(s);
}

static void
put_queue(struct link *l, struct stream const *s)
{
  size_t at = s->session.sm->out.queue.head;
  struct sm_entry e;
  struct slice raw;

  while (sm_queue_next(&s->session.sm->out.queue, &at, &e, &raw)) {
    link_begin(l, VERB_QUEUED);
    link_str(l, s->session.sm->yield_to);
    link_num(l, s->session.sm->yield_sid);
    link_raw(l, raw);
    link_end(l);
  }
}

void
resume_on_leave(struct link *l, struct record *r)
{
  struct stream *s = stream_find(record_u64(r, 1));

  if (!s || !s->session.sm || !s->session.sm->yield_to) return;
  marks_end(s);
  put_queue(l, s);
  build_handed(l, s, s->session.sm->yield_to, s->session.sm->yield_sid);
  link_end(l);
  left_keep(s, l);
  s->state = ST_CLOSED;
  conduit_settle(&s->c);
}

/* ---- being handed a session ---- */

static bool
have_sm(struct stream *s)
{
  if (!s->session.sm) s->session.sm = calloc(1, sizeof *s->session.sm);
  return s->session.sm != NULL;
}

void
resume_part(struct stream *s)
{
  if (s->csi && have_sm(s)) csi_join(s);
}

void
resume_drop_parts(struct stream *s)
{
  if (stream_is_whole(s)) return;
  if (s->session.sm) sm_free(s->session.sm);
  s->session.sm = NULL;
}

void
resume_unpart(struct stream *s)
{
  resume_drop_parts(s);
  resume_part(s);
  if (!s->session.sm) return;
  sm_give_all_back(s);
  resume_drop_parts(s);
}

/* The stream that wanted the session is gone: the stanza is one of a session that has ended. */
static void
give_back(struct link *l, struct record *r)
{
  unsigned int i;

  if (!record_get(r, 2 + STANZA_FROM).len) return;
  if (slice_is(record_get(r, 2 + STANZA_KIND), "presence")) return;
  link_begin(l, VERB_STANZA);
  for (i = STANZA_TO; i < STANZA_TAGS; i++)
    link_raw(l, record_raw(r, 2 + i));
  link_field(l);
  link_more(l, SLICE("unacked "));
  link_more_raw(l, record_raw(r, 2 + STANZA_TAGS));
  link_origin(l);
  link_raw(l, record_raw(r, 2 + STANZA_XML));
  link_end(l);
}

void
resume_on_queued(struct link *l, struct record *r)
{
  struct stream *s = resuming(record_u64(r, 2));
  struct slice xml = record_raw(r, 2 + STANZA_XML), raw;

  if (r->n <= 2 + STANZA_XML) return;
  if (!s) give_back(l, r);
  if (!s || !have_sm(s)) return;
  raw = record_run(r, 2 + STANZA_TO, 2 + STANZA_XML);
  if (!sm_queue_add(&s->session.sm->out.queue, raw, (size_t)(xml.s - raw.s), door_wall()))
    log_event(LOG_WARN, "stanza-lost", "jid", s->session.jid, "why", "out of memory",
              NULL);
}

/* routed has moved the session to a stream that is not there: nobody else would end it. */
static void
unbind_gone(struct link *l, struct record *r)
{
  link_begin(l, VERB_UNBIND);
  link_num(l, record_u64(r, 2));
  link_text(l, record_get(r, 11));
  link_end(l);
}

void
resume_on_handed(struct link *l, struct record *r)
{
  struct stream *s = resuming(record_u64(r, 2));
  struct slice token = record_get(r, 4), words = record_get(r, 8), text;
  char *jid;

  if (!stream_find(record_u64(r, 2))) unbind_gone(l, r);
  jid = s && have_sm(s) ? slice_dup(record_get(r, 5)) : NULL;
  if (!jid) return;
  free(s->session.jid);
  s->session.jid = jid;
  if (token.len >= sizeof s->session.sm->random)
    memcpy(s->session.sm->random, token.s, sizeof s->session.sm->random);
  s->session.sm->in.handled = s->session.sm->in.received = (uint32_t)record_u64(r, 6);
  s->session.sm->out.acked = (uint32_t)record_u64(r, 7);
  s->session.sm->max_us = record_u64(r, 12);
  s->session.number = record_u64(r, 13);
  s->session.wants = shown_read_wants(words);
  text = record_get(r, 9);
  s->session.available = text.len > 0;
  s->session.priority = (signed char)slice_int(text);
  text = record_get(r, 10);
  s->session.shown = text.len ? slice_dup(text) : NULL;
  s->session.shown_len = s->session.shown ? text.len : 0;
  s->session.directed = directed_read(record_get(r, 11));
  text = record_get(r, 14);
  s->session.caps = text.len ? slice_dup(text) : NULL;
  text = record_get(r, 15);
  if (text.len) {
    free(s->session.client);
    s->session.client = slice_dup(text);
  }
  text = record_get(r, 16);
  s->session.picture = text.len ? slice_dup(text) : NULL;
  if (rules_may_bind(s, jid_cut(slice_str(s->session.jid)).resource))
    finish(s);
  else
    conduit_error(&s->c, "not-authorized", NULL);
  conduit_settle(&s->c);
}
