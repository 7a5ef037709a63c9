#include "prosody.h"

#include "move.h"

#include <stdlib.h>
#include <string.h>

/* A stanza: { name = "message", attr = { xmlns = ..., ["NAMESPACE\1name"] = ... }, children }, whose
 * children are texts and stanzas under 1, 2, ... */

#define DEPTH_MAX 150

static int
by_name(void const *a, void const *b)
{
  struct lua_pair const *x = *(struct lua_pair const *const *)a;
  struct lua_pair const *y = *(struct lua_pair const *const *)b;
  size_t n = x->key.text.len < y->key.text.len ? x->key.text.len : y->key.text.len;
  int c = memcmp(x->key.text.s, y->key.text.s, n);

  return c ? c : (int)x->key.text.len - (int)y->key.text.len;
}

static int
by_number(void const *a, void const *b)
{
  struct lua_pair const *x = *(struct lua_pair const *const *)a;
  struct lua_pair const *y = *(struct lua_pair const *const *)b;

  return x->key.number < y->key.number ? -1 : x->key.number > y->key.number;
}

/* The pairs of t whose keys are of this kind, sorted; the caller frees them. NULL: there are none, or
 * no memory. */
static struct lua_pair const **
sorted(struct lua const *t, enum lua_kind kind, size_t *n)
{
  struct lua_pair const *p, **all;
  size_t i = 0;

  for (*n = 0, p = t->first; p; p = p->next)
    *n += p->key.kind == kind;
  all = *n ? malloc(*n * sizeof *all) : NULL;
  if (!all) {
    *n = 0;
    return NULL;
  }
  for (p = t->first; p; p = p->next)
    if (p->key.kind == kind) all[i++] = p;
  qsort(all, *n, sizeof *all, kind == LUA_STRING ? by_name : by_number);
  return all;
}

static bool
cat_attr(stralloc *out, struct slice name, struct slice value, unsigned int i)
{
  struct slice ns;
  char prefix[16];

  if (!memchr(name.s, '\1', name.len))
    return stralloc_cats(out, " ") && stralloc_catb(out, name.s, name.len) &&
           stralloc_cats(out, "='") && xml_cat_text(out, value) &&
           stralloc_cats(out, "'");
  slice_word(&name, '\1', &ns);
  snprintf(prefix, sizeof prefix, "a%u", i);
  if (slice_is(ns, "http://www.w3.org/XML/1998/namespace")) strcpy(prefix, "xml");
  return (!strcmp(prefix, "xml") ||
          (stralloc_cats(out, " xmlns:") && stralloc_cats(out, prefix) &&
           stralloc_cats(out, "='") && xml_cat_text(out, ns) &&
           stralloc_cats(out, "'"))) &&
         stralloc_cats(out, " ") && stralloc_cats(out, prefix) &&
         stralloc_cats(out, ":") && stralloc_catb(out, name.s, name.len) &&
         stralloc_cats(out, "='") && xml_cat_text(out, value) && stralloc_cats(out, "'");
}

/* Times that Prosody puts into the start tag of what it stores are not of the stanza. */
static bool
is_of_stanza(struct slice name, bool is_top)
{
  return !is_top || (!slice_is(name, "stamp") && !slice_is(name, "stamp_legacy"));
}

static bool
cat_attrs(stralloc *out, struct lua const *t, bool is_top)
{
  struct lua const *attr = lua_get(t, "attr");
  struct lua_pair const **all;
  bool ok = true;
  size_t n, i;

  if (!attr || attr->kind != LUA_TABLE) return true;
  all = sorted(attr, LUA_STRING, &n);
  for (i = 0; ok && i < n; i++)
    if (all[i]->value.kind == LUA_STRING && is_of_stanza(all[i]->key.text, is_top))
      ok = cat_attr(out, all[i]->key.text, all[i]->value.text, (unsigned int)i);
  free(all);
  return ok;
}

static bool cat_element(stralloc *out, struct lua const *t, char const *head,
                        struct slice tail, unsigned int depth);

static bool
cat_children(stralloc *out, struct lua const *t, unsigned int depth)
{
  struct lua_pair const **all;
  bool ok = true;
  size_t n, i;

  all = sorted(t, LUA_NUMBER, &n);
  for (i = 0; ok && i < n; i++)
    ok = all[i]->value.kind == LUA_STRING
           ? xml_cat_text(out, all[i]->value.text)
           : cat_element(out, &all[i]->value, "", SLICE(""), depth + 1);
  free(all);
  return ok;
}

static bool
cat_element(stralloc *out, struct lua const *t, char const *head, struct slice tail,
            unsigned int depth)
{
  struct slice name = lua_text(t, "name");

  return name.len && depth < DEPTH_MAX && stralloc_cats(out, "<") &&
         stralloc_catb(out, name.s, name.len) && stralloc_cats(out, head) &&
         cat_attrs(out, t, !depth) && stralloc_cats(out, ">") &&
         cat_children(out, t, depth) && stralloc_catb(out, tail.s, tail.len) &&
         stralloc_cats(out, "</") && stralloc_catb(out, name.s, name.len) &&
         stralloc_cats(out, ">");
}

bool
prosody_cat_stanza(stralloc *out, struct lua const *t, char const *head,
                   struct slice tail)
{
  struct lua const *attr = lua_get(t, "attr");
  bool has = attr && lua_get(attr, "xmlns");

  return cat_element(out, t, has ? "" : head, tail, 0);
}
