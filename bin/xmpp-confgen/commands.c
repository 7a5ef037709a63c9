#include "confgen.h"

#include "access/access.h"

#include <skalibs/djbunix.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* list, explain, why, diff: what the compiled configuration says, for people. */

static char const *
effect_word(enum effect e)
{
  return e == WORKS ? "works" : "no effect";
}

/* The default of an option, or why it has no effect; until the next call. */
static char const *
remark_of(struct option const *o)
{
  static char text[128];
  char const *by = option_replaced(o->in, slice_str(o->name));
  struct reason const *r = option_reason(o);

  if (o->dflt) return o->dflt;
  if (o->effect == WORKS) return "";
  if (!by) return r ? r->why : "";
  snprintf(text, sizeof text, "%s takes its place", by);
  return text;
}

int
command_list(void)
{
  size_t i;

  for (i = 0; i < options_n; i++)
    printf("%s%s%s\t%s\t%s\n", options[i].in, *options[i].in ? "." : "", options[i].name,
           effect_word(options[i].effect), remark_of(&options[i]));
  for (i = 0; i < modules_n; i++)
    printf("modules.%s\t%s\t\n", modules[i].name, effect_word(modules[i].effect));
  return 0;
}

/* ---- explain ---- */

static void
print_node(struct yaml_node const *n)
{
  struct yaml_node const *c;

  if (n->kind == YAML_SCALAR) {
    printf("%s", n->text.s);
    return;
  }
  printf(n->kind == YAML_LIST ? "[" : "{");
  for (c = n->first; c; c = c->next) {
    if (n->kind == YAML_MAP) printf("%s: ", c->key.s);
    print_node(c);
    if (c->next) printf(", ");
  }
  printf(n->kind == YAML_LIST ? "]" : "}");
}

static void
print_origin(struct yaml_node const *n)
{
  printf("  from %s:%u:%u", n->file, n->line, n->col);
  if (n->macro) printf(", macro %s", n->macro);
  printf("\n");
}

/* The node at a path: words by dots; a number counts in a list from 1. */
static struct yaml_node const *
walk(struct yaml_node const *n, struct slice path)
{
  struct slice word;
  uint64_t i;

  while (n && slice_word(&path, '.', &word)) {
    struct yaml_node const *c = n->first;
    if (slice_u64(word, &i) && n->kind == YAML_LIST) {
      while (c && --i)
        c = c->next;
      n = c;
      continue;
    }
    while (c && !slice_eq(c->key, word))
      c = c->next;
    n = c;
  }
  return n;
}

static struct option const *
option_at(struct slice path)
{
  struct slice word, in = SLICE(""), rest = path;
  struct option const *whole;
  char buf[64] = "";

  while (slice_word(&rest, '.', &word)) {
    if (!rest.len) break;
    if (!slice_is(word, "modules")) in = word;
  }
  snprintf(buf, sizeof buf, "%.*s", (int)(word.s > path.s ? word.s - path.s - 1 : 0),
           path.s);
  if (*buf && (whole = option_find(buf, word))) return whole;
  snprintf(buf, sizeof buf, "%.*s", (int)in.len, in.s);
  if (slice_starts(path, "listen")) {
    struct option const *o = option_find("listen", word);
    return o ? o : option_find("ejabberd_c2s", word);
  }
  return option_find(buf, word);
}

/* Give the entry of a section for a host at a path. */
static void
print_of_host(char const *section, struct slice host, struct slice path)
{
  struct yaml_node const *map = yaml_get(job.top, section), *h, *v;

  for (h = map && map->kind == YAML_MAP ? map->first : NULL; h; h = h->next) {
    v = slice_is_nocase(h->key, host.s) ? walk(h, path) : NULL;
    if (!v) continue;
    printf("for %s: ", host.s);
    print_node(v);
    printf("\n");
    print_origin(v);
  }
}

/* Say whether a path that the file does not have names what it could: a module, or an entry of
 * a section whose entries the administrator names. */
static bool
is_known_name(struct slice path)
{
  static char const sections[] =
    "acl access access_rules shaper shaper_rules define_macro "
    "define_keyword api_permissions host_config "
    "append_host_config";
  struct slice first = SLICE(""), rest = path;

  if (!slice_word(&rest, '.', &first) || !rest.len) return false;
  if (slice_is(first, "modules")) return module_find(rest) != NULL;
  return slice_has_word(slice_str(sections), first);
}

int
command_explain(char const *text)
{
  struct slice path = slice_str(text);
  struct yaml_node const *n = walk(job.top, path);
  struct option const *o = option_at(path);
  size_t i;

  if (n) {
    printf("%s: ", text);
    print_node(n);
    printf("\n");
    print_origin(n);
  } else if (o && o->dflt)
    printf("%s: %s\n  the default\n", text, o->dflt);
  else if (o || is_known_name(path))
    printf("%s: not set\n", text);
  else {
    fprintf(stderr, "xmpp-confgen: %s: no such option\n", text);
    return 100;
  }
  for (i = 0; i < job.hosts_n; i++) {
    print_of_host("host_config", job.hosts[i], path);
    print_of_host("append_host_config", job.hosts[i], path);
  }
  if (o && o->effect != WORKS)
    printf("  no effect%s%s\n", *remark_of(o) ? ": " : "", remark_of(o));
  return 0;
}

/* ---- settings in a folder that goes away ---- */

bool
commands_settings(char dir[64])
{
  snprintf(dir, 64, "/tmp/xmpp-confgen.XXXXXX");
  if (!mkdtemp(dir)) return false;
  return rmdir(dir) == 0 && emit_write(dir, 0);
}

/* ---- why ---- */

/* The n-th entry of a rule as it stands in the file. */
static struct yaml_node const *
rule_entry(struct yaml_node const *rule, uint64_t *n)
{
  struct yaml_node const *c, *found;

  if (rule->kind == YAML_SCALAR) return --*n ? NULL : rule;
  for (c = rule->first; c; c = c->next) {
    if (rule->kind == YAML_LIST) {
      found = rule_entry(c, n);
      if (found) return found;
    } else if (!--*n)
      return c;
  }
  return NULL;
}

static struct yaml_node const *
rule_in(char const *section, struct slice host, char const *name)
{
  struct yaml_node const *n = yaml_get(host_append(host, section), name);

  if (n) return n;
  return host_override(host, section) ? yaml_get(host_override(host, section), name)
                                      : yaml_get(yaml_get(job.top, section), name);
}

static struct yaml_node const *
find_rule(struct slice host, char const *name)
{
  static char const *const sections[] = {"access_rules", "shaper_rules", "access"};
  struct yaml_node const *n = NULL;
  size_t i;

  for (i = 0; !n && i < 3; i++)
    n = rule_in(sections[i], host, name);
  return n;
}

/* A rule that limits, not one that allows: where it says nothing, there is no limit. */
static bool
limits(struct slice host, char const *name)
{
  static char const usual[] = "max_user_sessions max_user_offline_messages "
                              "soft_upload_quota hard_upload_quota c2s_shaper s2s_shaper";

  return slice_has_word(slice_str(usual), slice_str(name)) ||
         rule_in("shaper_rules", host, name);
}

static bool
is_address(char const *ip)
{
  return is_net(slice_str(ip)) && !strchr(ip, '/');
}

/* A shaper is no rule: it gives the same to everybody. */
static bool
is_shaper(char const *name)
{
  return yaml_get(yaml_get(job.top, "shaper"), name) != NULL;
}

/* Print what the rule of a host, whose n-th entry decided (0: none did), gives, and where it stands.
 * Gives whether that is a refusal. */
static bool
print_decision(struct slice host, char const *rule, struct slice result, uint64_t n)
{
  struct yaml_node const *node = find_rule(host, rule);
  struct yaml_node const *entry = node && n ? rule_entry(node, &n) : NULL;
  bool unlimited = !result.len && limits(host, rule);
  struct slice word = result.len ? result : unlimited ? SLICE("no limit") : SLICE("deny");

  printf("%.*s\n", (int)word.len, word.s);
  if (entry)
    printf("  by %s:%u:%u\n", entry->file,
           entry->key_line ? entry->key_line : entry->line,
           entry->key_col ? entry->key_col : entry->col);
  else if (result.len)
    printf("  by the sample of ejabberd 18.04, for the file does not define it\n");
  else
    printf("  %s\n", node              ? "no condition of the rule holds"
                     : is_shaper(rule) ? "this is a shaper, which rules name"
                                       : "there is no such rule");
  return slice_is(word, "deny");
}

int
command_why(char const *jid, char const *ip, char const *rule)
{
  struct settings st = SETTINGS_ZERO;
  struct access *a = NULL;
  struct access_who who = {.ip = slice_str(ip)};
  struct slice result;
  struct jid j;
  char dir[64];
  uint64_t n = 0;
  bool ok, denied;

  if (!jid_parse(&job.arena, slice_str(jid), &j)) {
    fprintf(stderr, "xmpp-confgen: %s: not an address\n", jid);
    return 100;
  }
  if (*ip && !is_address(ip)) {
    fprintf(stderr, "xmpp-confgen: %s: not an IP address\n", ip);
    return 100;
  }
  who.local = j.local;
  who.domain = j.domain;
  who.resource = j.resource;
  ok = commands_settings(dir) && settings_open(&st, dir, "xmpp-ctl");
  if (ok) a = access_load(&st);
  rm_rf(dir);
  if (!a) return 111;
  result = access_check(a, slice_str(rule), j.domain, &who, &n);
  printf("%s for %s from %s: ", rule, jid, ip);
  denied = print_decision(j.domain, rule, result, n);
  access_free(a);
  settings_close(&st);
  return denied;
}

/* ---- diff ---- */

struct compiled {
  stralloc rows[PROGRAMS_N];
};

static bool
compile_into(struct compiled *c, char const *file)
{
  unsigned int p;

  emit_reset();
  if (!compile(file)) return false;
  for (p = 0; p < PROGRAMS_N; p++) {
    struct slice rows = emit_rows(p);
    if (!stralloc_copyb(&c->rows[p], rows.s, rows.len)) return false;
  }
  return true;
}

static bool
has_line(stralloc const *sa, struct slice line)
{
  struct slice rest = slice_of(sa->s, sa->len), l;

  while (slice_word(&rest, '\n', &l))
    if (slice_eq(l, line)) return true;
  return false;
}

/* Rows that a running program cannot take up: who its neighbours are. */
static bool
needs_restart(struct slice line)
{
  return slice_starts(line, "connect\t") || slice_starts(line, "run\t") ||
         slice_starts(line, "data\t") || slice_starts(line, "program\t") ||
         slice_starts(line, "instance\t") || slice_starts(line, "reuseport\t");
}

static bool
print_lines(char const *program, char sign, stralloc const *these, stralloc const *those,
            bool *restart)
{
  struct slice rest = slice_of(these->s, these->len), l;
  bool any = false;

  while (slice_word(&rest, '\n', &l)) {
    if (has_line(those, l)) continue;
    printf("%s %c %.*s\n", program, sign, (int)l.len, l.s);
    *restart = *restart || needs_restart(l);
    any = true;
  }
  return any;
}

/* Say whether a configuration starts a program: xmpp-ctl's settings name the programs. */
static bool
runs(struct compiled const *c, char const *program)
{
  stralloc const *ctl = &c->rows[__builtin_ctz(CTL)];
  size_t n = strlen(program);
  char const *at = ctl->len ? memmem(ctl->s, ctl->len, program, n) : NULL;

  return at && at[n] == '\t';
}

int
command_diff(char const *old_file, char const *new_file)
{
  static struct compiled before, after;
  bool differs = false;
  unsigned int p;

  errno = 0;
  if (!compile_into(&before, old_file) || !compile_into(&after, new_file))
    return errno && !job.top ? 111 : 100;
  for (p = 0; p < PROGRAMS_N; p++) {
    char const *name = program_name((enum program)(1u << p));
    bool restart = false, any;
    if (!runs(&before, name) && !runs(&after, name)) continue;
    any = print_lines(name, '-', &before.rows[p], &after.rows[p], &restart);
    any = print_lines(name, '+', &after.rows[p], &before.rows[p], &restart) || any;
    if (any) printf("%s: %s\n", name, restart ? "restart" : "reload");
    differs = differs || any;
  }
  return differs;
}
