#include "jid/jid.h"

#include <stdlib.h>
#include <string.h>

struct entry {
  size_t len;
  char text[];
};

static struct slice
entry_key(void const *item)
{
  struct entry const *e = item;

  return slice_of(e->text, e->len);
}

void
jid_forms(struct jid const *j, struct slice forms[JID_FORMS])
{
  size_t skip = j->local.len + 1;

  forms[0] = j->full;
  forms[1] = j->resource.len ? j->bare : SLICE("");
  forms[2] = forms[3] = SLICE("");
  if (j->local.len && j->resource.len && j->full.len > skip)
    forms[2] = slice_of(j->full.s + skip, j->full.len - skip);
  if (j->local.len) forms[3] = j->domain;
}

bool
jid_set_has(struct jid_set const *set, struct slice address)
{
  return set->table.n && table_get(&set->table, address);
}

bool
jid_set_matches(struct jid_set const *set, struct jid const *j)
{
  struct slice forms[JID_FORMS];
  unsigned int i;

  if (!set->table.n) return false;
  jid_forms(j, forms);
  for (i = 0; i < JID_FORMS; i++)
    if (forms[i].len && table_get(&set->table, forms[i])) return true;
  return false;
}

bool
jid_set_add(struct jid_set *set, struct slice address)
{
  struct entry *e;

  set->table.key = entry_key;
  if (table_get(&set->table, address)) return true;
  e = malloc(sizeof *e + address.len);
  if (!e) return false;
  e->len = address.len;
  if (address.len) memcpy(e->text, address.s, address.len);
  if (table_put(&set->table, e)) return true;
  free(e);
  return false;
}

void
jid_set_del(struct jid_set *set, struct slice address)
{
  if (set->table.n) free(table_del(&set->table, address));
}

void
jid_set_wipe(struct jid_set *set)
{
  size_t i;

  for (i = 0; set->table.slots && i <= set->table.mask; i++)
    free(set->table.slots[i].item);
  table_wipe(&set->table);
}
