#include "access_internal.h"

#include <stdio.h>
#include <string.h>

/* acl, access_rules (and the old access), shaper, shaper_rules. Out come the rows of
 * lib/access: an acl is any of its rows, a rule the first group of rows that all hold. */

#define ASKERS                                                                           \
  (C2SD | S2SD | COMPD | ROUTED | AUTHD | USERD | HOSTD | MAMD | PUBSUBD | MUCD |        \
   UPLOADD | REGISTERD | PUSHD | WEBD | CTL)

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

/* Addresses that ask are prepared, so the values that rules compare them with are too.
 * Patterns are as they are. */
static struct slice
prepared(char const *type, struct slice text)
{
  if (!text.len) return text;
  if (!strcmp(type, "user")) return jid_prep_local(&job.arena, text);
  if (!strcmp(type, "server")) return jid_prep_domain(&job.arena, text);
  if (!strcmp(type, "resource")) return jid_prep_resource(&job.arena, text);
  return text;
}

/* Put one value of a type out. "u@host" is a pair in one text. */
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
  if (value.s && !value2.s && strcmp(types[type].name, "user") != 0) {
    say_warning(
      n, path,
      "a domain follows the @, and no pattern: \"%s\" matches nobody; %s takes a "
      "pattern of each, as a pair",
      n->text.s, types[type].regexp ? "node_regexp" : "node_glob");
    put(t, "none", SLICE(""), SLICE(""));
    return;
  }
  if (!value.s || !value2.s) {
    say_error(n, path, "\"%s\" is not an address", n->text.s);
    return;
  }
  if (types[type].regexp) value = regexp_value(&one, path);
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
  a = types[type].regexp ? regexp_value(&key, path) : n->key;
  if (types[type].regexp && !strncmp(types[type].name, "node", 4))
    b = regexp_value(n, path);
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

struct yaml_node const *
access_entry(struct yaml_node const *n, char const *name)
{
  struct yaml_node const *c, *found = NULL;

  if (!n || n->kind == YAML_MAP) return yaml_get(n, name);
  for (c = n->first; c && !found; c = c->next)
    found = access_entry(c, name);
  return found;
}

void
access_nearest(struct yaml_node const *n, struct slice name, size_t *best,
               char const **found)
{
  struct yaml_node const *c;

  for (c = n ? n->first : NULL; c; c = c->next) {
    if (n->kind == YAML_LIST)
      access_nearest(c, name, best, found);
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

  if (!t->rule || !slice_is(t->result, "allow") ||
      (n->file && !strcmp(n->file, ACCESS_SAMPLE)))
    return;
  if (access_entry(yaml_get(job.top, "acl"), n->text.s)) return;
  for (i = 0; i < job.hosts_n; i++)
    if (access_entry(host_override(job.hosts[i], "acl"), n->text.s) ||
        access_entry(host_append(job.hosts[i], "acl"), n->text.s))
      return;
  access_nearest(yaml_get(job.top, "acl"), n->text, &best, &near);
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

void
access_put_acl(struct slice scope, struct yaml_node const *n)
{
  struct target t = {.scope = scope, .name = n->key};
  char path[256];

  snprintf(path, sizeof path, "acl.%s", n->key.s);
  put_condition(&t, n, path);
}

/* ---- rules ---- */

/* Compile an entry of a rule: {RESULT: CONDITION}, or RESULT alone for all. */
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
  if (n->key.s == r.s && (slice_is(n->text, "allow") || slice_is(n->text, "deny"))) {
    say_error(n, path, "a rule says allow or deny, then to whom: write %s: %s", n->text.s,
              r.s);
    return false;
  }
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

char const *access_inline_path;

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
  if (!slice_is(r, "none") && strcmp(n->file, ACCESS_SAMPLE) != 0 &&
      !access_entry(yaml_get(job.top, "shaper"), r.s)) {
    size_t best = 2 + r.len / 4;
    char const *near = NULL;
    if (n->key.s == r.s) {
      at.line = n->key_line;
      at.col = n->key_col;
    }
    access_nearest(yaml_get(job.top, "shaper"), r, &best, &near);
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

  if (access_inline_path)
    snprintf(path, sizeof path, "%s", access_inline_path);
  else
    snprintf(path, sizeof path, "%s.%s", shaper ? "shaper_rules" : "access_rules",
             n->key.s);
  if (shaper ? shaper_results_hold(n, path) : results_hold(n, path))
    put_entry(&t, n, path);
}

/* ---- the section access: {NAME: {ACL: RESULT}} of ejabberd before 16.06 ---- */

/* Such a rule is a shaper's when none of its results is allow or deny. */
static bool
is_old_shaper(struct yaml_node const *n)
{
  struct yaml_node const *c;

  if (n->kind == YAML_SCALAR)
    return !slice_is(n->text, "allow") && !slice_is(n->text, "deny");
  for (c = n->first; c; c = c->next)
    if (!is_old_shaper(c)) return false;
  return true;
}

/* Nothing but the word tells the kind of an old rule, so a shaper must be there. */
static bool
old_result_holds(struct yaml_node const *n, bool shaper, char const *path)
{
  uint64_t number;

  if (!shaper) return result_holds(n, n->text, path);
  if (slice_is(n->text, "none") || slice_u64(n->text, &number) ||
      access_entry(yaml_get(job.top, "shaper"), n->text.s))
    return shaper_result_holds(n, n->text, path);
  say_error(n, path, "\"%s\" is neither allow nor deny, a number, or a shaper's name",
            n->text.s);
  return false;
}

static void
put_old_entries(struct target *t, struct yaml_node const *n, bool shaper,
                char const *path)
{
  struct yaml_node all = *n, acl;
  struct yaml_node const *c;

  all.text = SLICE("all");
  if (n->kind == YAML_SCALAR && old_result_holds(n, shaper, path)) {
    t->n++;
    t->result = n->text;
    put_acl_name(t, &all, path);
  }
  for (c = n->first; c; c = c->next) {
    if (n->kind == YAML_LIST) {
      put_old_entries(t, c, shaper, path);
      continue;
    }
    if (c->kind != YAML_SCALAR) {
      say_error(c, path, "expected %s",
                shaper ? "a shaper or a number" : "allow or deny");
      continue;
    }
    if (!old_result_holds(c, shaper, path)) continue;
    acl = *c;
    acl.text = c->key;
    t->n++;
    t->result = c->text;
    put_acl_name(t, &acl, path);
  }
}

static void
put_old_rule(struct slice scope, struct yaml_node const *n)
{
  struct target t = {.scope = scope, .name = n->key, .rule = true};
  char path[256];

  snprintf(path, sizeof path, "access.%s", n->key.s);
  put_old_entries(&t, n, is_old_shaper(n), path);
}

static void
warn_of_old_rules(struct yaml_node const *n)
{
  if (n)
    say_warning(n, "access",
                "the old form of access_rules and shaper_rules; it works here, but "
                "ejabberd ignores it since 19.08");
}

/* ---- sets ---- */

void
access_put_rule(struct slice scope, struct yaml_node const *n)
{
  put_rule(scope, n, false);
}

void
access_put_shaper_rule(struct slice scope, struct yaml_node const *n)
{
  put_rule(scope, n, true);
}

/* A mapping of entries, or a list of such. */
static void
each_entry(struct yaml_node const *n, access_put_fn *fn, struct slice scope,
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

struct access_set const access_sets[ACCESS_SETS_N] = {
  {"acl",          access_put_acl        },
  {"access_rules", access_put_rule       },
  {"access",       put_old_rule          },
  {"shaper_rules", access_put_shaper_rule},
};

/* A host's own set replaces the common one; what is appended takes the place of entries of the
 * same name only. acls and rules are sets apart. */
static void
put_host_sets(struct slice host)
{
  size_t i, group;
  bool own[2] = {false, false};

  for (i = 0; i < ACCESS_SETS_N; i++)
    if (host_override(host, access_sets[i].option) ||
        host_append(host, access_sets[i].option))
      own[i > 0] = true;
  for (i = 0; i < ACCESS_SETS_N; i++) {
    struct yaml_node const *given = host_override(host, access_sets[i].option);
    struct yaml_node const *more = host_append(host, access_sets[i].option);
    group = i > 0;
    if (!own[group]) continue;
    if (access_sets[i].fn == put_old_rule) {
      warn_of_old_rules(given);
      warn_of_old_rules(more);
    }
    if (given && i)
      say_warning(given, access_sets[i].option, "replaces all rules for %s", host.s);
    each_entry(given ? given : yaml_get(job.top, access_sets[i].option),
               access_sets[i].fn, host, more);
    each_entry(more, access_sets[i].fn, host, NULL);
  }
}

/* ejabberd before 16.06 wrote a rate as the string "maxrate: 1000". */
static bool
read_rate(struct slice text, uint64_t *rate)
{
  struct slice number = text;

  if (slice_starts(text, "maxrate:")) number = slice_of(text.s + 8, text.len - 8);
  while (number.len && number.s[0] == ' ')
    number = slice_of(number.s + 1, number.len - 1);
  return slice_u64(number, rate) && *rate;
}

static void
check_shaper_options(struct yaml_node const *n)
{
  struct yaml_node const *c;
  struct yaml_node at;
  char path[256];

  snprintf(path, sizeof path, "shaper.%s", n->key.s);
  for (c = n->kind == YAML_MAP ? n->first : NULL; c; c = c->next) {
    if (slice_has_word(SLICE("rate maxrate burst_size"), c->key)) continue;
    at = *c;
    at.line = c->key_line;
    at.col = c->key_col;
    say_error(&at, path, "unknown option %s; known: rate, burst_size", c->key.s);
  }
}

void
access_put_shaper(struct slice scope, struct yaml_node const *n)
{
  struct yaml_node const *rate = n, *burst = NULL;
  char const *number;
  char buf[BASE_NUM];
  uint64_t r, b;

  check_shaper_options(n);
  if (n->kind == YAML_MAP) {
    rate = yaml_get(n, "rate");
    if (!rate) rate = yaml_get(n, "maxrate");
    burst = yaml_get(n, "burst_size");
  }
  if (rate && (slice_is(rate->text, "none") || slice_is(rate->text, "infinity"))) {
    emit(ASKERS, "speed", scope, n->key.s, "0", "0", NULL);
    return;
  }
  if (!rate || !read_rate(rate->text, &r) ||
      (burst && (!slice_u64(burst->text, &b) || !b))) {
    say_error(n, "shaper",
              "%s: expected a number of bytes a second, or rate and burst_size",
              n->key.s);
    return;
  }
  number = num_u64(buf, r).s;
  emit(ASKERS, "speed", scope, n->key.s, number, burst ? burst->text.s : number, NULL);
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

  for (i = 0; i < ACCESS_SETS_N; i++)
    expect_entries(access_sets[i].option);
  warn_of_old_rules(yaml_get(job.top, "access"));

  for (i = 0; i < ACCESS_SETS_N; i++)
    each_entry(yaml_get(job.top, access_sets[i].option), access_sets[i].fn, SLICE("*"),
               NULL);
  each_entry(yaml_get(job.top, "shaper"), access_put_shaper, SLICE("*"), NULL);
  emit(ASKERS, "speed", SLICE("*"), "none", "0", "0", NULL);
  for (i = 0; i < job.hosts_n; i++)
    put_host_sets(job.hosts[i]);
}
