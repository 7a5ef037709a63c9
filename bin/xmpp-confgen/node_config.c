#include "confgen.h"

#include <stdio.h>
#include <string.h>

/* mod_pubsub.default_node_config, a mapping of fields of the configuration of nodes (XEP-0060 s8.2)
 * to values, and mod_pubsub.force_node_config, a mapping of patterns of names to such mappings. Rows:
 *   mod_pubsub.default_node_config HOST FIELD VALUE
 *   mod_pubsub.force_node_config HOST GLOB FIELD VALUE
 * FIELD has no pubsub# in front; the lines of VALUE are the values of a field that has several. */

#define DEFAULT_KEY "mod_pubsub.default_node_config"
#define FORCE_KEY "mod_pubsub.force_node_config"

enum kind { BOOLEAN, NUMBER, WORD, TEXT, TEXTS };

static struct {
  char const *name;
  enum kind kind;
  char const *words; /* of WORD; of NUMBER max, where the word is possible */
} const fields[] = {
  {"access_model",             WORD,    "authorize open presence roster whitelist"},
  {"body_xslt",                TEXT,    NULL                                      },
  {"contact",                  TEXTS,   NULL                                      },
  {"dataform_xslt",            TEXT,    NULL                                      },
  {"deliver_notifications",    BOOLEAN, NULL                                      },
  {"deliver_payloads",         BOOLEAN, NULL                                      },
  {"description",              TEXT,    NULL                                      },
  {"item_expire",              NUMBER,  "max"                                     },
  {"itemreply",                WORD,    "none publisher owner"                    },
  {"language",                 TEXT,    NULL                                      },
  {"max_items",                NUMBER,  "max"                                     },
  {"max_payload_size",         NUMBER,  NULL                                      },
  {"notification_type",        WORD,    "normal headline"                         },
  {"notify_config",            BOOLEAN, NULL                                      },
  {"notify_delete",            BOOLEAN, NULL                                      },
  {"notify_retract",           BOOLEAN, NULL                                      },
  {"notify_sub",               BOOLEAN, NULL                                      },
  {"persist_items",            BOOLEAN, NULL                                      },
  {"presence_based_delivery",  BOOLEAN, NULL                                      },
  {"publish_model",            WORD,    "publishers subscribers open"             },
  {"publish_node_full",        WORD,    "retract-oldest discard-oldest reject"    },
  {"purge_offline",            BOOLEAN, NULL                                      },
  {"roster_groups_allowed",    TEXTS,   NULL                                      },
  {"send_last_published_item", WORD,    "never on_sub on_sub_and_presence"        },
  {"subscribe",                BOOLEAN, NULL                                      },
  {"title",                    TEXT,    NULL                                      },
  {"type",                     TEXT,    NULL                                      },
};

#define FIELDS_N (sizeof fields / sizeof *fields)

struct target {
  unsigned int to;
  struct slice host;
  char const *path, *glob; /* glob NULL: a default */
};

static size_t
find(struct slice name)
{
  size_t i = 0;

  if (slice_starts(name, "pubsub#")) name = slice_of(name.s + 7, name.len - 7);
  while (i < FIELDS_N && !slice_is(name, fields[i].name))
    i++;
  return i;
}

static void
unknown(struct yaml_node const *n, char const *path)
{
  size_t best = 2 + n->key.len / 4, i;
  char const *near = NULL;

  for (i = 0; i < FIELDS_N; i++)
    if (word_nearer(n->key, fields[i].name, &best)) near = fields[i].name;
  say_unknown(n, path, "field", near);
}

/* The lines of a list, or of a value that is its only one. */
static struct slice
joined(struct yaml_node const *n)
{
  stralloc sa = STRALLOC_ZERO;
  struct yaml_node const *c;
  struct slice out;
  bool ok = true;

  if (n->kind == YAML_SCALAR) return n->text;
  for (c = n->first; c; c = c->next)
    ok = ok && (!sa.len || stralloc_catb(&sa, "\n", 1)) && c->kind == YAML_SCALAR &&
         stralloc_catb(&sa, c->text.s, c->text.len);
  out = ok ? arena_copy(&job.arena, slice_of(sa.s, sa.len)) : (struct slice){NULL, 0};
  stralloc_free(&sa);
  return out;
}

/* The value as pubsubd has it; s NULL after an error. */
static struct slice
value_of(size_t i, struct yaml_node const *n, char const *path)
{
  struct slice text = fields[i].kind == TEXTS ? joined(n) : n->text;
  uint64_t number;

  if (n->kind != YAML_SCALAR && (fields[i].kind != TEXTS || !text.s))
    return wrong_type(n, path, "a value");
  if (fields[i].kind == BOOLEAN) {
    if (slice_has_word(SLICE("true yes on 1"), text)) return SLICE("1");
    if (slice_has_word(SLICE("false no off 0"), text)) return SLICE("0");
    return wrong_type(n, path, "true or false");
  }
  if (fields[i].kind == WORD && !slice_has_word(slice_str(fields[i].words), text)) {
    char const *near = nearest_word(text, fields[i].words);
    say_error(n, path, "\"%s\" is not one of: %s%s%s%s", text.s, fields[i].words,
              near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return (struct slice){NULL, 0};
  }
  if (fields[i].kind != NUMBER) return text;
  if (fields[i].words && slice_has_word(SLICE("max infinity unlimited"), text))
    return SLICE("max");
  if (slice_u64(text, &number) && number) return text;
  return wrong_type(n, path,
                    fields[i].words ? "a number above 0, or max" : "a number above 0");
}

static void
put_field(struct target const *t, struct yaml_node const *n)
{
  size_t i = find(n->key);
  struct slice value;
  char path[320];

  snprintf(path, sizeof path, "%s.%s", t->path, n->key.s);
  if (i == FIELDS_N) {
    unknown(n, path);
    return;
  }
  value = value_of(i, n, path);
  if (!value.s) return;
  if (t->glob)
    emit(t->to, FORCE_KEY, t->host, t->glob, fields[i].name, value.s, NULL);
  else
    emit(t->to, DEFAULT_KEY, t->host, fields[i].name, value.s, NULL);
}

/* A mapping, or a list of mappings. */
static void
put_fields(struct target const *t, struct yaml_node const *n)
{
  struct yaml_node const *c;

  if (n->kind == YAML_SCALAR && n->text.len) {
    say_error(n, t->path, "expected a mapping of fields, got \"%s\"", n->text.s);
    return;
  }
  for (c = n->first; c; c = c->next)
    if (n->kind == YAML_MAP)
      put_field(t, c);
    else if (c->kind == YAML_MAP)
      put_fields(t, c);
    else
      say_error(c, t->path, "expected a mapping of fields");
}

static void
put_forced(struct target const *t, struct yaml_node const *n)
{
  struct yaml_node const *c;
  struct target one = *t;
  char path[256];

  if (n->kind == YAML_SCALAR && n->text.len) {
    say_error(n, t->path, "expected a mapping of names, got \"%s\"", n->text.s);
    return;
  }
  for (c = n->first; c; c = c->next) {
    if (n->kind == YAML_LIST && c->kind == YAML_MAP) {
      put_forced(t, c);
      continue;
    }
    if (n->kind == YAML_LIST) {
      say_error(c, t->path, "expected a mapping of names");
      continue;
    }
    snprintf(path, sizeof path, "%s.%s", t->path, c->key.s);
    one.path = path;
    one.glob = c->key.s;
    put_fields(&one, c);
  }
}

bool
compile_node_config(struct option const *o, struct yaml_node const *n, char const *path,
                    char const *key, struct slice host)
{
  struct target t = {.to = o->owner, .host = host, .path = path};

  if (!strcmp(key, DEFAULT_KEY))
    put_fields(&t, n);
  else if (!strcmp(key, FORCE_KEY))
    put_forced(&t, n);
  else
    return false;
  return true;
}
