#include "confgen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct compiling job;

bool
expect_map(struct yaml_node const *n, char const *path)
{
  if (n->kind == YAML_MAP || (n->kind == YAML_LIST && !n->first)) return true;
  say_error(n, path, "expected a mapping, got %s%s%s",
            n->kind == YAML_LIST ? "a list" : "\"", n->kind == YAML_LIST ? "" : n->text.s,
            n->kind == YAML_LIST ? "" : "\"");
  return false;
}

/* ---- hosts ---- */

static void
add_host(struct yaml_node const *n)
{
  struct slice name = n->kind == YAML_SCALAR ? jid_prep_domain(&job.arena, n->text)
                                             : (struct slice){NULL, 0};
  size_t i;

  if (!name.s) {
    say_error(n, "hosts", "\"%s\" is not a domain name",
              n->kind == YAML_SCALAR ? n->text.s : "");
    return;
  }
  for (i = 0; i < job.hosts_n; i++)
    if (slice_eq(job.hosts[i], name)) {
      say_error(n, "hosts", "%s is given twice", n->text.s);
      return;
    }
  job.hosts[job.hosts_n++] = name;
  emit_slice(DAEMONS | CTL, "host", SLICE("*"), name);
  certs_host(name);
}

static void
compile_hosts(struct yaml_node const *n)
{
  struct yaml_node const *c;
  size_t count = 1;

  for (c = n->first; c; c = c->next)
    count++;
  job.hosts = arena_alloc(&job.arena, count * sizeof *job.hosts);
  if (!job.hosts) return;
  if (n->kind == YAML_MAP) {
    say_error(n, "hosts", "expected a list of domains, got a mapping");
    return;
  }
  if (n->kind == YAML_SCALAR) {
    say_note(n, "hosts", "a list is usual; taken as a list of one");
    add_host(n);
  } else if (n->kind == YAML_LIST)
    for (c = n->first; c; c = c->next)
      add_host(c);
  if (!job.hosts_n) say_error(n, "hosts", "at least one host is needed");
}

/* ---- certificates ---- */

static void
add_pattern(struct yaml_node const *n)
{
  /* Users that cannot read the files get copies (emit.c). */
  if (job.uids && emit_certfile(n->text))
    emit_slice(CTL, "certfile", SLICE("*"), n->text);
  else
    emit_slice(TLSD | CTL, "certfile", SLICE("*"), n->text);
  emit_origin("certfile", n->text, n);
  certs_pattern(n);
}

/* With @HOST@ in it, a pattern is one for each host. */
static void
add_certfile(struct yaml_node const *given)
{
  struct yaml_node const *n;
  size_t i, times = names_host(given) ? job.hosts_n : 1;

  if (given->kind != YAML_SCALAR || !given->text.len) {
    say_error(given, "certfiles", "expected a path, or a pattern of paths");
    return;
  }
  for (i = 0; i < times; i++) {
    n = expand_keywords(given, "certfiles", names_host(given) ? job.hosts[i] : SLICE(""));
    if (n) add_pattern(n);
  }
}

void
compile_certfiles(struct yaml_node const *n)
{
  struct yaml_node const *c;

  if (n->kind == YAML_MAP)
    say_error(n, "certfiles", "expected a path, or a list of paths, got a mapping");
  else if (n->kind == YAML_SCALAR)
    add_certfile(n);
  for (c = n->first; n->kind == YAML_LIST && c; c = c->next)
    add_certfile(c);
}

static void
compile_dev_certs(char const *dir)
{
  char pattern[512];

  if (!dir) return;
  snprintf(pattern, sizeof pattern, "%s/*.pem", dir);
  emit(TLSD | CTL, "certfile", SLICE("*"), pattern, NULL);
}

/* ---- hosts of their own mind ---- */

static struct yaml_node *
override_in(char const *section, struct slice host, char const *option)
{
  struct yaml_node *map = yaml_get(job.top, section), *n;

  if (map && map->kind != YAML_MAP) return NULL;
  for (n = map ? map->first : NULL; n; n = n->next) {
    struct slice name = jid_prep_domain(&job.arena, n->key);
    if (name.s && slice_eq(name, host)) return yaml_get(n, option);
  }
  return NULL;
}

struct yaml_node *
host_override(struct slice host, char const *option)
{
  return override_in("host_config", host, option);
}

struct yaml_node *
host_append(struct slice host, char const *option)
{
  return override_in("append_host_config", host, option);
}

/* Options that stand for the whole server; a host has none of its own. */
static char const *const global_only[] = {
  "acme",
  "allow_contrib_modules",
  "api_permissions",
  "append_host_config",
  "auth_cache_*",
  "ca_file",
  "captcha_*",
  "certfiles",
  "cluster_*",
  "define_macro",
  "domain_balancing",
  "fqdn",
  "hosts",
  "host",
  "hosts_alias",
  "host_config",
  "install_contrib_modules",
  "listen",
  "loglevel",
  "log_*",
  "negotiation_timeout",
  "net_ticktime",
  "oauth_cache_*",
  "oauth_use_cache",
  "oauth_db_type",
  "oauth_expire",
  "oom_*",
  "queue_dir",
  "redis_*",
  "registration_timeout",
  "router_*",
  "rpc_timeout",
  "s2s_max_retry_delay",
  "shaper",
  "sm_*",
  "trusted_proxies",
  "validate_stream",
  "version",
  "websocket_*",
  "include_config_file",
};

static bool
is_global(struct slice name)
{
  size_t i;

  for (i = 0; i < sizeof global_only / sizeof *global_only; i++) {
    size_t n = strlen(global_only[i]);
    if (slice_is(name, global_only[i])) return true;
    if (global_only[i][n - 1] == '*' && name.len >= n &&
        !memcmp(name.s, global_only[i], n - 1))
      return true;
  }
  return false;
}

/* ---- plain options ---- */

void
say_unknown(struct yaml_node const *n, char const *path, char const *what,
            char const *near)
{
  struct yaml_node at = *n;

  at.line = n->key_line;
  at.col = n->key_col;
  say_error(&at, path, "unknown %s%s%s%s", what, near ? "; did you mean " : "",
            near ? near : "", near ? "?" : "");
}

struct yaml_node
default_node(struct option const *o, struct yaml_node const *n)
{
  struct yaml_node d = {.kind = YAML_SCALAR, .file = job.file, .line = 1, .col = 1};

  if (n) {
    d.file = n->file;
    d.line = n->line;
    d.col = n->col;
  }
  d.key = slice_str(o->name);
  d.text = slice_str(default_text(o));
  return d;
}

/* Say whether a value asks for nothing: false, or an empty list or mapping. */
static bool
is_off(struct yaml_node const *n)
{
  return n->kind == YAML_SCALAR ? slice_has_word(SLICE("false no off"), n->text)
                                : !n->first;
}

/* Of the options of a module or a listener that is lost nothing more is said. */
static void
warn_of_effect(struct option const *o, struct yaml_node const *n, char const *path)
{
  char const *by = option_replaced(o->in, slice_str(o->name));
  struct reason const *r = option_reason(o);

  if (job.lost || o->effect == WORKS) return;
  if (by)
    say_no_effect(n, path, "this option has no effect here; %s takes its place", by);
  else if (r && r->lost && !is_off(n))
    say_lost(n, path, "this option has no effect here; %s", r->why);
  else if (r)
    say_no_effect(n, path, "this option has no effect here; %s", r->why);
  else
    say_no_effect(n, path, "this option has no effect here");
}

void
compile_value(struct option const *o, struct yaml_node const *n, char const *path,
              char const *key, struct slice as)
{
  struct slice v;

  if (n->text.s != o->dflt) warn_of_effect(o, n, path);
  if (o->type == T_QUOTA)
    v = n->text.s == o->dflt ? n->text : access_quota(n, path);
  else if (o->type == T_ACCESS || o->type == T_SHAPER)
    v = access_rule(n, path, o->type == T_SHAPER);
  else
    v = option_value(&job.arena, o, n, path);
  if (!v.s || !o->owner) return;
  emit_slice(o->owner, o->type == T_LOGLEVEL ? "verbosity" : key, as, v);
  if (!strcmp(key, "extauth_program")) emit(ROUTED, "extauth_isuser", as, "true", NULL);
  if (o->owner & TLSD && n->text.s != o->dflt && !slice_is(as, "*"))
    emit_origin(key, as, n);
}

/* Ways to keep accounts that are obeyed; of others one that is must stand beside them. */
static bool
has_checker(struct yaml_node const *map)
{
  return yaml_get(map, "extauth_program") ||
         yaml_get(yaml_get(map, "tabber"), "checkpassword");
}

/* A program that checks passwords is named for all hosts, or for some. */
static bool
names_checker(void)
{
  struct yaml_node const *hosts = yaml_get(job.top, "host_config"), *c;

  for (c = hosts && hosts->kind == YAML_MAP ? hosts->first : NULL; c; c = c->next)
    if (has_checker(c)) return true;
  return has_checker(job.top);
}

static void
check_auth_method(struct option const *o, struct yaml_node const *n)
{
  struct yaml_node const *c = n->kind == YAML_LIST ? n->first : n;
  bool known = c != NULL, obeyed = false;

  for (; c; c = n->kind == YAML_LIST ? c->next : NULL) {
    if (slice_is(c->text, "external")) job.wanted |= EXTAUTHD;
    if (slice_is(c->text, "external") && !names_checker())
      say_error(c, "auth_method",
                "external needs a program that checks passwords: extauth_program, or "
                "tabber: checkpassword");
    if (slice_is(c->text, "anonymous"))
      say_note(c, "auth_method",
               "rules that allow all users of a host allow anonymous ones too");
    obeyed = obeyed || slice_is(c->text, "internal") || slice_is(c->text, "mnesia") ||
             slice_is(c->text, "external") || slice_is(c->text, "anonymous");
    known = known && slice_has_word(slice_str(o->words), c->text);
  }
  if (known && !obeyed)
    say_error(n, "auth_method",
              "accounts are kept here: write internal, and bring them in with xmpp-ctl "
              "account import; or write external, and name a program that asks your "
              "directory or database (extauth_program, tabber: checkpassword)");
}

/* ejabberd's login_anon takes any name that no account has, with any password. */
static void
check_anonymous_protocol(struct yaml_node const *n)
{
  if (slice_is(n->text, "login_anon"))
    say_error(n, "anonymous_protocol",
              "nobody logs in here under a name of his own without a password: write "
              "sasl_anon, and the mechanism ANONYMOUS gives each client a name");
  if (slice_is(n->text, "both"))
    say_warning(n, "anonymous_protocol",
                "taken as sasl_anon: nobody logs in here under a "
                "name of his own without a password");
}

/* An option of the top level whose text has @HOST@ is one for each host that has none of its
 * own. */
static bool
is_for_each_host(struct option const *o, struct yaml_node const *n, struct slice as)
{
  return (o->type == T_STRING || o->type == T_URL || o->type == T_FILE ||
          o->type == T_ANY) &&
         slice_is(as, "*") && names_host(n);
}

static void
compile_for_hosts(struct option const *o, struct yaml_node const *n)
{
  struct yaml_node *v;
  size_t i;

  for (i = 0; i < job.hosts_n; i++) {
    if (host_override(job.hosts[i], o->name) || host_append(job.hosts[i], o->name))
      continue;
    v = expand_keywords(n, o->name, job.hosts[i]);
    if (v) compile_value(o, v, n->key.s, o->name, job.hosts[i]);
  }
}

static void
compile_option(struct yaml_node const *n, struct slice as)
{
  struct option const *o = option_find("", n->key);
  struct yaml_node *v;

  if (!o) {
    say_unknown(n, n->key.s, "option", option_nearest("", n->key));
    return;
  }
  if (o->type == T_SPECIAL) return;
  if (slice_is(n->key, "auth_method")) check_auth_method(o, n);
  if (slice_is(n->key, "anonymous_protocol")) check_anonymous_protocol(n);
  if (slice_is(n->key, "auth_password_format") && slice_is(n->text, "plain"))
    say_warning(n, o->name, "passwords are not stored; SCRAM keys are");
  if (is_for_each_host(o, n, as)) {
    compile_for_hosts(o, n);
    return;
  }
  v = expand_keywords(n, o->name, slice_is(as, "*") ? SLICE("") : as);
  if (v) compile_value(o, v, n->key.s, o->name, as);
}

/* Put out options that the file does not have, as if it had. */
static void
compile_defaults(struct yaml_node const *given)
{
  size_t i;

  for (i = 0; i < options_n; i++) {
    struct option const *o = &options[i];
    struct yaml_node n, *v;
    if (*o->in || !o->dflt || yaml_get(given, o->name)) continue;
    n = default_node(o, NULL);
    v = expand_keywords(&n, o->name, SLICE(""));
    if (v) compile_value(o, &n, o->name, o->name, SLICE("*"));
  }
}

static struct slice
served(struct slice name)
{
  struct slice host = jid_prep_domain(&job.arena, name);
  size_t i;

  for (i = 0; host.s && i < job.hosts_n; i++)
    if (slice_eq(host, job.hosts[i])) return job.hosts[i];
  return (struct slice){NULL, 0};
}

static struct slice
nearest_host(struct slice name)
{
  size_t i;

  for (i = 0; i < job.hosts_n; i++)
    if (word_is_near(name, job.hosts[i])) return job.hosts[i];
  return (struct slice){NULL, 0};
}

/* A list appended to the host's (or the common) one. NULL: no memory. */
static struct yaml_node *
appended(struct slice host, struct yaml_node const *more)
{
  struct yaml_node const *base = host_override(host, more->key.s), *c;
  struct yaml_node *out = arena_alloc(&job.arena, sizeof *out), **at;
  unsigned int i;

  if (!base) base = yaml_get(job.top, more->key.s);
  if (!out) return NULL;
  *out = *more;
  if (!base || base->kind != YAML_LIST || more->kind != YAML_LIST) return out;
  at = &out->first;
  for (i = 0; i < 2; i++)
    for (c = i ? more->first : base->first; c; c = c->next) {
      struct yaml_node *copy = arena_alloc(&job.arena, sizeof *copy);
      if (!copy) return NULL;
      *copy = *c;
      copy->next = NULL;
      *at = out->last = copy;
      at = &copy->next;
    }
  return out;
}

/* The sections host_config and append_host_config: per host, options as at the top. */
static void
compile_host_section(char const *section)
{
  bool adds = !strcmp(section, "append_host_config");
  struct yaml_node const *map = yaml_get(job.top, section), *h, *n;
  char path[300];

  if (map && !expect_map(map, section)) return;

  for (h = map ? map->first : NULL; h; h = h->next) {
    struct slice host = served(h->key);
    if (!host.s) {
      struct yaml_node at = *h;
      struct slice near = nearest_host(h->key);
      at.line = h->key_line;
      at.col = h->key_col;
      say_error(&at, section, "%s is not among hosts%s%s%s", h->key.s,
                near.s ? "; did you mean " : "", near.s ? near.s : "", near.s ? "?" : "");
      continue;
    }
    snprintf(path, sizeof path, "%s.%s", section, h->key.s);
    if (!expect_map(h, path)) continue;
    for (n = h->first; n; n = n->next) {
      if (slice_is(n->key, "define_macro"))
        say_warning(n, section, "define_macro has no effect for a host");
      else if (slice_is(n->key, "tabber"))
        compile_host_tabber(n, host, adds);
      else if (is_global(n->key))
        say_error(n, section, "%s is for the whole server, not for a host", n->key.s);
      else
        compile_option(adds ? appended(host, n) : n, host);
    }
  }
}

/* Permissions for commands: checked as a whole; the commands come with their programs. */
static void
check_api_permissions(struct yaml_node const *n)
{
  static char const *const known[] = {"from", "who", "what"};
  struct yaml_node const *rule, *c;
  char path[256];
  size_t i;

  if (n && !expect_map(n, "api_permissions")) return;
  for (rule = n ? n->first : NULL; rule; rule = rule->next)
    for (c = rule->kind == YAML_MAP ? rule->first : NULL; c; c = c->next) {
      size_t best = 3;
      char const *near = NULL;
      for (i = 0; i < 3 && !slice_is(c->key, known[i]); i++)
        if (word_nearer(c->key, known[i], &best)) near = known[i];
      if (i < 3) continue;
      struct yaml_node at = *c;
      at.line = c->key_line;
      at.col = c->key_col;
      snprintf(path, sizeof path, "api_permissions.%s", rule->key.s);
      say_error(&at, path, "unknown option %s%s%s%s", c->key.s,
                near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
}

static void
compile_old_certfiles(void)
{
  static char const *const names[] = {"c2s_certfile", "s2s_certfile", "domain_certfile"};
  struct yaml_node const *n;
  size_t i;

  for (i = 0; i < 3; i++)
    if ((n = yaml_get(job.top, names[i]))) {
      say_warning(n, names[i], "an old option; taken as one of certfiles");
      compile_certfiles(n);
    }
}

static void
compile_top(struct yaml_node *top)
{
  struct yaml_node const *hosts = yaml_get(top, "hosts"), *n;

  compile_reset_instances();
  default_reset();
  if (!hosts) hosts = yaml_get(top, "host");
  if (hosts)
    compile_hosts(hosts);
  else
    say_error(top, "hosts", "the option is missing: which domains are served?");
  for (n = top->first; n; n = n->next)
    compile_option(n, SLICE("*"));
  compile_defaults(top);
  compile_host_section("host_config");
  compile_host_section("append_host_config");
  if ((n = yaml_get(top, "certfiles"))) compile_certfiles(n);
  compile_old_certfiles();
  check_api_permissions(yaml_get(top, "api_permissions"));
  compile_tabber(yaml_get(top, "tabber"));
  compile_access();
  compile_hosts_alias();
  n = yaml_get(top, "listen");
  if (n)
    compile_listen(n);
  else
    say_warning(top, "listen", "nobody listens: no client can connect");
  compile_modules();
  default_put_rest();
  compile_web_end();
  compile_missing_rules();
  compile_dev_certs(job.dev_certs);
  compile_topology();
  check_certificates(yaml_get(top, "certfiles"));
}

static bool
compile_file(char const *file)
{
  struct yaml_node *top = yaml_read(&job.arena, file, say_yaml);

  if (!top) return false;
  join_sections(top);
  if (!include_files(top, file)) return false;
  job.top = top;
  if (!check_macros(top) ||
      !yaml_expand(&job.arena, top, yaml_get(top, "define_macro"), say_yaml))
    return false;
  join_options(top);
  drop_undefined(top);
  compile_top(top);
  return !said.errors;
}

bool
compile(char const *file)
{
  bool ok;
  int e;

  job.file = file;
  job.top = NULL;
  job.hosts_n = 0;
  ok = compile_file(file);
  e = errno;
  say_flush();
  errno = e;
  return ok;
}
