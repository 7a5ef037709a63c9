#include "confgen.h"

/* Keys that are repeated. Options are said once, but lists and mappings of options add up;
 * the conditions of rules, and HTTP headers, are lists of pairs, whose keys may repeat. */

/* The kinds of mappings. */
enum kind {
  TOP,     /* the whole file, or the section of a host */
  HOSTS,   /* host_config: a TOP for each host */
  RULES,   /* acls or rules by their names: each is PAIRS */
  MODULES, /* by their names, each of which is there once */
  OPTIONS, /* anything else */
  PAIRS
};

static struct {
  char const *option;
  enum kind kind;
} const sections[] = {
  {"host_config",        HOSTS  },
  {"append_host_config", HOSTS  },
  {"acl",                RULES  },
  {"access",             RULES  },
  {"access_rules",       RULES  },
  {"shaper_rules",       RULES  },
  {"shaper",             OPTIONS},
  {"modules",            MODULES},
};

/* Options whose value is a condition, a rule or a list of headers, wherever they stand. */
static bool
has_pairs(struct slice option)
{
  size_t i;

  if (slice_is(option, "custom_headers") || slice_is(option, "who")) return true;
  for (i = 0; i < options_n; i++)
    if ((options[i].type == T_ACCESS || options[i].type == T_SHAPER ||
         options[i].type == T_QUOTA) &&
        slice_is(option, options[i].name))
      return true;
  return false;
}

static enum kind
kind_of(enum kind outer, struct slice key)
{
  size_t i;

  switch (outer) {
  case HOSTS: return TOP;
  case RULES:
  case PAIRS: return PAIRS;
  case TOP:
    for (i = 0; i < sizeof sections / sizeof *sections; i++)
      if (slice_is(key, sections[i].option)) return sections[i].kind;
    break;
  case MODULES:
  case OPTIONS: break;
  }
  return outer != MODULES && has_pairs(key) ? PAIRS : OPTIONS;
}

static void
join(struct yaml_node *n, enum kind kind)
{
  struct yaml_node *c;

  if (n->kind == YAML_MAP && kind != PAIRS) yaml_join(n, kind == MODULES, say_yaml);
  for (c = n->first; c; c = c->next)
    join(c, n->kind == YAML_MAP ? kind_of(kind, c->key) : kind);
}

void
join_sections(struct yaml_node *top)
{
  struct yaml_node *macros;

  yaml_join(top, false, say_yaml);
  macros = yaml_get(top, "define_macro");
  if (macros && macros->kind == YAML_MAP) yaml_join(macros, false, say_yaml);
}

void
join_options(struct yaml_node *top)
{
  join(top, TOP);
}
