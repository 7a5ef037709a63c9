#include "asked.h"
#include "deliver.h"
#include "stream.h"

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
      !edge_is_new(record_raw(r, 1 + STANZA_ORIGIN)))
    return;
  raw = slice_of(r->at[1 + STANZA_TO], (size_t)(xml.s + xml.len - r->at[1 + STANZA_TO]));
  while (slice_word(&sids, ' ', &word)) {
    struct stream *s = slice_u64(word, &sid) ? stream_find(sid) : NULL;
    if (!s || (is_iq && !asked_takes(s, r))) continue;
    stream_stanza(s, raw, xml, tags);
    stream_settle(s);
  }
}
