#include "access_internal.h"

#include <stdio.h>
#include <string.h>

/* Rules that options name: those that the file defines, those that stand in the place of a
 * name, and those of the sample that take the place of missing ones. */

/* Names that the configuration of ejabberd 18.04 defines: files are written as if they
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

static struct yaml_node *sample_tree;
static bool sample_used[2]; /* the sample's acls; the sample's shapers */

/* A rule that some option names. */
struct reference {
  struct reference *next;
  struct yaml_node const *node;
  char const *path;
  bool shaper;
};

static struct reference *references;

/* Names of the rules that stand in the place of names. */
struct inlined {
  struct inlined *next;
  struct slice name;
};

static struct inlined *inlined;

static bool
is_defined(struct yaml_node const *top, char const *name, bool shaper)
{
  if (access_entry(yaml_get(top, "access"), name)) return true;
  if (!shaper) return access_entry(yaml_get(top, "access_rules"), name);
  return access_entry(yaml_get(top, "shaper_rules"), name) ||
         access_entry(yaml_get(top, "shaper"), name);
}

/* Say whether a host has acls (0), rules (1) of its own, which stand in the place of
 * the common ones. */
static bool
has_own(struct slice host, size_t group)
{
  size_t i;

  for (i = group; i < (group ? ACCESS_SETS_N : 1); i++)
    if (host_override(host, access_sets[i].option) ||
        host_append(host, access_sets[i].option))
      return true;
  return false;
}

static bool
host_defines(struct slice host, size_t i, char const *name)
{
  return access_entry(host_override(host, access_sets[i].option), name) ||
         access_entry(host_append(host, access_sets[i].option), name);
}

/* For all, and for each host with a set of its own that has no such entry. */
static void
put_everywhere(access_put_fn *fn, struct yaml_node const *n, size_t group)
{
  size_t h, i;

  fn(SLICE("*"), n);
  for (h = 0; h < job.hosts_n; h++) {
    bool there = !has_own(job.hosts[h], group);
    for (i = group; !there && i < (group ? ACCESS_SETS_N : 1); i++)
      there = host_defines(job.hosts[h], i, n->key.s);
    if (!there) fn(job.hosts[h], n);
  }
}

static access_put_fn *const put_rule_of[] = {access_put_rule, access_put_shaper_rule};

#define FNV_BASIS 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

static uint64_t
hash_text(uint64_t h, struct slice text)
{
  size_t i;

  for (i = 0; i <= text.len; i++)
    h = (h ^ (i < text.len ? (unsigned char)text.s[i] : 0)) * FNV_PRIME;
  return h;
}

/* FNV-1a over what a rule says, wherever it stands. */
static uint64_t
hash_rule(uint64_t h, struct yaml_node const *n)
{
  struct yaml_node const *c;

  h = (h ^ (uint64_t)n->kind) * FNV_PRIME;
  if (n->kind == YAML_SCALAR) return hash_text(h, n->text);
  for (c = n->first; c; c = c->next)
    h = hash_rule(n->kind == YAML_MAP ? hash_text(h, c->key) : h, c);
  return (h ^ 0xff) * FNV_PRIME;
}

/* A rule in the place of a name becomes one with a name made of its text: the same rule is
 * one, and keeps its name when others come or go. */
static struct slice
inline_rule(struct yaml_node const *n, char const *path, bool shaper)
{
  struct yaml_node named = *n;
  struct inlined *i;
  char name[32];

  snprintf(name, sizeof name, "#%016llx",
           (unsigned long long)hash_rule(FNV_BASIS + shaper, n));
  for (i = inlined; i; i = i->next)
    if (slice_is(i->name, name)) return i->name;
  i = arena_alloc(&job.arena, sizeof *i);
  named.key = arena_copy(&job.arena, slice_str(name));
  if (!i || !named.key.s) return (struct slice){NULL, 0};
  *i = (struct inlined){inlined, named.key};
  inlined = i;
  access_inline_path = path;
  put_everywhere(put_rule_of[shaper], &named, 1);
  access_inline_path = NULL;
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

struct slice
access_quota(struct yaml_node const *n, char const *path)
{
  uint64_t number;
  size_t h, i;

  if (n->kind != YAML_SCALAR || slice_is(n->text, "none") ||
      slice_u64(n->text, &number) || is_defined(job.top, n->text.s, true))
    return access_rule(n, path, true);
  for (h = 0; h < job.hosts_n; h++)
    for (i = 1; i < ACCESS_SETS_N; i++)
      if (host_defines(job.hosts[h], i, n->text.s)) return n->text;
  say_warning(n, path, "no rule named %s is defined, so there is no quota", n->text.s);
  return n->text;
}

/* The defined rule, or the sample's, whose name is nearest; NULL when none is near. */
static char const *
nearest_rule(struct reference const *r)
{
  char const *section = r->shaper ? "shaper_rules" : "access_rules", *found = NULL;
  size_t best = 2 + r->node->text.len / 4;

  access_nearest(yaml_get(job.top, section), r->node->text, &best, &found);
  access_nearest(yaml_get(job.top, "access"), r->node->text, &best, &found);
  access_nearest(yaml_get(sample_tree, section), r->node->text, &best, &found);
  return found;
}

/* From the sample: the rule, and what it is made of as far as the file has it not. */
static void
put_sample(struct reference const *r)
{
  struct yaml_node const *rules =
    yaml_get(sample_tree, r->shaper ? "shaper_rules" : "access_rules");
  struct yaml_node const *rule = access_entry(rules, r->node->text.s), *c;
  size_t h, i;

  for (h = 0; !rule && h < job.hosts_n; h++)
    for (i = 1; i < ACCESS_SETS_N; i++)
      if (host_defines(job.hosts[h], i, r->node->text.s)) return;

  if (!rule && !r->shaper && !job.strict &&
      access_entry(yaml_get(job.top, "acl"), r->node->text.s)) {
    say_warning(r->node, r->path,
                "%s is an acl, and no rule: nobody is allowed; write - allow: %s in its "
                "place",
                r->node->text.s, r->node->text.s);
    return;
  }
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
    if (!access_entry(yaml_get(job.top, "acl"), c->key.s))
      put_everywhere(access_put_acl, c, 0);
  for (c = yaml_get(sample_tree, "shaper")->first; r->shaper && c; c = c->next)
    if (!access_entry(yaml_get(job.top, "shaper"), c->key.s))
      access_put_shaper(SLICE("*"), c);
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
  sample_tree = yaml_parse(&job.arena, ACCESS_SAMPLE, slice_str(sample), say_yaml);
  for (r = references; sample_tree && r; r = r->next)
    if (!is_defined(job.top, r->node->text.s, r->shaper) && !named_before(r))
      put_sample(r);
  references = NULL;
  inlined = NULL;
}
