#include "confgen.h"

#include <stdio.h>
#include <string.h>

/* Defaults of the options of modules and listeners. Programs have none of their own, so each default
 * is put out once for all (scope *), also when no host has the module and nobody listens. A
 * default with @HOST@ is put out for each host that has the module. */

static bool *is_put; /* by the place in the table */

/* Defaults of 18.04 that users would notice. */
static struct {
  char const *in, *name, *dflt;
} const old[] = {
  {"mod_push",           "include_body",   "false"},
  {"mod_push_keepalive", "resume_timeout", "86400"},
};

/* Later versions of ejabberd refuse a file with these modules, which the sample of 18.04 has. */
static bool
is_of_1804(void)
{
  struct yaml_node const *given = yaml_get(job.top, "modules");

  return yaml_get(given, "mod_irc") || yaml_get(given, "mod_echo");
}

char const *
default_text(struct option const *o)
{
  size_t i;

  for (i = 0; i < sizeof old / sizeof *old; i++)
    if (!strcmp(o->in, old[i].in) && !strcmp(o->name, old[i].name) && is_of_1804())
      return old[i].dflt;
  return o->dflt;
}

void
default_reset(void)
{
  is_put = arena_alloc(&job.arena, options_n * sizeof *is_put);
  if (is_put) memset(is_put, 0, options_n * sizeof *is_put);
}

void
default_put(struct option const *o, struct yaml_node const *n, char const *path,
            char const *key, struct slice host)
{
  struct yaml_node d = default_node(o, n), *v;
  bool for_host = strstr(o->dflt, "@HOST@");

  if (!is_put || (!for_host && is_put[o - options])) return;
  v = expand_keywords(&d, path, host);
  if (v) compile_value(o, v, path, key, for_host ? host : SLICE("*"));
  is_put[o - options] = true;
}

/* A rule that no host is asked for need not be there. */
static void
put_unused(struct option const *o, char const *key)
{
  struct yaml_node d = default_node(o, NULL);
  struct slice v = d.text;

  if (o->type != T_ACCESS && o->type != T_SHAPER && o->type != T_QUOTA)
    v = option_value(&job.arena, o, &d, key);
  if (v.s) emit_slice(o->owner & (DAEMONS | CTL), key, SLICE("*"), v);
}

void
default_put_rest(void)
{
  char key[160];
  size_t i;

  for (i = 0; is_put && i < options_n; i++) {
    struct option const *o = &options[i];
    if (!o->dflt || is_put[i] || strstr(o->dflt, "@HOST@")) continue;
    if (module_find(slice_str(o->in)))
      snprintf(key, sizeof key, "%s.%s", o->in, o->name);
    else if (listen_has(o->in))
      snprintf(key, sizeof key, "%s", o->name);
    else
      continue;
    put_unused(o, key);
  }
}
