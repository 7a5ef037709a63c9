#include "taken.h"

#include <string.h>

/* routed says of a stanza that comes again that it does (tag again), as long as routed itself lives. A
 * routed that is killed together with mucd knows nothing of it, and the stanza comes from its source as
 * at first. So mucd keeps the newest number of each source in DATA/occupants, in the commit of the turn:
 *
 *   taken  NAME of a source -> EPOCH and number, 8 bytes each
 *
 * Numbers of a source rise within an epoch: the next mucd takes a stanza up to that number as one that
 * comes again, whose work may be done already. */

#define TAKEN_MAX 64

struct run {
  uint64_t epoch, number;
};

static struct taken {
  char name[LINK_NAME_MAX + 1];
  struct run before,
    now; /* as the table has it since it was last read; of the newest stanza */
  bool changed;
} list[TAKEN_MAX];

static size_t list_n;
static MDB_dbi table;

bool
taken_open(void)
{
  return store_table(mucd.present, "taken", &table);
}

static struct taken *
find(struct slice name)
{
  struct slice v;
  struct taken *t;
  size_t i;

  for (i = 0; i < list_n; i++)
    if (slice_is(name, list[i].name)) return &list[i];
  if (i == TAKEN_MAX || !name.len || name.len > LINK_NAME_MAX) return NULL;
  t = &list[list_n++];
  memset(t, 0, sizeof *t);
  memcpy(t->name, name.s, name.len);
  if (store_get(mucd.present, table, name, &v) && v.len == sizeof t->before)
    memcpy(&t->before, v.s, sizeof t->before);
  return t;
}

bool
taken_before(struct slice origin)
{
  struct stanza_source from;
  struct taken *t = stanza_source(origin, &from) && from.epoch ? find(from.name) : NULL;

  if (!t) return false;
  if (t->now.epoch != from.epoch || t->now.number < from.number) {
    t->now = (struct run){from.epoch, from.number};
    t->changed = true;
  }
  return t->before.epoch == from.epoch && t->before.number >= from.number;
}

void
taken_lost(void)
{
  list_n = 0;
}

void
taken_turn(void)
{
  size_t i;

  if (store_is_full(mucd.present)) return; /* the rest of the turn is worth more */
  for (i = 0; i < list_n; i++) {
    if (!list[i].changed) continue;
    list[i].changed = false;
    store_put(mucd.present, table, slice_str(list[i].name),
              slice_of((char const *)&list[i].now, sizeof list[i].now));
  }
}
