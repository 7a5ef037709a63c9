#include "confgen.h"

#include <stdio.h>
#include <string.h>

/* modules, for each host: what the file has for all, what host_config puts in its place, what
 * append_host_config adds. */

/* The module's value of a mapping; nothing behind the colon is as {}. */
static bool
options_hold(struct yaml_node const *n)
{
  char path[128];

  if (n->kind == YAML_MAP || (n->kind == YAML_LIST && !n->first)) return true;
  snprintf(path, sizeof path, "modules.%s", n->key.s);
  if (n->kind == YAML_SCALAR && !n->text.len) {
    say_note(n, path, "nothing behind the colon; taken as {}");
    return true;
  }
  if (n->kind == YAML_LIST && n->first->kind == YAML_MAP) return true; /* one key each */
  if (n->kind == YAML_LIST) {
    say_error(n, path, "expected a mapping of options, got a list of values");
    return false;
  }
  say_error(n, path, "expected a mapping of options, got \"%s\"", n->text.s);
  return false;
}

#define KNOWN_MAX 20

/* With the nearest name, and all there are when they are few. */
static void
say_unknown_of(struct module const *m, struct yaml_node const *n, char const *path)
{
  char const *near = option_nearest(m->name, n->key);
  struct yaml_node at = *n;
  char known[512] = "";
  size_t count = 0, len = 0, i;

  for (i = 0; i < options_n; i++)
    if (!strcmp(options[i].in, m->name) && len < sizeof known - 64)
      len += (size_t)snprintf(known + len, sizeof known - len, "%s%.48s",
                              count++ ? ", " : "; known: ", options[i].name);
  at.line = n->key_line;
  at.col = n->key_col;
  say_error(&at, path, "unknown option%s%s%s%s", near ? "; did you mean " : "",
            near ? near : "", near ? "?" : "", count <= KNOWN_MAX ? known : "");
}

void
compile_module_option(struct module const *m, struct yaml_node const *n, char const *in,
                      struct slice host)
{
  struct option const *o = option_find(m->name, n->key);
  char path[512], key[160];

  snprintf(path, sizeof path, "%s.%s", in, n->key.s);
  snprintf(key, sizeof key, "%s.%s", m->name, n->key.s);
  if (!o && option_find("module", n->key)) return; /* of every module, without noise */
  if (o) {
    struct yaml_node const *v = expand_keywords(n, path, host);
    if (v && o->type == T_SPECIAL) {
      if (!compile_appended(m, o, v, path, host) &&
          !compile_node_config(o, v, path, key, host))
        compile_nested(o, v, path, key, host);
    } else if (v)
      compile_value(o, v, path, key, host);
  } else
    say_unknown_of(m, n, path);
}

/* An option of a module, in either form. */
static struct yaml_node const *
option_in(struct yaml_node const *n, char const *name)
{
  struct yaml_node const *c, *found = NULL;

  if (!n || n->kind == YAML_MAP) return yaml_get(n, name);
  for (c = n->first; c && !found; c = c->next)
    found = yaml_get(c, name);
  return found;
}

/* Say whether append_host_config has the option anew. Mappings, whose entries are rows each, add up;
 * of an entry that both have the later one counts. */
static bool
is_replaced(struct module const *m, struct yaml_node const *n,
            struct yaml_node const *more)
{
  struct option const *o = option_find(m->name, n->key);

  return o && o->type != T_SPECIAL && option_in(more, o->name);
}

/* The options that n has, without those that more has in their place. */
static void
each_option(struct module const *m, struct yaml_node const *n,
            struct yaml_node const *more, struct slice host)
{
  struct yaml_node const *c;
  char path[128];

  snprintf(path, sizeof path, "modules.%s", m->name);
  for (c = n ? n->first : NULL; c; c = c->next) {
    if (n->kind == YAML_LIST)
      each_option(m, c, more, host);
    else if (!is_replaced(m, c, more))
      compile_module_option(m, c, path, host);
  }
}

static void
compile_module_defaults(struct module const *m, struct yaml_node const *n,
                        struct yaml_node const *more, struct slice host)
{
  size_t i;

  for (i = 0; i < options_n; i++) {
    struct option const *o = &options[i];
    char key[160], path[256];
    if (strcmp(o->in, m->name) != 0 || !o->dflt || yaml_get(n, o->name) ||
        yaml_get(more, o->name))
      continue;
    snprintf(key, sizeof key, "%s.%s", m->name, o->name);
    snprintf(path, sizeof path, "modules.%s", key);
    default_put(o, n, path, key, host);
  }
}

/* Texts that were taken before: names of services, and folders of uploads. */
struct taken {
  struct taken *next;
  struct slice text, host;
  char const *module;
  unsigned int line;
};

static struct taken *taken_names, *taken_docroots;

static struct taken *
take(struct taken **list, struct slice text, struct slice host, struct module const *m,
     unsigned int line)
{
  struct taken *t;

  for (t = *list; t; t = t->next)
    if (slice_eq(t->text, text)) return t;
  t = arena_alloc(&job.arena, sizeof *t);
  if (!t) return NULL;
  *t = (struct taken){*list, text, host, m->name, line};
  *list = t;
  return NULL;
}

static void
take_name(struct module const *m, struct yaml_node const *n, char const *path,
          struct slice host)
{
  struct slice name = n->kind == YAML_SCALAR ? jid_prep_domain(&job.arena, n->text)
                                             : (struct slice){NULL, 0};
  struct taken *t;
  size_t i;

  if (!name.s) {
    say_error(n, path, "\"%s\" is not a domain name", n->text.s ? n->text.s : "");
    return;
  }
  for (i = 0; i < job.hosts_n; i++)
    if (slice_eq(job.hosts[i], name)) {
      say_error(n, path, "%s is one of hosts", name.s);
      return;
    }
  t = take(&taken_names, name, host, m, n->line);
  if (!t) emit_slice(S2SD | TLSD, "belongs", name, host);
  if (t && strcmp(t->module, m->name) != 0)
    say_error(n, path, "%s is the host of %s in line %u too", name.s, t->module, t->line);
  certs_service(name.s ? name : n->text);
}

bool
module_has_name(struct module const *m, struct slice name, struct slice host)
{
  struct taken const *t;

  for (t = taken_names; t; t = t->next)
    if (slice_eq(t->text, name) && !strcmp(t->module, m->name) && slice_eq(t->host, host))
      return true;
  return false;
}

/* Names of services that the file does not name. */
static struct {
  char const *module, *host;
} const services[] = {
  {"mod_http_upload", "upload.@HOST@"    },
  {"mod_pubsub",      "pubsub.@HOST@"    },
  {"mod_muc",         "conference.@HOST@"},
  {"mod_vcard",       "vjud.@HOST@"      },
};

/* mod_vcard has a service for the search alone. */
static bool
searches(struct yaml_node const *n)
{
  struct yaml_node const *search = yaml_get(n, "search");

  return search && slice_has_word(SLICE("true yes on"), search->text);
}

static void
check_names(struct module const *m, struct yaml_node const *n,
            struct yaml_node const *more, struct slice host)
{
  struct yaml_node const *given = option_in(more, "hosts"), *c, *v;
  struct yaml_node dflt = *n;
  char path[128];
  size_t i;

  for (i = 0; i < sizeof services / sizeof *services; i++)
    if (!strcmp(services[i].module, m->name)) break;
  if (i == sizeof services / sizeof *services) return;
  if (!given) given = option_in(n, "hosts");
  snprintf(path, sizeof path, "modules.%s.%s", m->name, given ? "hosts" : "host");
  if (!given) given = option_in(more, "host");
  if (!given) given = option_in(n, "host");
  if (!given) {
    if (!strcmp(m->name, "mod_vcard") && !searches(n)) return;
    dflt.kind = YAML_SCALAR;
    dflt.first = dflt.last = NULL;
    dflt.text = slice_str(services[i].host);
    given = &dflt;
  }
  v = expand_keywords(given, "modules", host);
  if (v && v->kind == YAML_SCALAR) take_name(m, v, path, host);
  for (c = v ? v->first : NULL; c; c = c->next)
    take_name(m, c, path, host);
}

/* jid_in_url node makes the same folder for users of the same name: hosts that have it cannot share
 * a docroot. */
static void
check_docroot(struct module const *m, struct yaml_node const *n, struct slice host)
{
  struct yaml_node const *docroot = yaml_get(n, "docroot"), *v;
  struct yaml_node const *in_url = yaml_get(n, "jid_in_url");
  struct yaml_node dflt = *n;
  struct taken const *t;

  if (strcmp(m->name, "mod_http_upload") != 0 || !in_url ||
      !slice_is(in_url->text, "node"))
    return;
  dflt.kind = YAML_SCALAR;
  dflt.text = slice_str(option_find(m->name, SLICE("docroot"))->dflt);
  v = expand_keywords(docroot ? docroot : &dflt, "modules", host);
  t = v ? take(&taken_docroots, v->text, host, m, in_url->line) : NULL;
  if (t && !slice_eq(t->host, host))
    say_error(in_url, "modules.mod_http_upload.jid_in_url",
              "node needs a docroot with @HOST@: users of %s and %s would share folders",
              t->host.s, host.s);
}

bool
host_has_module(struct slice host, char const *name)
{
  struct yaml_node const *list = host_override(host, "modules");

  if (!list) list = yaml_get(job.top, "modules");
  return yaml_get(list, name) || yaml_get(host_append(host, "modules"), name);
}

static bool
has_module(struct yaml_node const *list, struct yaml_node const *more, char const *name)
{
  return yaml_get(list, name) || yaml_get(more, name);
}

/* Plugins of mod_pubsub that ask for more, or that are worth a word. */
static void
check_plugins(struct module const *m, struct yaml_node const *n,
              struct yaml_node const *list, struct yaml_node const *list2)
{
  struct yaml_node const *plugins = yaml_get(n, "plugins"), *c;

  if (!slice_is(slice_str(m->name), "mod_pubsub") || !plugins) return;
  for (c = plugins->kind == YAML_SCALAR ? plugins : plugins->first; c; c = c->next) {
    if (slice_is(c->text, "pep") && !has_module(list, list2, "mod_caps"))
      say_error(c, "modules.mod_pubsub.plugins", "pep needs mod_caps");
    if (slice_is(c->text, "hometree"))
      say_note(c, "modules.mod_pubsub.plugins",
               "hometree works here; ejabberd has it no more since 19.09");
    if (plugins->kind == YAML_SCALAR) break;
  }
}

bool
say_unknown_module(struct yaml_node const *n, char const *path, struct slice name)
{
  char const *near = module_nearest(name);
  struct yaml_node at = *n;

  if (n->key.s == name.s) {
    at.line = n->key_line;
    at.col = n->key_col;
  }
  if (near && slice_starts(name, "mod_"))
    say_warning(&at, path, "%.*s is not known; did you mean %s?", (int)name.len, name.s,
                near);
  else if (slice_starts(name, "mod_"))
    say_lost(&at, path, "%.*s is not known; nothing here does its work", (int)name.len,
             name.s);
  else
    say_error(&at, path, "%.*s is no module%s%s%s", (int)name.len, name.s,
              near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
  return slice_starts(name, "mod_");
}

/* Where no services are given ejabberd offers its own STUN server; here there is none. */
static bool
offers_nothing(struct module const *m, struct yaml_node const *n,
               struct yaml_node const *more)
{
  struct yaml_node const *a = option_in(n, "services"), *b = option_in(more, "services");

  return slice_is(slice_str(m->name), "mod_stun_disco") && !(a && a->first) &&
         !(b && b->first);
}

/* Programs that run for one module, though they read others too: xmpp-mucd archives rooms where
 * mod_mam is, xmpp-pubsubd keeps the bookmarks of mod_private. */
static struct {
  unsigned int program;
  char const *module;
} const run_for[] = {
  {MUCD,    "mod_muc"   },
  {PUBSUBD, "mod_pubsub"},
  {PUSHD,   "mod_push"  }
};

/* The programs that run for a module. */
static unsigned int
wanted_by(struct module const *m)
{
  unsigned int owners = m->owner & ~(unsigned int)S2SD;
  size_t i;

  for (i = 0; i < sizeof run_for / sizeof *run_for; i++)
    if (strcmp(m->name, run_for[i].module) != 0) owners &= ~run_for[i].program;
  return owners;
}

static void
compile_module(struct yaml_node const *n, struct yaml_node const *more,
               struct yaml_node const *list, struct yaml_node const *list2,
               struct slice host)
{
  struct module const *m = module_find(n->key);
  bool is_empty = m && offers_nothing(m, n, more);
  char path[128];

  snprintf(path, sizeof path, "modules.%s", n->key.s);
  if (!m) {
    say_unknown_module(n, path, n->key);
    return;
  }
  if (!options_hold(n)) return;
  if (m->says && m->effect == WORKS)
    say_note(n, path, "%s", m->says);
  else if (m->says)
    say_lost(n, path, "%s", m->says);
  else if (m->effect == NOTHING)
    say_lost(n, path, "this module has no effect here");
  if (m->effect == NOTHING) return;
  if (offers_nothing(m, n, more)) {
    say_lost(n, path,
             "without services nothing is offered: there is no STUN server here");
    return;
  }
  if (m->needs && !has_module(list, list2, m->needs))
    say_error(n, path, "this module needs %s", m->needs);
  check_plugins(m, n, list, list2);
  check_names(m, n, more, host);
  check_docroot(m, n, host);
  /* Without a listener for servers nobody could verify us: listen.c decides of xmpp-s2sd. */
  if (m->effect == WORKS) job.wanted |= wanted_by(m);
  if (m->owner && !is_empty) emit(m->owner, "module", host, m->name, NULL);
  job.lost = m->effect != WORKS || is_empty;
  each_option(m, n, more, host);
  each_option(m, more, NULL, host);
  compile_module_defaults(m, n, more, host);
  job.lost = false;
}

static void
compile_host_modules(struct slice host)
{
  struct yaml_node const *list = host_override(host, "modules"), *more, *n;

  if (!list) list = yaml_get(job.top, "modules");
  more = host_append(host, "modules");
  if (list && list->kind == YAML_SCALAR && list->text.len) {
    say_error(list, "modules", "expected a mapping of modules, got \"%s\"", list->text.s);
    return;
  }
  if (more && more->kind != YAML_MAP) {
    say_error(more, "modules", "expected a mapping of modules, got a list");
    return;
  }
  if (list && list->kind != YAML_MAP && list->first) {
    say_error(list, "modules", "expected a mapping of modules, got a list");
    return;
  }
  for (n = list ? list->first : NULL; n; n = n->next)
    compile_module(n, yaml_get(more, n->key.s), list, more, host);
  for (n = more ? more->first : NULL; n; n = n->next)
    if (!yaml_get(list, n->key.s)) compile_module(n, NULL, list, more, host);
}

/* ---- advice about modules that do not do what they seem to ---- */

/* Clients ask for so many items in the node of their bookmarks. */
#define BOOKMARKS 256

static void
advise_pubsub(struct yaml_node const *pubsub)
{
  struct yaml_node const *tree = option_in(pubsub, "nodetree");
  struct yaml_node const *plugins = option_in(pubsub, "plugins"), *c;
  struct yaml_node const *most = option_in(pubsub, "max_items_node");
  uint64_t n;

  if (most && slice_u64(most->text, &n) && n < BOOKMARKS)
    say_note(most, "modules.mod_pubsub.max_items_node",
             "nodes of a service keep no more items; those of accounts keep 10000, for "
             "clients have a bookmark in each");
  if (tree && slice_is(tree->text, "virtual"))
    say_warning(tree, "modules.mod_pubsub.nodetree", "virtual has no effect here");
  for (c = plugins ? plugins->first : NULL; c; c = c->next)
    if (slice_has_word(SLICE("buddy club dag dispatch mb mix online private public"),
                       c->text))
      say_warning(c, "modules.mod_pubsub.plugins", "%s has no effect here", c->text.s);
}

static void
advise_push(struct yaml_node const *push)
{
  struct option const *o = option_find("mod_push", SLICE("include_body"));

  if (push && !option_in(push, "include_body") && !strcmp(default_text(o), "false"))
    say_note(push, "modules.mod_push",
             "as in ejabberd 18.04, notifications have no text; some push services wake "
             "a phone at once only if there is one: set include_body");
}

static void
advise(struct yaml_node const *list)
{
  struct yaml_node const *mam = yaml_get(list, "mod_mam");
  struct yaml_node const *reg = yaml_get(list, "mod_register");
  struct yaml_node const *captcha = yaml_get(reg, "captcha_protected");
  struct yaml_node const *upload = yaml_get(list, "mod_http_upload");
  struct yaml_node const *get = yaml_get(upload, "get_url"),
                         *put = yaml_get(upload, "put_url");
  struct yaml_node const *s2s = yaml_get(job.top, "s2s_use_starttls");

  advise_pubsub(yaml_get(list, "mod_pubsub"));
  advise_push(yaml_get(list, "mod_push"));
  if (mam && !option_in(mam, "default"))
    say_warning(
      mam, "modules.mod_mam",
      "the default policy is never: nothing is archived until a client asks for it");
  if (captcha &&
      (slice_is(captcha->text, "true") || slice_is(captcha->text, "yes") ||
       slice_is(captcha->text, "on")) &&
      !yaml_get(job.top, "captcha_cmd"))
    say_note(captcha, "modules.mod_register.captcha_protected",
             "there is no captcha_cmd: xmpp-captcha makes the captchas");
  if (get && put && !slice_eq(get->text, put->text) && !yaml_get(upload, "file_mode"))
    say_warning(
      get, "modules.mod_http_upload.get_url",
      "another server reads the files: file_mode 0644 and dir_mode 0755 are used");
  if (s2s && slice_is(s2s->text, "required") && list &&
      !yaml_get(list, "mod_s2s_dialback"))
    say_warning(s2s, "s2s_use_starttls",
                "without mod_s2s_dialback only servers with valid certificates federate");
}

void
compile_modules(void)
{
  size_t i;

  taken_names = taken_docroots = NULL;
  for (i = 0; i < job.hosts_n; i++)
    compile_host_modules(job.hosts[i]);
  compile_appended_rest();
  advise(yaml_get(job.top, "modules"));
  for (i = 0; i < job.hosts_n; i++) {
    struct yaml_node const *own = host_override(job.hosts[i], "modules");
    if (own) advise(own);
  }
}
