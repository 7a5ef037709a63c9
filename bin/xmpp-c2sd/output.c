#include "deliver.h"
#include "marks.h"
#include "settings.h"
#include "stream.h"
#include "xep0198_sm.h"
#include "xep0352_csi.h"

/* Output to clients: markup and stanzas in their order, kept while a client does not
 * read, is inactive, or is away. */

/* Room that stream_say keeps for the next. */
#define SAY_KEEP 16384u

static void
end_slow(struct stream *s)
{
  log_event(LOG_WARN, "slow-reader", "jid", s->jid, "ip", log_peer(slice_str(s->ip)),
            "waiting_bytes", log_num(s->blocked.len), NULL);
  stralloc_free(&s->blocked);
  s->blocked_n = 0;
  stream_end(s, "slow reader");
}

/* Keep raw until the client reads, within a limit. */
static void
block(struct stream *s, struct slice raw)
{
  bool bound = s->state == ST_BOUND;

  if (s->blocked.len + raw.len > (bound ? BLOCKED_MAX : UNBOUND_BLOCKED_MAX) ||
      !stralloc_catb(&s->blocked, raw.s, raw.len))
    end_slow(s);
}

/* Count a stanza that was written: one that waits for the client to read is one of at most
 * max_fsm_queue. */
static void
count_waiting(struct stream *s)
{
  if (s->is_blocked && !s->ending.why && ++s->blocked_n > s->listener->queue_max)
    end_slow(s);
}

/* Say whether s is written to: a stream that is marked to end gets nothing but its
 * end. */
static bool
hears(struct stream const *s)
{
  return s->link && (!s->ending.why || s->ends);
}

/* The length of the first piece of raw, of which no escape is cut in two. */
static size_t
piece(struct slice raw)
{
  size_t n = raw.len < PIECE_MAX ? raw.len : PIECE_MAX, i = n;

  if (n == raw.len) return n;
  while (i && raw.s[i - 1] == '\\')
    i--;
  return (n - i) % 2 ? n - 1 : n;
}

/* A record has a limit; what has waited, or was made from much, leaves in pieces. */
void
stream_write_raw(struct stream *s, struct slice raw)
{
  if (!hears(s)) return;
  if (s->is_blocked) {
    block(s, raw);
    return;
  }
  while (raw.len) {
    size_t n = piece(raw);
    link_begin(s->link, VERB_DATA);
    link_num(s->link, s->id);
    link_raw(s->link, slice_of(raw.s, n));
    link_end(s->link);
    raw = slice_of(raw.s + n, raw.len - n);
  }
}

void
stream_write(struct stream *s, struct slice markup)
{
  if (!hears(s)) return;
  if (s->is_blocked) {
    stralloc sa = STRALLOC_ZERO;
    if (record_put_more(&sa, markup)) block(s, slice_of(sa.s, sa.len));
    stralloc_free(&sa);
    return;
  }
  while (markup.len) {
    size_t n = markup.len < PIECE_MAX ? markup.len : PIECE_MAX;
    link_begin(s->link, VERB_DATA);
    link_num(s->link, s->id);
    link_text(s->link, slice_of(markup.s, n));
    link_end(s->link);
    markup = slice_of(markup.s + n, markup.len - n);
  }
}

/* Before stream management is on, a client has a stanza when it has left for the front. */
void
stream_send(struct stream *s, struct slice raw, size_t xml)
{
  if (s->sm) {
    sm_send(s, raw, xml);
    return;
  }
  stream_write_raw(s, slice_of(raw.s + xml, raw.len - xml));
  count_waiting(s);
  if (s->state != ST_BOUND || s->ending.why) return;
  if (s->is_blocked)
    marks_note_blocked(s, stanza_raw_field(raw, STANZA_TAGS));
  else
    marks_note(s, stanza_raw_field(raw, STANZA_TAGS));
}

void
stream_stanza(struct stream *s, struct slice raw, struct slice xml, struct slice tags)
{
  size_t at = (size_t)(xml.s - raw.s);

  switch ((int)s->state) {
  case ST_RESUMING:
    /* Stanzas for a session that is on its way here come behind those that are handed
     * over. */
    if (sm_is_here(s))
      sm_send(s, raw, at);
    else
      csi_keep(s, raw, at);
    return;
  case ST_BOUND:
    if (s->csi && csi_holds(s, raw, at, tags)) return;
    stream_send(s, raw, at);
    return;
  case ST_AWAY: stream_send(s, raw, at); return;
  default: return;
  }
}

/* The envelope is empty: it has no sender to return to. */
void
stream_say(struct stream *s, struct slice markup)
{
  static stralloc sa = STRALLOC_ZERO;
  size_t i;

  csi_flush(s);
  if (!s->sm) {
    stream_write(s, markup);
    count_waiting(s);
    return;
  }
  sa.len = 0;
  for (i = STANZA_TO; i < STANZA_XML; i++)
    if (!stralloc_catb(&sa, "\t", 1)) return;
  if (record_put_more(&sa, markup))
    sm_send(s, slice_of(sa.s, sa.len), STANZA_XML - STANZA_TO);
  if (sa.a > SAY_KEEP) stralloc_free(&sa);
}
