#include "confgen.h"

#include <stdio.h>

/* The word undefined, which the manuals of ejabberd have for an option that is not given, and files have
 * from there. Such an option is taken out before anything is compiled, wherever options stand: so its
 * default holds, or nothing. */

/* Take out of a mapping what is undefined. */
static void
drop(struct yaml_node *map, char const *path)
{
  struct yaml_node **at = &map->first, *n;
  char text[160];

  map->last = NULL;
  while ((n = *at)) {
    if (n->kind == YAML_SCALAR && slice_is(n->text, "undefined")) {
      snprintf(text, sizeof text, "%.100s%.50s", path, n->key.s);
      say_note(n, text, "undefined: taken as if the option were not given");
      *at = n->next;
      continue;
    }
    map->last = n;
    at = &n->next;
  }
}

/* The options of a module, a mapping or a list of mappings; and those of rooms in it. */
static void
drop_in_module(struct yaml_node *n, char const *path)
{
  char inner[160];
  struct yaml_node *c;

  if (n->kind == YAML_LIST)
    for (c = n->first; c; c = c->next)
      drop_in_module(c, path);
  if (n->kind != YAML_MAP) return;
  drop(n, path);
  c = yaml_get(n, "default_room_options");
  snprintf(inner, sizeof inner, "%.100sdefault_room_options.", path);
  if (c) drop_in_module(c, inner);
}

static void
drop_in_modules(struct yaml_node *map)
{
  struct yaml_node *n;
  char path[128];

  for (n = map && map->kind == YAML_MAP ? map->first : NULL; n; n = n->next) {
    snprintf(path, sizeof path, "modules.%.100s.", n->key.s);
    drop_in_module(n, path);
  }
}

static void
drop_in_hosts(struct yaml_node *hosts, char const *path)
{
  struct yaml_node *n;

  for (n = hosts && hosts->kind == YAML_MAP ? hosts->first : NULL; n; n = n->next) {
    if (n->kind != YAML_MAP) continue;
    drop(n, path);
    drop_in_modules(yaml_get(n, "modules"));
  }
}

void
drop_undefined(struct yaml_node *top)
{
  struct yaml_node *listen, *n;

  drop(top, "");
  drop_in_modules(yaml_get(top, "modules"));
  drop_in_hosts(yaml_get(top, "host_config"), "host_config.");
  drop_in_hosts(yaml_get(top, "append_host_config"), "append_host_config.");
  listen = yaml_get(top, "listen");
  for (n = listen && listen->kind == YAML_LIST ? listen->first : NULL; n; n = n->next)
    if (n->kind == YAML_MAP) drop(n, "listen.");
}
