#include "confgen.h"

#include "xml/xml.h"

#include <ctype.h>
#include <string.h>

/* A vCard (XEP-0054) as a mapping: each key, in capitals, is an element; a mapping is the elements
 * inside it, a list is several of one name, true an element that is empty, any other scalar is text. */

#define DEPTH_MAX 8

static bool cat_children(stralloc *out, struct yaml_node const *n, char const *path,
                         unsigned int depth);

static bool
cat_name(stralloc *out, struct slice key)
{
  size_t i;

  if (!key.len || key.len > 32 || !isalpha((unsigned char)key.s[0])) return false;
  for (i = 0; i < key.len; i++) {
    char c = (char)toupper((unsigned char)key.s[i]);
    if (!isalnum((unsigned char)c) && c != '-') return false;
    if (!stralloc_catb(out, &c, 1)) return false;
  }
  return true;
}

static bool
cat_element(stralloc *out, struct slice key, struct yaml_node const *n, char const *path,
            unsigned int depth)
{
  struct yaml_node const *c;
  bool empty = n->kind == YAML_SCALAR && !n->quoted && slice_is(n->text, "true");

  if (n->kind == YAML_LIST) {
    for (c = n->first; c; c = c->next)
      if (!cat_element(out, key, c, path, depth)) return false;
    return true;
  }
  if (n->kind == YAML_SCALAR && !n->quoted && slice_is(n->text, "false")) return true;
  if (depth > DEPTH_MAX || !xml_cat(out, "<") || !cat_name(out, key)) {
    say_error(n, path, "\"%s\" cannot be an element of a vCard", key.s ? key.s : "");
    return false;
  }
  if (empty) return xml_cat(out, "/>");
  return xml_cat(out, ">") &&
         (n->kind == YAML_SCALAR ? xml_cat_text(out, n->text)
                                 : cat_children(out, n, path, depth + 1)) &&
         xml_cat(out, "</") && cat_name(out, key) && xml_cat(out, ">");
}

static bool
cat_children(stralloc *out, struct yaml_node const *n, char const *path,
             unsigned int depth)
{
  struct yaml_node const *c;

  for (c = n->first; c; c = c->next)
    if (!cat_element(out, c->key, c, path, depth)) return false;
  return true;
}

struct slice
vcard_value(struct yaml_node const *n, char const *path)
{
  stralloc out = STRALLOC_ZERO;
  struct slice text = {NULL, 0};

  if (cat_children(&out, n, path, 0)) {
    if (out.len > VCARD_MAX)
      say_error(n, path, "the vCard is too large");
    else
      text = arena_copy(&job.arena, slice_of(out.s, out.len));
  }
  stralloc_free(&out);
  return text;
}
