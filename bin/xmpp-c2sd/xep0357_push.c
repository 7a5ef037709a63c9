#include "settings.h"
#include "xep0198_sm.h"
#include "xep0357_push.h"

/* XEP-0357: a session that is away has a client that may have to be woken. routed delivers to the
 * session as before, and tells xmpp-pushd of what it delivers once it knows that the client is gone. What
 * came before is told here:
 *
 *   1. away SID COUNT ...   to routed: COUNT important messages are in the queue.
 *   2. noted SID            from routed, which reads 1 and tells of all that it delivers from now on.
 *   3. away SID COUNT ...   to routed, of what routed had delivered between 1 and 2, if there is any.
 *
 * A routed that was away itself hears 1 when it is back. An important message may then be told again,
 * which xmpp-pushd knows by the id; a message of a room of ours has none, and is not said twice. An
 * older routed never says 2. */

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
         !slice_eq(jid_cut(field(raw, STANZA_FROM)).bare, stream_bare(s)) &&
         !slice_eq(stanza_tag(tags, "author"), stream_bare(s));
}

static uint32_t
end_of(struct sm const *sm)
{
  return sm->out.acked + sm->out.queue.n;
}

/* routed has told of all that is in the queue by now, if it knows. */
static void
settle(struct sm *sm)
{
  if (sm->is_known) sm->told = end_of(sm);
}

/* Say whether stanza n of the session was not told of: n is a count modulo 2^32. */
static bool
is_untold(struct sm const *sm, uint32_t n)
{
  return n - sm->told - 1 < UINT32_MAX / 2;
}

/* Important messages in a queue. */
struct found {
  uint64_t n;
  struct slice id, newest, xml;
};

/* Count those that were not told of, and with `again` those that may be told of again. */
static struct found
count(struct stream const *s, bool again)
{
  struct sm const *sm = s->session.sm;
  size_t at = sm->out.queue.head;
  uint32_t n = sm->out.acked;
  struct found found = {0};
  struct slice raw, id;
  struct sm_entry e;

  while (sm_queue_next(&sm->out.queue, &at, &e, &raw)) {
    n++;
    if (!is_important(s, raw)) continue;
    id = stanza_tag(field(raw, STANZA_TAGS), "id");
    if (!is_untold(sm, n) && !(again && id.len)) continue;
    found =
      (struct found){found.n + 1, id, raw, slice_of(raw.s + e.xml, raw.len - e.xml)};
  }
  return found;
}

static void
tell(struct link *l, struct stream const *s, struct found const *found)
{
  struct sm *sm = s->session.sm;

  link_begin(l, VERB_AWAY);
  link_num(l, s->sid);
  if (found->n) {
    link_num(l, found->n);
    link_raw(l, found->id);
    link_raw(l, field(found->newest, STANZA_FROM));
    link_raw(l, found->xml);
  }
  link_end(l);
  sm->told = end_of(sm);
}

void
push_away(struct stream *s)
{
  struct link *l = link_find(ROUTED);
  struct found found;

  if (!s->host->push) return;
  settle(s->session.sm);
  if (!l) return;
  found = count(s, true);
  tell(l, s, &found);
}

void
push_announce(struct stream *s)
{
  if (!s->session.sm) return;
  settle(s->session.sm);
  s->session.sm->is_known = false;
  if (s->state == ST_AWAY) push_away(s);
}

void
push_back(struct stream *s)
{
  struct link *l = link_find(ROUTED);

  if (!s->host->push) return;
  settle(s->session.sm);
  s->session.sm->is_known = false;
  if (!l) return;
  link_begin(l, VERB_BACK);
  link_num(l, s->sid);
  link_end(l);
}

/* SID */
void
push_noted(struct link *l, struct record *r)
{
  struct stream *s = stream_find(record_u64(r, 1));
  struct found found;

  if (!s || s->state != ST_AWAY || !s->session.sm || s->session.sm->is_known) return;
  found = count(s, false);
  if (found.n) tell(l, s, &found);
  s->session.sm->is_known = true;
}

/* SID US */
void
push_keep(struct link *l, struct record *r)
{
  struct stream *s = stream_find(record_u64(r, 1));

  (void)l;
  if (s && s->state == ST_AWAY && s->session.sm) sm_keep(s, record_u64(r, 2));
}
