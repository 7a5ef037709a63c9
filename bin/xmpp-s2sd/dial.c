#include "dial.h"
#include "dialback.h"
#include "line.h"
#include "out.h"
#include "pairs.h"
#include "tell.h"

#include <stdlib.h>
#include <string.h>

/* Dials stand in line while as many as may be are under way: their clocks start when it is their
 * turn. xmpp-dnsd says the targets, xmpp-tlsd connects to the first that answers; when the stream
 * there fails, the targets behind that one are tried. */

static struct dial *first;
static struct ids ids;
static uint64_t n_all;
static bool stopping;
static struct table dials = BETWEEN_TABLE;
static char const *now_target, *now_addr;

static void on_timer(void *cookie);
static void dial_failed(struct dial *d);
static void connect_rest(struct dial *d);

/* ---- finding and making ---- */

struct dial *
dial_find(uint64_t id)
{
  return ids_get(&ids, id);
}

uint64_t
dials_count(void)
{
  return n_all;
}

bool
dial_is_under_way(struct slice from, struct slice to, bool *begun)
{
  struct between const *at;
  struct stream const *s;
  bool found = false;

  *begun = false;
  for (at = between_first(&dials, from, to); at; at = at->next) {
    struct dial const *d = at->thing;
    if (d->kind == DIAL_TRY) continue;
    s = stream_find(d->stream);
    if (s && (s->ready || s->c.ending.why)) continue;
    found = true;
    *begun = *begun || d->at != DIAL_LINE;
  }
  return found;
}

static void
drop_targets(struct dial *d)
{
  while (d->targets_n) {
    d->targets_n--;
    target_wipe(&d->targets[d->targets_n]);
  }
}

static void
dial_free(struct dial *d)
{
  between_del(&dials, &d->place);
  drop_targets(d);
  free(d->from);
  free(d->to);
  free(d->addr);
  free(d);
}

static bool
is_active(struct dial const *d)
{
  return d->at != DIAL_LINE;
}

/* ---- names ---- */

static void
ask_names(struct dial *d)
{
  struct link *names = link_find(DNSD);

  drop_targets(d);
  if (!names) return;
  link_begin(names, VERB_RESOLVE);
  link_num(names, d->id);
  link_str(names, d->to);
  link_str(names, settings_host_of(slice_str(d->from))->name);
  link_end(names);
}

static void
start(struct dial *d)
{
  d->at = DIAL_RESOLVE;
  d->began_us = door_now();
  event_timer_start(&d->timer, door_now() + S2S_RESOLVE_US, on_timer, d);
  if (d->kind != DIAL_TRY) dialback_begins(d);
  ask_names(d);
}

static void
start_waiting(void)
{
  struct dial *d;

  while ((d = line_next()))
    start(d);
}

static struct dial *
dial_new(enum dial_kind kind, struct slice from, struct slice to, struct slice sender)
{
  struct dial *d = calloc(1, sizeof *d);

  if (!d) return NULL;
  d->kind = kind;
  d->from = slice_dup(from);
  d->to = slice_dup(to);
  if (d->from && d->to && between_put(&dials, &d->place, d, d->from, d->to))
    d->id = ids_take(&ids, d);
  if (d->id) d->line = line_of(d);
  if (!d->id || !line_join(d, sender)) {
    if (d->id) ids_give(&ids, d->id);
    dial_free(d);
    return NULL;
  }
  d->next = first;
  if (first) first->prev = d;
  first = d;
  n_all++;
  start_waiting();
  return d;
}

static void
dial_drop(struct dial *d)
{
  event_timer_cancel(&d->timer);
  if (is_active(d))
    line_leave(d);
  else
    line_quit(d);
  n_all--;
  if (d->prev)
    d->prev->next = d->next;
  else
    first = d->next;
  if (d->next) d->next->prev = d->prev;
  ids_give(&ids, d->id);
  dial_free(d);
  start_waiting();
}

uint64_t
dial_pair(char const *from, char const *to, struct slice sender)
{
  struct dial *d = dial_new(DIAL_PAIR, slice_str(from), slice_str(to), sender);

  return d ? d->id : 0;
}

uint64_t
dial_verify(char const *from, char const *to)
{
  struct dial *d = dial_new(DIAL_VERIFY, slice_str(from), slice_str(to), SLICE(""));

  return d ? d->id : 0;
}

uint64_t
dial_try(struct slice from, struct slice to, struct link *ctl)
{
  struct dial *d = dial_new(DIAL_TRY, from, to, SLICE(""));

  if (d) d->ctl = ctl;
  return d ? d->id : 0;
}

void
dial_want(uint64_t id, struct slice sender)
{
  struct dial *d = dial_find(id);

  if (d && !is_active(d) && !stopping) line_move(d, sender);
}

bool
dial_abandon(uint64_t id)
{
  struct dial *d = dial_find(id);
  char *from, *to;

  if (!d || is_active(d) || stopping) return false;
  from = d->from;
  to = d->to;
  d->from = d->to = NULL;
  dial_drop(d);
  dialback_abandoned(from, to);
  free(from);
  free(to);
  return true;
}

void
dial_forget_verify(char const *from, char const *to)
{
  struct between const *at = between_first(&dials, slice_str(from), slice_str(to));
  struct dial *d;

  for (; at; at = at->next) {
    d = at->thing;
    if (d->kind != DIAL_VERIFY || is_active(d) || stopping) continue;
    dial_drop(d);
    return;
  }
}

/* ---- targets ---- */

static struct slice
how_of(struct target const *t)
{
  return t->tls ? SLICE("tls") : SLICE("plain");
}

void
dial_on_target(struct link *l, struct record *r)
{
  struct dial *d = dial_find(record_u64(r, 1));
  struct target *t;

  (void)l;
  if (!d || d->at != DIAL_RESOLVE || d->targets_n >= S2S_TARGETS) return;
  t = &d->targets[d->targets_n++];
  *t = (struct target){0};
  if (!target_read(t, r)) {
    target_wipe(t);
    d->targets_n--;
    return;
  }
  dial_tell(d, "target", t->line, log_text(record_get(r, 7)), NULL);
}

void
dial_on_resolved(struct link *l, struct record *r)
{
  struct dial *d = dial_find(record_u64(r, 1));

  (void)l;
  if (!d || d->at != DIAL_RESOLVE) return;
  if (!d->targets_n) {
    struct slice why = record_get(r, 2);
    d->best = target_none(why);
    dial_tell(d, "resolved", log_text(why), NULL);
    dial_failed(d);
    return;
  }
  connect_rest(d);
}

/* ---- connecting ---- */

/* Without a front the dial waits for one. */
static void
ask_connection(struct dial *d)
{
  struct link *front = link_find(TLSD);
  struct arena a = ARENA_ZERO;

  d->front = front;
  if (!front) return;
  link_begin(front, VERB_CONNECT);
  link_num(front, d->id);
  link_str(front, d->from);
  link_text(front, target_sni(&a, slice_str(d->to)));
  targets_put(front, d->targets + d->base, d->targets_n - d->base);
  if (d->hides_certificate) link_str(front, "none");
  link_end(front);
  arena_wipe(&a);
}

/* base is the first target to be tried. */
static void
connect_rest(struct dial *d)
{
  d->at = DIAL_CONNECT;
  d->stream = 0;
  event_timer_start(&d->timer, door_now() + S2S_CONNECT_US, on_timer, d);
  ask_connection(d);
}

static void
put_for(struct link *l, enum verb v, uint64_t id, char const *why)
{
  link_begin(l, v);
  link_num(l, id);
  if (why) link_str(l, why);
  link_end(l);
}

void
dial_on_connected(struct link *l, struct record *r)
{
  struct dial *d = dial_find(record_u64(r, 1));
  uint64_t index = record_u64(r, 3);
  struct slice ip = record_get(r, 4), port = record_get(r, 5);
  struct stream *s;

  if (!d || d->at != DIAL_CONNECT || d->front != l || d->base + index >= d->targets_n) {
    put_for(l, VERB_CLOSE, record_u64(r, 2), "not wanted any more");
    return;
  }
  d->current = d->base + (unsigned int)index;
  d->at = DIAL_STREAM;
  d->front = NULL;
  event_timer_cancel(&d->timer);
  free(d->addr);
  d->addr = slice_dup(ip);
  dial_tell(d, "connected", d->targets[d->current].name, d->addr ? d->addr : "",
            log_text(port), log_text(how_of(&d->targets[d->current])), NULL);
  s = out_begin(d, l, record_u64(r, 2), ip);
  if (s) {
    d->stream = s->number;
    conduit_settle(&s->c);
    return;
  }
  put_for(l, VERB_CLOSE, record_u64(r, 2), "out of memory");
  d->best = verdict_of(STEP_CONNECT, true, "out of memory");
  dial_failed(d);
}

void
dial_on_failed(struct link *l, struct record *r)
{
  struct dial *d = dial_find(record_u64(r, 1));
  struct slice ip = record_get(r, 3), why = record_get(r, 5);
  struct verdict v;
  unsigned int i;

  if (!d || d->at != DIAL_CONNECT || d->front != l) return;
  v = verdict_of(slice_is(record_get(r, 4), "tls") ? STEP_TLS : STEP_CONNECT, true,
                 log_text(why));
  verdict_detail(&v, SLICE(""));
  verdict_note(&d->best, &v);
  i = d->base + (unsigned int)record_u64(r, 2);
  if (i < d->targets_n) d->current = i;
  free(d->addr);
  d->addr = slice_dup(ip);
  dial_tell(d, "failed", i < d->targets_n ? d->targets[i].name : "",
            d->addr ? d->addr : "", step_word(v.step), v.why, NULL);
}

void
dial_on_unconnected(struct link *l, struct record *r)
{
  struct dial *d = dial_find(record_u64(r, 1));

  if (!d || d->at != DIAL_CONNECT || d->front != l) return;
  if (!d->best.step) d->best = verdict_of(STEP_CONNECT, true, "no address answers");
  dial_failed(d);
}

static void
on_timer(void *cookie)
{
  struct dial *d = cookie;

  if (d->at == DIAL_CONNECT && d->front) put_for(d->front, VERB_ABANDON, d->id, NULL);
  if (d->at == DIAL_RESOLVE)
    d->best = target_none(SLICE("timeout"));
  else if (!d->best.step)
    d->best = verdict_of(STEP_CONNECT, true, "no answer in time");
  dial_failed(d);
}

/* ---- the stream ---- */

struct target const *
dial_now(struct dial const *d)
{
  return &d->targets[d->current];
}

char const *
dial_target(void)
{
  return now_target;
}

char const *
dial_addr(void)
{
  return now_addr;
}

/* All has failed: tell whom it concerns. */
static void
dial_failed(struct dial *d)
{
  struct verdict v = d->best;
  struct pair *p;

  now_target = d->current < d->targets_n ? d->targets[d->current].name : NULL;
  now_addr = d->addr;
  if (d->kind == DIAL_TRY && d->ctl) {
    dial_tell(d, "verdict", step_word(v.step), v.why, v.detail, NULL);
    service_error(d->ctl, "the server cannot be reached");
  }
  if (d->kind == DIAL_PAIR) {
    p = pair_find(slice_str(d->from), slice_str(d->to));
    if (p && p->dial == d->id) pair_failed(p, &v);
  }
  if (d->kind == DIAL_VERIFY)
    verdict_log(&v, "verify", d->from, d->to, now_target, now_addr, 0, 0, 0);
  if (d->kind != DIAL_TRY) dialback_failed(d, &v);
  now_target = now_addr = NULL;
  dial_drop(d);
}

/* The target is tried once more when its server has refused EXTERNAL and closed, or has closed in the
 * place of an answer: the server may take dialback on a connection of its own. So may a server whose
 * TLS has refused our certificate, on a connection without. Any other failure leads to the next
 * target. */
void
dial_stream_failed(struct dial *d, struct stream *s)
{
  bool alert = s->alerted && !d->hides_certificate;
  bool refused =
    alert || (s->external && !d->skips_external && s->verdict.step == STEP_EXTERNAL);

  d->stream = 0;
  if (s->tlsd_gone) {
    d->base = d->current;
    connect_rest(d);
    return;
  }
  verdict_note(&d->best, &s->verdict);
  dial_tell(d, "stream-failed", step_word(s->verdict.step), s->verdict.why,
            s->verdict.detail, NULL);
  d->base = d->current + (refused ? 0 : 1);
  if (refused) d->skips_external = true;
  if (alert) d->hides_certificate = true;
  if (d->base < d->targets_n)
    connect_rest(d);
  else
    dial_failed(d);
}

void
dial_done(struct dial *d)
{
  struct stream *s = stream_find(d->stream);
  struct pair *p = pair_find(slice_str(d->from), slice_str(d->to));

  if (s) s->dial = 0;
  if (d->kind == DIAL_TRY && d->ctl) service_done(d->ctl);
  if (d->kind == DIAL_PAIR && s) {
    if (p && p->dial == d->id) p->dial = 0;
    if (p && !p->stream) pair_attach(p, s);
  }
  dial_drop(d);
}

/* ---- links ---- */

void
dials_link_up(struct link *l)
{
  struct dial *d;

  for (d = first; d; d = d->next) {
    if (l->program == DNSD && d->at == DIAL_RESOLVE) ask_names(d);
    if (l->program == TLSD && d->at == DIAL_CONNECT && !d->front) ask_connection(d);
  }
}

void
dials_link_gone(struct link *l)
{
  struct dial *d;

  for (d = first; d; d = d->next) {
    if (d->ctl == l) d->ctl = NULL;
    if (d->front != l) continue;
    d->front = NULL;
    if (d->at == DIAL_CONNECT) ask_connection(d);
  }
}

/* A dial that has a stream ends with the stream (life.c). */
static bool
is_denied(struct dial const *d)
{
  return d->at != DIAL_STREAM &&
         !settings_admits(settings_host_of(slice_str(d->from)), slice_str(d->to));
}

void
dials_reload(void)
{
  struct dial *d, *next;

  for (d = first; d; d = next) {
    next = d->next;
    if (!is_denied(d)) continue;
    if (d->front) put_for(d->front, VERB_ABANDON, d->id, NULL);
    d->best = verdict_of(STEP_ACCESS, false, "not allowed any more");
    d->best.error = ERR_FORBIDDEN;
    dial_failed(d);
  }
}

void
dials_stop(void)
{
  struct dial *d;

  stopping = true;
  for (d = first; d; d = d->next) {
    event_timer_cancel(&d->timer);
    if (d->at == DIAL_CONNECT && d->front) put_for(d->front, VERB_ABANDON, d->id, NULL);
    if (d->at != DIAL_STREAM) d->at = DIAL_LINE;
  }
  line_stop();
}

/* ---- the state for a trace ---- */

static void
fields(struct snapshot *k, struct dial *d)
{
  struct slice name = line_sender(d);
  char *sender = snapshot_restores(k) ? NULL : slice_dup(name);
  unsigned int i;

  SNAPSHOT_INT(k, d->id);
  SNAPSHOT_INT(k, d->kind);
  SNAPSHOT_INT(k, d->at);
  SNAPSHOT_INT(k, d->line);
  snapshot_text(k, &d->from);
  snapshot_text(k, &d->to);
  SNAPSHOT_INT(k, d->targets_n);
  for (i = 0; i < d->targets_n && i < S2S_TARGETS; i++)
    target_snapshot(k, &d->targets[i]);
  SNAPSHOT_INT(k, d->base);
  SNAPSHOT_INT(k, d->current);
  SNAPSHOT_INT(k, d->skips_external);
  SNAPSHOT_INT(k, d->hides_certificate);
  verdict_snapshot(k, &d->best);
  snapshot_text(k, &d->addr);
  SNAPSHOT_INT(k, d->stream);
  snapshot_link(k, &d->front);
  SNAPSHOT_INT(k, d->began_us);
  snapshot_timer(k, &d->timer, on_timer, d);
  SNAPSHOT_INT(k, d->joined);
  snapshot_text(k, &sender);
  if (snapshot_restores(k) && !ids_restore(&ids, d->id, d))
    snapshot_fail(k, "a dial has no id");
  if (snapshot_restores(k) &&
      !line_restore(d, sender ? slice_str(sender) : SLICE(""), !is_active(d)))
    snapshot_fail(k, "a dial has no turn");
  if (snapshot_restores(k) &&
      !(d->from && d->to && between_put(&dials, &d->place, d, d->from, d->to)))
    snapshot_fail(k, "a dial has no place");
  free(sender);
}

void
dials_snapshot(struct snapshot *k)
{
  struct dial **at = &first, *before = NULL;

  if (snapshot_record(k, "dials", true)) {
    SNAPSHOT_INT(k, n_all);
  }
  snapshot_ids(k, &ids);
  lines_snapshot(k);
  for (; snapshot_record(k, "dial", *at != NULL); at = &(*at)->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof **at);
    if (!*at) return;
    (*at)->prev = before;
    before = *at;
    fields(k, *at);
  }
}
