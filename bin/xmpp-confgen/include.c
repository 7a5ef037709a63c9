#include "confgen.h"

#include <skalibs/djbunix.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* include_config_file: other files' options, joined with the main file's. Lists and mappings
 * add up; the same scalar in two files is an error. Paths begin at the including file. */

#define INCLUDES_MAX 16

static struct slice
path_beside(char const *file, struct slice name)
{
  char const *slash = strrchr(file, '/');
  char path[1024];

  if (!slash || (name.len && name.s[0] == '/')) return name;
  snprintf(path, sizeof path, "%.*s/%s", (int)(slash - file), file, name.s);
  return arena_copy(&job.arena, slice_str(path));
}

static void
append(struct yaml_node *to, struct yaml_node *n)
{
  n->next = NULL;
  if (to->last)
    to->last->next = n;
  else
    to->first = n;
  to->last = n;
}

/* The old node becomes the other, in its own place. */
static bool
replace(struct yaml_node *old, struct yaml_node const *by)
{
  struct yaml_node *next = old->next;

  *old = *by;
  old->next = next;
  return true;
}

/* Move an option of an included file into the main file. */
static bool
join(struct yaml_node *top, struct yaml_node *n)
{
  struct yaml_node *old = yaml_get(top, n->key.s), *c, *next, *same;

  if (!old) {
    append(top, n);
    return true;
  }
  if (old->kind != n->kind || n->kind == YAML_SCALAR) {
    if (job.lenient) return replace(old, n);
    say_error(n, n->key.s, "is also in %s, line %u", old->file, old->key_line);
    return false;
  }
  for (c = n->first; c; c = next) {
    next = c->next;
    same = n->kind == YAML_MAP ? yaml_get(old, c->key.s) : NULL;
    if (same && job.lenient) {
      replace(same, c);
      continue;
    }
    if (same) {
      say_error(c, n->key.s, "%s is also in %s, line %u", c->key.s, same->file,
                same->key_line);
      return false;
    }
    append(old, c);
  }
  return true;
}

/* Say whether the limits of an entry {FILE: {disallow: [], allow_only: []}} let an
 * option in. */
static bool
let_in(struct yaml_node const *limits, struct slice name)
{
  struct yaml_node const *deny = yaml_get(limits, "disallow"), *c;
  struct yaml_node const *only = yaml_get(limits, "allow_only");

  for (c = deny ? deny->first : NULL; c; c = c->next)
    if (slice_eq(c->text, name)) return false;
  for (c = only ? only->first : NULL; c; c = c->next)
    if (slice_eq(c->text, name)) return true;
  return !only;
}

static bool include_in(struct yaml_node *top, struct yaml_node *from, char const *file,
                       unsigned int depth);

/* Said where the file is named: nobody has opened the other one. */
static bool
can_read(struct yaml_node const *where, struct slice name, struct slice path)
{
  int fd = open_readb(path.s);
  struct stat st;

  if (fd >= 0 && !fstat(fd, &st) && S_ISDIR(st.st_mode)) {
    fd_close(fd);
    fd = -1;
    errno = EISDIR;
  }
  if (fd >= 0) {
    fd_close(fd);
    return true;
  }
  say_error(where, "include_config_file", "%s: %s", name.s, strerror(errno));
  errno = 0;
  return false;
}

static bool
limits_hold(struct yaml_node const *limits)
{
  struct yaml_node const *c;

  for (c = limits && limits->kind == YAML_MAP ? limits->first : NULL; c; c = c->next) {
    struct yaml_node at = *c;
    if (slice_is(c->key, "disallow") || slice_is(c->key, "allow_only")) continue;
    at.line = c->key_line;
    at.col = c->key_col;
    say_error(&at, "include_config_file",
              "unknown option %s; known: disallow, allow_only", c->key.s);
    return false;
  }
  return true;
}

static bool
include_one(struct yaml_node *top, struct yaml_node const *where, struct slice name,
            struct yaml_node const *limits, char const *file, unsigned int depth)
{
  struct slice path = path_beside(file, name);
  struct yaml_node *tree, *n, *next;

  if (!path.s) return false;
  if (depth > INCLUDES_MAX) {
    say_error(where, "include_config_file", "more than %d files inside each other",
              INCLUDES_MAX);
    return false;
  }
  if (!can_read(where, name, path)) return false;
  emit_slice(CTL, "included", SLICE("*"), path);
  tree = yaml_read(&job.arena, path.s, say_yaml);
  if (!tree) {
    errno = 0;
    return false;
  }
  join_sections(tree);
  if (!limits_hold(limits)) return false;
  if (!include_in(top, tree, path.s, depth + 1)) return false;
  for (n = tree->first; n; n = next) {
    next = n->next;
    if (slice_is(n->key, "include_config_file") || !let_in(limits, n->key)) continue;
    if (!join(top, n)) return false;
  }
  return true;
}

static bool
include_in(struct yaml_node *top, struct yaml_node *from, char const *file,
           unsigned int depth)
{
  struct yaml_node const *inc = yaml_get(from, "include_config_file"), *c;

  if (!inc) return true;
  if (inc->kind == YAML_SCALAR)
    return include_one(top, inc, inc->text, NULL, file, depth);
  for (c = inc->first; c; c = c->next) {
    if (inc->kind == YAML_LIST && c->kind == YAML_MAP && c->first && !c->first->next) {
      struct yaml_node const *one = c->first; /* a list of one-key mappings */
      if (!include_one(top, one, one->key, one, file, depth)) return false;
      continue;
    }
    if (inc->kind == YAML_LIST && c->kind != YAML_SCALAR) {
      say_error(c, "include_config_file", "expected a file's path, got a %s",
                c->kind == YAML_LIST ? "list" : "mapping");
      return false;
    }
    struct slice name = inc->kind == YAML_MAP ? c->key : c->text;
    if (!include_one(top, c, name, inc->kind == YAML_MAP ? c : NULL, file, depth))
      return false;
  }
  return true;
}

bool
include_files(struct yaml_node *top, char const *file)
{
  return include_in(top, top, file, 1);
}

/* A macro's name is in capitals, digits and underscores. */
bool
check_macros(struct yaml_node const *top)
{
  struct yaml_node const *macros = yaml_get(top, "define_macro"), *n;
  bool ok = true;
  size_t i;

  if (macros && macros->kind != YAML_MAP) {
    say_error(macros, "define_macro", "expected a mapping, got %s%s%s",
              macros->kind == YAML_LIST ? "a list" : "\"",
              macros->kind == YAML_LIST ? "" : macros->text.s,
              macros->kind == YAML_LIST ? "" : "\"");
    return false;
  }
  for (n = macros ? macros->first : NULL; n; n = n->next)
    for (i = 0; i < n->key.len; i++) {
      char c = n->key.s[i];
      if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_') continue;
      struct yaml_node at = *n;
      at.line = n->key_line;
      at.col = n->key_col;
      say_error(&at, "define_macro",
                "\"%s\" is no name of a macro; expected capitals, digits and _",
                n->key.s);
      ok = false;
      break;
    }
  return ok;
}
