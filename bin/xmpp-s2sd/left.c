#include "left.h"

#include <stdlib.h>
#include <string.h>

/* Numbers of streams of an earlier run: ids of this one are below. */
#define EARLIER_BIT (UINT64_C(1) << 63)

/* A stanza of the peer of which it is not known whether it came to routed. */
struct unsure {
  uint64_t epoch, n;
  uint32_t at, unused;
};

static struct left *first, *last;
static uint64_t over_n;

static struct slice
id_of(void const *item)
{
  return slice_str(((struct left const *)item)->id);
}

static struct slice
number_of(void const *item)
{
  struct left const *l = item;

  return slice_of((char const *)&l->number, sizeof l->number);
}

/* The places of incoming streams, by their ids; of streams that are over, by their numbers. */
static struct table by_id = {.key = id_of}, by_number = {.key = number_of};

uint64_t
left_count(void)
{
  return over_n;
}

struct left *
left_of_id(struct slice id)
{
  return table_get(&by_id, id);
}

struct left *
left_find(uint64_t number)
{
  struct left key = {.number = number};

  return table_get(&by_number, number_of(&key));
}

/* ---- making and ending ---- */

bool
left_stand(struct left *l)
{
  if (!table_put(&by_number, l)) return false;
  l->is_over = true;
  l->next = NULL;
  l->prev = last;
  if (last)
    last->next = l;
  else
    first = l;
  last = l;
  over_n++;
  return true;
}

void
left_take(struct left *l)
{
  if (!l->is_over) return;
  table_del(&by_number, number_of(l));
  if (l->prev)
    l->prev->next = l->next;
  else
    first = l->next;
  if (l->next)
    l->next->prev = l->prev;
  else
    last = l->prev;
  l->next = l->prev = NULL;
  l->is_over = false;
  over_n--;
}

void
left_free(struct left *l)
{
  left_take(l);
  kept_end(l->kept);
  if (!l->out && table_get(&by_id, id_of(l)) == l) table_del(&by_id, id_of(l));
  stralloc_free(&l->unsure);
  free(l->id);
  free(l->local);
  free(l->remote);
  free(l);
}

static struct left *
make(bool out, struct slice id, struct slice local, struct slice remote, uint64_t max_us)
{
  struct left *l = calloc(1, sizeof *l);

  if (!l) return NULL;
  l->out = out;
  l->max_us = max_us;
  l->id = slice_dup(id);
  l->local = slice_dup(local);
  l->remote = slice_dup(remote);
  if (l->id && l->local && l->remote && (out || table_put(&by_id, l))) return l;
  if (!l->id) l->out = true; /* in no table */
  left_free(l);
  return NULL;
}

struct left *
left_new(struct stream *s, struct slice id, uint64_t max_us)
{
  struct kept_stream k = {.id = id,
                          .local = slice_str(s->local),
                          .remote = slice_str(s->remote),
                          .out = s->out,
                          .both = s->out && s->bidi,
                          .max_us = max_us};
  struct left *l = make(s->out, id, k.local, k.remote, max_us);

  if (!l) return NULL;
  l->number = s->number;
  l->kept = kept_new(&k);
  return l;
}

void
left_forget_old(void)
{
  /* Freeing takes it out of the list. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
  while (first && (over_n > s2sd->left_max || first->until_us + S2S_LEFT_US < door_now()))
    left_free(first); /* NOLINT(clang-analyzer-unix.Malloc) */
}

/* ---- streams of an earlier run ---- */

struct left *
left_restore(struct kept_stream const *k)
{
  struct left *l = make(k->out, k->id, k->local, k->remote, k->max_us);

  if (!l) return NULL;
  l->kept = k->kept;
  l->number = EARLIER_BIT | k->kept;
  l->two_ways = !k->out && k->both;
  l->closed = k->closed;
  l->until_us = k->until_us;
  l->in.received = l->in.handled = k->handled;
  if (left_stand(l)) return l;
  left_free(l);
  return NULL;
}

/* While there is doubt, one stanza more than is known to be handled counts as received. */
bool
left_doubt(struct left *l, uint64_t epoch, uint64_t n, uint32_t at)
{
  struct unsure u = {epoch, n, at, 0};

  if ((int32_t)(at - l->in.handled) <= 0) return true;
  if (!stralloc_catb(&l->unsure, (char const *)&u, sizeof u)) return false;
  l->in.received = l->in.handled + 1;
  return true;
}

/* Say whether the part has heard something. */
static bool
learns(struct left *l, uint64_t epoch, uint64_t n)
{
  uint32_t handled = l->in.handled;
  size_t at, to = 0, was = l->unsure.len;
  struct unsure u;

  for (at = 0; at + sizeof u <= was; at += sizeof u) {
    memcpy(&u, l->unsure.s + at, sizeof u);
    if (u.epoch != epoch) {
      memmove(l->unsure.s + to, l->unsure.s + at, sizeof u);
      to += sizeof u;
    } else if (u.n <= n && (int32_t)(u.at - handled) > 0) {
      handled = u.at;
    }
  }
  if (to == was) return false;
  l->unsure.len = to;
  l->in.handled = handled;
  l->in.received = handled + (to > 0);
  if (!to) stralloc_free(&l->unsure);
  return true;
}

struct left *
left_learns(uint64_t epoch, uint64_t n)
{
  struct left *l = first;

  while (l && !learns(l, epoch, n))
    l = l->next;
  return l;
}

/* The lowest epoch from least on. */
static bool
lowest(uint64_t least, uint64_t *epoch)
{
  struct left const *l;
  struct unsure u;
  bool found = false;
  size_t at;

  for (l = first; l; l = l->next)
    for (at = 0; at + sizeof u <= l->unsure.len; at += sizeof u) {
      memcpy(&u, l->unsure.s + at, sizeof u);
      if (u.epoch < least || (found && u.epoch >= *epoch)) continue;
      *epoch = u.epoch;
      found = true;
    }
  return found;
}

bool
left_unsure(uint64_t *epoch)
{
  uint64_t any;

  return lowest(0, epoch ? epoch : &any);
}

bool
left_unsure_behind(uint64_t *epoch)
{
  return lowest(*epoch + 1, epoch);
}

/* ---- the state for a trace ---- */

static void
fields(struct snapshot *k, struct left *l)
{
  snapshot_text(k, &l->id);
  snapshot_text(k, &l->local);
  snapshot_text(k, &l->remote);
  SNAPSHOT_INT(k, l->number);
  SNAPSHOT_INT(k, l->out);
  SNAPSHOT_INT(k, l->two_ways);
  SNAPSHOT_INT(k, l->closed);
  SNAPSHOT_INT(k, l->refuses);
  SNAPSHOT_INT(k, l->max_us);
  SNAPSHOT_INT(k, l->until_us);
  SNAPSHOT_INT(k, l->in.received);
  SNAPSHOT_INT(k, l->in.handled);
  snapshot_bytes(k, &l->unsure);
  SNAPSHOT_INT(k, l->heir);
  SNAPSHOT_INT(k, l->h);
  if (snapshot_restores(k) && !l->out && (!l->id || !table_put(&by_id, l)))
    snapshot_fail(k, "a stream that may be resumed has no place");
}

void
left_snapshot_of(struct snapshot *k, struct left **l)
{
  bool has = *l != NULL;

  SNAPSHOT_INT(k, has);
  if (!has) return;
  if (snapshot_restores(k)) *l = snapshot_new(k, sizeof **l);
  if (*l) fields(k, *l);
}

void
left_snapshot(struct snapshot *k)
{
  struct left **at = &first, *before = NULL;

  for (; snapshot_record(k, "left", *at != NULL); at = &(*at)->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof **at);
    if (!*at) return;
    (*at)->prev = before;
    before = last = *at;
    fields(k, *at);
    if (!snapshot_restores(k)) continue;
    (*at)->is_over = true;
    over_n++;
    if (!table_put(&by_number, *at)) snapshot_fail(k, "a lost stream has no place");
  }
}
