#include "asked.h"
#include "bind.h"
#include "directed.h"
#include "kept.h"
#include "life.h"
#include "logins.h"
#include "marks.h"
#include "negotiation.h"
#include "rules.h"
#include "sasl.h"
#include "settings.h"
#include "states.h"
#include "stream.h"
#include "xep0077_register.h"
#include "xep0198_resume.h"
#include "xep0198_sm.h"
#include "xep0199_ping.h"
#include "xep0352_csi.h"
#include "xep0357_push.h"
#include "xep0388_sasl2.h"

#include <stdlib.h>
#include <string.h>

/* A stream's life: lib/stream has its conduit, and asks here what that means for the client's
 * session. */

/* ---- the end ---- */

/* A client whose stanzas of before stream management stand in the buffer has not had the answer
 * to its enable, which is behind them: the client cannot resume. */
static bool
may_be_away(struct stream const *s)
{
  struct sm const *sm = s->session.sm;

  return (s->state == ST_BOUND || s->state == ST_RESUMING) && sm && sm->max_us &&
         !marks_blocked(s);
}

static void
end_negotiation(struct stream *s)
{
  sasl2_end(s);
  negotiation_end(s);
}

/* A stream that was to be resumed and is cut off again is away again. */
static void
go_away(struct stream *s)
{
  char const *why = s->c.ending.why;
  bool again = s->state == ST_RESUMING;

  conduit_last_words(&s->c);
  conduit_close(&s->c);
  log_event(LOG_INFO, "session-away", "conn", conduit_conn(&s->c), "ip",
            log_peer(slice_str(s->c.ip)), "jid", s->session.jid, "why", why, NULL);
  conduit_leave(&s->c);
  end_negotiation(s);
  s->state = ST_AWAY;
  csi_join(s);
  sm_away(s);
  if (again) sm_keep_on(s);
  push_away(s);
}

/* The last words to the client: nothing of them waits for it to read. */
static void
say_goodbye(struct stream *s)
{
  conduit_last_words(&s->c);
  if (s->c.link && s->state == ST_RESUMING && stream_is_whole(s) &&
      !negotiation_is_sasl2(s))
    sm_failed(s, s->negotiation->resume.old_ns, "item-not-found", SLICE(""));
  conduit_close(&s->c);
}

static void
end(struct conduit *c)
{
  struct stream *s = stream_of(c);

  if (c->lost && may_be_away(s)) {
    go_away(s);
    return;
  }
  login_ends(s);
  log_event(LOG_INFO, "stream-ended", "conn", conduit_conn(c), "ip",
            log_peer(slice_str(c->ip)), "jid", s->session.jid, "why", c->ending.why,
            NULL);
  say_goodbye(s);
  sasl_forget(s);
  register_forget(s);
  marks_end(s);
  if (s->state == ST_RESUMING) resume_part(s);
  if (s->session.sm && marks_blocked(s)) sm_forsake(s);
  if (s->session.sm) sm_over(s);
  bind_forget(s);
  s->state = ST_CLOSED;
}

static void
free_all(struct stream *s)
{
  conduit_wipe(&s->c);
  sm_free(s->session.sm);
  csi_free(s->csi);
  free(s->session.shown);
  free(s->session.caps);
  free(s->session.picture);
  directed_free(s->session.directed);
  asked_free(s->session.asked);
  free(s->session.jid);
  free(s->session.client);
  free(s->fetched);
  end_negotiation(s);
  stream_drop(s);
}

static void
settled(struct conduit *c)
{
  struct stream *s = stream_of(c);

  if (s->state != ST_CLOSED) {
    kept_count(s);
    return;
  }
  kept_forget(s);
  free_all(s);
}

static void
closed(struct conduit *c)
{
  conduit_end(c, "closed by the client");
}

/* ---- time ---- */

/* Say whether the client waits for us: authd, registerd or routed has been asked, and its link is
 * up. */
static bool
is_our_turn(struct stream const *s)
{
  return (s->state == ST_ASKED && link_find(AUTHD)) ||
         (s->state == ST_REGISTERING && link_find(REGISTERD)) ||
         (s->state == ST_BINDING && link_find(ROUTED)) || s->state == ST_METADATA;
}

static void
late(struct conduit *c)
{
  struct stream *s = stream_of(c);

  if (s->state == ST_BOUND)
    ping_due(s);
  else if (is_our_turn(s))
    conduit_deadline(c, door_now() + c2sd.negotiation_us);
  else if (s->state == ST_RESUMING && s->session.sm)
    conduit_lost(c, "not resumed in time");
  else
    conduit_error(c, "connection-timeout", NULL);
}

/* ---- input and output ---- */

/* XEP-0388 s3.4: a client sends no white space while it authenticates, and is disconnected for it. */
static enum conduit_input
input(struct conduit const *c)
{
  struct stream const *s = (struct stream const *)c;

  switch ((int)s->state) {
  case ST_ASKED:
  case ST_REGISTERING:
  case ST_BINDING:
  case ST_METADATA:
  case ST_RESUMING: return CONDUIT_HOLD;
  case ST_TLS: return CONDUIT_DROP;
  case ST_CHALLENGED:
  case ST_TASKED: return negotiation_is_sasl2(s) ? CONDUIT_ELEMENTS : CONDUIT_READ;
  default: return CONDUIT_READ;
  }
}

static void
go(struct conduit *c)
{
  struct stream *s = stream_of(c);

  marks_unblocked(s);
  if (s->session.sm) sm_flush(s);
}

static char const *
name(struct conduit const *c)
{
  return ((struct stream const *)c)->session.jid;
}

struct conduit_owner const life_owner = {.ns = NS_CLIENT,
                                         .header = states_header,
                                         .element = states_element,
                                         .closed = closed,
                                         .input = input,
                                         .go = go,
                                         .late = late,
                                         .end = end,
                                         .settled = settled,
                                         .name = name};

/* ---- records of the front ---- */

/* The front has opened the conduit of this stream, or one whose id takes its place, anew. */
static void
displace(struct conduit *c)
{
  if (!c) return;
  log_event(LOG_WARN, "conduit-opened-twice", "conn", conduit_conn(c), "jid",
            stream_of(c)->session.jid, "why",
            "the link opened the id again: the stream ends", NULL);
  conduit_displace(c);
}

static void
drop(struct stream *s)
{
  end_negotiation(s);
  stream_drop(s);
}

void
life_open(struct link *l, struct record *r)
{
  struct stream *s;

  displace(conduit_in_place(l, r));
  s = stream_new();
  if (!s || !negotiation_begin(s) || !conduit_begin(&s->c, l, r)) {
    if (s) drop(s);
    conduit_refuse(l, r);
    return;
  }
  s->listener = c2sd_listener(record_get(r, 2));
  negotiation_until(s, door_now() + c2sd.negotiation_us);
  rules_limit(s);
  rules_shape(s);
}

/* TLS comes once: after proceed, or before the client's header. */
static bool
may_be_secured(struct stream const *s)
{
  return s->state == ST_TLS || (s->state == ST_START && !s->c.secure && !s->authed);
}

/* TLS is up. The stream begins anew (RFC 6120 s5.4.3.3), and nothing that came before
 * counts. */
void
life_secured(struct link *l, struct record *r)
{
  struct conduit *c = conduit_find(l, r);
  struct stream *s = stream_of(c);
  struct slice bindings = record_get(r, 5);

  if (!c) return;
  if (!may_be_secured(s)) {
    log_event(LOG_WARN, "secured-out-of-turn", "conn", conduit_conn(c), "jid",
              s->session.jid, "why", "the stream has not asked for TLS: the stream ends",
              NULL);
    conduit_end(c, "TLS out of turn");
    conduit_settle(c);
    return;
  }
  conduit_secure(c);
  free(s->negotiation->bindings);
  s->host = NULL;
  s->negotiation->bindings = bindings.len ? slice_dup(bindings) : NULL;
  s->state = ST_START;
}

/* A link's streams are few or many: all streams are looked at. */
static struct link *gone;

static void
leave_link(struct stream *s)
{
  if (s->c.link == gone) conduit_link_gone(&s->c);
}

void
life_link_gone(struct link *l)
{
  gone = l;
  stream_each(leave_link);
  conduit_forget_link(l);
}

static void
look_at(struct stream *s)
{
  (void)s;
}

void
life_turn(void)
{
  if (conduits_marked()) stream_each(look_at);
  kept_turn();
}
