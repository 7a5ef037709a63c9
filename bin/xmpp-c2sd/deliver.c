#include "c2sd.h"

/* The way out: one line of routed for one or more sessions. The stanza goes on as it stands
 * in the record, without being looked at. */
void
deliver_stanza(struct link *l, struct record *r)
{
  struct slice sids = record_get(r, 1), word, xml = record_raw(r, 1 + STANZA_XML);
  uint64_t sid;

  (void)l;
  while (slice_word(&sids, ' ', &word)) {
    struct stream *s = slice_u64(word, &sid) ? stream_find(sid) : NULL;
    if (!s || s->state != ST_BOUND) continue;
    stream_write_raw(s, xml);
    stream_settle(s);
  }
}
