#include "bind.h"
#include "directed.h"
#include "inbound.h"
#include "input.h"
#include "marks.h"
#include "settings.h"
#include "shown.h"
#include "stream.h"
#include "xep0198_sm.h"
#include "xep0199_ping.h"
#include "xep0352_csi.h"

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

bool
sm_cat_token(stralloc *out, struct stream const *s)
{
  char const *slash = strchr(s->jid, '/');

  return stralloc_catb(out, s->sm->random, sizeof s->sm->random) &&
         stralloc_cats(out, ".") && stralloc_cats(out, slash ? slash + 1 : "");
}

/* ---- asking ---- */

/* While RESUMING, request is the token and resource the count that the client gave. */
void
sm_ask_again(struct stream *s)
{
  struct link *l = routed();

  if (!l || s->sm) return;
  link_begin(l, VERB_RESUME);
  link_num(l, s->sid);
  link_str(l, s->request);
  link_str(l, s->jid);
  link_str(l, s->resource);
  link_end(l);
}

/* Only a session that may be away can be handed over, and what says so comes last. */
bool
sm_is_here(struct stream const *s)
{
  return s->sm && s->sm->max_us;
}

void
sm_unyield(struct stream *s)
{
  free(s->sm->yield_to);
  s->sm->yield_to = NULL;
}

static char *
copy(struct slice s)
{
  return strndup(s.len ? s.s : "", s.len);
}

enum state
sm_resume(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  struct slice token = xml_attr(e, "previd"), h = xml_attr(e, "h");
  bool old_ns = slice_is(e->ns, SM_NS2);
  struct slice resource = token, secret;
  uint64_t n;

  (void)bytes;
  slice_word(&resource, '.', &secret);
  if (!s->host->sm || !s->host->resume_us) {
    sm_failed(s, old_ns, "feature-not-implemented", SLICE(""));
    return s->state;
  }
  if (!token.len || token.len > JID_MAX || !slice_u64(h, &n) || n > UINT32_MAX) {
    sm_failed(s, old_ns, "bad-request", SLICE(""));
    return s->state;
  }
  if (!bind_may(s, resource)) {
    sm_failed(s, old_ns, "not-allowed", SLICE(""));
    return s->state;
  }
  free(s->request);
  free(s->resource);
  s->request = copy(token);
  s->resource = copy(h);
  s->old_ns = old_ns;
  if (!s->request || !s->resource) {
    sm_failed(s, old_ns, "resource-constraint", SLICE(""));
    return s->state;
  }
  sm_ask_again(s); /* without routed: again when it is back */
  return ST_RESUMING;
}

static struct stream *
resuming(uint64_t sid)
{
  struct stream *s = stream_find(sid);

  return s && s->state == ST_RESUMING ? s : NULL;
}

void
sm_on_unyielded(struct link *l, struct record *r)
{
  struct stream *s = resuming(record_u64(r, 2));
  struct slice h = record_get(r, 4);
  char buf[BASE_NUM];
  uint32_t n;

  (void)l;
  if (!s) return;
  if (!h.len && ended_find(slice_str(s->request), s->host, s->jid, &n))
    h = num_u64(buf, n);
  sm_failed(s, s->old_ns, stanza_error_name(stanza_error_find(record_get(r, 3))), h);
  free(s->request);
  free(s->resource);
  s->request = s->resource = NULL;
  sm_unpart(s);
  s->state = ST_AUTHED;
  input_resume(s);
  stream_settle(s);
}

/* ---- being the session ---- */

static void
say_resumed(struct stream *s)
{
  stralloc sa = STRALLOC_ZERO;
  char buf[BASE_NUM];

  if (xml_cat(&sa, "<resumed") && xml_cat_attr(&sa, "xmlns", sm_ns(s->old_ns)) &&
      xml_cat_attr(&sa, "previd", slice_str(s->request)) &&
      xml_cat_attr(&sa, "h", num_u64(buf, s->sm->in.handled)) && xml_cat(&sa, "/>"))
    stream_write(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  free(s->request);
  free(s->resource);
  s->request = s->resource = NULL;
}

/* Everything is here and counted. */
static void
finish(struct stream *s)
{
  log_event(LOG_INFO, "resumed", "sid", log_num(s->sid), "jid", s->jid, "ip",
            log_peer(slice_str(s->ip)), NULL);
  say_resumed(s);
  if (s->ending.why) return;
  s->sm->old_ns = s->old_ns;
  s->state = ST_BOUND;
  event_timer_cancel(&s->timer);
  ping_start(s);
  stream_shape(s);
  sm_out_rewind(&s->sm->out);
  s->sm->out.sent = s->sm->out.acked;
  csi_join(s);
  sm_flush(s);
  input_resume(s);
}

/* Move the session from one stream to another. */
static void
take_over(struct stream *s, struct stream *old)
{
  stream_detach(old, "conflict");
  csi_join(old);
  stream_swap(s, old);
  free(s->jid);
  s->jid = old->jid;
  s->sm = old->sm;
  s->shown = old->shown;
  s->shown_len = old->shown_len;
  s->directed = old->directed;
  s->asked = old->asked;
  s->wants = old->wants;
  s->mark = old->mark; /* marks that are due name the sid, which s has now */
  s->number = old->number;
  s->available = old->available;
  s->priority = old->priority;
  old->jid = old->shown = NULL;
  old->directed = NULL;
  old->asked = NULL;
  old->sm = NULL;
  event_timer_cancel(&s->sm->timer);
  s->sm->out.phase = SM_IDLE;
  s->sm->in.owes_a = false;
  old->state = ST_CLOSED;
  stream_settle(old);
}

/* ---- letting go ---- */

static void
refuse(struct link *l, struct record *r, char const *condition)
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

  return s && !s->ending.why && s->sm && s->sm->max_us && !s->sm->yield_to &&
         (s->state == ST_BOUND || s->state == ST_AWAY) &&
         slice_eq(stream_bare(s), bare) && slice_word(&token, '.', &secret) &&
         slice_eq(secret, slice_of(s->sm->random, sizeof s->sm->random));
}

static void
yielded(struct stream *s)
{
  struct link *l = routed();

  if (!l) return; /* when it is back it is asked again */
  link_begin(l, VERB_YIELDED);
  link_str(l, s->sm->yield_to);
  link_num(l, s->sm->yield_sid);
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
  link_str(l, s->jid);
  link_num(l, s->sm->in.handled);
  link_num(l, s->sm->out.acked);
  shown_put_wants(l, s->wants);
  link_field(l);
  if (s->available && s->priority < 0) link_more(l, SLICE("-"));
  if (s->available) link_more(l, num_u64(buf, (uint64_t)abs(s->priority)));
  link_str(l, s->shown);
  directed_put(l, s->directed);
  link_num(l, s->sm->max_us);
  link_num(l, s->number);
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
  stream_detach(s, "conflict");
  csi_join(s);
  s->sm->yield_to = copy(record_get(r, 5));
  s->sm->yield_sid = record_u64(r, 6);
  if (s->sm->max_us < YIELD_US) s->sm->max_us = YIELD_US;
  sm_away(s);
  if (sm_in_is_done(&s->sm->in)) sm_step(s);
}

/* The rules may have been read anew since the client asked. */
void
sm_on_yield(struct link *l, struct record *r)
{
  struct stream *s = stream_find(record_u64(r, 1)), *fresh;
  bool is_here = slice_is(record_get(r, 5), service_instance());

  if (!is_token_of(record_get(r, 2), record_get(r, 3), s)) {
    refuse(l, r, "item-not-found");
    return;
  }
  fresh = is_here ? resuming(record_u64(r, 6)) : NULL;
  if (is_here && !fresh) return; /* fresh did not wait for the answer */
  if (fresh && !bind_may(fresh, jid_cut(slice_str(s->jid)).resource)) {
    refuse(l, r, "not-allowed");
    return;
  }
  if (!sm_take_h(s, (uint32_t)record_u64(r, 4))) {
    refuse(l, r, "item-not-found");
    return;
  }
  if (!fresh && !can_be_handed(l, s)) {
    refuse(l, r, "item-not-found");
    return;
  }
  if (!fresh) {
    yield_elsewhere(s, r);
    stream_settle(s);
    return;
  }
  take_over(fresh, s);
  if (sm_in_is_done(&fresh->sm->in)) sm_step(fresh);
  stream_settle(fresh);
}

void
sm_step(struct stream *s)
{
  if (s->ending.why) return;
  if (s->state == ST_RESUMING)
    finish(s);
  else if (s->sm->yield_to)
    yielded(s);
}

static void
put_queue(struct link *l, struct stream const *s)
{
  size_t at = s->sm->out.queue.head;
  struct sm_entry e;
  struct slice raw;

  while (sm_queue_next(&s->sm->out.queue, &at, &e, &raw)) {
    link_begin(l, VERB_QUEUED);
    link_str(l, s->sm->yield_to);
    link_num(l, s->sm->yield_sid);
    link_raw(l, raw);
    link_end(l);
  }
}

void
sm_on_leave(struct link *l, struct record *r)
{
  struct stream *s = stream_find(record_u64(r, 1));

  if (!s || !s->sm || !s->sm->yield_to) return;
  marks_end(s);
  put_queue(l, s);
  build_handed(l, s, s->sm->yield_to, s->sm->yield_sid);
  link_end(l);
  left_keep(s, l);
  s->state = ST_CLOSED;
  stream_settle(s);
}

/* ---- being handed a session ---- */

static bool
have_sm(struct stream *s)
{
  if (!s->sm) s->sm = calloc(1, sizeof *s->sm);
  return s->sm != NULL;
}

void
sm_part(struct stream *s)
{
  if (s->csi && have_sm(s)) csi_join(s);
}

/* Whoever wanted the session is gone: the stanza is one of a session that has ended. */
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
sm_on_queued(struct link *l, struct record *r)
{
  struct stream *s = resuming(record_u64(r, 2));
  struct slice xml = record_raw(r, 2 + STANZA_XML), raw;

  if (r->n <= 2 + STANZA_XML) return;
  if (!s) give_back(l, r);
  if (!s || !have_sm(s)) return;
  raw = slice_of(r->at[3], (size_t)(xml.s + xml.len - r->at[3]));
  if (!sm_queue_add(&s->sm->out.queue, raw, (size_t)(xml.s - raw.s), door_wall()))
    log_event(LOG_WARN, "stanza-lost", "jid", s->jid, "why", "out of memory", NULL);
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
sm_on_handed(struct link *l, struct record *r)
{
  struct stream *s = resuming(record_u64(r, 2));
  struct slice token = record_get(r, 4), words = record_get(r, 8), text;
  char *jid;

  if (!stream_find(record_u64(r, 2))) unbind_gone(l, r);
  jid = s && have_sm(s) ? copy(record_get(r, 5)) : NULL;
  if (!jid) return;
  free(s->jid);
  s->jid = jid;
  if (token.len >= sizeof s->sm->random)
    memcpy(s->sm->random, token.s, sizeof s->sm->random);
  s->sm->in.handled = s->sm->in.received = (uint32_t)record_u64(r, 6);
  s->sm->out.acked = (uint32_t)record_u64(r, 7);
  s->sm->max_us = record_u64(r, 12);
  s->number = record_u64(r, 13);
  s->wants = shown_read_wants(words);
  text = record_get(r, 9);
  s->available = text.len > 0;
  s->priority = (signed char)(text.len ? strtol(log_text(text), NULL, 10) : 0);
  text = record_get(r, 10);
  s->shown = text.len ? copy(text) : NULL;
  s->shown_len = s->shown ? text.len : 0;
  s->directed = directed_read(record_get(r, 11));
  if (bind_may(s, jid_cut(slice_str(s->jid)).resource))
    finish(s);
  else
    stream_error(s, "not-authorized", NULL);
  stream_settle(s);
}
