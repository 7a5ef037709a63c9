#include "asked.h"
#include "deliver.h"
#include "fresh.h"
#include "output.h"
#include "settings.h"
#include "stream.h"
#include "veil.h"
#include "xep0198_sm.h"
#include "xep0352_csi.h"
#include "xep0386_bind2.h"

/* Stanzas for a client, of others and of our own: they may wait for the client to be active, or
 * for its session to come here. */

/* Room that deliver_own keeps for the next. */
#define OWN_KEEP 16384u

/* The envelope is empty: it has no sender to return to. */
void
deliver_own(struct stream *s, struct slice markup)
{
  static stralloc sa = STRALLOC_ZERO;
  size_t i;

  if (!s->fresh) csi_flush(s);
  if (!s->session.sm) {
    conduit_write(&s->c, markup);
    conduit_count(&s->c, s->listener->queue_max);
    return;
  }
  sa.len = 0;
  for (i = STANZA_TO; i < STANZA_XML; i++)
    if (!stralloc_catb(&sa, "\t", 1)) return;
  if (record_put_more(&sa, markup))
    sm_send(s, slice_of(sa.s, sa.len), STANZA_XML - STANZA_TO);
  if (sa.a > OWN_KEEP) stralloc_free(&sa);
}

/* The fields of the stanza stand in raw, the last of which is xml. */
static void
give(struct stream *s, struct slice raw, struct slice xml, struct slice tags)
{
  size_t at = (size_t)(xml.s - raw.s);

  switch ((int)s->state) {
  case ST_RESUMING:
  case ST_METADATA:
    /* Stanzas for a session that is on its way here come behind those that are handed
     * over; for a session whose login has no success yet, behind that. */
    if (s->state == ST_METADATA ? s->session.sm != NULL : stream_is_whole(s))
      sm_send(s, raw, at);
    else
      csi_keep(s, raw, at);
    return;
  case ST_BOUND:
    if (fresh_holds(s, raw, at, tags)) return;
    if (s->csi && !s->fresh && csi_holds(s, raw, at, tags)) return;
    output_send(s, raw, at, tags);
    return;
  case ST_AWAY:
    if (!veil_is_own(s, raw)) output_send(s, raw, at, tags);
    return;
  default: return;
  }
}

/* The way out: one line of routed for one or more sessions. The stanza goes on as it stands
 * in the record, without being looked at. */
void
deliver_stanza(struct link *l, struct record *r)
{
  struct slice sids = record_get(r, 1), word, xml = record_raw(r, 1 + STANZA_XML);
  struct slice raw, tags = record_raw(r, 1 + STANZA_TAGS);
  uint64_t sid;
  bool is_iq = slice_is(record_raw(r, 1 + STANZA_KIND), "iq");

  (void)l;
  if (slice_is(record_raw(r, 1 + STANZA_KIND), "message") &&
      !edge_is_new(record_raw(r, 1 + STANZA_ORIGIN), slice_starts(tags, "carbon sent")))
    return;
  raw = record_run(r, 1 + STANZA_TO, 1 + STANZA_XML);
  while (slice_word(&sids, ' ', &word)) {
    struct stream *s = slice_u64(word, &sid) ? stream_find(sid) : NULL;
    if (!s || (is_iq && !asked_takes(s, r))) continue;
    if (is_iq && bind2_takes(s, r)) {
      conduit_settle(&s->c);
      return;
    }
    give(s, raw, xml, tags);
    conduit_settle(&s->c);
  }
}
