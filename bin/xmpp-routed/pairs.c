#include "number.h"
#include "pairs.h"
#include "posts.h"
#include "senders.h"
#include "services.h"
#include "settings.h"
#include "snapshot.h"
#include "sources.h"

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
 * again. A pair is there as long as it has stanzas. The tag pair= is a number that rises within a
 * pair, over restarts of this program too: what xmpp-s2sd settles of an earlier run's is below
 * all numbers of this one. */

/* The head before each line of kept. */
struct parcel {
  size_t len; /* of the line: the fields of a stanza */
  uint64_t n;
  bool left;              /* an xmpp-s2sd had it, which may be gone since */
  struct source *source;  /* NULL: acknowledged */
  uint64_t epoch, number; /* of source */
};

struct pair {
  struct pair *next, **prev;
  char *key;       /* "FROM TO" */
  size_t from_len; /* of the domain FROM in key */
  stralloc kept;   /* parcels, oldest first */
  size_t head;     /* the first that is not settled */
  size_t unacked;  /* the first that is not acknowledged since the link came up */
  uint64_t count;  /* of parcels */
  uint64_t flying; /* references in the post of xmpp-s2sd */
  bool full;       /* a stanza was refused, and that is logged */
};

struct pairs_totals pairs_totals;

static struct pair *pairs, **last = &pairs; /* in the order in which they were made */
static uint64_t pairs_n;
static bool configured;
static bool all_full; /* a stanza was refused because of all, and that is logged */
static uint64_t pair_max = S2S_QUEUE_BYTES, all_max = S2S_QUEUED;

static struct slice
pair_key(void const *pair)
{
  return slice_str(((struct pair const *)pair)->key);
}

static struct table by_key = {.key = pair_key};
static struct pair *found; /* the pair that was found last */

void
pairs_take(bool there, uint64_t of_a_pair, uint64_t of_all)
{
  configured = there;
  pair_max = of_a_pair;
  all_max = of_all;
}

/* ---- pairs ---- */

/* The key of a pair; it lives until the next call. */
static struct slice
make_key(struct slice from, struct slice to)
{
  static stralloc sa = STRALLOC_ZERO;

  sa.len = 0;
  if (!stralloc_catb(&sa, from.s, from.len) || !stralloc_catb(&sa, " ", 1) ||
      !stralloc_catb(&sa, to.s, to.len))
    return SLICE("");
  return slice_of(sa.s, sa.len);
}

static struct pair *
pair_find(struct slice key)
{
  if (!found || !slice_is(key, found->key)) found = table_get(&by_key, key);
  return found;
}

static struct slice
from_of(struct pair const *p)
{
  return slice_of(p->key, p->from_len);
}

static struct slice
to_of(struct pair const *p)
{
  return slice_str(p->key + p->from_len + 1);
}

/* The bytes of a pair beside its parcels. */
static size_t
overhead(struct pair const *p)
{
  return sizeof *p + strlen(p->key);
}

static struct pair *
pair_make(struct slice key, size_t from_len)
{
  struct pair *p = calloc(1, sizeof *p);

  if (!p || !(p->key = slice_dup(key)) || !table_put(&by_key, p)) {
    if (p) free(p->key);
    free(p);
    return NULL;
  }
  p->from_len = from_len;
  p->prev = last;
  *last = p;
  last = &p->next;
  pairs_n++;
  pairs_totals.bytes += overhead(p);
  return p;
}

static void
free_if_empty(struct pair *p)
{
  if (p->count || p->flying) return;
  if (found == p) found = NULL;
  table_del(&by_key, slice_str(p->key));
  *p->prev = p->next;
  if (p->next)
    p->next->prev = p->prev;
  else
    last = p->prev;
  pairs_n--;
  pairs_totals.bytes -= overhead(p);
  stralloc_free(&p->kept);
  free(p->key);
  free(p);
}

/* ---- parcels ---- */

static struct slice
parcel_at(struct pair const *p, size_t i, struct parcel *head)
{
  memcpy(head, p->kept.s + i, sizeof *head);
  return slice_of(p->kept.s + i + sizeof *head, head->len);
}

static void
set_parcel(struct pair *p, size_t i, struct parcel const *head)
{
  memcpy(p->kept.s + i, head, sizeof *head);
}

static void
hand_over(struct post *post, struct pair *p, size_t i)
{
  struct parcel head;
  struct slice line = parcel_at(p, i, &head);

  post_hand_over(post->link, VERB_STANZA, line, head.left);
  head.left = true;
  set_parcel(p, i, &head);
  if (post_refer(post, p, head.n)) p->flying++;
}

static void
release(struct parcel *head)
{
  source_release(head->source, head->epoch, head->number);
  head->source = NULL;
}

/* The bare address of the sender of a line. */
static struct slice
sender_of(struct slice line)
{
  struct slice from = stanza_raw_field(line, STANZA_FROM), bare = {0};

  slice_word(&from, '/', &bare);
  return bare;
}

/* Take the first parcel off. */
static void
drop_first(struct pair *p)
{
  struct parcel head;
  struct slice line = parcel_at(p, p->head, &head);
  size_t len;

  release(&head);
  senders_sub(sender_of(line), sizeof head + head.len);
  len = sizeof head + head.len;
  if (p->unacked == p->head) p->unacked += len;
  p->head += len;
  p->count--;
  pairs_totals.queued--;
  pairs_totals.bytes -= len;
  if (pairs_totals.bytes < all_max / 2) all_full = false;
  p->full = false;
}

static void
trim(struct pair *p)
{
  if (p->head < p->kept.len && p->head < p->kept.len / 2) return;
  memmove(p->kept.s, p->kept.s + p->head, p->kept.len - p->head);
  p->kept.len -= p->head;
  p->unacked -= p->head;
  p->head = 0;
}

/* The bytes that a pair may have: while all have more than the half of what they may have
 * together, an equal part of the other half, so that those that have most are refused first. A
 * small part is everybody's. */
static uint64_t
share(void)
{
  uint64_t part = pairs_n ? all_max / 2 / pairs_n : all_max;

  if (part < all_max / S2S_SHARES) part = all_max / S2S_SHARES;
  return pairs_totals.bytes <= all_max / 2 || part > pair_max ? pair_max : part;
}

static void
say_full(struct pair *p)
{
  if (!p->full)
    log_event(LOG_WARN, "pair-full", "from", log_text(from_of(p)), "to",
              log_text(to_of(p)), "stanzas", log_num(p->count), "bytes",
              log_num(p->kept.len - p->head), "why",
              "the other server does not take the stanzas", NULL);
  p->full = true;
}

static void
say_all_full(void)
{
  if (!all_full)
    log_event(LOG_WARN, "pairs-full", "pairs", log_num(pairs_n), "stanzas",
              log_num(pairs_totals.queued), "bytes", log_num(pairs_totals.bytes), "why",
              "other servers do not take their stanzas", NULL);
  all_full = true;
}

/* Say whether p, which ends in the new parcel of this line, may keep it. */
static bool
may_keep(struct pair *p, struct slice line)
{
  size_t size = sizeof(struct parcel) + line.len;

  if (line.len > LETTER_MAX) return false;
  if (pairs_totals.bytes + size > all_max) {
    say_all_full();
    return false;
  }
  if (p->kept.len - p->head > share()) {
    say_full(p);
    return false;
  }
  return senders_add(sender_of(line), size);
}

static bool
cat_numbered(stralloc *out, struct passing const *s, uint64_t n)
{
  static stralloc tags = STRALLOC_ZERO;
  struct passing one = *s;
  char buf[BASE_NUM];

  tags.len = 0;
  if (!stralloc_catb(&tags, s->st.tags.s, s->st.tags.len) ||
      (s->st.tags.len && !stralloc_cats(&tags, " ")) || !stralloc_cats(&tags, "pair=") ||
      !stralloc_cats(&tags, num_u64(buf, n).s))
    return false;
  one.st.tags = slice_of(tags.s, tags.len);
  return passing_cat(out, &one);
}

/* Keep s; *at is set to the place of its parcel. false: there is no room. */
static bool
keep(struct pair *p, struct passing const *s, size_t *at)
{
  struct parcel head = {.n = number_next(), .source = s->source, .number = s->number};

  *at = p->kept.len;
  if (!stralloc_catb(&p->kept, (char const *)&head, sizeof head) ||
      !cat_numbered(&p->kept, s, head.n)) {
    p->kept.len = *at;
    return false;
  }
  head.len = p->kept.len - *at - sizeof head;
  if (!may_keep(p, slice_of(p->kept.s + *at + sizeof head, head.len))) {
    p->kept.len = *at;
    return false;
  }
  head.epoch = source_hold(head.source, head.number);
  set_parcel(p, *at, &head);
  p->count++;
  pairs_totals.queued++;
  pairs_totals.bytes += sizeof head + head.len;
  return true;
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
  struct slice key = make_key(from, to);
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
  if (!keep(p, s, &at)) {
    give_back(s, REFUSED_SERVICE_BEHIND, ERR_RESOURCE_CONSTRAINT);
    free_if_empty(p);
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

  p->flying--;
  if (p->unacked < p->kept.len) {
    parcel_at(p, p->unacked, &head);
    if (head.n == n) {
      release(&head);
      set_parcel(p, p->unacked, &head);
      p->unacked += sizeof head + head.len;
    }
  }
  free_if_empty(p);
}

void
pairs_gone(struct pair *p)
{
  p->flying--;
  free_if_empty(p);
}

void
pairs_settled(struct link *l, struct record *r)
{
  uint64_t n = record_u64(r, 3);
  struct pair *p = pair_find(make_key(record_get(r, 1), record_get(r, 2)));
  struct parcel head;

  (void)l;
  while (p && p->count) {
    parcel_at(p, p->head, &head);
    if (!head.left || head.n > n) break;
    drop_first(p);
  }
  if (!p) return;
  trim(p);
  free_if_empty(p);
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

  if (!pairs || services_others() != post) return;
  for (p = pairs; p; p = p->next)
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
  while ((p = pairs)) {
    for (; p->count; n++) {
      return_line(parcel_at(p, p->head, &head));
      drop_first(p);
    }
    free_if_empty(p);
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

static void
snapshot_parcel(struct snapshot *k, struct parcel *head, stralloc *text)
{
  SNAPSHOT_INT(k, head->n);
  SNAPSHOT_INT(k, head->left);
  snapshot_source(k, &head->source);
  SNAPSHOT_INT(k, head->epoch);
  SNAPSHOT_INT(k, head->number);
  snapshot_bytes(k, text);
  head->len = text->len;
}

static void
make_parcels(struct snapshot *k, struct pair *p)
{
  stralloc text = STRALLOC_ZERO;
  struct parcel head;

  while (snapshot_record(k, "parcel", true)) {
    head = (struct parcel){0};
    snapshot_parcel(k, &head, &text);
    if (!stralloc_catb(&p->kept, (char const *)&head, sizeof head) ||
        !stralloc_catb(&p->kept, text.s, text.len))
      snapshot_fail(k, "a parcel is lost");
    p->count++;
    pairs_totals.queued++;
    pairs_totals.bytes += sizeof head + head.len;
    senders_add(sender_of(slice_of(text.s, text.len)), sizeof head + head.len);
  }
  stralloc_free(&text);
}

static void
put_parcels(struct snapshot *k, struct pair const *p)
{
  struct parcel head;
  size_t i;

  for (i = p->head; i < p->kept.len; i += sizeof head + head.len) {
    struct slice line = parcel_at(p, i, &head);
    stralloc text = {.s = p->kept.s + (line.s - p->kept.s), .len = line.len};
    if (!snapshot_record(k, "parcel", true)) return;
    snapshot_parcel(k, &head, &text);
  }
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
  struct pair *p = pairs;

  if (snapshot_record(k, "pairs", true)) {
    SNAPSHOT_INT(k, pairs_totals.stanzas);
    SNAPSHOT_INT(k, pairs_totals.returned);
    SNAPSHOT_INT(k, all_full);
  }
  for (; snapshot_record(k, "pair", p != NULL); p = p->next) {
    p = pair_fields(k, snapshot_restores(k) ? NULL : p);
    if (!p) return;
    if (snapshot_restores(k))
      make_parcels(k, p);
    else
      put_parcels(k, p);
  }
}
