#include "stream/stream_internal.h"

#include <stdlib.h>
#include <string.h>

/* A conduit's life: it opens, records of its front come for it, it is marked to end, it ends.
 * The cookie of a link is the map of its conduits. */

struct conduit_owner const *stream_owner;

static uint64_t marked;

void
conduit_init(struct conduit_owner const *owner)
{
  stream_owner = owner;
}

/* ---- finding one ---- */

static bool
put(struct conduit *c)
{
  if (!c->link->cookie) c->link->cookie = calloc(1, sizeof(struct id_map));
  return c->link->cookie && id_map_put(c->link->cookie, c->id, c);
}

struct conduit *
conduit_find(struct link const *l, struct record *r)
{
  return id_map_get(l->cookie, record_u64(r, 1));
}

struct conduit *
conduit_in_place(struct link const *l, struct record *r)
{
  return id_map_in_slot(l->cookie, record_u64(r, 1));
}

char const *
conduit_conn(struct conduit const *c)
{
  return log_conn(c->link ? c->link->name : NULL, c->id);
}

/* ---- beginning ---- */

bool
conduit_begin(struct conduit *c, struct link *l, struct record *r)
{
  c->framing = slice_is(record_get(r, 5), "element") ? FRAMING_ELEMENT : FRAMING_STREAM;
  return conduit_begin_as(c, l, record_u64(r, 1), record_get(r, 3));
}

bool
conduit_begin_as(struct conduit *c, struct link *l, uint64_t id, struct slice ip)
{
  c->link = l;
  c->id = id;
  c->ip = slice_dup(ip);
  c->xml = (struct xml_stream)XML_STREAM_ZERO;
  c->blocked_max = UNBOUND_BLOCKED_MAX;
  xml_limit(&c->xml, STANZA_MAX_BEFORE_AUTH);
  if (c->ip && put(c)) return true;
  free(c->ip);
  c->ip = NULL;
  c->link = NULL;
  return false;
}

void
conduit_refuse(struct link *l, struct record *r)
{
  log_event(LOG_WARN, "stream-refused", "conn", log_conn(l->name, record_u64(r, 1)), "ip",
            log_peer(record_get(r, 3)), "why", "out of memory", NULL);
  link_begin(l, VERB_CLOSE);
  link_num(l, record_u64(r, 1));
  link_str(l, "out of memory");
  link_end(l);
}

static void
on_deadline(void *cookie)
{
  struct conduit *c = cookie;

  stream_owner->late(c);
  conduit_settle(c);
}

void
conduit_deadline(struct conduit *c, uint64_t at_us)
{
  event_timer_start(&c->timer, at_us, on_deadline, c);
}

void
conduit_no_deadline(struct conduit *c)
{
  event_timer_cancel(&c->timer);
}

/* ---- records of the front ---- */

void
conduit_on_data(struct link *l, struct record *r)
{
  struct conduit *c = conduit_find(l, r);

  if (!c) return;
  c->seen_us = door_now();
  stream_take(c, record_get(r, 2));
  conduit_settle(c);
}

/* The peer is gone, and nobody hears what it had asked for. */
static void
read_rest(struct conduit *c)
{
  c->is_leaving = true;
  c->is_behind = c->is_stopped = false;
  conduit_resume(c);
  c->is_leaving = false;
}

/* Both sides say close once; the answer to the peer's end is ours. */
void
conduit_on_close(struct link *l, struct record *r)
{
  struct conduit *c = conduit_find(l, r);

  if (!c) return;
  if (c->is_behind) read_rest(c);
  c->header_sent = false;
  conduit_lost(c, log_text(record_get(r, 2)));
  conduit_settle(c);
}

void
conduit_on_stop(struct link *l, struct record *r)
{
  struct conduit *c = conduit_find(l, r);

  if (c) c->is_blocked = true;
}

void
conduit_on_go(struct link *l, struct record *r)
{
  struct conduit *c = conduit_find(l, r);

  if (!c || !c->is_blocked) return;
  stream_unblock(c);
  stream_owner->go(c);
  conduit_settle(c);
}

void
conduit_link_gone(struct conduit *c)
{
  c->header_sent = false; /* nobody is there to read our end tag */
  conduit_lost(c, "the front is gone");
}

void
conduit_forget_link(struct link *l)
{
  if (l->cookie) id_map_wipe(l->cookie);
  free(l->cookie);
  l->cookie = NULL;
}

/* The front could take a word as one of the new conduit. */
void
conduit_displace(struct conduit *c)
{
  conduit_leave(c);
  conduit_lost(c, "the front opened the conduit again");
  conduit_settle(c);
}

/* ---- records for the front ---- */

void
stream_tell(struct conduit *c, enum verb v)
{
  if (!c->link) return;
  link_begin(c->link, v);
  link_num(c->link, c->id);
  link_end(c->link);
}

void
conduit_start_tls(struct conduit *c, char const *name, char const *proceed)
{
  link_begin(c->link, VERB_STARTTLS);
  link_num(c->link, c->id);
  link_str(c->link, name);
  link_str(c->link, proceed);
  link_end(c->link);
}

void
conduit_secure(struct conduit *c)
{
  c->secure = true;
  c->header_sent = false;
  xml_reset(&c->xml);
  c->restart = false;
}

void
conduit_shape(struct conduit *c, uint64_t rate, uint64_t burst)
{
  if (!c->link || !(c->link->program & (TLSD | WEBD))) return;
  /* xmpp-webd has shaped the connection by its address. */
  if (!rate && !c->shaped && !(c->link->program & WEBD)) return;
  c->shaped = rate > 0;
  link_begin(c->link, VERB_SHAPE);
  link_num(c->link, c->id);
  link_num(c->link, rate);
  link_num(c->link, burst);
  link_end(c->link);
}

/* ---- the end ---- */

/* false: c is marked already. */
static bool
mark(struct conduit *c, enum conduit_fault fault, char const *why, char const *text)
{
  if (c->ending.why) return false;
  c->ending = (struct conduit_ending){why, text};
  c->fault = fault;
  marked++;
  return true;
}

void
conduit_end(struct conduit *c, char const *why)
{
  mark(c, CONDUIT_NO_FAULT, why, NULL);
}

void
conduit_error(struct conduit *c, char const *condition, char const *text)
{
  mark(c, CONDUIT_FAULT, condition, text);
}

void
conduit_too_big(struct conduit *c, char const *text)
{
  mark(c, CONDUIT_TOO_BIG, "policy-violation", text);
}

void
conduit_lost(struct conduit *c, char const *why)
{
  if (mark(c, CONDUIT_NO_FAULT, why, NULL)) c->lost = true;
}

uint64_t
conduits_marked(void)
{
  return marked;
}

void
conduit_settle(struct conduit *c)
{
  if (c->ending.why && !c->ends) stream_owner->end(c);
  stream_owner->settled(c);
}

void
conduit_last_words(struct conduit *c)
{
  c->ends = true;
  if (c->link) stream_unblock(c);
}

static void
put_error(struct conduit *c)
{
  struct conduit_ending const *how = &c->ending;
  stralloc sa = STRALLOC_ZERO;

  if (xml_cat(&sa, "<stream:error><") && xml_cat(&sa, how->why) &&
      xml_cat(&sa, " xmlns='" NS_STREAM_ERRORS "'/>") &&
      (!how->text ||
       (xml_cat(&sa, "<text xmlns='" NS_STREAM_ERRORS "' xml:lang='en'>") &&
        xml_cat_text(&sa, slice_str(how->text)) && xml_cat(&sa, "</text>"))) &&
      (c->fault != CONDUIT_TOO_BIG ||
       xml_cat(&sa, "<stanza-too-big xmlns='urn:xmpp:errors'/>")) &&
      xml_cat(&sa, "</stream:error>"))
    conduit_write(c, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* RFC 6120 s4.9.1.1: an error before our header comes behind one. */
void
conduit_close(struct conduit *c)
{
  if (!c->link) return;
  if (c->fault) {
    if (!c->header_sent) stream_owner->header(c, NULL, NULL);
    put_error(c);
  }
  if (c->header_sent) conduit_write(c, slice_str(framing_of(c)->end));
  c->header_sent = false;
  link_begin(c->link, VERB_CLOSE);
  link_num(c->link, c->id);
  link_str(c->link, c->ending.why);
  link_end(c->link);
}

struct conduit_waiting *
stream_waiting(struct conduit *c)
{
  if (!c->waiting) c->waiting = calloc(1, sizeof *c->waiting);
  return c->waiting;
}

static void
waiting_free(struct conduit *c)
{
  if (!c->waiting) return;
  stralloc_free(&c->waiting->held);
  stralloc_free(&c->waiting->blocked);
  free(c->waiting);
  c->waiting = NULL;
}

void
stream_waiting_trim(struct conduit *c)
{
  struct conduit_waiting const *w = c->waiting;

  if (w && !w->held.s && !w->blocked.s) waiting_free(c);
}

void
conduit_leave(struct conduit *c)
{
  if (c->link && id_map_get(c->link->cookie, c->id) == c)
    id_map_del(c->link->cookie, c->id);
  c->link = NULL;
  c->header_sent = c->is_blocked = c->restart = c->is_behind = c->is_stopped = c->ends =
    c->lost = false;
  xml_reset(&c->xml);
  waiting_free(c);
  event_timer_cancel(&c->timer);
  if (c->ending.why) marked--;
  c->ending = (struct conduit_ending){.why = NULL};
  c->fault = CONDUIT_NO_FAULT;
}

void
conduit_detach(struct conduit *c, char const *condition)
{
  conduit_error(c, condition, NULL);
  conduit_last_words(c);
  conduit_close(c);
  conduit_leave(c);
}

void
conduit_wipe(struct conduit *c)
{
  conduit_leave(c);
  free(c->ip);
  free(c->lang);
  c->ip = c->lang = NULL;
}

size_t
conduit_bytes(struct conduit const *c)
{
  return c->waiting ? c->waiting->held.a + c->waiting->blocked.a : 0;
}

char const *
conduit_condition(struct slice name)
{
  static char const *const defined[] = {
    "bad-format",
    "bad-namespace-prefix",
    "conflict",
    "connection-timeout",
    "host-gone",
    "host-unknown",
    "improper-addressing",
    "internal-server-error",
    "invalid-from",
    "invalid-namespace",
    "invalid-xml",
    "not-authorized",
    "not-well-formed",
    "policy-violation",
    "remote-connection-failed",
    "reset",
    "resource-constraint",
    "restricted-xml",
    "see-other-host",
    "system-shutdown",
    "unsupported-encoding",
    "unsupported-feature",
    "unsupported-stanza-type",
    "unsupported-version",
  };
  size_t i;

  for (i = 0; i < sizeof defined / sizeof *defined; i++)
    if (slice_is(name, defined[i])) return defined[i];
  return "undefined-condition";
}

void
conduit_error_named(struct conduit *c, struct slice name)
{
  conduit_error(c, conduit_condition(name), NULL);
}

/* ---- the state for a trace ---- */

static void
parser(struct snapshot *k, struct conduit const *c, struct xml_stream *x)
{
  bool began = xml_began(x);
  stralloc part = x->part;

  SNAPSHOT_INT(k, x->opened);
  SNAPSHOT_INT(k, x->limit);
  snapshot_text(k, &x->root);
  SNAPSHOT_INT(k, began);
  if (snapshot_restores(k)) part = stralloc_zero;
  snapshot_begun(k, c->link, c->id, &part);
  if (!snapshot_restores(k)) return;
  if (!xml_restore(x, began, slice_of(part.s, part.len)))
    snapshot_fail(k, "the begun stanza is malformed");
  stralloc_free(&part);
}

static void
waiting(struct snapshot *k, struct conduit *c)
{
  bool there = c->waiting != NULL;
  struct conduit_waiting *w;

  SNAPSHOT_INT(k, there);
  if (there && snapshot_restores(k)) c->waiting = snapshot_new(k, sizeof *c->waiting);
  w = c->waiting;
  if (!w) return;
  snapshot_bytes(k, &w->held);
  SNAPSHOT_INT(k, w->held_at);
  snapshot_bytes(k, &w->blocked);
  SNAPSHOT_INT(k, w->blocked_n);
}

/* Between turns no conduit is marked. */
void
conduit_snapshot(struct snapshot *k, struct conduit *c)
{
  snapshot_link(k, &c->link);
  SNAPSHOT_INT(k, c->id);
  SNAPSHOT_INT(k, c->seen_us);
  snapshot_timer(k, &c->timer, on_deadline, c);
  snapshot_text(k, &c->ip);
  snapshot_text(k, &c->lang);
  waiting(k, c);
  SNAPSHOT_INT(k, c->said);
  SNAPSHOT_INT(k, c->records);
  SNAPSHOT_INT(k, c->blocked_max);
  SNAPSHOT_INT(k, c->framing);
  SNAPSHOT_INT(k, c->secure);
  SNAPSHOT_INT(k, c->header_sent);
  SNAPSHOT_INT(k, c->is_blocked);
  SNAPSHOT_INT(k, c->restart);
  SNAPSHOT_INT(k, c->shaped);
  SNAPSHOT_INT(k, c->is_behind);
  SNAPSHOT_INT(k, c->is_stopped);
  parser(k, c, &c->xml);
  if (snapshot_restores(k) && c->link && !put(c))
    snapshot_fail(k, "a conduit has no place");
}
