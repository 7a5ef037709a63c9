#include "confgen.h"

#include <stdio.h>
#include <string.h>

/* append_module_config of a module that has several services (option hosts): options for one of them,
 * by its name. They are put out with the name of the service as their scope; a program looks for rows
 * of the service before those of its host. */

/* A name in the file. The mapping may be for all hosts: each looks for its own services in it, and a
 * name that is nobody's is an error. */
struct name {
  struct name *next;
  struct module const *module;
  struct yaml_node const *at;
  char const *path;
  bool used;
};

static struct name *names;

static void
note(struct module const *m, struct yaml_node const *at, char const *path, bool used)
{
  struct name *n;

  for (n = names; n; n = n->next)
    if (n->module == m && n->at->key_line == at->key_line &&
        n->at->key_col == at->key_col && !strcmp(n->at->file, at->file))
      break;
  if (!n) {
    n = arena_alloc(&job.arena, sizeof *n);
    if (!n) return;
    *n = (struct name){names, m, at, arena_copy(&job.arena, slice_str(path)).s, false};
    names = n;
  }
  n->used = n->used || used;
}

/* Options that say which services there are, or what one of them has. */
static bool
is_of_all(struct yaml_node const *n)
{
  return slice_is(n->key, "host") || slice_is(n->key, "hosts") ||
         slice_is(n->key, "append_module_config");
}

static void
each_option(struct module const *m, struct yaml_node const *n, char const *path,
            struct slice name)
{
  struct yaml_node const *c;
  char at[512];

  for (c = n->first; c; c = c->next) {
    if (!is_of_all(c)) {
      compile_module_option(m, c, path, name);
      continue;
    }
    snprintf(at, sizeof at, "%s.%s", path, c->key.s);
    say_error(c, at, "this option is not for one service");
  }
}

static void
of_service(struct module const *m, struct yaml_node const *n, char const *path,
           struct slice host)
{
  struct slice name = jid_prep_domain(&job.arena, n->key);
  struct yaml_node at = *n;
  char in[400];

  at.line = n->key_line;
  at.col = n->key_col;
  if (!name.s) {
    say_error(&at, path, "\"%s\" is not a domain name", n->key.s);
    return;
  }
  note(m, n, path, module_has_name(m, name, host));
  if (!module_has_name(m, name, host)) return;
  snprintf(in, sizeof in, "%s.%s", path, name.s);
  if (n->kind != YAML_MAP && (n->kind != YAML_SCALAR || n->text.len))
    say_error(n, in, "expected a mapping of options, got a %s",
              n->kind == YAML_LIST ? "list" : "value");
  else
    each_option(m, n, in, name);
}

bool
compile_appended(struct module const *m, struct option const *o,
                 struct yaml_node const *n, char const *path, struct slice host)
{
  struct yaml_node const *c;

  if (strcmp(o->name, "append_module_config") != 0) return false;
  if (n->kind != YAML_MAP && (n->first || n->text.len))
    say_error(n, path, "expected a mapping of services, got a %s",
              n->kind == YAML_LIST ? "list" : "value");
  else
    for (c = n->first; c; c = c->next)
      of_service(m, c, path, host);
  return true;
}

void
compile_appended_rest(void)
{
  struct yaml_node at;
  struct name *n;

  for (n = names; n; n = n->next) {
    if (n->used) continue;
    at = *n->at;
    at.line = at.key_line;
    at.col = at.key_col;
    say_error(&at, n->path, "%s is no service of %s here", at.key.s, n->module->name);
  }
  names = NULL;
}
