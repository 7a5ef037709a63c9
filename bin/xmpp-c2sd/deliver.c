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

#include "splice/splice.h"

#include <string.h>

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

/* The fields of the stanza stand in raw, the last of which, at byte `at`, is XML. */
static void
give(struct stream *s, struct slice raw, size_t at, struct slice tags)
{
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

/* ---- a stanza with an address for each session ---- */

/* Say whether the field, as it stands in a record, has a newline. */
static bool
has_lines(struct slice raw)
{
  char const *end = raw.s + raw.len, *at = raw.len ? memchr(raw.s, '\\', raw.len) : NULL;

  for (; at && at[1] != 'n'; at = memchr(at, '\\', (size_t)(end - at)))
    at += 2;
  return at != NULL;
}

/* The fields behind the address, as they stand in the record, cut where the XML lacks its to; `xml`
 * bytes of head are in front of the XML. */
struct shared {
  struct slice head, tail;
  size_t xml;
};

/* false: the XML is no element. */
static bool
read_shared(struct record const *r, struct shared *sh)
{
  struct slice fields = record_run(r, 1 + STANZA_FROM, 1 + STANZA_XML);
  struct slice xml = record_raw(r, 1 + STANZA_XML);
  struct splice at;

  if (!splice_attribute(xml, &at)) return false;
  sh->tail = at.tail;
  sh->head = slice_of(fields.s, fields.len - at.tail.len);
  sh->xml = fields.len - xml.len;
  return true;
}

/* Set *raw to the fields for the address to, which live until the next call, and *at to the place of the
 * XML in them. XML and records escape different bytes of a JID, so it is escaped for a record once. false:
 * ENOMEM. */
static bool
address(struct shared const *sh, struct slice to, struct slice *raw, size_t *at)
{
  static stralloc text = STRALLOC_ZERO, jid = STRALLOC_ZERO;

  text.len = jid.len = 0;
  if (!record_put_more(&jid, to)) return false;
  to = slice_of(jid.s, jid.len);
  *at = to.len + 1 + sh->xml;
  if (!text_catb(&text, to.s, to.len) || !record_put_raw(&text, sh->head) ||
      !xml_cat_attr(&text, "to", to) || !text_catb(&text, sh->tail.s, sh->tail.len))
    return false;
  *raw = slice_of(text.s, text.len);
  return true;
}

/* A session that has gone gets nothing, and its address is passed over. */
static void
deliver_each(struct record *r)
{
  struct slice sids = record_get(r, 1), tos = record_get(r, 1 + STANZA_TO), word, to, raw;
  struct slice tags = record_raw(r, 1 + STANZA_TAGS);
  struct shared sh;
  uint64_t sid;
  size_t at;

  if (!read_shared(r, &sh)) return;
  while (slice_word(&sids, ' ', &word) && slice_word(&tos, '\n', &to)) {
    struct stream *s = slice_u64(word, &sid) ? stream_find(sid) : NULL;
    if (!s) continue;
    if (address(&sh, to, &raw, &at))
      give(s, raw, at, tags);
    else
      conduit_error(&s->c, "resource-constraint", NULL);
    conduit_settle(&s->c);
  }
}

/* The way out: one line of routed for one or more sessions. The stanza goes on as it stands
 * in the record, without being looked at, but for the to of each session where it lacks that. */
void
deliver_stanza(struct link *l, struct record *r)
{
  struct slice sids = record_get(r, 1), word, raw, tags = record_raw(r, 1 + STANZA_TAGS);
  uint64_t sid;
  size_t at;
  bool is_iq = slice_is(record_raw(r, 1 + STANZA_KIND), "iq");

  (void)l;
  if (has_lines(record_raw(r, 1 + STANZA_TO))) {
    deliver_each(r);
    return;
  }
  if (slice_is(record_raw(r, 1 + STANZA_KIND), "message") &&
      !edge_is_new(record_raw(r, 1 + STANZA_ORIGIN), slice_starts(tags, "carbon sent")))
    return;
  raw = record_run(r, 1 + STANZA_TO, 1 + STANZA_XML);
  at = raw.len - record_raw(r, 1 + STANZA_XML).len;
  while (slice_word(&sids, ' ', &word)) {
    struct stream *s = slice_u64(word, &sid) ? stream_find(sid) : NULL;
    if (!s || (is_iq && !asked_takes(s, r))) continue;
    if (is_iq && bind2_takes(s, r)) {
      conduit_settle(&s->c);
      return;
    }
    give(s, raw, at, tags);
    conduit_settle(&s->c);
  }
}
