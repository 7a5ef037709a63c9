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
           stralloc_cats(out, "='") && xml_cat_value(out, value) &&
           stralloc_cats(out, "'");
  slice_word(&name, '\1', &ns);
  snprintf(prefix, sizeof prefix, "a%u", i);
  if (slice_is(ns, "http://www.w3.org/XML/1998/namespace")) strcpy(prefix, "xml");
  return (!strcmp(prefix, "xml") ||
          (stralloc_cats(out, " xmlns:") && stralloc_cats(out, prefix) &&
           stralloc_cats(out, "='") && xml_cat_value(out, ns) &&
           stralloc_cats(out, "'"))) &&
         stralloc_cats(out, " ") && stralloc_cats(out, prefix) &&
         stralloc_cats(out, ":") && stralloc_catb(out, name.s, name.len) &&
         stralloc_cats(out, "='") && xml_cat_value(out, value) && stralloc_cats(out, "'");
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

/* ---- the other way ---- */

static bool
put_text(struct arena *a, struct lua *t, struct slice key, struct slice text)
{
  return lua_put(a, t, (struct lua){.kind = LUA_STRING, .text = key},
                 (struct lua){.kind = LUA_STRING, .text = text});
}

/* The attributes, and the namespace where it is another than that of the element around. */
static bool
read_attrs(struct arena *a, struct xml_node const *e, struct slice outer, struct lua *out)
{
  unsigned int i;

  out->kind = LUA_TABLE;
  if (!slice_eq(e->ns, outer) && !put_text(a, out, SLICE("xmlns"), e->ns)) return false;
  for (i = 0; i < e->head->attrs_n; i++) {
    struct xml_attr const *x = &e->head->attrs[i];
    struct slice key = x->name;
    char *text;
    if (x->ns.len) {
      text = arena_alloc(a, x->ns.len + 1 + x->name.len);
      if (!text) return false;
      memcpy(text, x->ns.s, x->ns.len);
      text[x->ns.len] = '\1';
      memcpy(text + x->ns.len + 1, x->name.s, x->name.len);
      key = slice_of(text, x->ns.len + 1 + x->name.len);
    }
    if (!put_text(a, out, key, x->value)) return false;
  }
  return true;
}

/* xml_parse bounds the depth. */
static bool
read_element(struct arena *a, struct xml_node const *e, struct slice outer,
             struct lua *out)
{
  struct lua attr = {.kind = LUA_TABLE}, child;
  struct xml_node const *c;
  unsigned int n = 0;

  out->kind = LUA_TABLE;
  if (!put_text(a, out, SLICE("name"), e->name) || !read_attrs(a, e, outer, &attr) ||
      !lua_put(a, out, (struct lua){.kind = LUA_STRING, .text = SLICE("attr")}, attr))
    return false;
  for (c = e->first; c; c = c->next) {
    child = (struct lua){.kind = LUA_STRING};
    if (!c->name.len)
      child.text = c->text;
    else if (!read_element(a, c, e->ns, &child))
      return false;
    if (!lua_put(a, out, (struct lua){.kind = LUA_NUMBER, .number = ++n}, child))
      return false;
  }
  return true;
}

bool
prosody_read_stanza(struct arena *a, struct slice text, struct lua *out)
{
  enum xml_error why;
  struct xml_node const *e = xml_parse(a, text, "", &why);

  *out = (struct lua){.kind = LUA_TABLE};
  return e && read_element(a, e, SLICE(""), out);
}
