#include "xep0198_resume.h"
#include "kept.h"
#include "left.h"
#include "pairs.h"
#include "queue.h"
#include "xep0198_sm.h"

#include <string.h>

static struct event_timer patience; /* with routed, about streams of an earlier run */

/* XEP-0198 s5, both ways. A stream that is lost leaves a struct left, from which the next one
 * between the same domains goes on:
 *
 * 1. enabled names an id; the stream has a struct left from then on.
 * 2. The stream is lost: its struct left stays for some time, in the order of the losses. The pair
 *    whose stanzas it had keeps its count of those, until the stream is resumed, or the pair takes
 *    another one.
 * 3. resume and resumed say how many stanzas came. The number is final when routed has
 *    acknowledged all: until then a stream waits in RESUMING, and its input is held.
 * 4. The stanzas that the peer has not are sent again. */

/* Dialback may have added domains, which a new stream would have to prove again. */
static bool
has_one_domain(struct stream const *s)
{
  struct proof const *p;

  for (p = s->proofs; p; p = p->next)
    if (strcmp(p->from, s->remote) != 0) return false;
  return true;
}

char const *
resume_grant(struct stream *s)
{
  char id[STREAM_ID_LEN];

  door_random_id(id, sizeof id);
  s->sm->left = left_new(s, slice_of(id, sizeof id), S2S_LEFT_US);
  if (!has_one_domain(s)) kept_closes(resume_kept(s));
  return s->sm->left ? s->sm->left->id : NULL;
}

static bool
is_true(struct slice word)
{
  return slice_is(word, "true") || slice_is(word, "1");
}

void
resume_note(struct stream *s, struct xml_node const *e)
{
  struct slice id = xml_attr(e, "id");
  uint64_t max = 0;

  if (!is_true(xml_attr(e, "resume")) || !id.len || id.len > STANZA_ID_MAX || s->sm->left)
    return;
  if (!slice_u64(xml_attr(e, "max"), &max) || max > S2S_LEFT_US / 1000000)
    max = S2S_LEFT_US / 1000000;
  s->sm->left = left_new(s, id, max * 1000000);
  if (s->pair) queue_is_kept(s->pair, resume_kept(s));
}

void
resume_free(struct stream *s)
{
  if (s->sm->left) left_free(s->sm->left);
  s->sm->left = NULL;
}

/* ---- a stream is lost ---- */

/* Say whether a stream has ended by an end tag. */
static bool
is_done_with(struct stream const *s)
{
  return s->peer_closed || s->state == ST_CLOSING;
}

static bool
has_unacked(struct stream const *s)
{
  return s->pair && s->pair->out.sent != s->pair->out.acked;
}

/* Say whether the peer may go on with the stream: it is lost, or the peer waited for us in vain. */
static bool
peer_goes_on(struct stream const *s)
{
  return !is_done_with(s) &&
         (s->c.lost || verdict_is_of_peer(&s->verdict, "connection-timeout"));
}

bool
resume_owes(struct stream const *s)
{
  return s->out && s->bidi && s->sm && s->sm->in.received && peer_goes_on(s) &&
         s->active_us + S2S_ACK_US > door_now();
}

/* A stream of ours that has ended in any way is asked for while stanzas of ours are unacknowledged:
 * the peer's failed has its count. So we keep the counts of the peer's streams. */
static bool
is_kept(struct stream const *s)
{
  if (s->out) return !is_done_with(s) || has_unacked(s);
  return s->sm->in.received || !s->sm->left->closed;
}

uint64_t
resume_kept(struct stream const *s)
{
  return s->sm && s->sm->left ? s->sm->left->kept : 0;
}

uint64_t
resume_leave(struct stream *s)
{
  struct left *l = s->sm ? s->sm->left : NULL;
  bool goes_on;

  if (!l) return 0;
  l->closed = !s->out &&
              (is_done_with(s) || !(s->c.lost || s->sm->may_go_on) || !has_one_domain(s));
  if (!is_kept(s)) return 0;
  l->number = s->number;
  l->in = s->sm->in;
  l->until_us = door_now() + l->max_us;
  l->two_ways = s->pair != NULL;
  l->heir = 0;
  if (!left_stand(l)) return 0;
  s->sm->left = NULL;
  kept_over(l->kept, s->out ? s->bidi : l->two_ways, l->closed, l->until_us);
  goes_on = !l->closed;
  left_forget_old();
  return goes_on ? s->number : 0;
}

/* ---- going on ---- */

/* Make the heir the stream that was lost, as far as the peer's stanzas go. */
static bool
inherit(struct stream *s, struct left *l)
{
  struct sm *sm = sm_new(s);

  left_take(l);
  if (!sm) {
    left_free(l);
    return false;
  }
  sm->in = l->in;
  sm->in.owes_a = false;
  sm->told = l->in.handled;
  sm->counts = sm->acks = sm->resumed = true;
  sm->left = l;
  l->number = s->number;
  l->heir = 0;
  kept_goes_on(l->kept);
  log_event(LOG_INFO, "s2s-resumed", "conn", conduit_conn(&s->c), "dir",
            s->out ? "out" : "in", "from", s->out ? s->local : s->remote, "to",
            s->out ? s->remote : s->local, NULL);
  return true;
}

static void
say_count(struct stream *s, char const *name, struct left const *l)
{
  stralloc sa = STRALLOC_ZERO;
  char buf[BASE_NUM];

  if (xml_cat(&sa, "<") && xml_cat(&sa, name) && xml_cat(&sa, " xmlns='" SM_NS3 "'") &&
      xml_cat_attr(&sa, "previd", slice_str(l->id)) &&
      xml_cat_attr(&sa, "h", num_u64(buf, l->in.handled)) && xml_cat(&sa, "/>"))
    stream_say(s, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
}

/* The pair whose stanzas went out on the incoming stream l, and wait for its heir. */
static struct pair *
pair_of(struct left const *l)
{
  struct pair *p = pair_find(slice_str(l->local), slice_str(l->remote));

  return p && p->left == l->number && !p->stream ? p : NULL;
}

/* s5: a stream that is too old, or whose stanzas have left on another one, says its count. */
static void
refuse(struct stream *s, struct left const *l)
{
  char buf[BASE_NUM];

  sm_fail(s, "item-not-found", l ? num_u64(buf, l->in.handled) : SLICE(""));
}

static void
refuse_in(struct stream *s, struct left *l)
{
  l->heir = 0;
  s->state = ST_OPEN;
  stream_look_later(s);
  refuse(s, l);
  conduit_resume(&s->c);
}

static void
go_on_in(struct stream *s, struct left *l)
{
  struct pair *p = l->two_ways ? pair_of(l) : NULL;
  uint32_t h = l->h;

  s->state = ST_OPEN;
  stream_look_later(s);
  say_count(s, "resumed", l);
  if (!inherit(s, l)) return;
  if (p && queue_resume(p, h)) pair_attach(p, s);
  conduit_resume(&s->c);
}

/* The count is final, as far as the heir is concerned. */
static void
go_on(struct left *l)
{
  struct stream *s = stream_find(l->heir);

  if (!s || s->state != ST_RESUMING || !sm_in_is_done(&l->in)) return;
  if (s->out)
    say_count(s, "resume", l);
  else if (l->refuses)
    refuse_in(s, l);
  else
    go_on_in(s, l);
}

void
resume_acked(uint64_t number)
{
  struct left *l = left_find(number);
  struct stream *s = l ? stream_find(l->heir) : NULL;

  if (!l) return;
  sm_in_handled(&l->in);
  kept_handled(l->kept, l->in.handled);
  go_on(l);
  if (s) conduit_settle(&s->c);
}

/* ---- streams of an earlier run ---- */

static void
learned(uint64_t epoch, uint64_t n)
{
  struct stream *s;
  struct left *l;

  while ((l = left_learns(epoch, n))) {
    kept_handled(l->kept, l->in.handled);
    s = stream_find(l->heir);
    go_on(l);
    if (s) conduit_settle(&s->c);
  }
}

void
resume_on_earlier(struct link *l, struct record *r)
{
  (void)l;
  learned(record_u64(r, 1), record_u64(r, 2));
  if (!left_unsure(NULL)) event_timer_cancel(&patience);
}

/* Nobody knows any more, and the peer sends again all that we do not know to be handled. */
static void
lose_patience(void *cookie)
{
  uint64_t epoch;

  (void)cookie;
  while (left_unsure(&epoch))
    learned(epoch, 0);
}

void
resume_routed_is_up(struct link *routed)
{
  uint64_t epoch = 0;
  bool more;

  for (more = left_unsure(&epoch); more; more = left_unsure_behind(&epoch)) {
    link_begin(routed, VERB_EARLIER);
    link_num(routed, epoch);
    link_end(routed);
    event_timer_start(&patience, door_now() + S2S_EARLIER_US, lose_patience, NULL);
  }
}

/* ---- the peer asks ---- */

/* The stream that the peer resumes is open still: it ends, and leaves what it has. */
static void
end_old(struct left const *l)
{
  struct stream *old = stream_find(l->number);

  old->sm->may_go_on = true;
  conduit_error(&old->c, "conflict", NULL);
  conduit_settle(&old->c);
}

/* Another stream has asked for the same, and waits with its input held: it would do so for ever. */
static void
end_rival(struct left const *l)
{
  struct stream *rival = stream_find(l->heir);

  if (!rival || rival->state != ST_RESUMING) return;
  conduit_error(&rival->c, "conflict", NULL);
  conduit_settle(&rival->c);
}

static struct left *
find(struct stream *s, struct slice id)
{
  struct left *l = left_of_id(id);

  if (!l || strcmp(l->local, s->local) != 0 || strcmp(l->remote, s->remote) != 0)
    return NULL;
  if (!l->is_over) end_old(l);
  return left_of_id(id);
}

void
resume_asked(struct stream *s, struct xml_node const *e)
{
  struct left *l;
  uint32_t h;

  if (s->out || s->state != ST_OPEN || !s->authed || s->sm || s->in_n) {
    sm_fail(s, "unexpected-request", SLICE(""));
    return;
  }
  if (!sm_read_h(e, &h)) {
    sm_fail(s, "bad-request", SLICE(""));
    return;
  }
  l = find(s, xml_attr(e, "previd"));
  if (!l) {
    refuse(s, NULL);
    return;
  }
  l->refuses = l->closed || l->until_us < door_now() || (l->two_ways && !pair_of(l));
  if (!l->refuses && l->two_ways && !queue_may_have(pair_of(l), h)) {
    sm_too_high(s, h, pair_of(l)->out.sent);
    return;
  }
  end_rival(l);
  l->heir = s->number;
  l->h = h;
  s->state = ST_RESUMING;
  conduit_deadline(&s->c, door_now() + s2sd->negotiation_us);
  go_on(l);
}

/* ---- we ask ---- */

bool
resume_is_due(struct pair const *p)
{
  struct left const *l = p->left ? left_find(p->left) : NULL;

  return l && l->out && l->until_us >= door_now() && p->out.sent != p->out.acked;
}

bool
resume_ask(struct stream *s, struct pair const *p)
{
  struct left *l = p && p->left ? left_find(p->left) : NULL;

  if (!l || !l->out || l->until_us < door_now()) return false;
  l->heir = s->number;
  s->state = ST_RESUMING;
  go_on(l);
  return true;
}

bool
resume_answered(struct stream *s, struct pair *p, struct xml_node const *e)
{
  struct left *l = p && p->left ? left_find(p->left) : NULL;
  bool resumed = slice_is(e->name, "resumed");
  uint32_t h;

  if (!l || l->heir != s->number) {
    if (resumed) conduit_error(&s->c, "reset", "the stream was forgotten");
    return false;
  }
  if (!sm_read_h(e, &h)) {
    left_free(l);
    if (resumed) conduit_error(&s->c, "bad-format", "a resumption without its count");
    return false;
  }
  if (!queue_may_have(p, h)) {
    sm_too_high(s, h, p->out.sent);
    left_free(l);
    return false;
  }
  if (!resumed) {
    queue_has(p, h);
    left_free(l);
    return false;
  }
  return inherit(s, l) && queue_resume(p, h);
}

/* ---- the state for a trace ---- */

void
resume_snapshot(struct snapshot *k, struct stream *s)
{
  left_snapshot_of(k, &s->sm->left);
}

void
resume_left_snapshot(struct snapshot *k)
{
  left_snapshot(k);
  if (snapshot_record(k, "patience", true))
    snapshot_timer(k, &patience, lose_patience, NULL);
}
