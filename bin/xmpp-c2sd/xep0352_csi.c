#include "c2sd.h"

#include <stdlib.h>

/* XEP-0352: a client that says it is inactive is spared what can wait: presence (the newest of
 * each sender), chat states, PEP events. Anything else brings along what waited, so that the
 * order stays. */

/* mod_client_state: so many stanzas wait at most. */
#define CSI_MAX 100u

struct csi {
  struct sm_queue queue;
};

void
csi_free(struct csi *c)
{
  if (c) stralloc_free(&c->queue.text);
  free(c);
}

/* Presence without type, or unavailable. */
static bool
is_plain_presence(struct slice raw)
{
  struct slice type = deliver_field(raw, STANZA_TYPE);

  return slice_is(deliver_field(raw, STANZA_KIND), "presence") &&
         (!type.len || slice_is(type, "unavailable"));
}

static bool
can_wait(struct host const *h, struct slice raw, struct slice tags)
{
  if (slice_is(deliver_field(raw, STANZA_KIND), "presence"))
    return h->csi_presence && is_plain_presence(raw);
  if (!slice_is(deliver_field(raw, STANZA_KIND), "message")) return false;
  if (slice_is(deliver_field(raw, STANZA_TYPE), "error")) return false;
  return (h->csi_chat_states && slice_has_word(tags, SLICE("state"))) ||
         (h->csi_pep && slice_has_word(tags, SLICE("pep")) &&
          !slice_has_word(tags, SLICE("body")));
}

/* The newest presence of a sender stands for the older ones. */
static bool
drop_older(struct csi *c, struct slice from)
{
  struct sm_queue kept = {.text = STRALLOC_ZERO};
  size_t at = 0;
  struct sm_entry e;
  struct slice raw;
  bool found = false, ok = true;

  while (ok && sm_queue_next(&c->queue, &at, &e, &raw)) {
    bool same = is_plain_presence(raw) && slice_eq(deliver_field(raw, STANZA_FROM), from);
    found = found || same;
    if (!same) ok = sm_queue_add(&kept, raw, e.xml, e.at_us);
  }
  if (!found || !ok) {
    stralloc_free(&kept.text);
    return ok;
  }
  stralloc_free(&c->queue.text);
  c->queue = kept;
  return true;
}

bool
csi_keep(struct stream *s, struct slice raw, size_t xml)
{
  if (!s->csi) s->csi = calloc(1, sizeof *s->csi);
  return s->csi && sm_queue_add(&s->csi->queue, raw, xml, door_now());
}

bool
csi_holds(struct stream *s, struct slice raw, size_t xml, struct slice tags)
{
  if (!can_wait(s->host, raw, tags)) {
    csi_flush(s);
    return false;
  }
  if (is_plain_presence(raw) && !drop_older(s->csi, deliver_field(raw, STANZA_FROM)))
    return false;
  if (!csi_keep(s, raw, xml)) return false;
  if (s->csi->queue.n >= CSI_MAX) csi_flush(s);
  return true;
}

/* What waited leaves; the client stays as inactive as it is. */
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
  while (sm_queue_next(&q, &at, &e, &raw)) {
    if (s->sm)
      sm_send(s, raw, e.xml);
    else
      stream_write_raw(s, slice_of(raw.s + e.xml, raw.len - e.xml));
  }
  stralloc_free(&q.text);
}

void
csi_join(struct stream *s)
{
  size_t at = 0;
  struct sm_entry e;
  struct slice raw;

  if (!s->csi) return;
  while (s->sm && sm_queue_next(&s->csi->queue, &at, &e, &raw))
    if (!sm_queue_add(&s->sm->queue, raw, e.xml, e.at_us))
      log_event(LOG_WARN, "stanza-lost", "jid", s->jid, "why", "out of memory", NULL);
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
