#include "asked.h"
#include "bind.h"
#include "directed.h"
#include "input.h"
#include "kept.h"
#include "marks.h"
#include "requests.h"
#include "sasl.h"
#include "settings.h"
#include "snapshot.h"
#include "states.h"
#include "stream.h"
#include "xep0198_sm.h"
#include "xep0352_csi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A stream's life: its conduit opens, bytes go to the parser, elements to states.c, and what
 * is to be said goes back. Streams are found by conduit (link and id: what tlsd names) and by
 * sid (what routed and authd name). */

static struct ids streams;
static uint64_t marked; /* streams that are to end and have not */

/* ---- finding one ---- */

struct stream *
stream_find(uint64_t sid)
{
  return ids_get(&streams, sid);
}

/* A link's cookie is the map of its conduits. */
static bool
conduit_put(struct stream *s)
{
  if (!s->link->cookie) s->link->cookie = calloc(1, sizeof(struct id_map));
  return s->link->cookie && id_map_put(s->link->cookie, s->id, s);
}

static struct stream *
conduit_find(struct link const *l, struct record *r)
{
  return id_map_get(l->cookie, record_u64(r, 1));
}

void
stream_each(stream_each_fn *fn)
{
  uint32_t i;

  for (i = 0; i < streams.used; i++) {
    struct stream *s = ids_at(&streams, i);
    if (!s) continue;
    fn(s);
    stream_settle(s);
  }
}

uint64_t
streams_count(void)
{
  return streams.live;
}

uint64_t
streams_in(enum state st)
{
  uint64_t n = 0;
  uint32_t i;

  for (i = 0; i < streams.used; i++) {
    struct stream const *s = ids_at(&streams, i);
    n += s && s->state == st;
  }
  return n;
}

void
stream_swap(struct stream *s, struct stream *old)
{
  uint64_t sid = s->sid;

  s->sid = old->sid;
  old->sid = sid;
  ids_set(&streams, s->sid, s);
  ids_set(&streams, old->sid, old);
}

bool
stream_is_session(struct stream const *s)
{
  return s->state == ST_BOUND || s->state == ST_AWAY ||
         (s->state == ST_RESUMING && sm_is_here(s));
}

/* ---- the end ---- */

static void
put_error(struct stream *s, char const *condition, char const *text)
{
  stralloc sa = STRALLOC_ZERO;

  if (xml_cat(&sa, "<stream:error><") && xml_cat(&sa, condition) &&
      xml_cat(&sa, " xmlns='" NS_STREAMS "'/>") &&
      (!text || (xml_cat(&sa, "<text xmlns='" NS_STREAMS "' xml:lang='en'>") &&
                 xml_cat_text(&sa, slice_str(text)) && xml_cat(&sa, "</text>"))) &&
      xml_cat(&sa, "</stream:error>"))
    stream_write(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* Send the blocked output to the front; from now on writes go there at once. */
static void
unblock(struct stream *s)
{
  s->is_blocked = false;
  if (s->blocked.len) stream_write_raw(s, slice_of(s->blocked.s, s->blocked.len));
  stralloc_free(&s->blocked);
  s->blocked_n = 0;
}

/* Let the conduit go, with our end tag when the client has had a header. */
static void
hang_up(struct stream *s, char const *why)
{
  if (!s->link) return;
  unblock(s);
  if (s->header_sent) stream_write(s, SLICE("</stream:stream>"));
  s->header_sent = false;
  link_begin(s->link, VERB_CLOSE);
  link_num(s->link, s->id);
  link_str(s->link, why);
  link_end(s->link);
}

static void
mark(struct stream *s, struct ending how)
{
  if (s->ending.why || s->state == ST_CLOSED) return;
  s->ending = how;
  marked++;
}

void
stream_end(struct stream *s, char const *why)
{
  mark(s, (struct ending){why, NULL, NULL});
}

void
stream_error(struct stream *s, char const *condition, char const *text)
{
  mark(s, (struct ending){condition, condition, text});
}

/* The last words to the client: nothing of them waits for it to read. */
static void
say_goodbye(struct stream *s)
{
  if (!s->link) return;
  unblock(s);
  if (s->state == ST_RESUMING && sm_is_here(s))
    sm_failed(s, s->old_ns, "item-not-found", SLICE(""));
  if (s->ending.condition) {
    /* RFC 6120 s4.9.1.1: an error before our header comes behind one. */
    if (!s->header_sent) states_header(s, NULL);
    put_error(s, s->ending.condition, s->ending.text);
  }
  hang_up(s, s->ending.why);
}

static void
end_now(struct stream *s)
{
  s->ends = true;
  log_event(LOG_INFO, "stream-ended", "sid", log_num(s->sid), "jid", s->jid, "ip",
            log_peer(slice_str(s->ip)), "why", s->ending.why, NULL);
  say_goodbye(s);
  sasl_forget(s);
  marks_end(s);
  if (s->state == ST_RESUMING) sm_part(s);
  if (s->sm && marks_blocked(s)) sm_forsake(s);
  if (s->sm) sm_over(s);
  bind_forget(s);
  s->state = ST_CLOSED;
  marked--;
}

/* The stream has no conduit from now on. */
static void
leave_conduit(struct stream *s)
{
  if (s->link && id_map_get(s->link->cookie, s->id) == s)
    id_map_del(s->link->cookie, s->id);
  s->link = NULL;
  s->header_sent = s->is_blocked = s->restart = false;
  xml_reset(&s->xml);
  stralloc_free(&s->blocked);
  s->blocked_n = 0;
  stralloc_free(&s->held);
  s->held_at = 0;
  requests_forget(s);
  event_timer_cancel(&s->timer);
}

static void
go_away(struct stream *s, char const *why)
{
  log_event(LOG_INFO, "session-away", "sid", log_num(s->sid), "jid", s->jid, "ip",
            log_peer(slice_str(s->ip)), "why", why, NULL);
  s->state = ST_AWAY;
  csi_join(s);
  sm_away(s);
}

/* A stream that was to be resumed and is cut off again is away again. A client whose stanzas of
 * before stream management stand in the buffer has not had the answer to its enable, which is
 * behind them: the client cannot resume. */
void
stream_lost(struct stream *s, char const *why)
{
  bool session = s->state == ST_BOUND || (s->state == ST_RESUMING && s->sm);

  if (s->ending.why || s->state == ST_CLOSED || s->state == ST_AWAY) return;
  if (!session || !s->sm || !s->sm->max_us || marks_blocked(s)) {
    stream_end(s, why);
    return;
  }
  hang_up(s, why);
  leave_conduit(s);
  go_away(s, why);
}

void
stream_detach(struct stream *s, char const *condition)
{
  if (s->state == ST_AWAY) return;
  unblock(s);
  put_error(s, condition, NULL);
  hang_up(s, condition);
  leave_conduit(s);
  s->state = ST_AWAY;
}

static void
stream_free(struct stream *s)
{
  leave_conduit(s);
  kept_forget(s);
  sm_free(s->sm);
  csi_free(s->csi);
  free(s->shown);
  directed_free(s->directed);
  asked_free(s->asked);
  free(s->jid);
  free(s->lang);
  free(s->ip);
  free(s->bindings);
  free(s->request);
  free(s->resource);
  ids_give(&streams, s->sid);
  free(s);
}

void
stream_settle(struct stream *s)
{
  if (s->ending.why) end_now(s);
  if (s->state == ST_CLOSED)
    stream_free(s);
  else
    kept_count(s);
}

static void
look_at(struct stream *s)
{
  (void)s;
}

void
streams_turn(void)
{
  if (marked) stream_each(look_at);
  kept_turn();
}

void
streams_of_link_gone(struct link *l)
{
  uint32_t i;

  for (i = 0; i < streams.used; i++) {
    struct stream *s = ids_at(&streams, i);
    if (!s || s->link != l) continue;
    s->header_sent = false; /* nobody is there to read our end tag */
    stream_lost(s, "its front is gone");
    stream_settle(s);
  }
  if (l->cookie) id_map_wipe(l->cookie);
  free(l->cookie);
  l->cookie = NULL;
}

/* ---- conduit records ---- */

/* Say whether the client waits for us: authd or routed has been asked, and its link is
 * up. */
static bool
is_our_turn(struct stream const *s)
{
  return (s->state == ST_ASKED && link_find(AUTHD)) ||
         (s->state == ST_BINDING && link_find(ROUTED));
}

static void
too_slow(void *cookie)
{
  struct stream *s = cookie;

  if (is_our_turn(s)) {
    event_timer_start(&s->timer, door_now() + c2sd.negotiation_us, too_slow, s);
    return;
  }
  if (s->state == ST_RESUMING && s->sm)
    stream_lost(s, "not resumed in time");
  else
    stream_error(s, "connection-timeout", NULL);
  stream_settle(s);
}

void
stream_put_off(struct stream *s, uint64_t us)
{
  s->deadline_us += us;
  event_timer_start(&s->timer, s->deadline_us, too_slow, s);
}

/* The front has opened the conduit of this stream, or one whose id takes its place, anew: the
 * stream is over without a word, for the front could take that as one of the new stream. */
static void
displace(struct stream *s)
{
  if (!s) return;
  log_event(LOG_WARN, "conduit-opened-twice", "link", s->link->name, "sid",
            log_num(s->sid), NULL);
  leave_conduit(s);
  stream_lost(s, "its front opened the conduit again");
  stream_settle(s);
}

void
stream_open(struct link *l, struct record *r)
{
  struct slice ip = record_get(r, 3);
  struct stream *s = calloc(1, sizeof *s);
  uint64_t id = record_u64(r, 1);

  displace(id_map_in_slot(l->cookie, id));
  if (!s) goto refuse;
  s->link = l;
  s->id = id;
  s->ip = strndup(ip.s, ip.len);
  s->listener = c2sd_listener(record_get(r, 2));
  s->xml = (struct xml_stream)XML_STREAM_ZERO;
  xml_limit(&s->xml, STANZA_MAX_BEFORE_AUTH);
  s->sid = ids_take(&streams, s);
  if (!s->ip || !s->sid || !conduit_put(s)) goto refuse;
  stream_put_off(s, door_now() + c2sd.negotiation_us);
  stream_shape(s);
  return;
refuse:
  log_event(LOG_WARN, "stream-refused", "ip", log_peer(ip), "why", "out of memory", NULL);
  if (s) {
    ids_give(&streams, s->sid);
    free(s->ip);
  }
  free(s);
  link_begin(l, VERB_CLOSE);
  link_num(l, id);
  link_str(l, "out of memory");
  link_end(l);
}

void
stream_data(struct link *l, struct record *r)
{
  struct stream *s = conduit_find(l, r);

  if (!s) return;
  s->seen_us = door_now();
  s->pinged = false;
  input_take(s, record_get(r, 2));
  stream_settle(s);
}

/* Both sides say close once; the answer to the client's end is ours. */
void
stream_close(struct link *l, struct record *r)
{
  struct stream *s = conduit_find(l, r);

  if (!s) return;
  requests_leave(s);
  s->header_sent = false;
  stream_lost(s, log_text(record_get(r, 2)));
  stream_settle(s);
}

void
stream_stop(struct link *l, struct record *r)
{
  struct stream *s = conduit_find(l, r);

  if (s) s->is_blocked = true;
}

void
stream_go(struct link *l, struct record *r)
{
  struct stream *s = conduit_find(l, r);
  stralloc text;

  if (!s || !s->is_blocked) return;
  s->is_blocked = false;
  text = s->blocked;
  s->blocked = stralloc_zero;
  s->blocked_n = 0;
  if (text.len) stream_write_raw(s, slice_of(text.s, text.len));
  stralloc_free(&text);
  marks_unblocked(s);
  if (s->sm) sm_flush(s);
  stream_settle(s);
}

/* TLS comes once: after proceed, or before the client's header. */
static bool
may_be_secured(struct stream const *s)
{
  return s->state == ST_TLS || (s->state == ST_START && !s->secure && !s->authed);
}

/* TLS is up. The stream begins anew (RFC 6120 s5.4.3.3), and nothing that came before
 * counts. */
void
stream_secured(struct link *l, struct record *r)
{
  struct stream *s = conduit_find(l, r);
  struct slice bindings = record_get(r, 5);

  if (!s) return;
  if (!may_be_secured(s)) {
    log_event(LOG_WARN, "secured-out-of-turn", "link", l->name, "sid", log_num(s->sid),
              "jid", s->jid, NULL);
    stream_end(s, "TLS out of turn");
    stream_settle(s);
    return;
  }
  s->secure = true;
  free(s->bindings);
  s->host = NULL;
  s->bindings = bindings.len ? strndup(bindings.s, bindings.len) : NULL;
  s->state = ST_START;
  s->header_sent = false;
  xml_reset(&s->xml);
  s->restart = false;
}

/* ---- the state for a trace ---- */

static struct stream *
snapshot_next(struct snapshot *k, uint32_t *i)
{
  struct stream *s = NULL;

  if (snapshot_restores(k)) return snapshot_new(k, sizeof *s);
  while (*i < streams.used && !(s = ids_at(&streams, *i)))
    ++*i;
  ++*i;
  return s;
}

/* In BOUND the timer is that of pings. */
void
streams_snapshot(struct snapshot *k)
{
  uint32_t i = 0;
  struct stream *s;

  snapshot_ids(k, &streams);
  while ((s = snapshot_next(k, &i)) && snapshot_record(k, "stream", true)) {
    snapshot_stream(k, s);
    if (s->state == ST_BOUND)
      ping_snapshot_timer(k, s);
    else
      snapshot_timer(k, &s->timer, too_slow, s);
    if (!snapshot_restores(k)) continue;
    if (!ids_restore(&streams, s->sid, s) || (s->link && !conduit_put(s)))
      snapshot_fail(k, "a stream has no place");
  }
  if (snapshot_restores(k)) free(s);
}
