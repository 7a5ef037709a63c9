#include "parcels.h"
#include "number.h"
#include "pairs.h"
#include "posts.h"
#include "senders.h"
#include "snapshot.h"
#include "sources.h"

#include <stdlib.h>
#include <string.h>

struct pairs_totals pairs_totals;

/* The parcels that come one after the other for one pair, and are put in front together: each costs its
 * bytes, however many stand behind. */
static struct {
  struct pair *pair;
  stralloc text;
} front;

static struct pair *pairs, **last = &pairs; /* in the order in which they were made */
static uint64_t pairs_n;
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
parcels_limit(uint64_t of_a_pair, uint64_t of_all)
{
  pair_max = of_a_pair;
  all_max = of_all;
}

struct pair *
pairs_first(void)
{
  return pairs;
}

/* ---- pairs ---- */

struct slice
pair_key_of(struct slice from, struct slice to)
{
  static stralloc sa = STRALLOC_ZERO;

  sa.len = 0;
  if (!stralloc_catb(&sa, from.s, from.len) || !stralloc_catb(&sa, " ", 1) ||
      !stralloc_catb(&sa, to.s, to.len))
    return SLICE("");
  return slice_of(sa.s, sa.len);
}

struct pair *
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

struct pair *
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

void
pair_free_if_empty(struct pair *p)
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

struct slice
parcel_at(struct pair const *p, size_t i, struct parcel *head)
{
  memcpy(head, p->kept.s + i, sizeof *head);
  return slice_of(p->kept.s + i + sizeof *head, head->len);
}

void
parcel_set(struct pair *p, size_t i, struct parcel const *head)
{
  memcpy(p->kept.s + i, head, sizeof *head);
}

void
parcel_release(struct parcel *head)
{
  source_release(head->source, head->epoch, head->number);
  head->source = NULL;
}

/* Say whether a line answers what the other server has sent: an error, a result, a refused subscription.
 * What a client says itself is no answer here, for a client may say any number of them. */
static bool
is_answer(struct slice line)
{
  struct slice type = stanza_raw_field(line, STANZA_TYPE);
  struct stanza_source of;

  if (!slice_is(type, "error") && !slice_is(type, "result") &&
      !slice_is(type, "unsubscribed"))
    return false;
  return !stanza_source(stanza_raw_field(line, STANZA_ORIGIN), &of) ||
         program_find(of.name) != C2SD;
}

/* The sender to whom a line counts, by its bare address. Of an answer, the domain that gets it is the
 * sender: strangers choose how often, and in whose name, they are answered. */
static struct slice
parcel_sender(struct slice line)
{
  struct slice from, bare = {0};

  if (is_answer(line)) return jid_cut(stanza_raw_field(line, STANZA_TO)).domain;
  from = stanza_raw_field(line, STANZA_FROM);
  slice_word(&from, '/', &bare);
  return bare;
}

/* The parcel of this head and line is one more, or one less. */
static void
count(struct pair *p, struct parcel const *head)
{
  p->count++;
  pairs_totals.queued++;
  pairs_totals.bytes += sizeof *head + head->len;
}

static void
uncount(struct pair *p, struct parcel *head, struct slice line)
{
  size_t len = sizeof *head + head->len;

  parcel_release(head);
  senders_sub(parcel_sender(line), len);
  p->count--;
  pairs_totals.queued--;
  pairs_totals.bytes -= len;
  if (pairs_totals.bytes < all_max / 2) all_full = false;
  p->full = false;
}

void
parcel_drop_first(struct pair *p)
{
  struct parcel head;
  struct slice line = parcel_at(p, p->head, &head);
  size_t len = sizeof head + head.len;

  uncount(p, &head, line);
  if (p->unacked == p->head) p->unacked += len;
  p->head += len;
}

void
pair_trim(struct pair *p)
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
  if (p->kept.len - p->head + (front.pair == p ? front.text.len : 0) > share()) {
    say_full(p);
    return false;
  }
  return senders_add(parcel_sender(line), size);
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

bool
parcel_keep(struct pair *p, struct passing const *s, size_t *at)
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
  parcel_set(p, *at, &head);
  count(p, &head);
  return true;
}

/* ---- parcels of an earlier run ---- */

static void
drop_front(struct pair *p)
{
  struct parcel head;
  size_t i;

  for (i = 0; i < front.text.len; i += sizeof head + head.len) {
    memcpy(&head, front.text.s + i, sizeof head);
    uncount(p, &head, slice_of(front.text.s + i + sizeof head, head.len));
  }
}

void
parcels_fronted(void)
{
  struct pair *p = front.pair;
  size_t len = front.text.len;

  if (!p) return;
  if (stralloc_readyplus(&p->kept, len)) {
    char *at = p->kept.s + p->unacked;
    memmove(at + len, at, p->kept.len - p->unacked);
    memcpy(at, front.text.s, len);
    p->kept.len += len;
    p->unacked += len;
  } else {
    drop_front(p);
  }
  front.pair = NULL;
  stralloc_free(&front.text);
}

bool
parcel_keep_front(struct pair *p, uint64_t n, struct slice line)
{
  struct parcel head = {.n = n, .len = line.len, .left = true};

  if (front.pair != p) parcels_fronted();
  if (!stralloc_readyplus(&front.text, sizeof head + line.len) || !may_keep(p, line))
    return false;
  front.pair = p;
  stralloc_catb(&front.text, (char const *)&head, sizeof head);
  stralloc_catb(&front.text, line.s, line.len);
  count(p, &head);
  return true;
}

/* ---- the state for a trace ---- */

static void
snapshot_parcel(struct snapshot *k, struct parcel *head, stralloc *text)
{
  SNAPSHOT_INT(k, head->n);
  SNAPSHOT_INT(k, head->left);
  snapshot_source(k, &head->source, &head->epoch);
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
    count(p, &head);
    senders_add(parcel_sender(slice_of(text.s, text.len)), sizeof head + head.len);
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

void
parcels_snapshot(struct snapshot *k, struct pair *p)
{
  if (snapshot_restores(k))
    make_parcels(k, p);
  else
    put_parcels(k, p);
}

void
parcels_all_snapshot(struct snapshot *k)
{
  SNAPSHOT_INT(k, all_full);
}
