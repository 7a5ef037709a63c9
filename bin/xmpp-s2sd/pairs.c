#include "pairs.h"
#include "attempts.h"
#include "dial.h"
#include "earlier.h"
#include "queue.h"
#include "returns.h"

#include "edge/edge.h"

#include <stdlib.h>
#include <string.h>

/* Pairs of domains. A stanza from routed is in the queue of its pair until the peer has it for
 * sure: until its acknowledgement (XEP-0198), or until its bytes are in the socket where there are
 * none; or until its sender was told that it could not be delivered. routed keeps its own copy
 * until it hears that (settled).
 *
 * A pair with stanzas has a stream, or a dial that makes one, or it waits: for the pause behind a
 * failure, when the failure may pass and the peer was there lately. */

struct pairs_totals pairs_totals;

/* Pairs that are looked at for one with nothing but failures to remember, when there are too many. */
#define PAIRS_LOOKED_AT 64u

static struct pair *first, *dirty, *dirty_last;
static struct pair *looked_at; /* the next one to be looked at; NULL: the first */
static uint64_t with_stanzas, epoch;

static struct slice
key_of(void const *item)
{
  return slice_str(((struct pair const *)item)->key);
}

static struct table pairs = {.key = key_of};

/* ---- finding and making ---- */

struct pair *
pairs_first(void)
{
  return first;
}

uint64_t
pairs_count(void)
{
  return pairs.n;
}

struct pair *
pair_find(struct slice from, struct slice to)
{
  static stralloc key = STRALLOC_ZERO;

  key.len = 0;
  if (!stralloc_catb(&key, from.s, from.len) || !stralloc_catb(&key, "/", 1) ||
      !stralloc_catb(&key, to.s, to.len))
    return NULL;
  return table_get(&pairs, slice_of(key.s, key.len));
}

static void
pair_free(struct pair *p)
{
  event_timer_cancel(&p->timer);
  sm_queue_wipe(&p->out.queue);
  stralloc_free(&p->marks);
  stralloc_free(&p->earlier);
  kept_carries(p->kept, false, 0, 0);
  free(p->key);
  free(p->from);
  free(p->to);
  free(p);
}

static bool
set_names(struct pair *p, struct slice from, struct slice to)
{
  p->from = slice_dup(from);
  p->to = slice_dup(to);
  p->key = malloc(from.len + to.len + 2);
  if (!p->from || !p->to || !p->key) return false;
  memcpy(p->key, from.s, from.len);
  p->key[from.len] = '/';
  memcpy(p->key + from.len + 1, to.s, to.len);
  p->key[from.len + 1 + to.len] = 0;
  return true;
}

static void
link_in(struct pair *p)
{
  p->next = first;
  if (first) first->prev = p;
  first = p;
}

void
pair_drop(struct pair *p)
{
  table_del(&pairs, slice_str(p->key));
  if (looked_at == p) looked_at = p->next;
  if (p->prev)
    p->prev->next = p->next;
  else
    first = p->next;
  if (p->next) p->next->prev = p->prev;
  pair_free(p);
}

/* Somebody who writes to ever new domains must not keep others from theirs: a pair without stanzas
 * and without a stream goes, though it knows of a failure. */
static bool
make_room(void)
{
  struct pair *p;
  unsigned int n;

  for (n = 0; n < PAIRS_LOOKED_AT; n++) {
    p = looked_at ? looked_at : first;
    looked_at = p ? p->next : NULL;
    if (!p || !pair_is_idle(p) || p->dirty) continue;
    pair_drop(p);
    return true;
  }
  return false;
}

static struct pair *
pair_make(struct slice from, struct slice to)
{
  struct pair *p = pair_find(from, to);

  if (p) return p;
  if (pairs.n >= s2sd->pairs_max && !make_room()) return NULL;
  p = calloc(1, sizeof *p);
  if (!p) return NULL;
  if (!set_names(p, from, to) || !table_put(&pairs, p)) {
    pair_free(p);
    return NULL;
  }
  link_in(p);
  return p;
}

size_t
pair_bytes(struct pair const *p)
{
  return p->out.queue.text.len - p->out.queue.head;
}

uint64_t
pair_oldest_us(struct pair const *p)
{
  size_t at = p->out.queue.head;
  struct sm_entry e;
  struct slice raw;

  return sm_queue_next(&p->out.queue, &at, &e, &raw) ? e.at_us : 0;
}

/* Strangers with many domains ask in whose name they like: answers to them take turns as those of one
 * sender, who is nobody, so that they hold up no account. */
static struct slice
sender_of(struct slice raw)
{
  if (return_is_answer(raw)) return SLICE("?");
  return jid_cut(stanza_raw_field(raw, STANZA_FROM)).bare;
}

struct slice
pair_sender(struct pair const *p)
{
  size_t at = p->out.queue.head;
  struct sm_entry e;
  struct slice raw;

  return sm_queue_next(&p->out.queue, &at, &e, &raw) ? sender_of(raw) : SLICE("");
}

uint64_t
pair_number(struct slice raw)
{
  uint64_t n;

  return slice_u64(stanza_tag(stanza_raw_field(raw, STANZA_TAGS), "pair"), &n) ? n : 0;
}

/* ---- the end of a turn ---- */

/* Have the pair looked at when the turn ends. */
void
pair_touch(struct pair *p)
{
  size_t bytes = pair_bytes(p);

  with_stanzas += (uint64_t)(bytes > 0) - (uint64_t)(p->counted > 0);
  pairs_totals.bytes += bytes - p->counted;
  p->counted = bytes;
  if (p->dirty) return;
  p->dirty = true;
  p->next_dirty = NULL;
  if (dirty)
    dirty_last->next_dirty = p;
  else
    dirty = p;
  dirty_last = p;
}

/* All numbers below that of the oldest stanza are settled. */
static uint64_t
settled_up_to(struct pair const *p)
{
  size_t at = p->out.queue.head;
  struct sm_entry e;
  struct slice raw;
  uint64_t n;

  if (!sm_queue_next(&p->out.queue, &at, &e, &raw)) return p->last_n;
  n = pair_number(raw);
  return n ? n - 1 : p->settled_n;
}

static void
put_settled(struct pair *p)
{
  struct link *routed = link_find(ROUTED);

  if (!routed) return;
  link_begin(routed, VERB_SETTLED);
  link_str(routed, p->from);
  link_str(routed, p->to);
  link_num(routed, p->settled_n);
  link_end(routed);
}

static void
settle(struct pair *p)
{
  uint64_t n = settled_up_to(p);

  if (n <= p->settled_n) return;
  p->settled_n = n;
  put_settled(p);
}

/* A pair that its own steps touch is handled already: only the loss of its stream puts it into the list
 * once more, so each round of the loop costs a stream, or takes a pair from the list. */
void
pairs_turn(void)
{
  struct pair *p;

  while ((p = dirty)) {
    dirty = p->next_dirty;
    attempt_find_way(p);
    queue_flush(p);
    p->dirty = false;
    if (p->stream) conduit_settle(&p->stream->c);
    settle(p);
    if (pair_is_idle(p) && !p->idle_us) p->idle_us = door_now();
    if (!pair_is_idle(p)) p->idle_us = 0;
    attempt_look_later(p);
  }
}

/* ---- input ---- */

/* The pair with the most bytes is the first that takes no more. */
static bool
is_full(struct pair const *p, size_t more)
{
  size_t bytes = pair_bytes(p) + more;

  if (p->out.queue.n >= s2sd->queue_least &&
      p->out.queue.n >= settings_host_of(slice_str(p->from))->queue_max)
    return true;
  if (bytes > s2sd->queue_bytes) return true;
  return pairs_totals.bytes + more > s2sd->queued_bytes &&
         bytes > s2sd->queued_bytes / (with_stanzas + 1);
}

static void
refuse_one(struct slice raw, char const *why, enum stanza_error error)
{
  struct verdict v = verdict_of(STEP_NONE, false, why);

  v.error = error;
  queue_return_one(raw, &v);
}

/* A routed that was killed may have sent a stanza that its source repeats to the next one. */
static bool
is_new(struct slice raw)
{
  struct slice kind = stanza_raw_field(raw, STANZA_KIND);

  return slice_is(kind, "presence") ||
         edge_is_new(stanza_raw_field(raw, STANZA_ORIGIN), false);
}

static void
enqueue(struct pair *p, struct slice raw, size_t xml)
{
  struct slice tags = stanza_raw_field(raw, STANZA_TAGS);
  uint64_t n = pair_number(raw);
  enum fate fate;

  if (n && n <= p->last_n) return; /* routed repeats what is here, or is done */
  if (n) p->last_n = n;
  fate = earlier_fate(p, raw);
  if (!is_new(raw) || fate == FATE_HAD) {
    pair_touch(p);
    return;
  }
  if (fate == FATE_NEVER_SENT && slice_has_word(tags, SLICE("again")) &&
      return_is_request(raw)) {
    struct verdict v = verdict_of(STEP_CLOSED, true, "connection lost, outcome unknown");
    queue_return_one(raw, &v);
  } else if (is_full(p, raw.len)) {
    refuse_one(raw, "too much waits for the other server", ERR_RESOURCE_CONSTRAINT);
  } else if (!sm_queue_add(&p->out.queue, raw, xml, door_now())) {
    refuse_one(raw, "out of memory", ERR_RESOURCE_CONSTRAINT);
  } else {
    pairs_totals.queued++;
    if (p->dial) dial_want(p->dial, sender_of(raw));
  }
  pair_touch(p);
}

/* routed settles what has no pair here by number too. */
static void
refuse_pair(struct slice raw, struct slice from, struct slice to)
{
  struct pair p = {.settled_n = pair_number(raw)};

  refuse_one(raw, "too many servers", ERR_RESOURCE_CONSTRAINT);
  p.from = slice_dup(from);
  p.to = slice_dup(to);
  if (p.from && p.to && p.settled_n) put_settled(&p);
  free(p.from);
  free(p.to);
}

void
pairs_on_stanza(struct link *l, struct record *r)
{
  struct slice raw = record_run(r, STANZA_TO, STANZA_XML);
  struct slice from = jid_cut(record_raw(r, STANZA_FROM)).domain;
  struct slice to = jid_cut(record_raw(r, STANZA_TO)).domain;
  struct pair *p = pair_make(from, to);

  (void)l;
  if (p)
    enqueue(p, raw, raw.len - record_raw(r, STANZA_XML).len);
  else
    refuse_pair(raw, from, to);
}

void
pairs_answer(struct stanza const *st, enum stanza_error error, char const *text)
{
  struct slice ours = jid_cut(st->to).domain, theirs = jid_cut(st->from).domain;
  struct pair *p = pair_make(ours, theirs);
  stralloc xml = STRALLOC_ZERO, raw = STRALLOC_ZERO;
  size_t at = 0;
  bool ok = stanza_cat_error(&xml, st, error, slice_str(text)) &&
            stralloc_catb(&raw, st->from.s, st->from.len) && stralloc_cats(&raw, "\t") &&
            stralloc_catb(&raw, st->to.s, st->to.len) && stralloc_cats(&raw, "\t") &&
            stralloc_catb(&raw, st->kind.s, st->kind.len) &&
            stralloc_cats(&raw, "\terror\t\t\t\t");

  at = raw.len;
  ok = ok && record_put_more(&raw, slice_of(xml.s, xml.len));
  if (p && ok && !is_full(p, raw.len) &&
      sm_queue_add(&p->out.queue, slice_of(raw.s, raw.len), at, door_now())) {
    pairs_totals.queued++;
    pair_touch(p);
  }
  stralloc_free(&xml);
  stralloc_free(&raw);
}

/* The stanzas of a pair as an earlier run of routed has sent them, or as they were made here: the new
 * run keeps them too, for they were in the memory of two programs. They have the numbers from 1 on,
 * which are below all that the new run gives. */
static void
put_unsettled(struct pair *p, struct link *routed)
{
  size_t at = p->out.queue.head;
  struct sm_entry e;
  struct slice raw;

  while (sm_queue_next(&p->out.queue, &at, &e, &raw)) {
    link_begin(routed, VERB_UNSETTLED);
    link_raw(routed, raw);
    link_end(routed);
  }
}

/* Numbers that were settled while the link was down are said again. */
void
pairs_routed_is_up(struct link *routed)
{
  struct pair *p;
  bool is_new = epoch != routed->epoch;

  for (p = first; p; p = p->next) {
    if (is_new) {
      p->settled_n = 0;
      p->last_n = queue_renumber(p);
      put_unsettled(p, routed);
    } else if (p->settled_n) {
      put_settled(p);
    }
  }
  epoch = routed->epoch;
}

/* ---- the beginning ---- */

/* A peer that has opened the stream is waited for, as when the stream is lost (pair_lost). */
struct pair *
pair_restore(struct kept_stream const *k, uint64_t left, bool revives)
{
  struct pair *p = pair_make(k->local, k->remote);

  if (p) pair_touch(p);
  if (!p || !left || p->kept > k->kept) return p;
  kept_carries(p->kept, false, 0, 0);
  p->kept = k->kept;
  p->left = left;
  p->lost_us = door_now();
  p->out.acked = k->acked;
  p->out.sent = k->sent;
  p->hold_us = !k->out && k->sent != k->acked ? door_now() + S2S_RESUME_WAIT_US : 0;
  p->revives = revives;
  return p;
}

/* ---- the end ---- */

bool
pairs_done(void)
{
  struct pair const *p;

  for (p = first; p; p = p->next)
    if (p->stream && p->out.queue.head < p->out.queue.unwritten) return false;
  return true;
}

/* ---- the state for a trace ---- */

static void
fields(struct snapshot *k, struct pair *p)
{
  uint64_t stream = p->stream ? p->stream->number : 0;
  bool is_next = p == looked_at;

  snapshot_text(k, &p->key);
  snapshot_text(k, &p->from);
  snapshot_text(k, &p->to);
  sm_queue_snapshot(k, &p->out.queue);
  SNAPSHOT_INT(k, p->out.sent);
  SNAPSHOT_INT(k, p->out.acked);
  SNAPSHOT_INT(k, p->out.unasked);
  SNAPSHOT_INT(k, p->out.phase);
  snapshot_bytes(k, &p->marks);
  SNAPSHOT_INT(k, p->last_n);
  SNAPSHOT_INT(k, p->settled_n);
  SNAPSHOT_INT(k, stream);
  SNAPSHOT_INT(k, p->dial);
  SNAPSHOT_INT(k, p->left);
  SNAPSHOT_INT(k, p->hold_us);
  SNAPSHOT_INT(k, p->revives);
  SNAPSHOT_INT(k, p->lost_us);
  SNAPSHOT_INT(k, p->unreached);
  SNAPSHOT_INT(k, p->suspects);
  SNAPSHOT_INT(k, p->faults);
  SNAPSHOT_INT(k, p->failures);
  SNAPSHOT_INT(k, p->failed_us);
  SNAPSHOT_INT(k, p->next_us);
  SNAPSHOT_INT(k, p->idle_us);
  snapshot_bytes(k, &p->earlier);
  SNAPSHOT_INT(k, p->earlier_at);
  SNAPSHOT_INT(k, p->earlier_us);
  SNAPSHOT_INT(k, p->counted);
  SNAPSHOT_INT(k, p->restart);
  SNAPSHOT_INT(k, is_next);
  verdict_snapshot(k, &p->verdict);
  snapshot_timer(k, &p->timer, attempt_look, p);
  if (!snapshot_restores(k)) return;
  if (is_next) looked_at = p;
  p->stream = stream_find(stream);
  if (p->stream) p->stream->pair = p;
  if (!p->key || !table_put(&pairs, p)) snapshot_fail(k, "a pair has no place");
}

/* Behind the streams, to which pairs point. */
void
pairs_snapshot(struct snapshot *k)
{
  struct pair **at = &first, *before = NULL;

  if (snapshot_record(k, "queues", true)) {
    SNAPSHOT_INT(k, pairs_totals.queued);
    SNAPSHOT_INT(k, pairs_totals.bytes);
    SNAPSHOT_INT(k, pairs_totals.returned);
    SNAPSHOT_INT(k, with_stanzas);
    SNAPSHOT_INT(k, epoch);
  }
  for (; snapshot_record(k, "pair", *at != NULL); at = &(*at)->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof **at);
    if (!*at) return;
    (*at)->prev = before;
    before = *at;
    fields(k, *at);
  }
}
