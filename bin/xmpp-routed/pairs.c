#include "pairs.h"
#include "parcels.h"
#include "posts.h"
#include "services.h"
#include "settings.h"
#include "snapshot.h"

#include <stdlib.h>

/* Stanzas for other servers. xmpp-s2sd says serve *, and gets all stanzas to domains that nobody
 * serves. Two acknowledgements:
 *
 *   1. ack, on the link, is cumulative: xmpp-s2sd has the stanza in its memory. The source of the
 *      stanza is free then, so a domain that does not answer holds up no client.
 *   2. settled FROM TO N is cumulative within a pair of domains: the peer has the stanza, or its
 *      sender was told. The copy here is freed then.
 *
 * So until a stanza is settled it is in the memory of two programs, and when xmpp-s2sd was killed,
 * the stanzas of each pair that are not settled are sent again in their order, with the tag
 * again. When this program was killed, xmpp-s2sd says what it has that is not settled, so that either
 * may be killed next. A pair is there as long as it has stanzas. The tag pair= is a number that
 * rises within a pair: stanzas of an earlier run of this program have the numbers from 1 on, which
 * are below all of this one. */

static bool configured;

void
pairs_take(bool there, uint64_t of_a_pair, uint64_t of_all)
{
  configured = there;
  parcels_limit(of_a_pair, of_all);
}

static void
hand_over(struct post *post, struct pair *p, size_t i)
{
  struct parcel head;
  struct slice line = parcel_at(p, i, &head);

  post_hand_over(post->link, VERB_STANZA, line, head.left);
  head.left = true;
  parcel_set(p, i, &head);
  if (post_refer(post, p, head.n)) p->flying++;
}

/* ---- stanzas ---- */

/* Answer p, which is in nobody's archive then, with an error, if its sender is to be told: of
 * presence those are told who show it or ask for it. */
static void
give_back(struct passing const *p, enum refusal rule, enum stanza_error e)
{
  if (p->outcome) p->outcome->done = true;
  if (slice_is(p->st.kind, "presence") && p->st.type.len &&
      !slice_is(p->st.type, "subscribe"))
    return;
  if (stanza_may_answer(&p->st)) pairs_totals.returned++;
  pairs_events.refused(p, rule, e);
}

/* Say whether a host has the domain to below its own name, and keeps its subdomains for itself
 * (route_subdomains). */
static bool
is_of_a_host(struct slice to)
{
  struct slice label;
  struct host const *h;

  while (slice_word(&to, '.', &label) && to.len) {
    h = routed_host(to);
    if (h) return !h->subdomains_abroad;
  }
  return false;
}

/* A broadcast of presence tells nobody that there are no other servers. */
static void
refuse_all(struct passing const *p)
{
  if (configured)
    give_back(p, REFUSED_SERVICE_LOST, ERR_REMOTE_TIMEOUT);
  else if (!p->lacks_to || !slice_is(p->st.kind, "presence"))
    give_back(p, REFUSED_NOT_LOCAL, ERR_REMOTE_NOT_FOUND);
}

void
pairs_route(struct passing const *s)
{
  struct jid sender = jid_cut(s->st.from);
  struct slice from = sender.domain, to = jid_cut(s->st.to).domain;
  struct slice key = pair_key_of(from, to);
  struct post *post = services_others();
  struct pair *p = pair_find(key);
  size_t at;

  /* An error may be ours, in the name of who got the stanza. */
  if (routed_is_anonymous(from, sender.local) && !slice_is(s->st.type, "error")) {
    give_back(s, REFUSED_NOT_LOCAL, ERR_NOT_ALLOWED);
    return;
  }
  if (!p && is_of_a_host(to)) {
    give_back(s, REFUSED_NO_SERVICE, ERR_SERVICE_UNAVAILABLE);
    return;
  }
  if (!post) {
    refuse_all(s);
    return;
  }
  if (!p && key.len) p = pair_make(key, from.len);
  if (!p) {
    give_back(s, REFUSED_SERVICE_BEHIND, ERR_RESOURCE_CONSTRAINT);
    return;
  }
  if (!parcel_keep(p, s, &at)) {
    give_back(s, REFUSED_SERVICE_BEHIND, ERR_RESOURCE_CONSTRAINT);
    pair_free_if_empty(p);
    return;
  }
  pairs_totals.stanzas++;
  if (post->link && !post->held) hand_over(post, p, at);
}

/* ---- what xmpp-s2sd has ---- */

void
pairs_acked(struct pair *p, uint64_t n)
{
  struct parcel head;

  parcels_fronted(); /* in front of what is acknowledged now */
  p->flying--;
  if (p->unacked < p->kept.len) {
    parcel_at(p, p->unacked, &head);
    if (head.n == n) {
      parcel_release(&head);
      parcel_set(p, p->unacked, &head);
      p->unacked += sizeof head + head.len;
    }
  }
  pair_free_if_empty(p);
}

void
pairs_gone(struct pair *p)
{
  p->flying--;
  pair_free_if_empty(p);
}

void
pairs_settled(struct link *l, struct record *r)
{
  uint64_t n = record_u64(r, 3);
  struct pair *p = pair_find(pair_key_of(record_get(r, 1), record_get(r, 2)));
  struct parcel head;

  (void)l;
  parcels_fronted();
  while (p && p->count) {
    parcel_at(p, p->head, &head);
    if (!head.left || head.n > n) break;
    parcel_drop_first(p);
  }
  if (!p) return;
  pair_trim(p);
  pair_free_if_empty(p);
}

void
pairs_unsettled(struct link *l, struct record *r)
{
  struct slice from = jid_cut(record_raw(r, STANZA_FROM)).domain;
  struct slice key = pair_key_of(from, jid_cut(record_raw(r, STANZA_TO)).domain);
  struct pair *p = pair_find(key);
  struct post *post = services_others();
  uint64_t n;

  if (!post || post->link != l ||
      !slice_u64(stanza_tag(record_raw(r, STANZA_TAGS), "pair"), &n))
    return;
  if (!p && key.len) p = pair_make(key, from.len);
  if (!p) return;
  parcel_keep_front(p, n, record_run(r, STANZA_TO, STANZA_XML));
  pair_free_if_empty(p);
}

static void
send_all(struct post *post, struct pair *p)
{
  struct parcel head;
  size_t i;

  p->unacked = p->head;
  for (i = p->head; i < p->kept.len && post->link; i += sizeof head + head.len) {
    parcel_at(p, i, &head);
    hand_over(post, p, i);
  }
}

void
pairs_up(struct post *post)
{
  struct pair *p;

  if (services_others() != post) return;
  parcels_fronted();
  for (p = pairs_first(); p; p = p->next)
    send_all(post, p);
}

static void
return_line(struct slice fields)
{
  struct passing_line line = {.text = STRALLOC_ZERO};
  struct passing s = {.own = false};

  if (passing_read(&s, &line, fields))
    give_back(&s, REFUSED_SERVICE_LOST, ERR_REMOTE_TIMEOUT);
  stralloc_free(&line.text);
}

void
pairs_lost(void)
{
  struct post *other = services_others();
  struct parcel head;
  struct pair *p;
  uint64_t n = 0;

  if (other) {
    if (other->link) pairs_up(other);
    return;
  }
  parcels_fronted();
  while ((p = pairs_first())) {
    for (; p->count; n++) {
      return_line(parcel_at(p, p->head, &head));
      parcel_drop_first(p);
    }
    pair_free_if_empty(p);
  }
  if (n)
    log_event(LOG_WARN, "pairs-returned", "stanzas", log_num(n), "why",
              "the service for other servers was away too long", NULL);
}

/* ---- the state for a trace ---- */

void
snapshot_pair(struct snapshot *k, struct pair **pair)
{
  char *key = *pair && !snapshot_restores(k) ? (*pair)->key : NULL;

  snapshot_text(k, &key);
  if (!snapshot_restores(k)) return;
  *pair = key ? pair_find(slice_str(key)) : NULL;
  if (key && !*pair) snapshot_fail(k, "a pair is missing");
  free(key);
}

static struct pair *
pair_fields(struct snapshot *k, struct pair *p)
{
  char *key = p ? p->key : NULL;
  uint64_t from_len = p ? p->from_len : 0, unacked = p ? p->unacked - p->head : 0;

  snapshot_text(k, &key);
  SNAPSHOT_INT(k, from_len);
  SNAPSHOT_INT(k, unacked);
  if (snapshot_restores(k)) {
    p = key && from_len < strlen(key) ? pair_make(slice_str(key), from_len) : NULL;
    free(key);
  }
  if (!p) {
    snapshot_fail(k, "a pair is lost");
    return NULL;
  }
  if (snapshot_restores(k)) p->unacked = unacked;
  SNAPSHOT_INT(k, p->flying);
  SNAPSHOT_INT(k, p->full);
  return p;
}

void
pairs_snapshot(struct snapshot *k)
{
  struct pair *p = pairs_first();

  parcels_fronted();
  if (snapshot_record(k, "pairs", true)) {
    SNAPSHOT_INT(k, pairs_totals.stanzas);
    SNAPSHOT_INT(k, pairs_totals.returned);
    parcels_all_snapshot(k);
  }
  for (; snapshot_record(k, "pair", p != NULL); p = p->next) {
    p = pair_fields(k, snapshot_restores(k) ? NULL : p);
    if (!p) return;
    parcels_snapshot(k, p);
  }
}
