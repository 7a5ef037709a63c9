#include "yaml/yaml.h"

#include <stdio.h>
#include <string.h>

struct yaml_node *
yaml_get(struct yaml_node const *map, char const *key)
{
  struct yaml_node *n;

  for (n = map && map->kind == YAML_MAP ? map->first : NULL; n; n = n->next)
    if (slice_is(n->key, key)) return n;
  return NULL;
}

/* ---- keys that are repeated ---- */

static void
append(struct yaml_node *parent, struct yaml_node *n)
{
  n->next = NULL;
  if (parent->last)
    parent->last->next = n;
  else
    parent->first = n;
  parent->last = n;
}

static void
append_children(struct yaml_node *to, struct yaml_node const *from)
{
  struct yaml_node *c, *next;

  for (c = from->first; c; c = next) {
    next = c->next;
    append(to, c);
  }
}

bool
yaml_join(struct yaml_node *map, bool once, yaml_say_fn *say)
{
  struct yaml_node *n = map->first, *next, *old;
  char text[256];
  bool ok = true;

  map->first = map->last = NULL;
  for (; n; n = next) {
    next = n->next;
    old = yaml_get(map, n->key.s);
    if (!old) {
      append(map, n);
    } else if (!once && old->kind == n->kind && n->kind != YAML_SCALAR) {
      append_children(old, n);
    } else {
      snprintf(text, sizeof text, "%.*s is given twice; the first is in line %u",
               (int)n->key.len, n->key.s, old->key_line);
      say(n->file, n->key_line, n->key_col, "error", text);
      ok = false;
    }
  }
  return ok;
}

/* ---- macros ---- */

struct expansion {
  struct arena *arena;
  struct yaml_node *macros;
  yaml_say_fn *say;
  unsigned int made;
};

static bool expand(struct expansion *x, struct yaml_node *n, unsigned int depth);

static struct yaml_node *
copy_tree(struct expansion *x, struct yaml_node const *from, unsigned int depth)
{
  struct yaml_node *n, *c, **at;
  struct yaml_node const *f;

  if (depth > YAML_DEPTH_MAX || ++x->made > YAML_NODES_MAX) return NULL;
  n = arena_alloc(x->arena, sizeof *n);
  if (!n) return NULL;
  *n = *from;
  n->first = n->last = n->next = NULL;
  at = &n->first;
  for (f = from->first; f; f = f->next) {
    c = copy_tree(x, f, depth + 1);
    if (!c) return NULL;
    *at = n->last = c;
    at = &c->next;
  }
  return n;
}

/* Give n the value of a macro; its place in the file stays n's own. */
static bool
replace(struct expansion *x, struct yaml_node *n, struct yaml_node const *macro,
        unsigned int depth)
{
  struct yaml_node *value = copy_tree(x, macro, depth);

  if (!value) {
    x->say(n->file, n->line, n->col, "error",
           "macros that contain themselves, or grow too large");
    return false;
  }
  n->kind = value->kind;
  n->text = value->text;
  n->quoted = value->quoted;
  n->first = value->first;
  n->last = value->last;
  n->macro = macro->key.s;
  return expand(x, n, depth + 1);
}

static bool
expand(struct expansion *x, struct yaml_node *n, unsigned int depth)
{
  struct yaml_node const *m;
  struct yaml_node *c;

  if (depth > YAML_DEPTH_MAX) {
    x->say(n->file, n->line, n->col, "error", "macros that contain themselves");
    return false;
  }
  if (n->kind == YAML_SCALAR) {
    for (m = x->macros->first; m; m = m->next)
      if (slice_eq(m->key, n->text)) return replace(x, n, m, depth);
    return true;
  }
  for (c = n->first; c; c = c->next)
    if (!expand(x, c, depth + 1)) return false;
  return true;
}

bool
yaml_expand(struct arena *a, struct yaml_node *tree, struct yaml_node *macros,
            yaml_say_fn *say)
{
  struct expansion x = {a, macros, say, 0};
  struct yaml_node *c;

  if (!macros || macros->kind != YAML_MAP) return true;
  for (c = tree->first; c; c = c->next)
    if (c != macros && !expand(&x, c, 1)) return false;
  return true;
}
