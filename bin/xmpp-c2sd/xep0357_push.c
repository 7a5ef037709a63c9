#include "settings.h"
#include "xep0198_sm.h"
#include "xep0357_push.h"

/* XEP-0357: a session that is away has a client that may have to be woken. routed delivers to the
 * session as before; here is only said that its client is gone, with what is in its queue. */

/* The fields of a stanza in a queue. */
static struct slice
field(struct slice raw, enum stanza_field f)
{
  return stanza_raw_field(raw, f);
}

/* Say whether the client is to be woken for a stanza that it has not acknowledged. */
static bool
is_important(struct stream const *s, struct slice raw)
{
  struct slice tags = field(raw, STANZA_TAGS);

  return stanza_wakes(field(raw, STANZA_KIND), field(raw, STANZA_TYPE), tags) &&
         !slice_has_word(tags, SLICE("sent")) &&
         !slice_eq(jid_cut(field(raw, STANZA_FROM)).bare, stream_bare(s));
}

/* Count the important messages in the queue; *newest is the last. */
static uint64_t
count(struct stream const *s, struct slice *newest, size_t *xml)
{
  size_t at = s->session.sm->out.queue.head;
  struct sm_entry e;
  struct slice raw;
  uint64_t n = 0;

  while (sm_queue_next(&s->session.sm->out.queue, &at, &e, &raw)) {
    if (!is_important(s, raw)) continue;
    *newest = raw;
    *xml = e.xml;
    n++;
  }
  return n;
}

static void
tell(struct stream const *s, bool with_queue)
{
  struct link *l = edge_routed();
  struct slice newest = SLICE("");
  size_t xml = 0;
  uint64_t n;

  if (!l || !s->host->push) return;
  n = with_queue ? count(s, &newest, &xml) : 0;
  link_begin(l, VERB_AWAY);
  link_num(l, s->sid);
  if (n) {
    link_num(l, n);
    link_raw(l, stanza_tag(field(newest, STANZA_TAGS), "id"));
    link_raw(l, field(newest, STANZA_FROM));
    link_raw(l, slice_of(newest.s + xml, newest.len - xml));
  }
  link_end(l);
}

void
push_away(struct stream const *s)
{
  tell(s, true);
}

void
push_announce(struct stream const *s)
{
  if (s->state == ST_AWAY) tell(s, false);
}

void
push_back(struct stream const *s)
{
  struct link *l = edge_routed();

  if (!l || !s->host->push) return;
  link_begin(l, VERB_BACK);
  link_num(l, s->sid);
  link_end(l);
}

/* SID US */
void
push_keep(struct link *l, struct record *r)
{
  struct stream *s = stream_find(record_u64(r, 1));

  (void)l;
  if (s && s->state == ST_AWAY && s->session.sm) sm_keep(s, record_u64(r, 2));
}
