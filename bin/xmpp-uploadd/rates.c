#include "uploadd.h"

#include <stdlib.h>
#include <string.h>

/* Slots that owners were given within a second. An entry is forgotten when its second is over, so
 * there are as many as requests come in a second, and RATES_MAX at most: then all are forgotten. */

#define SECOND_US 1000000u
#define RATES_MAX 10000u

struct rate {
  struct rate *next;
  uint64_t since_us;
  unsigned int n;
  struct slice owner;
  char text[];
};

static struct slice
key_of(void const *item)
{
  return ((struct rate const *)item)->owner;
}

static struct table table = {.key = key_of};
static struct rate *first, **last = &first;

static void
forget_first(void)
{
  struct rate *r = first;

  first = r->next;
  if (!first) last = &first;
  table_del(&table, r->owner);
  free(r);
}

static struct rate *
make(struct slice owner)
{
  struct rate *r = malloc(sizeof *r + owner.len);

  if (!r) return NULL;
  *r = (struct rate){.since_us = door_now()};
  memcpy(r->text, owner.s, owner.len);
  r->owner = slice_of(r->text, owner.len);
  if (!table_put(&table, r)) {
    free(r);
    return NULL;
  }
  *last = r;
  last = &r->next;
  return r;
}

bool
rates_take(struct slice owner)
{
  struct rate *r;

  while (first && (door_now() - first->since_us >= SECOND_US || table.n >= RATES_MAX))
    forget_first();
  r = table_get(&table, owner);
  if (!r) r = make(owner);
  return r && r->n++ < UPLOAD_SLOTS_A_SECOND;
}

static bool
restore(struct snapshot *k)
{
  stralloc text = STRALLOC_ZERO;
  struct rate *r;

  snapshot_bytes(k, &text);
  r = make(slice_of(text.s, text.len));
  stralloc_free(&text);
  if (!r) return false;
  SNAPSHOT_INT(k, r->since_us);
  SNAPSHOT_INT(k, r->n);
  return true;
}

void
rates_snapshot(struct snapshot *k)
{
  struct rate *r = first;

  while (snapshot_record(k, "rate", r != NULL)) {
    stralloc text = STRALLOC_ZERO;
    if (snapshot_restores(k)) {
      if (!restore(k)) return;
      continue;
    }
    if (!r || !stralloc_copyb(&text, r->owner.s, r->owner.len)) return;
    snapshot_bytes(k, &text);
    SNAPSHOT_INT(k, r->since_us);
    SNAPSHOT_INT(k, r->n);
    stralloc_free(&text);
    r = r->next;
  }
}
