#include "edge/edge.h"

#include <stdlib.h>
#include <string.h>

/* Deliveries from before a restart of routed. A source sends again the stanzas that the
 * old routed had not acknowledged, in order and before any new one: some of them have
 * reached this edge, some waited elsewhere for a session that is here by now. So an edge
 * notes for each of a source's newest ORIGIN_WINDOW numbers whether its stanza came; an
 * older stanza goes through, for twice is better than never. A new epoch is another run
 * of the source, which numbers anew. A source without epochs has begun a new run when a
 * low number comes behind a higher one while routed goes on. */

#define ORIGIN_WINDOW 65536u

struct origin {
  struct origin *next;
  uint64_t epoch; /* of the source's run; 0: a source without epochs */
  uint64_t last;  /* the newest that came */
  /* routed was restarted, and no newer stanza has come since: those up to this number are said
   * again; 0: there is no such time. repeat: the newest of those that had not come, which may come
   * as several records */
  uint64_t repeats_to, repeat;
  unsigned char came[ORIGIN_WINDOW / 8];
  bool sent; /* of copies for the sender's devices, which have another fate */
  size_t len;
  char name[LINK_NAME_MAX + 1];
};

static struct origin *origins;
static uint64_t epoch;

void
edge_routed_is_up(struct link const *routed)
{
  struct origin *o;

  if (routed->epoch == epoch) return;
  epoch = routed->epoch;
  for (o = origins; o; o = o->next) {
    o->repeats_to = o->last;
    o->repeat = 0;
  }
}

static struct origin *
find(struct slice name, bool sent)
{
  struct origin *o;

  for (o = origins; o; o = o->next)
    if (o->sent == sent && slice_eq(name, slice_of(o->name, o->len))) return o;
  o = name.len <= LINK_NAME_MAX ? calloc(1, sizeof *o) : NULL;
  if (!o) return NULL;
  memcpy(o->name, name.s, o->len = name.len);
  o->sent = sent;
  o->next = origins;
  origins = o;
  return o;
}

static void
begin_epoch(struct origin *o, uint64_t of_source)
{
  o->epoch = of_source;
  o->last = o->repeats_to = o->repeat = 0;
  memset(o->came, 0, sizeof o->came);
}

static void
note(struct origin *o, uint64_t n)
{
  o->came[n % ORIGIN_WINDOW / 8] |= (unsigned char)(1u << n % 8);
}

static bool
has_come(struct origin const *o, uint64_t n)
{
  return o->last - n < ORIGIN_WINDOW && o->came[n % ORIGIN_WINDOW / 8] & 1u << n % 8;
}

/* Make n the new highest number; the numbers that were skipped did not come here. */
static void
advance(struct origin *o, uint64_t n)
{
  if (n < o->last || n - o->last >= ORIGIN_WINDOW)
    memset(o->came, 0, sizeof o->came);
  else
    while (++o->last < n)
      o->came[o->last % ORIGIN_WINDOW / 8] &= (unsigned char)~(1u << o->last % 8);
  note(o, n);
  o->last = n;
  o->repeats_to = 0;
}

/* Stanzas come in the order of their numbers, each as one record or more; a lower number is that of
 * another run of a source without epochs. */
static bool
is_new_in_order(struct origin *o, uint64_t n)
{
  if (n != o->last) advance(o, n);
  return true;
}

static bool
is_new_among_repeats(struct origin *o, uint64_t n)
{
  if (n == o->repeat) return true;
  if (n > o->repeats_to) return is_new_in_order(o, n);
  if (has_come(o, n)) return false;
  if (o->last - n < ORIGIN_WINDOW) note(o, n);
  o->repeat = n;
  return true;
}

bool
edge_is_new(struct slice origin, bool sent)
{
  struct stanza_source from;
  struct origin *o;

  if (!stanza_source(origin, &from)) return true;
  o = find(from.name, sent);
  if (!o) return true;
  if (o->epoch != from.epoch) begin_epoch(o, from.epoch);
  return o->repeats_to ? is_new_among_repeats(o, from.number)
                       : is_new_in_order(o, from.number);
}

void
edge_origins_snapshot(struct snapshot *k)
{
  struct origin **at = &origins, *o;

  if (!snapshot_record(k, "routed", true)) return;
  SNAPSHOT_INT(k, epoch);
  for (; snapshot_record(k, "origin", *at != NULL); at = &o->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof *o);
    o = *at;
    if (!o) return;
    SNAPSHOT_INT(k, o->epoch);
    SNAPSHOT_INT(k, o->last);
    SNAPSHOT_INT(k, o->repeats_to);
    SNAPSHOT_INT(k, o->repeat);
    SNAPSHOT_INT(k, o->sent);
    SNAPSHOT_INT(k, o->len);
    snapshot_name(k, o->name, sizeof o->name);
    snapshot_block(k, o->came, sizeof o->came);
  }
}
