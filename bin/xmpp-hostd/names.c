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
