#include "base/base.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX (1u << ID_SLOT_BITS)

static uint32_t
slot_of(uint64_t id)
{
  return (uint32_t)(id & (SLOTS_MAX - 1));
}

static bool
grow(struct ids *t)
{
  uint32_t size = t->size ? 2 * t->size : 64;
  struct id_entry *v;
  uint32_t *list;

  if (size > SLOTS_MAX) return false;
  v = realloc(t->v, size * sizeof *v);
  if (!v) return false;
  t->v = v;
  list = realloc(t->free, size * sizeof *list);
  if (!list) return false;
  t->free = list;
  memset(v + t->size, 0, (size - t->size) * sizeof *v);
  t->size = size;
  return true;
}

uint64_t
ids_take(struct ids *t, void *item)
{
  uint32_t i;

  if (t->free_n)
    i = t->free[--t->free_n];
  else if (t->used < t->size || grow(t))
    i = t->used++;
  else
    return 0;
  /* The id of the slot's last item stays behind it: the next has one generation more. */
  t->v[i].id = (((t->v[i].id >> ID_SLOT_BITS) + 1) << ID_SLOT_BITS) | i;
  t->v[i].item = item;
  t->live++;
  return t->v[i].id;
}

void *
ids_get(struct ids const *t, uint64_t id)
{
  uint32_t i = slot_of(id);

  return i < t->used && t->v[i].id == id ? t->v[i].item : NULL;
}

void *
ids_at(struct ids const *t, uint32_t i)
{
  return t->v[i].item;
}

void
ids_give(struct ids *t, uint64_t id)
{
  uint32_t i = slot_of(id);

  if (!ids_get(t, id)) return;
  t->v[i].item = NULL;
  t->free[t->free_n++] = i;
  t->live--;
}

void
ids_set(struct ids *t, uint64_t id, void *item)
{
  if (ids_get(t, id)) t->v[slot_of(id)].item = item;
}

bool
ids_size(struct ids *t, uint32_t used, uint32_t free_n)
{
  if (used > SLOTS_MAX || free_n > used) return false;
  while (t->size < used)
    if (!grow(t)) return false;
  t->used = used;
  t->free_n = free_n;
  t->live = used - free_n;
  return true;
}

bool
ids_restore(struct ids *t, uint64_t id, void *item)
{
  uint32_t i = slot_of(id);

  if (i >= t->used || t->v[i].id != id || t->v[i].item) return false;
  t->v[i].item = item;
  return true;
}

bool
id_map_put(struct id_map *m, uint64_t id, void *item)
{
  uint32_t i = slot_of(id), size = i + i / 2 + 64;

  if (i >= m->size) {
    struct id_entry *v = realloc(m->v, size * sizeof *v);
    if (!v) return false;
    memset(v + m->size, 0, (size - m->size) * sizeof *v);
    m->v = v;
    m->size = size;
  }
  m->v[i] = (struct id_entry){item, id};
  return true;
}

void *
id_map_get(struct id_map const *m, uint64_t id)
{
  uint32_t i = slot_of(id);

  return m && i < m->size && m->v[i].id == id ? m->v[i].item : NULL;
}

void *
id_map_in_slot(struct id_map const *m, uint64_t id)
{
  uint32_t i = slot_of(id);

  return m && i < m->size ? m->v[i].item : NULL;
}

void
id_map_del(struct id_map *m, uint64_t id)
{
  if (id_map_get(m, id)) m->v[slot_of(id)].item = NULL;
}

void
id_map_wipe(struct id_map *m)
{
  free(m->v);
  m->v = NULL;
  m->size = 0;
}
