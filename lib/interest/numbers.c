#include "interest/internal.h"

#include <stdlib.h>

uint32_t
number_take(struct numbers *t, void *item)
{
  uint32_t size, i;
  void **v;
  uint32_t *f;

  if (!t->free_n && t->used + 1 >= t->size) {
    size = t->size ? 2 * t->size : 64;
    v = realloc(t->v, size * sizeof *v);
    if (!v) return 0;
    t->v = v;
    f = realloc(t->free, size * sizeof *f);
    if (!f) return 0;
    t->free = f;
    t->size = size;
  }
  i = t->free_n ? t->free[--t->free_n] : ++t->used;
  t->v[i] = item;
  return i;
}

void
number_give(struct numbers *t, uint32_t i)
{
  t->v[i] = NULL;
  t->free[t->free_n++] = i;
}
