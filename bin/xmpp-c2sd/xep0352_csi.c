#include "output.h"
#include "settings.h"
#include "snapshot.h"
#include "stream.h"
#include "xep0198_sm.h"
#include "xep0352_csi.h"

#include <stdlib.h>
#include <string.h>

/* XEP-0352: a client that says it is inactive is spared what can wait: presence (the newest of
 * each sender), chat states, PEP events (the newest of each item). Anything else brings along
 * what waited, so that the order stays. */

/* A stanza that waits until a newer one stands for it: the hash of what they have in common, and where
 * in the queue the stanza begins. */
struct seen {
  uint32_t hash, at;
};

/* An entry whose xml is DEAD is one that a newer one stands for. */
#define DEAD UINT32_MAX
/* So many bytes of them stay at least before the queue is written anew. */
#define DEAD_MIN 4096u

struct csi {
  struct sm_queue queue;
  size_t dead;
  struct seen *seen;
  unsigned int seen_n, seen_size;
};

void
csi_free(struct csi *c)
{
  if (!c) return;
  stralloc_free(&c->queue.text);
  free(c->seen);
  free(c);
}

struct sm_queue const *
csi_queue(struct csi const *c)
{
  return &c->queue;
}

size_t
csi_bytes(struct csi const *c)
{
  return c ? c->queue.text.a + c->seen_size * sizeof *c->seen : 0;
}

/* Presence without type, or unavailable. */
static bool
is_plain_presence(struct slice raw)
{
  struct slice type = stanza_raw_field(raw, STANZA_TYPE);

  return slice_is(stanza_raw_field(raw, STANZA_KIND), "presence") &&
         (!type.len || slice_is(type, "unavailable"));
}

static bool
can_wait(struct host const *h, struct slice raw, struct slice tags)
{
  if (slice_is(stanza_raw_field(raw, STANZA_KIND), "presence"))
    return h->csi_presence && is_plain_presence(raw);
  if (!slice_is(stanza_raw_field(raw, STANZA_KIND), "message")) return false;
  if (slice_is(stanza_raw_field(raw, STANZA_TYPE), "error")) return false;
  return (h->csi_chat_states && slice_has_word(tags, SLICE("state"))) ||
         (h->csi_pep && slice_has_word(tags, SLICE("pep")) &&
          !slice_has_word(tags, SLICE("body")));
}

/* The item that an event tells of, as the tag item= names it; empty: none, or more than one. */
static struct slice
item_of(struct slice raw)
{
  return slice_is(stanza_raw_field(raw, STANZA_KIND), "message")
           ? stanza_tag(stanza_raw_field(raw, STANZA_TAGS), "item")
           : SLICE("");
}

static bool
has_newer(struct slice raw)
{
  return is_plain_presence(raw) || item_of(raw).len > 0;
}

static uint32_t
hash_of(struct slice raw)
{
  static uint64_t const key[2];

  return (uint32_t)(hash_keyed(key, 0, stanza_raw_field(raw, STANZA_FROM)) +
                    hash_keyed(key, 0, item_of(raw)));
}

/* Presence of the same sender, or events of the same item. */
static bool
is_of_same(struct slice raw, struct slice other)
{
  return slice_eq(stanza_raw_field(raw, STANZA_KIND),
                  stanza_raw_field(other, STANZA_KIND)) &&
         slice_eq(stanza_raw_field(raw, STANZA_FROM),
                  stanza_raw_field(other, STANZA_FROM)) &&
         slice_eq(item_of(raw), item_of(other));
}

static bool
note_seen(struct csi *c, struct slice stanza, size_t at)
{
  if (c->seen_n == c->seen_size) {
    unsigned int size = c->seen_size ? 2 * c->seen_size : 8;
    struct seen *v = realloc(c->seen, size * sizeof *v);
    if (!v) return false;
    c->seen = v;
    c->seen_size = size;
  }
  c->seen[c->seen_n++] = (struct seen){hash_of(stanza), (uint32_t)at};
  return true;
}

/* The next entry that is not dead. */
static bool
next_alive(struct sm_queue const *q, size_t *at, struct sm_entry *e, struct slice *raw)
{
  while (sm_queue_next(q, at, e, raw))
    if (e->xml != DEAD) return true;
  return false;
}

/* Write the queue anew without the dead, once they are the greater part of it: so each costs
 * no more than its own bytes a few times. */
static bool
bury(struct csi *c)
{
  struct sm_queue old = c->queue;
  size_t at = 0;
  struct sm_entry e;
  struct slice raw;
  bool ok = true;

  if (c->dead < DEAD_MIN || c->dead < old.text.len / 2) return true;
  c->queue = (struct sm_queue){.text = STRALLOC_ZERO};
  c->dead = c->seen_n = 0;
  while (ok && next_alive(&old, &at, &e, &raw)) {
    if (has_newer(raw)) ok = note_seen(c, raw, c->queue.text.len);
    ok = ok && sm_queue_add(&c->queue, raw, e.xml, e.at_us);
  }
  stralloc_free(&old.text);
  return ok;
}

static void
kill_entry(struct csi *c, unsigned int i, struct sm_entry e)
{
  e.xml = DEAD;
  memcpy(c->queue.text.s + c->seen[i].at, &e, sizeof e);
  c->dead += sizeof e + e.len;
  c->queue.n--;
  c->seen[i] = c->seen[--c->seen_n];
}

static void
drop_older(struct csi *c, struct slice newest)
{
  uint32_t hash = hash_of(newest);
  unsigned int i;
  struct sm_entry e;
  struct slice raw;

  for (i = 0; i < c->seen_n; i++) {
    size_t at = c->seen[i].at;
    if (c->seen[i].hash != hash || !sm_queue_next(&c->queue, &at, &e, &raw) ||
        !is_of_same(raw, newest))
      continue;
    kill_entry(c, i, e);
    return;
  }
}

static bool
keep(struct stream *s, struct slice raw, size_t xml)
{
  return sm_queue_add(&s->csi->queue, raw, xml, door_wall());
}

void
csi_keep(struct stream *s, struct slice raw, size_t xml)
{
  if (!s->csi) s->csi = calloc(1, sizeof *s->csi);
  if (!s->csi || !keep(s, raw, xml))
    conduit_error(&s->c, "resource-constraint", NULL);
  else
    sm_limit(s, &s->csi->queue);
}

bool
csi_holds(struct stream *s, struct slice raw, size_t xml, struct slice tags)
{
  struct csi *c = s->csi;
  size_t at;

  if (!can_wait(s->host, raw, tags) || !bury(c)) {
    csi_flush(s);
    return false;
  }
  at = c->queue.text.len;
  if (has_newer(raw)) {
    drop_older(c, raw);
    if (!note_seen(c, raw, at)) return false;
  }
  if (!keep(s, raw, xml)) {
    csi_flush(s);
    return false;
  }
  if (c->queue.n >= CSI_MAX || c->queue.text.len - c->dead > CSI_BYTES_MAX) csi_flush(s);
  return true;
}

/* Send the stanzas that wait; the client stays as inactive as it is. */
void
csi_flush(struct stream *s)
{
  struct sm_queue q;
  size_t at = 0;
  struct sm_entry e;
  struct slice raw;

  if (!s->csi) return;
  q = s->csi->queue;
  s->csi->queue = (struct sm_queue){.text = STRALLOC_ZERO};
  s->csi->dead = s->csi->seen_n = 0;
  while (next_alive(&q, &at, &e, &raw))
    output_send(s, raw, e.xml, stanza_raw_field(raw, STANZA_TAGS));
  stralloc_free(&q.text);
}

void
csi_join(struct stream *s)
{
  size_t at = 0;
  struct sm_entry e;
  struct slice raw;

  if (!s->csi) return;
  while (s->session.sm && next_alive(&s->csi->queue, &at, &e, &raw))
    if (!sm_queue_add(&s->session.sm->out.queue, raw, e.xml, e.at_us))
      log_event(LOG_WARN, "stanza-lost", "jid", s->session.jid, "why", "out of memory",
                NULL);
  csi_free(s->csi);
  s->csi = NULL;
}

/* s4.1: both may be said again and again; neither is answered. */
enum state
csi_inactive(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  (void)e;
  (void)bytes;
  if (s->host->csi && !s->csi) s->csi = calloc(1, sizeof *s->csi);
  return ST_BOUND;
}

enum state
csi_active(struct stream *s, struct xml_node const *e, struct slice bytes)
{
  (void)e;
  (void)bytes;
  csi_flush(s);
  csi_free(s->csi);
  s->csi = NULL;
  return s->state;
}

/* ---- the state for a trace: without the dead ---- */

static void
make_entry(struct snapshot *k, struct csi *c, struct sm_entry e, struct slice raw)
{
  if ((has_newer(raw) && !note_seen(c, raw, c->queue.text.len)) ||
      !sm_queue_add(&c->queue, raw, e.xml, e.at_us))
    snapshot_fail(k, "out of memory");
}

void
csi_snapshot(struct snapshot *k, struct stream *s)
{
  bool there = s->csi != NULL;
  uint32_t n, i;
  struct sm_entry e = {0};
  struct slice raw;
  size_t at = 0;

  SNAPSHOT_INT(k, there);
  if (!there) return;
  if (snapshot_restores(k)) s->csi = snapshot_new(k, sizeof *s->csi);
  if (!s->csi) return;
  n = s->csi->queue.n;
  SNAPSHOT_INT(k, n);
  for (i = 0; i < n; i++) {
    struct arena a = ARENA_ZERO;
    if (!snapshot_restores(k) && !next_alive(&s->csi->queue, &at, &e, &raw)) return;
    SNAPSHOT_INT(k, e.at_us);
    SNAPSHOT_INT(k, e.xml);
    snapshot_slice(k, &a, &raw);
    if (snapshot_restores(k) && raw.s) make_entry(k, s->csi, e, raw);
    arena_wipe(&a);
  }
}
