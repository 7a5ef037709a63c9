#include "hostd.h"

static struct slice
name_key(void const *item)
{
  return *(struct slice const *)item;
}

bool
names_add(struct names *x, struct slice name)
{
  struct slice *item;

  x->table.key = name_key;
  if (table_get(&x->table, name)) return false;
  item = arena_alloc(&x->arena, sizeof *item);
  if (!item) return false;
  *item = arena_copy(&x->arena, name);
  if (!item->s || !table_put(&x->table, item)) return false;
  x->n++;
  return true;
}

void
names_wipe(struct names *x)
{
  table_wipe(&x->table);
  arena_wipe(&x->arena);
  x->n = 0;
}

void
names_snapshot(struct snapshot *k, struct names *x)
{
  uint64_t n = x->n, i;

  SNAPSHOT_INT(k, n);
  for (i = 0; !snapshot_restores(k) && x->table.slots && i <= x->table.mask; i++)
    if (x->table.slots[i].item) snapshot_slice(k, &x->arena, x->table.slots[i].item);
  for (i = 0; snapshot_restores(k) && i < n; i++) {
    struct arena a = ARENA_ZERO;
    struct slice name;
    snapshot_slice(k, &a, &name);
    if (!name.s || !names_add(x, name)) snapshot_fail(k, "a name is lost");
    arena_wipe(&a);
    if (!name.s) return;
  }
}
