#include "confgen.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* acl, access_rules (and the old access), shaper, shaper_rules. Out come the rows of
 * lib/access: an acl is any of its rows, a rule the first group of rows that all hold. */

#define ASKERS                                                                           \
  (C2SD | S2SD | ROUTED | AUTHD | USERD | HOSTD | MAMD | PUBSUBD | MUCD | UPLOADD | CTL)

/* What the configuration that comes with ejabberd 18.04 defines: files are written as if it
 * were always there. */
static char const sample[] = "acl:\n"
                             "  local: {user_regexp: ''}\n"
                             "  loopback: {ip: [127.0.0.0/8, '::1/128']}\n"
                             "access_rules:\n"
                             "  local: [{allow: local}]\n"
                             "  c2s: [{deny: blocked}, {allow: all}]\n"
                             "  announce: [{allow: admin}]\n"
                             "  configure: [{allow: admin}]\n"
                             "  muc_create: [{allow: local}]\n"
                             "  pubsub_createnode: [{allow: local}]\n"
                             "  register: [{allow: all}]\n"
                             "  trusted_network: [{allow: loopback}]\n"
                             "shaper_rules:\n"
                             "  max_user_sessions: 10\n"
                             "  max_user_offline_messages: [{5000: admin}, 100]\n"
                             "  c2s_shaper: [{none: admin}, normal]\n"
                             "  s2s_shaper: fast\n"
                             "shaper: {normal: 1000, fast: 50000}\n";

#define SAMPLE "the sample of ejabberd 18.04"

static struct yaml_node *sample_tree;
static bool sample_used[2]; /* its acls; its shapers */

/* A rule that some option names. */
struct reference {
  struct reference *next;
  struct yaml_node const *node;
  char const *path;
  bool shaper;
};

static struct reference *references;
static unsigned int inline_n;

static struct {
  char const *name;
  bool pair, regexp;
} const types[] = {
  {"user",            true,  false},
  {"user_regexp",     true,  true },
  {"user_glob",       true,  false},
  {"server",          false, false},
  {"server_regexp",   false, true },
  {"server_glob",     false, false},
  {"resource",        false, false},
  {"resource_regexp", false, true },
  {"resource_glob",   false, false},
  {"node_regexp",     true,  true },
  {"node_glob",       true,  false},
  {"ip",              false, false},
  {"shared_group",    false, false},
};

#define TYPES_N (sizeof types / sizeof *types)

static size_t
type_of(struct slice name)
{
  size_t i;

  for (i = 0; i < TYPES_N && !slice_is(name, types[i].name); i++) {
  }
  return i;
}

/* ---- terms ---- */

/* Where a term goes: an acl's row, or a rule's. */
struct target {
  struct slice scope, name;
  bool rule;
  uint64_t n;
  struct slice result;
};

static void
put(struct target const *t, char const *type, struct slice value, struct slice value2)
{
  char number[BASE_NUM];
  /* Texts are NUL-terminated in the arena. */
  if (t->rule)
    emit(ASKERS, "rule", t->scope, t->name.s, num_u64(number, t->n).s, t->result.s, type,
         value.s, value2.s, NULL);
  else
    emit(ASKERS, "acl", t->scope, t->name.s, type, value.s, value2.s, NULL);
}

/* Who asks is prepared; so is what he is compared with. Patterns are as they are. */
static struct slice
prepared(char const *type, struct slice text)
{
  if (!text.len) return text;
  if (!strcmp(type, "user")) return jid_prep_local(&job.arena, text);
  if (!strcmp(type, "server")) return jid_prep_domain(&job.arena, text);
  if (!strcmp(type, "resource")) return jid_prep_resource(&job.arena, text);
  return text;
}

/* One value of one type. "u@host" is a pair in one text. */
static void
put_value(struct target const *t, size_t type, struct yaml_node const *n,
          char const *path)
{
  struct slice value = n->text, value2 = SLICE("");
  char const *at = NULL;
  struct yaml_node one = *n;

  if (types[type].pair && !strncmp(types[type].name, "user", 4))
    at = strrchr(n->text.s, '@');
  if (at) {
    value = arena_copy(&job.arena, slice_of(n->text.s, (size_t)(at - n->text.s)));
    value2 = slice_str(at + 1);
  }
  value = prepared(types[type].name, value);
  value2 = prepared("server", value2);
  one.text = value;
  if (!value.s || !value2.s) {
    say_error(n, path, "\"%s\" is not an address", n->text.s);
    return;
  }
  if (types[type].regexp) value = regexp_value(&job.arena, &one, path);
  if (!value.s) return;
  if (slice_is(slice_str(types[type].name), "ip") && !is_net(value)) {
    say_error(n, path, "\"%s\" is not an IP address or network", value.s);
    return;
  }
  if (slice_is(slice_str(types[type].name), "user") && !value.len)
    say_note(n, path, "an empty user name matches nobody");
  put(t, types[type].name, value, value2);
}

static void
put_pair(struct target const *t, size_t type, struct yaml_node const *n, char const *path)
{
  struct yaml_node key = *n;
  struct slice a, b = n->text;

  key.text = n->key;
  a = types[type].regexp ? regexp_value(&job.arena, &key, path) : n->key;
  if (types[type].regexp && !strncmp(types[type].name, "node", 4))
    b = regexp_value(&job.arena, n, path);
  else if (!strncmp(types[type].name, "user", 4))
    b = prepared("server", b);
  if (!strcmp(types[type].name, "user")) a = prepared("user", a);
  if (a.s && b.s)
    put(t, types[type].name, a, b);
  else if (!types[type].regexp)
    say_error(n, path, "\"%s\" is not an address", n->text.s);
}

/* The values of one type: one, a list, a mapping of pairs. */
static void
put_values(struct target const *t, size_t type, struct yaml_node const *n,
           char const *path)
{
  struct yaml_node const *c;

  if (n->kind == YAML_SCALAR) put_value(t, type, n, path);
  for (c = n->first; c; c = c->next) {
    if (n->kind == YAML_MAP)
      put_pair(t, type, c, path);
    else if (c->kind == YAML_SCALAR)
      put_value(t, type, c, path);
    else
      put_values(t, type, c, path);
  }
}

static struct yaml_node const *entry_in(struct yaml_node const *n, char const *name);

static void
nearest_in(struct yaml_node const *n, struct slice name, size_t *best, char const **found)
{
  struct yaml_node const *c;

  for (c = n ? n->first : NULL; c; c = c->next) {
    if (n->kind == YAML_LIST)
      nearest_in(c, name, best, found);
    else if (word_nearer(name, c->key.s, best))
      *found = c->key.s;
  }
}

/* A name that allows must be an acl's; one that denies may wait for its acl. */
static void
warn_if_no_acl(struct target const *t, struct yaml_node const *n, char const *path)
{
  size_t best = 2 + n->text.len / 4;
  char const *near = NULL;
  size_t i;

  if (!t->rule || !slice_is(t->result, "allow") || !strcmp(n->file, SAMPLE)) return;
  if (entry_in(yaml_get(job.top, "acl"), n->text.s)) return;
  for (i = 0; i < job.hosts_n; i++)
    if (entry_in(host_override(job.hosts[i], "acl"), n->text.s) ||
        entry_in(host_append(job.hosts[i], "acl"), n->text.s))
      return;
  nearest_in(yaml_get(job.top, "acl"), n->text, &best, &near);
  say_warning(n, path, "no acl named %s is defined; it matches nobody%s%s%s", n->text.s,
              near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static void
put_acl_name(struct target const *t, struct yaml_node const *n, char const *path)
{
  if (slice_is(n->text, "all") || slice_is(n->text, "none")) {
    put(t, n->text.s, SLICE(""), SLICE(""));
    return;
  }
  warn_if_no_acl(t, n, path);
  put(t, "acl", n->text, SLICE(""));
}

/* A condition: the name of an acl, or terms by their types, alone or in lists. */
static void
put_condition(struct target const *t, struct yaml_node const *n, char const *path)
{
  struct yaml_node const *c;
  size_t type;

  if (n->kind == YAML_SCALAR) {
    put_acl_name(t, n, path);
    return;
  }
  for (c = n->first; c; c = c->next) {
    if (n->kind == YAML_LIST) {
      put_condition(t, c, path);
      continue;
    }
    type = type_of(c->key);
    if (type < TYPES_N) {
      put_values(t, type, c, path);
    } else if (slice_is(c->key, "acl") && c->kind == YAML_SCALAR) {
      put_acl_name(t, c, path);
    } else
      say_unknown(c, path, "type of condition", NULL);
  }
}

/* ---- acl ---- */

static void
put_acl(struct slice scope, struct yaml_node const *n)
{
  struct target t = {.scope = scope, .name = n->key};
  char path[256];

  snprintf(path, sizeof path, "acl.%s", n->key.s);
  put_condition(&t, n, path);
}

/* ---- rules ---- */

/* One entry of a rule: {RESULT: CONDITION}, or RESULT alone for all. */
static void
put_entry(struct target *t, struct yaml_node const *n, char const *path)
{
  struct yaml_node const *c;
  struct yaml_node all = {.kind = YAML_SCALAR, .text = SLICE("all")};

  if (n->kind == YAML_SCALAR) {
    t->n++;
    t->result = n->text;
    put_condition(t, &all, path);
    return;
  }
  for (c = n->first; c; c = c->next) {
    if (n->kind == YAML_LIST) {
      put_entry(t, c, path);
      continue;
    }
    t->n++;
    t->result = c->key;
    put_condition(t, c, path);
  }
}

static bool
result_holds(struct yaml_node const *n, struct slice r, char const *path)
{
  if (slice_is(r, "allow") || slice_is(r, "deny")) return true;
  say_error(n, path, "a rule says allow or deny, not \"%s\"", r.s);
  return false;
}

static bool
results_hold(struct yaml_node const *n, char const *path)
{
  struct yaml_node const *c;

  if (n->kind == YAML_SCALAR) return result_holds(n, n->text, path);
  for (c = n->first; c; c = c->next)
    if (n->kind == YAML_LIST ? !results_hold(c, path) : !result_holds(c, c->key, path))
      return false;
  return true;
}

/* Where an inline rule stands: the option's path; NULL: the rule has a name. */
static char const *inline_path;

/* A shaper's rule gives a shaper, none, or a number from 1. */
static bool
shaper_result_holds(struct yaml_node const *n, struct slice r, char const *path)
{
  struct yaml_node at = *n;
  uint64_t v;

  if (slice_u64(r, &v)) {
    if (v) return true;
    if (n->key.s == r.s) {
      at.line = n->key_line;
      at.col = n->key_col;
    }
    say_error(&at, path,
              "expected the name of a shaper, none, or a number from 1, got \"%s\"", r.s);
    return false;
  }
  if (!slice_is(r, "none") && strcmp(n->file, SAMPLE) != 0 &&
      !entry_in(yaml_get(job.top, "shaper"), r.s)) {
    size_t best = 2 + r.len / 4;
    char const *near = NULL;
    if (n->key.s == r.s) {
      at.line = n->key_line;
      at.col = n->key_col;
    }
    nearest_in(yaml_get(job.top, "shaper"), r, &best, &near);
    say_warning(&at, path, "no shaper named %s is defined, so there is no limit%s%s%s",
                r.s, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
  }
  return true;
}

static bool
shaper_results_hold(struct yaml_node const *n, char const *path)
{
  struct yaml_node const *c;

  if (n->kind == YAML_SCALAR) return shaper_result_holds(n, n->text, path);
  for (c = n->first; c; c = c->next)
    if (n->kind == YAML_LIST ? !shaper_results_hold(c, path)
                             : !shaper_result_holds(c, c->key, path))
      return false;
  return true;
}

static void
put_rule(struct slice scope, struct yaml_node const *n, bool shaper)
{
  struct target t = {.scope = scope, .name = n->key, .rule = true};
  char path[256];

  if (inline_path)
    snprintf(path, sizeof path, "%s", inline_path);
  else
    snprintf(path, sizeof path, "%s.%s", shaper ? "shaper_rules" : "access_rules",
             n->key.s);
  if (shaper ? shaper_results_hold(n, path) : results_hold(n, path))
    put_entry(&t, n, path);
}

/* 18.04's old form, access: {NAME: {ACL: allow|deny}}. */
static void
put_old_rule(struct slice scope, struct yaml_node const *n)
{
  struct target t = {.scope = scope, .name = n->key, .rule = true};
  struct yaml_node const *c;
  char path[256];

  snprintf(path, sizeof path, "access.%s", n->key.s);
  say_warning(n, path, "the old form of access_rules; use access_rules");
  if (n->kind == YAML_SCALAR) put_entry(&t, n, path);
  for (c = n->first; c; c = c->next) {
    struct yaml_node acl = *c;
    acl.text = c->key;
    acl.kind = YAML_SCALAR;
    if (c->kind != YAML_SCALAR || !result_holds(c, c->text, path)) continue;
    t.n++;
    t.result = c->text;
    put_acl_name(&t, &acl, path);
  }
}

/* ---- sets ---- */

typedef void put_fn(struct slice scope, struct yaml_node const *n);

static void
put_access_rule(struct slice scope, struct yaml_node const *n)
{
  put_rule(scope, n, false);
}

static void
put_shaper_rule(struct slice scope, struct yaml_node const *n)
{
  put_rule(scope, n, true);
}

/* A mapping of entries, or a list of such. */
static void
each_entry(struct yaml_node const *n, put_fn *fn, struct slice scope,
           struct yaml_node const *but)
{
  struct yaml_node const *c;

  for (c = n ? n->first : NULL; c; c = c->next) {
    if (n->kind == YAML_LIST)
      each_entry(c, fn, scope, but);
    else if (!but || !yaml_get(but, c->key.s))
      fn(scope, c);
  }
}

static struct {
  char const *option;
  put_fn *fn;
} const sets[] = {
  {"acl",          put_acl        },
  {"access_rules", put_access_rule},
  {"access",       put_old_rule   },
  {"shaper_rules", put_shaper_rule},
};

/* A host's own set replaces the common one; what is appended takes the place of entries of the
 * same name only. acls and rules are sets apart. */
static void
put_host_sets(struct slice host)
{
  size_t i, group;
  bool own[2] = {false, false};

  for (i = 0; i < 4; i++)
    if (host_override(host, sets[i].option) || host_append(host, sets[i].option))
      own[i > 0] = true;
  for (i = 0; i < 4; i++) {
    struct yaml_node const *given = host_override(host, sets[i].option);
    struct yaml_node const *more = host_append(host, sets[i].option);
    group = i > 0;
    if (!own[group]) continue;
    if (given && i)
      say_warning(given, sets[i].option, "replaces all rules for %s", host.s);
    each_entry(given ? given : yaml_get(job.top, sets[i].option), sets[i].fn, host, more);
    each_entry(more, sets[i].fn, host, NULL);
  }
}

static void
put_shaper(struct slice scope, struct yaml_node const *n)
{
  struct yaml_node const *rate = n, *burst = NULL, *c;
  uint64_t r, b;

  if (n->kind == YAML_MAP) {
    rate = yaml_get(n, "rate");
    burst = yaml_get(n, "burst_size");
    for (c = n->first; c; c = c->next)
      if (c != rate && c != burst) {
        struct yaml_node at = *c;
        char path[256];
        snprintf(path, sizeof path, "shaper.%s", n->key.s);
        at.line = c->key_line;
        at.col = c->key_col;
        say_error(&at, path, "unknown option %s; known: rate, burst_size", c->key.s);
      }
  }
  if (rate && (slice_is(rate->text, "none") || slice_is(rate->text, "infinity"))) {
    emit(ASKERS, "speed", scope, n->key.s, "0", "0", NULL);
    return;
  }
  if (!rate || !slice_u64(rate->text, &r) || !r ||
      (burst && (!slice_u64(burst->text, &b) || !b))) {
    say_error(n, "shaper",
              "%s: expected a number of bytes a second, or rate and burst_size",
              n->key.s);
    return;
  }
  emit(ASKERS, "speed", scope, n->key.s, rate->text.s,
       burst ? burst->text.s : rate->text.s, NULL);
}

static void
expect_entries(char const *option)
{
  struct yaml_node const *n = yaml_get(job.top, option);

  if (n && n->kind == YAML_SCALAR)
    say_error(n, option, "expected a mapping, got \"%s\"", n->text.s);
}

void
compile_access(void)
{
  size_t i;

  for (i = 0; i < 4; i++)
    expect_entries(sets[i].option);

  for (i = 0; i < 4; i++)
    each_entry(yaml_get(job.top, sets[i].option), sets[i].fn, SLICE("*"), NULL);
  each_entry(yaml_get(job.top, "shaper"), put_shaper, SLICE("*"), NULL);
  emit(ASKERS, "speed", SLICE("*"), "none", "0", "0", NULL);
  for (i = 0; i < job.hosts_n; i++)
    put_host_sets(job.hosts[i]);
}

/* ---- references ---- */

static struct yaml_node const *
entry_in(struct yaml_node const *n, char const *name)
{
  struct yaml_node const *c, *found = NULL;

  if (!n || n->kind == YAML_MAP) return yaml_get(n, name);
  for (c = n->first; c && !found; c = c->next)
    found = entry_in(c, name);
  return found;
}

static bool
is_defined(struct yaml_node const *top, char const *name, bool shaper)
{
  if (shaper)
    return entry_in(yaml_get(top, "shaper_rules"), name) ||
           entry_in(yaml_get(top, "shaper"), name);
  return entry_in(yaml_get(top, "access_rules"), name) ||
         entry_in(yaml_get(top, "access"), name);
}

/* Whether a host has acls (0), rules (1) of its own, which stand in the place of the common. */
static bool
has_own(struct slice host, size_t group)
{
  size_t i;

  for (i = group; i < (group ? 4 : 1); i++)
    if (host_override(host, sets[i].option) || host_append(host, sets[i].option))
      return true;
  return false;
}

static bool
host_defines(struct slice host, size_t i, char const *name)
{
  return entry_in(host_override(host, sets[i].option), name) ||
         entry_in(host_append(host, sets[i].option), name);
}

/* For all, and for each host with a set of its own that has no such entry. */
static void
put_everywhere(put_fn *fn, struct yaml_node const *n, size_t group)
{
  size_t h, i;

  fn(SLICE("*"), n);
  for (h = 0; h < job.hosts_n; h++) {
    bool there = !has_own(job.hosts[h], group);
    for (i = group; !there && i < (group ? 4 : 1); i++)
      there = host_defines(job.hosts[h], i, n->key.s);
    if (!there) fn(job.hosts[h], n);
  }
}

static put_fn *const put_rule_of[] = {put_access_rule, put_shaper_rule};

/* A rule in the place of a name becomes one of its own. */
static struct slice
inline_rule(struct yaml_node const *n, char const *path, bool shaper)
{
  struct yaml_node named = *n;
  char name[32];

  snprintf(name, sizeof name, "#%u", ++inline_n);
  named.key = arena_copy(&job.arena, slice_str(name));
  inline_path = path;
  if (named.key.s) put_everywhere(put_rule_of[shaper], &named, 1);
  inline_path = NULL;
  return named.key;
}

struct slice
access_rule(struct yaml_node const *n, char const *path, bool shaper)
{
  struct reference *r;
  uint64_t number;

  if (n->kind != YAML_SCALAR) return inline_rule(n, path, shaper);
  if (slice_is(n->text, "all") || slice_is(n->text, "none")) return n->text;
  if (shaper && slice_u64(n->text, &number)) return n->text;
  if (!shaper && slice_is(n->text, "deny")) return SLICE("none");
  if (!shaper && slice_is(n->text, "allow") && !is_defined(job.top, "allow", false)) {
    say_error(n, path,
              "allow names a rule that does not exist, and so denies: write all");
    return (struct slice){NULL, 0};
  }
  r = arena_alloc(&job.arena, sizeof *r);
  if (r) {
    struct slice p = arena_copy(&job.arena, slice_str(path));
    *r = (struct reference){references, n, p.s ? p.s : "", shaper};
    references = r;
  }
  return n->text;
}

/* The defined rule, or the sample's, whose name is nearest; NULL when none is near. */
static char const *
nearest_rule(struct reference const *r)
{
  char const *section = r->shaper ? "shaper_rules" : "access_rules", *found = NULL;
  size_t best = 2 + r->node->text.len / 4;

  nearest_in(yaml_get(job.top, section), r->node->text, &best, &found);
  nearest_in(yaml_get(sample_tree, section), r->node->text, &best, &found);
  return found;
}

/* From the sample: the rule, and what it is made of as far as the file has it not. */
static void
put_sample(struct reference const *r)
{
  struct yaml_node const *rules =
    yaml_get(sample_tree, r->shaper ? "shaper_rules" : "access_rules");
  struct yaml_node const *rule = entry_in(rules, r->node->text.s), *c;
  size_t h, i;

  for (h = 0; !rule && h < job.hosts_n; h++)
    for (i = 1; i < 4; i++)
      if (host_defines(job.hosts[h], i, r->node->text.s)) return;

  if (!rule) {
    char const *near = nearest_rule(r);
    say_error(r->node, r->path, "no rule named %s is defined%s%s%s", r->node->text.s,
              near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    return;
  }
  if (job.strict) {
    say_error(r->node, r->path, "the rule %s is not defined", r->node->text.s);
    return;
  }
  say_warning(r->node, r->path,
              "the rule %s is not defined; taken as the sample of ejabberd 18.04 has it",
              r->node->text.s);
  put_everywhere(put_rule_of[r->shaper], rule, 1);
  if (sample_used[r->shaper]) return;
  sample_used[r->shaper] = true;
  for (c = yaml_get(sample_tree, "acl")->first; !r->shaper && c; c = c->next)
    if (!entry_in(yaml_get(job.top, "acl"), c->key.s)) put_everywhere(put_acl, c, 0);
  for (c = yaml_get(sample_tree, "shaper")->first; r->shaper && c; c = c->next)
    if (!entry_in(yaml_get(job.top, "shaper"), c->key.s)) put_shaper(SLICE("*"), c);
}

static bool
named_before(struct reference const *r)
{
  struct reference const *s;

  for (s = r->next; s; s = s->next)
    if (s->shaper == r->shaper && slice_eq(s->node->text, r->node->text)) return true;
  return false;
}

void
compile_missing_rules(void)
{
  struct reference const *r;

  sample_used[0] = sample_used[1] = false;
  sample_tree = yaml_parse(&job.arena, SAMPLE, slice_str(sample), say_yaml);
  for (r = references; sample_tree && r; r = r->next)
    if (!is_defined(job.top, r->node->text.s, r->shaper) && !named_before(r))
      put_sample(r);
  references = NULL;
}
