#include "xml/xml.h"

#include <string.h>

/* Reading trees, and writing them. */

bool
xml_is(struct xml_node const *e, char const *ns, char const *name)
{
  return e && slice_is(e->name, name) && slice_is(e->ns, ns);
}

struct xml_node const *
xml_next(struct xml_node const *e, struct xml_node const *c)
{
  c = c ? c->next : e->first;
  while (c && !c->name.len)
    c = c->next;
  return c;
}

struct xml_node const *
xml_child(struct xml_node const *e, char const *ns, char const *name)
{
  struct xml_node const *c;

  for (c = xml_next(e, NULL); c; c = xml_next(e, c))
    if (slice_is(c->name, name) && (!ns || slice_is(c->ns, ns))) return c;
  return NULL;
}

struct slice
xml_attr(struct xml_node const *e, char const *name)
{
  size_t i;

  for (i = 0; i < e->attrs_n; i++)
    if (!e->attrs[i].ns.len && slice_is(e->attrs[i].name, name)) return e->attrs[i].value;
  return (struct slice){NULL, 0};
}

struct slice
xml_text(struct arena *a, struct xml_node const *e)
{
  struct xml_node const *c;
  size_t len = 0;
  char *s;

  for (c = e->first; c; c = c->next)
    len += c->text.len;
  s = arena_alloc(a, len + 1);
  if (!s) return (struct slice){NULL, 0};
  s[len] = 0;
  len = 0;
  for (c = e->first; c; c = c->next) {
    if (c->text.len) memcpy(s + len, c->text.s, c->text.len);
    len += c->text.len;
  }
  return slice_of(s, len);
}

bool
xml_cat(stralloc *out, char const *markup)
{
  return stralloc_cats(out, markup);
}

static char const *
entity(char c)
{
  switch (c) {
  case '<': return "&lt;";
  case '>': return "&gt;";
  case '&': return "&amp;";
  case '\'': return "&apos;";
  case '"': return "&quot;";
  case '\n': return "&#10;";
  case '\r': return "&#13;";
  case '\t': return "&#9;";
  default: return NULL;
  }
}

#define IN_ATTRIBUTES 1
#define IN_TEXT 2

/* From where on each is escaped: in attributes all of these, in text fewer. */
static unsigned char const escaped[256] = {
  ['<'] = IN_TEXT, ['>'] = IN_TEXT,  ['&'] = IN_TEXT,        ['\''] = IN_TEXT,
  ['"'] = IN_TEXT, ['\r'] = IN_TEXT, ['\n'] = IN_ATTRIBUTES, ['\t'] = IN_ATTRIBUTES,
};

static bool
cat_escaped(stralloc *out, struct slice text, unsigned char where)
{
  size_t from = 0, i;

  for (i = 0; i < text.len; i++) {
    if (escaped[(unsigned char)text.s[i]] < where) continue;
    if (!stralloc_catb(out, text.s + from, i - from) ||
        !stralloc_cats(out, entity(text.s[i])))
      return false;
    from = i + 1;
  }
  return from == text.len || stralloc_catb(out, text.s + from, text.len - from);
}

bool
xml_cat_text(stralloc *out, struct slice text)
{
  return cat_escaped(out, text, IN_TEXT);
}

bool
xml_cat_attr(stralloc *out, char const *name, struct slice value)
{
  return xml_cat(out, " ") && xml_cat(out, name) && xml_cat(out, "='") &&
         cat_escaped(out, value, IN_ATTRIBUTES) && xml_cat(out, "'");
}

static bool
cat_slice(stralloc *out, struct slice s)
{
  return !s.len || stralloc_catb(out, s.s, s.len);
}

#define NS_XML "http://www.w3.org/XML/1998/namespace"

/* What prefix stands for at e: the innermost declaration of it; s NULL when there is
 * none. */
static struct slice
meaning_of(struct xml_node const *e, struct slice prefix)
{
  size_t i;

  for (; e; e = e->parent)
    for (i = 0; i < e->decls_n; i++)
      if (slice_eq(e->decls[2 * i], prefix)) return e->decls[2 * i + 1];
  return (struct slice){NULL, 0};
}

/* A prefix that at e stands for ns, declared within the tree of top; empty when there is
 * none. */
static struct slice
prefix_for(struct xml_node const *e, struct slice ns, struct xml_node const *top)
{
  struct xml_node const *at;
  size_t i;

  for (at = e; at != top->parent; at = at->parent)
    for (i = 0; i < at->decls_n; i++)
      if (at->decls[2 * i].len && slice_eq(at->decls[2 * i + 1], ns) &&
          slice_eq(meaning_of(e, at->decls[2 * i]), ns))
        return at->decls[2 * i];
  return SLICE("");
}

/* Attribute i's prefix was declared around the tree, which is to stand alone: a prefix of its
 * own, aN, that the element does not declare itself. */
static bool
cat_own_prefix(stralloc *out, struct xml_node const *e, size_t i)
{
  char name[2 + BASE_NUM] = "a", num[BASE_NUM];
  size_t n = i, j;
  bool taken;

  do {
    struct slice text = num_u64(num, n);
    memcpy(name + 1, text.s, text.len + 1);
    n += XML_ATTRS_MAX;
    for (taken = false, j = 0; j < e->decls_n; j++)
      if (slice_is(e->decls[2 * j], name)) taken = true;
  } while (taken);
  return xml_cat(out, "xmlns:") && xml_cat(out, name) && xml_cat(out, "='") &&
         cat_escaped(out, e->attrs[i].ns, IN_ATTRIBUTES) && xml_cat(out, "' ") &&
         xml_cat(out, name);
}

static bool
cat_attr_ns(stralloc *out, struct xml_node const *e, size_t i, struct xml_node const *top)
{
  struct xml_attr const *a = &e->attrs[i];
  struct slice prefix;

  if (!xml_cat(out, " ")) return false;
  if (slice_is(a->ns, NS_XML)) {
    if (!xml_cat(out, "xml:")) return false;
  } else if (a->ns.len) {
    prefix = prefix_for(e, a->ns, top);
    if (!(prefix.len ? cat_slice(out, prefix) : cat_own_prefix(out, e, i))) return false;
    if (!xml_cat(out, ":")) return false;
  }
  return cat_slice(out, a->name) && xml_cat(out, "='") &&
         cat_escaped(out, a->value, IN_ATTRIBUTES) && xml_cat(out, "'");
}

/* The namespace of "xml:" cannot be the default one (XML Names s3). */
static bool
cat_name(stralloc *out, struct xml_node const *e)
{
  return (!slice_is(e->ns, NS_XML) || xml_cat(out, "xml:")) && cat_slice(out, e->name);
}

/* The default namespace around e. */
static struct slice
outer_of(struct xml_node const *e, struct xml_node const *top, char const *ns)
{
  for (; e != top; e = e->parent)
    if (!slice_is(e->parent->ns, NS_XML)) return e->parent->ns;
  return slice_str(ns);
}

/* Elements are written with the default namespace, whatever prefix they came with. */
static bool
cat_open(stralloc *out, struct xml_node const *e, struct xml_node const *top,
         char const *ns)
{
  struct slice outer = outer_of(e, top, ns);
  size_t i;

  if (!xml_cat(out, "<") || !cat_name(out, e)) return false;
  if (!slice_is(e->ns, NS_XML) && !slice_eq(e->ns, outer) &&
      !xml_cat_attr(out, "xmlns", e->ns))
    return false;
  for (i = 0; i < e->decls_n; i++) {
    if (!e->decls[2 * i].len) continue;
    if (!xml_cat(out, " xmlns:") || !cat_slice(out, e->decls[2 * i]) ||
        !xml_cat(out, "='") || !cat_escaped(out, e->decls[2 * i + 1], IN_ATTRIBUTES) ||
        !xml_cat(out, "'"))
      return false;
  }
  for (i = 0; i < e->attrs_n; i++)
    if (!cat_attr_ns(out, e, i, top)) return false;
  return xml_cat(out, e->first ? ">" : "/>");
}

static bool
cat_close(stralloc *out, struct xml_node const *e)
{
  return !e->first || (xml_cat(out, "</") && cat_name(out, e) && xml_cat(out, ">"));
}

bool
xml_cat_tree(stralloc *out, struct xml_node const *top, char const *ns)
{
  struct xml_node const *e = top;

  for (;;) {
    if (e->name.len) {
      if (!cat_open(out, e, top, ns)) return false;
      if (e->first) {
        e = e->first;
        continue;
      }
    } else if (!xml_cat_text(out, e->text))
      return false;
    while (e != top && !e->next) {
      e = e->parent;
      if (!cat_close(out, e)) return false;
    }
    if (e == top) return true;
    e = e->next;
  }
}
