#include "between.h"

#include <skalibs/stralloc.h>

#include <stdlib.h>
#include <string.h>

struct between_key {
  struct between *first;
  char text[]; /* "A/B" */
};

struct slice
between_key_of(void const *key)
{
  return slice_str(((struct between_key const *)key)->text);
}

/* The text of a key; it lives until the next call. s NULL: ENOMEM. */
static struct slice
text_of(struct slice a, struct slice b)
{
  static stralloc text = STRALLOC_ZERO;

  text.len = 0;
  if (!stralloc_catb(&text, a.s, a.len) || !stralloc_catb(&text, "/", 1) ||
      !stralloc_catb(&text, b.s, b.len))
    return (struct slice){0};
  return slice_of(text.s, text.len);
}

static struct between_key *
key_make(struct table *t, struct slice text)
{
  struct between_key *key = text.s ? table_get(t, text) : NULL;

  if (key || !text.s) return key;
  key = calloc(1, sizeof *key + text.len + 1);
  if (!key) return NULL;
  memcpy(key->text, text.s, text.len);
  if (table_put(t, key)) return key;
  free(key);
  return NULL;
}

bool
between_put(struct table *t, struct between *at, void *thing, char const *a,
            char const *b)
{
  struct between_key *key = key_make(t, text_of(slice_str(a), slice_str(b)));

  if (!key) return false;
  at->thing = thing;
  at->key = key;
  at->prev = NULL;
  at->next = key->first;
  if (key->first) key->first->prev = at;
  key->first = at;
  return true;
}

void
between_del(struct table *t, struct between *at)
{
  struct between_key *key = at->key;

  if (!key) return;
  if (at->prev)
    at->prev->next = at->next;
  else
    key->first = at->next;
  if (at->next) at->next->prev = at->prev;
  *at = (struct between){0};
  if (!key->first) free(table_del(t, between_key_of(key)));
}

struct between *
between_first(struct table const *t, struct slice a, struct slice b)
{
  struct slice text = text_of(a, b);
  struct between_key *key = text.s ? table_get(t, text) : NULL;

  return key ? key->first : NULL;
}
