#include "pushd.h"

#include <stdlib.h>
#include <string.h>

/* Events for clients that are away, and when they are told. A notification wakes the client, which
 * then sees all: so the first important event is told at once, later ones are summed up for
 * PUSH_PAUSE_US, and nothing is told of what is older than PUSH_OLD_US. A call is told at once
 * whatever was told before. */

#define HOUR_US 3600000000u
#define RETRY_US 1000000u

uint64_t events_total;

static void
on_timer(void *cookie)
{
  reg_due(cookie);
}

/* ---- when ---- */

static uint64_t
later(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

/* The time from which on the event of r may be published. */
static uint64_t
due_us(struct reg const *r)
{
  uint64_t at = r->event_us;

  if (r->is_call) return r->called_us ? later(at, r->called_us + PUSH_CALL_US) : at;
  if (r->pushed_us) at = later(at, r->pushed_us + PUSH_PAUSE_US);
  return later(at, r->retry_us);
}

/* Say whether the hour has room for another notification without an important event. */
static bool
hour_takes(struct reg *r)
{
  uint64_t now = door_now();

  if (!r->hour_us || now - r->hour_us >= HOUR_US) {
    r->hour_us = now;
    r->others = 0;
  }
  return r->others < PUSH_OTHERS_AN_HOUR;
}

static void
clear(struct reg *r)
{
  r->event_us = 0;
  r->has_text = r->is_call = false;
}

static void
forget(struct reg *r)
{
  clear(r);
  owed_note(r);
}

void
reg_wait(struct reg *r, uint64_t at_us)
{
  event_timer_start(&r->timer, at_us, on_timer, r);
}

/* The store has the event before a notification leaves, and before routed may forget the record that
 * has told of it. */
void
reg_due(struct reg *r)
{
  uint64_t now = door_now(), at = due_us(r);

  if (!r->event_us || now - r->event_us > PUSH_OLD_US ||
      (at <= now && !r->in_line && !r->has_text && !hour_takes(r))) {
    forget(r);
    return;
  }
  owed_note(r);
  if (at > now)
    reg_wait(r, at);
  else if (!r->in_line && !publish(r))
    reg_wait(r, now + RETRY_US);
}

void
reg_published(struct reg *r)
{
  r->pushed_us = door_now();
  if (r->is_call) r->called_us = r->pushed_us;
  event_timer_cancel(&r->timer);
  if (r->has_text)
    keepalive_pushed(r);
  else if (r->others < PUSH_OTHERS_AN_HOUR)
    r->others++;
  forget(r);
}

void
reg_again(struct reg *r, uint64_t event_us, bool has_text, bool is_call)
{
  if (r->live) {
    owed_note(r);
    return;
  }
  if (!r->event_us) r->event_us = event_us;
  r->has_text = r->has_text || has_text;
  r->is_call = r->is_call || is_call;
  reg_due(r);
}

/* ---- what ---- */

static bool
is_encrypted(struct xml_node const *m)
{
  struct xml_node const *c;

  for (c = xml_next(m, NULL); c; c = xml_next(m, c))
    if (slice_is(c->name, "encrypted") || slice_is(c->name, "encryption") ||
        (slice_is(c->name, "openpgp") && slice_is(c->ns, "urn:xmpp:openpgp:0")) ||
        (slice_is(c->name, "x") && slice_is(c->ns, "jabber:x:encrypted")))
      return true;
  return false;
}

/* The first PUSH_BODY_MAX characters of text, which is UTF-8. */
static struct slice
cut(struct slice text)
{
  size_t i, n = 0;

  for (i = 0; i < text.len; i++)
    if (((unsigned char)text.s[i] & 0xc0) != 0x80 && n++ == PUSH_BODY_MAX) break;
  return slice_of(text.s, i);
}

static char *
body_of(struct slice xml)
{
  static struct arena arena = ARENA_ZERO;
  struct xml_node const *m, *body;
  enum xml_error why;
  struct slice text;

  if (!xml.len) return NULL;
  arena_reset(&arena);
  m = xml_parse(&arena, xml, "jabber:client", &why);
  body = m && !is_encrypted(m) ? xml_child(m, "jabber:client", "body") : NULL;
  text = body ? xml_text(&arena, body) : SLICE("");
  return text.len ? slice_dup(cut(text)) : NULL;
}

static void
note_message(struct reg *r, struct vhost const *v, struct event const *e)
{
  uint64_t n = e->count ? e->count : 1;

  r->count = n > UINT32_MAX - r->count ? UINT32_MAX : r->count + (uint32_t)n;
  r->has_text = true;
  free(r->sender);
  free(r->text);
  r->sender = v->sender && e->from.len ? slice_dup(e->from) : NULL;
  r->text = v->body == BODY_OF_MESSAGE ? body_of(e->xml) : NULL;
}

/* An important message may be told twice, and mamd may tell of one that a session had when newer ones of
 * other classes were told of: those do not count as seen. */
void
reg_event(struct reg *r, struct event const *e)
{
  struct vhost const *v = vhost_find(jid_cut(slice_str(r->account->bare)).domain);

  if (!v) return;
  if (e->id && e->id <= r->seen) return;
  if (e->class == CLASS_NONE || (e->class < CLASS_IMPORTANT && !v->all)) return;
  if (e->id && e->class >= CLASS_IMPORTANT) r->seen = e->id;
  events_total++;
  if (e->class >= CLASS_IMPORTANT) note_message(r, v, e);
  if (e->class == CLASS_SUBSCRIPTION && r->requests < UINT32_MAX) r->requests++;
  if (e->class == CLASS_CALL) r->is_call = true;
  r->event_us = door_now();
  reg_due(r);
}

void
reg_back(struct reg *r)
{
  event_timer_cancel(&r->timer);
  clear(r);
  free(r->sender);
  free(r->text);
  r->sender = r->text = NULL;
  r->pushed_us = r->called_us = r->hour_us = 0;
  r->count = r->requests = 0;
}

void
reg_wipe(struct reg *r)
{
  struct domain *d = r->domain;
  struct reg **at;

  reg_back(r);
  event_timer_cancel(&r->wake);
  d->pending -= r->pending;
  if (!r->in_line) return;
  for (at = &d->first; *at != r; at = &(*at)->line_next) {
  }
  *at = r->line_next;
  if (d->last == &r->line_next) d->last = at;
}

/* ---- records ---- */

static enum class read_class(struct slice word) {
  if (slice_is(word, "call")) return CLASS_CALL;
  if (slice_is(word, "important")) return CLASS_IMPORTANT;
  if (slice_is(word, "none")) return CLASS_NONE;
  return slice_is(word, "subscription") ? CLASS_SUBSCRIPTION : CLASS_OTHER;
}

static bool
has_line(struct slice lines, char const *client)
{
  struct slice line;

  while (slice_word(&lines, '\n', &line))
    if (slice_is(line, client)) return true;
  return false;
}

/* ACCOUNT CLIENTS CLASS ID COUNT FROM XML */
void
events_notify(struct link *l, struct record *rec)
{
  struct account *a = account_find(record_get(rec, 1));
  struct slice clients = record_get(rec, 2);
  struct event e = {.class = read_class(record_get(rec, 3)),
                    .id = record_u64(rec, 4),
                    .count = record_u64(rec, 5),
                    .from = record_get(rec, 6),
                    .xml = record_get(rec, 7)};
  struct reg *r;

  (void)l;
  for (r = a ? a->regs : NULL; r; r = r->next)
    if (has_line(clients, r->client)) reg_event(r, &e);
}

/* ACCOUNT ID: the session that had the message has ended with its edge. Messages that waited from
 * the beginning were told before. */
void
events_waiting(struct link *l, struct record *rec)
{
  struct account *a = account_find(record_get(rec, 1));
  struct event e = {.class = CLASS_IMPORTANT, .id = record_u64(rec, 2)};
  struct reg *r;

  (void)l;
  for (r = a && e.id ? a->regs : NULL; r; r = r->next)
    if (!r->live) reg_event(r, &e);
}

void
events_timers(struct snapshot *k, struct reg *r)
{
  snapshot_timer(k, &r->timer, on_timer, r);
}
