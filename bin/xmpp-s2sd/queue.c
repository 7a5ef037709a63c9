#include "queue.h"
#include "attempts.h"
#include "earlier.h"
#include "returns.h"
#include "xep0198_sm.h"

#include <string.h>

/* The queue of a pair: what leaves it to the peer, what goes back to the senders. */

/* How far the first n stanzas behind an earlier mark reach in the stream. */
struct pair_mark {
  uint64_t at;
  uint32_t n;
};

/* ---- stanzas that leave the queue without a stream ---- */

/* Say of an entry whether it stays. */
typedef bool keeps_fn(struct pair *p, struct sm_entry const *e, struct slice raw,
                      bool sent);

/* Make the queue anew with the entries that stay. */
static void
sift(struct pair *p, keeps_fn *keeps)
{
  struct sm_queue old = p->out.queue, fresh = {.text = STRALLOC_ZERO};
  size_t at = old.head, before;
  struct sm_entry e;
  struct slice raw;

  while (before = at, sm_queue_next(&old, &at, &e, &raw)) {
    bool sent = before < old.unwritten;
    bool stays = keeps(p, &e, raw, sent) && sm_queue_add(&fresh, raw, e.xml, e.at_us);
    if (stays && sent) fresh.unwritten = fresh.text.len;
  }
  pairs_totals.queued -= old.n - fresh.n;
  sm_queue_wipe(&old);
  p->out.queue = fresh;
  pair_touch(p);
}

/* Say whether routed gives this tag to a stanza when it hands the stanza over. */
static bool
is_of_routed(struct slice tag)
{
  return slice_starts(tag, "pair=") || slice_is(tag, "again");
}

/* Make *out the fields raw with n as their tag pair=. *xml is where XML begins in raw; set it to where XML
 * begins in *out. */
static bool
cat_renumbered(stralloc *out, struct slice raw, size_t *xml, uint64_t n)
{
  struct slice tags = stanza_raw_field(raw, STANZA_TAGS), word, left = tags;
  size_t behind = (size_t)(tags.s + tags.len - raw.s);
  char buf[BASE_NUM];

  out->len = 0;
  if (!stralloc_catb(out, raw.s, (size_t)(tags.s - raw.s))) return false;
  while (slice_word(&left, ' ', &word))
    if (!is_of_routed(word) &&
        !(stralloc_catb(out, word.s, word.len) && stralloc_catb(out, " ", 1)))
      return false;
  if (!stralloc_cats(out, "pair=") || !stralloc_cats(out, num_u64(buf, n).s))
    return false;
  *xml = *xml - behind + out->len;
  return stralloc_catb(out, raw.s + behind, raw.len - behind);
}

uint64_t
queue_renumber(struct pair *p)
{
  struct sm_queue old = p->out.queue, fresh = {.text = STRALLOC_ZERO};
  stralloc text = STRALLOC_ZERO;
  size_t at = old.head, before, xml;
  struct sm_entry e;
  struct slice raw;
  uint64_t n = 0;

  while (before = at, sm_queue_next(&old, &at, &e, &raw)) {
    xml = e.xml;
    if (!cat_renumbered(&text, raw, &xml, ++n) ||
        !sm_queue_add(&fresh, slice_of(text.s, text.len), xml, e.at_us))
      continue;
    if (before < old.unwritten) fresh.unwritten = fresh.text.len;
  }
  stralloc_free(&text);
  pairs_totals.queued -= old.n - fresh.n;
  sm_queue_wipe(&old);
  p->out.queue = fresh;
  pair_touch(p);
  return n;
}

static uint64_t went_back; /* of the sifting that is under way */

static struct verdict const *back_why;

static bool
sends_back(struct pair *p, struct sm_entry const *e, struct slice raw, bool sent)
{
  (void)p;
  (void)e;
  (void)sent;
  went_back += return_stanza(raw, back_why);
  return false;
}

/* The counts of the pair are those of no stream in the file. */
static void
keep_no_more(struct pair *p)
{
  kept_carries(p->kept, false, 0, 0);
  p->kept = 0;
}

/* All that waits goes back. Gives how many stanzas somebody misses. */
uint64_t
queue_return_all(struct pair *p, struct verdict const *v)
{
  back_why = v;
  went_back = 0;
  sift(p, sends_back);
  sm_queue_wipe(&p->out.queue);
  p->left = p->hold_us = 0;
  p->marks.len = 0;
  earlier_lost(p);
  keep_no_more(p);
  pairs_totals.returned += went_back;
  return went_back;
}

/* A stanza that has left may have arrived: a request is not sent twice. */
static bool
stays_behind_loss(struct pair *p, struct sm_entry const *e, struct slice raw, bool sent)
{
  (void)e;
  if (!return_is_request(raw)) return true;
  if (!sent && earlier_fate(p, raw) != FATE_OPEN) return true;
  pairs_totals.returned += return_stanza(raw, back_why);
  return false;
}

void
queue_return_one(struct slice raw, struct verdict const *v)
{
  pairs_totals.returned += return_stanza(raw, v);
}

void
queue_lost(struct pair *p)
{
  struct verdict v = verdict_of(STEP_CLOSED, true, "connection lost, outcome unknown");

  back_why = &v;
  p->left = p->hold_us = 0;
  sift(p, stays_behind_loss);
  earlier_lost(p);
  queue_rewind(p);
}

uint32_t
queue_sent(struct pair const *p)
{
  size_t at = p->out.queue.head;
  struct sm_entry e;
  struct slice raw;
  uint32_t n = 0;

  while (at < p->out.queue.unwritten && sm_queue_next(&p->out.queue, &at, &e, &raw))
    n++;
  return n;
}

/* The place of the suspect in the text of the queue. */
static size_t
suspect_at(struct pair const *p)
{
  size_t at = p->out.queue.head, before, found = at;
  size_t most = STANZA_MAX_BEFORE_AUTH; /* RFC 6120 s13.12: no server may refuse this */
  struct sm_entry e;
  struct slice raw;
  uint32_t i;

  for (i = 0; before = at, i < p->suspects && sm_queue_next(&p->out.queue, &at, &e, &raw);
       i++) {
    if (raw.len - e.xml <= most) continue;
    most = raw.len - e.xml;
    found = before;
  }
  return found;
}

static char const *suspect; /* its text */

static bool
is_no_suspect(struct pair *p, struct sm_entry const *e, struct slice raw, bool sent)
{
  struct verdict v = verdict_of(STEP_CLOSED, false, "refused by the other server");

  (void)p;
  (void)e;
  (void)sent;
  if (raw.s != suspect) return true;
  v.error = ERR_POLICY_VIOLATION;
  queue_return_one(raw, &v);
  return false;
}

void
queue_return_suspect(struct pair *p)
{
  size_t at = suspect_at(p);
  struct sm_entry e;
  struct slice raw;

  p->faults = 0;
  p->suspects = 0;
  if (!sm_queue_next(&p->out.queue, &at, &e, &raw)) return;
  suspect = raw.s;
  sift(p, is_no_suspect);
}

bool
queue_may_have(struct pair const *p, uint32_t h)
{
  return h - p->out.acked <= p->out.sent - p->out.acked;
}

static bool
is_missing(struct pair *p, struct sm_entry const *e, struct slice raw, bool sent)
{
  (void)e;
  (void)sent;
  return earlier_fate(p, raw) != FATE_HAD;
}

/* The count may be of stanzas of an earlier run, which routed may not have sent again yet. */
void
queue_has(struct pair *p, uint32_t h)
{
  if (earlier_is_open(p)) {
    earlier_has(p, h - p->out.acked);
    sift(p, is_missing);
  } else {
    pair_has(p, h - p->out.acked);
  }
  p->out.acked = h;
  kept_acked(p->kept, h);
}

bool
queue_resume(struct pair *p, uint32_t h)
{
  if (!queue_may_have(p, h)) return false;
  queue_has(p, h);
  p->out.sent = h;
  kept_rewound(p->kept, h);
  p->out.unasked = 0;
  p->out.phase = SM_IDLE;
  sm_out_rewind(&p->out);
  p->marks.len = 0;
  p->left = p->hold_us = 0;
  p->resumes = true;
  return true;
}

/* ---- output ---- */

void
queue_rewind(struct pair *p)
{
  keep_no_more(p);
  p->out.sent = p->out.acked = p->out.unasked = 0;
  p->out.phase = SM_IDLE;
  sm_out_rewind(&p->out);
  p->marks.len = 0;
}

void
queue_is_kept(struct pair *p, uint64_t kept)
{
  uint32_t at = p->out.acked;
  size_t i = p->out.queue.head;
  struct sm_entry e;
  struct slice raw;

  p->kept = kept;
  kept_carries(kept, true, at, at);
  while (kept && at != p->out.sent && sm_queue_next(&p->out.queue, &i, &e, &raw))
    kept_left(kept, ++at, earlier_mark(raw));
}

/* XEP-0478: a stanza that the peer will not take costs only itself. */
static bool
fits_peer(struct pair *p, struct sm_entry const *e, struct slice raw, bool sent)
{
  struct verdict v;

  if (sent || raw.len - e->xml <= p->stream->peer_max) return true;
  v = verdict_of(STEP_NONE, false, "larger than the other server takes");
  v.error = ERR_POLICY_VIOLATION;
  queue_return_one(raw, &v);
  return false;
}

static void
note_mark(struct pair *p, uint32_t n)
{
  struct pair_mark m = {p->stream->c.said, n};

  if (!stralloc_catb(&p->marks, (char const *)&m, sizeof m))
    conduit_error(&p->stream->c, "resource-constraint", NULL);
}

static bool
has_too_large(struct pair const *p)
{
  size_t at = p->out.queue.unwritten;
  struct sm_entry e;
  struct slice raw;

  if (!p->stream->peer_max) return false;
  while (sm_queue_next(&p->out.queue, &at, &e, &raw))
    if (raw.len - e.xml > p->stream->peer_max) return true;
  return false;
}

/* Bytes that leave in one record. */
#define BATCH (64u << 10)

/* Stanzas that wait leave together, so that small ones share a record of TLS. */
void
queue_flush(struct pair *p)
{
  static stralloc text = STRALLOC_ZERO;
  struct stream *s = p->stream;
  struct sm_entry e;
  struct slice raw;
  uint32_t n = 0;

  if (!s || !stream_is_open(s) || s->c.is_blocked || attempts_stopped() || sm_asks(s))
    return;
  if (has_too_large(p)) sift(p, fits_peer);
  text.len = 0;
  while (!s->c.ending.why && sm_out_next(&p->out, &e, &raw)) {
    if (!stralloc_catb(&text, raw.s + e.xml, raw.len - e.xml)) {
      conduit_error(&s->c, "resource-constraint", NULL);
      return;
    }
    if (p->kept) kept_left(p->kept, p->out.sent, earlier_mark(raw));
    n++;
    if (text.len < BATCH) continue;
    conduit_write_raw(&s->c, slice_of(text.s, text.len));
    text.len = 0;
  }
  if (text.len) conduit_write_raw(&s->c, slice_of(text.s, text.len));
  if (text.a > 4 * BATCH) stralloc_free(&text);
  if (!n) return;
  s->out_n += n;
  s->active_us = s->said_us = door_now();
  if (!sm_acks_come(s)) note_mark(p, n);
  sm_ask(s);
}

void
pair_go_on(struct pair *p)
{
  pair_touch(p);
}

void
pair_has(struct pair *p, uint32_t n)
{
  struct slice tags;

  if (n) p->faults = 0;
  p->suspects -= n < p->suspects ? n : p->suspects;
  while (n-- && sm_queue_drop(&p->out.queue, &tags)) {
    pairs_totals.queued--;
  }
  pair_touch(p);
}

void
pair_written(struct pair *p, uint64_t n)
{
  struct pair_mark m;
  size_t at = 0;

  while (at + sizeof m <= p->marks.len) {
    memcpy(&m, p->marks.s + at, sizeof m);
    if (m.at > n) break;
    at += sizeof m;
    pair_has(p, m.n);
  }
  if (!at) return;
  p->marks.len -= at;
  memmove(p->marks.s, p->marks.s + at, p->marks.len);
  if (!p->marks.len) stralloc_free(&p->marks);
}

void
pair_trust_writes(struct pair *p)
{
  uint32_t n = queue_sent(p);

  p->marks.len = 0;
  p->out.phase = SM_IDLE;
  if (n) note_mark(p, n);
}
