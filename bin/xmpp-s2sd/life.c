#include "life.h"
#include "condition.h"
#include "dial.h"
#include "in.h"
#include "inbound.h"
#include "out.h"
#include "pairs.h"
#include "policy.h"
#include "xep0198_sm.h"

#include <string.h>

/* Streams of both directions have their conduits from lib/stream, which asks here. */

static void
header(struct conduit *c, struct xml_node const *root, char const *fault)
{
  struct stream *s = stream_of(c);

  (s->out ? out_header : in_header)(s, root, fault);
}

/* ---- errors of the peer ---- */

#define NS_STREAM_ERRORS "urn:ietf:params:xml:ns:xmpp-streams"

static char const *const passing[] = {"system-shutdown",
                                      "reset",
                                      "connection-timeout",
                                      "resource-constraint",
                                      "internal-server-error",
                                      "see-other-host",
                                      "conflict"};

/* The verdict names the condition; the peer's own words are for the log. Servers from before 1.0 say
 * words alone. */
static void
peer_error(struct stream *s, struct xml_node const *e)
{
  struct xml_node const *t = xml_child(e, NS_STREAM_ERRORS, "text");
  struct slice condition = condition_of_stream(e);
  struct arena a = ARENA_ZERO;
  struct verdict v;
  size_t i;
  bool passes = false;

  for (i = 0; i < sizeof passing / sizeof *passing; i++)
    passes = passes || slice_is(condition, passing[i]);
  v = verdict_of_peer(STEP_CLOSED, passes, "peer", condition);
  if (!xml_next(e, NULL)) t = e;
  verdict_detail(&v, t ? xml_text(&a, t) : condition_made_up(e, condition));
  arena_wipe(&a);
  if (!s->verdict.step) s->verdict = v;
  conduit_end(&s->c, s->verdict.why);
}

static void
element(struct conduit *c, struct xml_node const *e, struct slice bytes)
{
  struct stream *s = stream_of(c);

  if (xml_is(e, XML_NS_STREAMS, "error"))
    peer_error(s, e);
  else
    (s->out ? out_element : in_element)(s, e, bytes);
}

static void
closed(struct conduit *c)
{
  stream_closed(stream_of(c));
}

static enum conduit_input
input(struct conduit const *c)
{
  enum state st = ((struct stream const *)c)->state;

  if (st == ST_TLS) return CONDUIT_REFUSE;
  if (st == ST_LEAVING) return CONDUIT_HOLD;
  if (st == ST_RESUMING && !((struct stream const *)c)->out) return CONDUIT_HOLD;
  return st == ST_SILENT ? CONDUIT_DROP : CONDUIT_READ;
}

static void
go(struct conduit *c)
{
  struct stream *s = stream_of(c);

  if (s->pair) pair_go_on(s->pair);
}

static void
late(struct conduit *c)
{
  struct stream *s = stream_of(c);

  if (s->state == ST_LEAVING)
    stream_go_away(s);
  else
    (s->out ? out_late : in_late)(s);
}

/* ---- the end ---- */

static void
log_down(struct stream const *s)
{
  if (!s->open_us) return;
  log_event(LOG_INFO, "s2s-down", "conn", conduit_conn(&s->c), "dir",
            s->out ? "out" : "in", "from", s->out ? s->local : s->remote, "to",
            s->out ? s->remote : s->local, "addr", log_peer(slice_str(s->c.ip)), "in",
            log_num(s->in_n), "out", log_num(s->out_n), "why", s->c.ending.why, "detail",
            *s->verdict.detail ? s->verdict.detail : NULL, NULL);
}

static void
end(struct conduit *c)
{
  struct stream *s = stream_of(c);

  log_down(s);
  if (s->state == ST_CLOSING)
    c->fault = CONDUIT_NO_FAULT; /* nothing follows our end tag */
  conduit_last_words(c);
  if (c->header_sent) sm_last_count(s);
  conduit_close(c);
  (s->out ? out_ended : in_ended)(s);
  s->state = ST_OVER;
}

static void
settled(struct conduit *c)
{
  struct stream *s = stream_of(c);

  if (s->starts_tls && s->state == ST_TLS)
    conduit_start_tls(c, s->local, s->out ? "" : "<proceed xmlns='" NS_TLS "'/>");
  s->starts_tls = false;
  if (s->state != ST_OVER) return;
  sm_free(s);
  conduit_wipe(c);
  stream_drop(s);
}

static char const *
name(struct conduit const *c)
{
  return ((struct stream const *)c)->remote;
}

struct conduit_owner const life_owner = {.ns = NS_SERVER,
                                         .header = header,
                                         .element = element,
                                         .closed = closed,
                                         .input = input,
                                         .go = go,
                                         .late = late,
                                         .end = end,
                                         .settled = settled,
                                         .name = name};

/* ---- records of fronts ---- */

void
life_secured(struct link *l, struct record *r)
{
  struct conduit *c = conduit_find(l, r);
  struct stream *s = stream_of(c);

  if (!c) return;
  stream_take_tls(s, r);
  (s->out ? out_secured : in_secured)(s);
  conduit_settle(c);
}

void
life_written(struct link *l, struct record *r)
{
  struct conduit *c = conduit_find(l, r);
  struct stream *s = stream_of(c);

  if (c && s->pair) pair_written(s->pair, record_u64(r, 2));
}

static void
leave_link(struct stream *s, void *l)
{
  if (s->c.link != l) return;
  s->tlsd_gone = true;
  conduit_link_gone(&s->c);
}

void
life_link_gone(struct link *l)
{
  stream_each(leave_link, l);
  conduit_forget_link(l);
}

static void
look_at(struct stream *s, void *cookie)
{
  (void)s;
  (void)cookie;
}

void
life_turn(void)
{
  if (conduits_marked()) stream_each(look_at, NULL);
}

/* ---- new settings ---- */

/* A stream of ours is judged from when TLS is as it must be. */
static bool
peer_is_allowed(struct stream const *s)
{
  struct host const *h = stream_host(s);
  enum situation at = !s->c.secure             ? SITUATION_OUT_PLAIN
                      : s->trust >= TRUST_PKIX ? SITUATION_OUT_VALID
                                               : SITUATION_OUT_INVALID;

  if (s->remote && !settings_admits(h, slice_str(s->remote))) return false;
  return !s->out || !s->ready || s->state > ST_OPEN ||
         policy(h->tls, settings_dialback(h, slice_str(s->remote)), at);
}

/* Each domain that is proven on the stream is judged for each of ours to which it has sent. */
static bool
is_allowed(struct stream *s)
{
  struct proof const *p;

  if (!peer_is_allowed(s)) return false;
  for (p = s->proofs; p; p = p->next)
    if (p->valid && !inbound_admits(s, slice_str(p->from), slice_str(p->to)))
      return false;
  return true;
}

static void
check_again(struct stream *s, void *cookie)
{
  (void)cookie;
  if (!is_allowed(s)) {
    s->verdict = verdict_of(STEP_POLICY, false, "not allowed any more");
    conduit_error(&s->c, "policy-violation", "not allowed any more");
  }
}

void
life_reload(void)
{
  stream_each(check_again, NULL);
  dials_reload();
}

/* ---- the end of the program ---- */

/* A peer with stream management is to hear that its stanzas are here: what it says from now on waits
 * unread, and it sends that again. */
static void
shut_down(struct stream *s, void *cookie)
{
  (void)cookie;
  if (s->state == ST_LEAVING) return;
  if (s->state == ST_OPEN && sm_is_behind(s))
    conduit_fall_behind(&s->c);
  else if (s->out && s->state == ST_OPEN)
    conduit_end(&s->c, "the program ends");
  else
    conduit_error(&s->c, "system-shutdown", NULL);
}

void
life_stop(void)
{
  stream_each(shut_down, NULL);
}
