#include "access/access.h"
#include "access_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum term_type {
  USER,
  USER_REGEXP,
  USER_GLOB,
  SERVER,
  SERVER_REGEXP,
  SERVER_GLOB,
  RESOURCE,
  RESOURCE_REGEXP,
  RESOURCE_GLOB,
  NODE_REGEXP,
  NODE_GLOB,
  IP,
  SHARED_GROUP,
  ALL,
  NONE,
  ACL,
  TYPES
};

static char const *const type_names[TYPES] = {
  "user",          "user_regexp", "user_glob", "server",
  "server_regexp", "server_glob", "resource",  "resource_regexp",
  "resource_glob", "node_regexp", "node_glob", "ip",
  "shared_group",  "all",         "none",      "acl",
};

struct net {
  unsigned char bytes[16];
  unsigned int bits;
};

/* A condition. value: a user's name, a pattern's host; value2: the second of a pair. */
struct term {
  enum term_type type;
  struct slice value, value2;
  struct regexp *re, *re2;
  struct net net;
};

struct line {
  struct slice scope, name, result;
  uint64_t n;
  struct term term;
};

struct access {
  struct settings const *st;
  struct line *acls, *rules;
  size_t acls_n, rules_n;
};

/* ---- reading ---- */

static bool
bad(struct settings_row const *row, char const *why)
{
  settings_refuse(row->key.s, row->scope, row->value[0].s, ": ", why, NULL);
  errno = EINVAL;
  return false;
}

/* IPv4 as its place in IPv6 (RFC 4291 s2.5.5.2), so that both are compared as one. */
static bool
read_ip(char const *text, unsigned char bytes[16], bool *v4)
{
  static unsigned char const mapped[12] = {[10] = 0xff, [11] = 0xff};

  *v4 = inet_pton(AF_INET, text, bytes + 12) == 1;
  if (*v4)
    memcpy(bytes, mapped, sizeof mapped);
  else if (inet_pton(AF_INET6, text, bytes) != 1)
    return false;
  return true;
}

static bool
read_net(struct slice text, struct net *net)
{
  char buf[64];
  char *slash;
  uint64_t bits;
  bool v4;

  if (text.len >= sizeof buf) return false;
  memcpy(buf, text.s, text.len);
  buf[text.len] = 0;
  slash = strchr(buf, '/');
  if (slash) *slash++ = 0;
  if (!read_ip(buf, net->bytes, &v4)) return false;
  bits = v4 ? 32 : 128;
  if (slash && (!slice_u64(slice_str(slash), &bits) || bits > (v4 ? 32 : 128)))
    return false;
  net->bits = (unsigned int)bits + (v4 ? 96 : 0);
  return true;
}

static bool
is_regexp(enum term_type t)
{
  return t == USER_REGEXP || t == SERVER_REGEXP || t == RESOURCE_REGEXP ||
         t == NODE_REGEXP;
}

static bool
read_term(struct settings_row const *row, unsigned int at, struct term *t)
{
  unsigned int i;

  for (i = 0; i < TYPES && !slice_is(row->value[at], type_names[i]); i++) {
  }
  if (i == TYPES) return bad(row, "not a type of condition");
  t->type = (enum term_type)i;
  t->value = row->value[at + 1];
  if (at + 2 < 6) t->value2 = row->value[at + 2];
  if (is_regexp(t->type)) {
    t->re = regexp_new(t->value);
    if (!t->re) return bad(row, "not a regular expression");
  }
  if (t->type == NODE_REGEXP) {
    t->re2 = regexp_new(t->value2);
    if (!t->re2) return bad(row, "not a regular expression");
  }
  return t->type != IP || read_net(t->value, &t->net) || bad(row, "not an IP address");
}

static size_t
count(struct settings const *st, char const *key)
{
  struct settings_row const *row = NULL;
  size_t n = 0;

  while ((row = settings_next(st, key, row)))
    n++;
  return n;
}

struct access *
access_load(struct settings const *st)
{
  struct access *a = calloc(1, sizeof *a);
  struct settings_row const *row = NULL;

  if (!a) return NULL;
  a->st = st;
  a->acls = calloc(count(st, "acl") + 1, sizeof *a->acls);
  a->rules = calloc(count(st, "rule") + 1, sizeof *a->rules);
  if (!a->acls || !a->rules) goto fail;
  while ((row = settings_next(st, "acl", row))) {
    struct line *l = &a->acls[a->acls_n++];
    l->scope = row->scope;
    l->name = row->value[0];
    if (!read_term(row, 1, &l->term)) goto fail;
  }
  while ((row = settings_next(st, "rule", row))) {
    struct line *l = &a->rules[a->rules_n++];
    l->scope = row->scope;
    l->name = row->value[0];
    if (!slice_u64(row->value[1], &l->n)) l->n = 0;
    l->result = row->value[2];
    if (!read_term(row, 3, &l->term)) goto fail;
  }
  return a;
fail:
  access_free(a);
  return NULL;
}

static void
free_lines(struct line *v, size_t n)
{
  size_t i;

  for (i = 0; v && i < n; i++) {
    regexp_free(v[i].term.re);
    regexp_free(v[i].term.re2);
  }
  free(v);
}

struct settings const *
access_settings(struct access const *a)
{
  return a->st;
}

void
access_free(struct access *a)
{
  if (!a) return;
  free_lines(a->acls, a->acls_n);
  free_lines(a->rules, a->rules_n);
  free(a);
}

/* ---- matching ---- */

/* Parts come as slices; patterns want a NUL behind. */
static char const *
terminated(struct slice s, char buf[JID_PART_MAX + 1])
{
  size_t n = s.len < JID_PART_MAX ? s.len : JID_PART_MAX;

  if (n) memcpy(buf, s.s, n);
  buf[n] = 0;
  return buf;
}

bool
access_glob(struct slice pattern, struct slice text)
{
  char buf[JID_PART_MAX + 1];

  return !fnmatch(pattern.s, terminated(text, buf), 0);
}

/* Users are at the host that value2 names, else at any that is served. */
static bool
at_host(struct access const *a, struct term const *t, struct slice domain)
{
  struct settings_row const *row = NULL;

  if (t->value2.len) return slice_eq(t->value2, domain);
  while ((row = settings_next(a->st, "host", row)))
    if (slice_eq(row->value[0], domain)) return true;
  return false;
}

static bool
in_net(struct net const *net, struct slice ip)
{
  char buf[JID_PART_MAX + 1];
  unsigned char bytes[16];
  unsigned int whole = net->bits / 8, rest = net->bits % 8;
  bool v4;

  if (!ip.len || !read_ip(terminated(ip, buf), bytes, &v4)) return false;
  if (memcmp(bytes, net->bytes, whole) != 0) return false;
  return !rest || !((bytes[whole] ^ net->bytes[whole]) >> (8 - rest));
}

static bool in_acl(struct access const *a, struct slice name, struct slice scope,
                   struct access_who const *who, bool *unsure);

/* unsure is set when a search for a pattern came to its limits. */
static bool
holds(struct access const *a, struct term const *t, struct slice scope,
      struct access_who const *who, bool *unsure)
{
  switch (t->type) {
  case USER: return slice_eq(t->value, who->local) && at_host(a, t, who->domain);
  case USER_REGEXP:
    return who->local.len && at_host(a, t, who->domain) &&
           regexp_matches(t->re, who->local, unsure);
  case USER_GLOB:
    return who->local.len && at_host(a, t, who->domain) &&
           access_glob(t->value, who->local);
  case SERVER: return slice_eq(t->value, who->domain);
  case SERVER_REGEXP: return regexp_matches(t->re, who->domain, unsure);
  case SERVER_GLOB: return access_glob(t->value, who->domain);
  case RESOURCE: return slice_eq(t->value, who->resource);
  case RESOURCE_REGEXP: return regexp_matches(t->re, who->resource, unsure);
  case RESOURCE_GLOB: return access_glob(t->value, who->resource);
  case NODE_REGEXP:
    return regexp_matches(t->re, who->local, unsure) &&
           regexp_matches(t->re2, who->domain, unsure);
  case NODE_GLOB:
    return access_glob(t->value, who->local) && access_glob(t->value2, who->domain);
  case IP: return in_net(&t->net, who->ip);
  case ALL: return true;
  case ACL: return in_acl(a, t->value, scope, who, unsure);
  case SHARED_GROUP:
  case NONE:
  case TYPES: break;
  }
  return false;
}

static bool
in_acl(struct access const *a, struct slice name, struct slice scope,
       struct access_who const *who, bool *unsure)
{
  size_t i;

  if (slice_is(name, "all")) return true;
  for (i = 0; i < a->acls_n; i++)
    if (slice_eq(a->acls[i].scope, scope) && slice_eq(a->acls[i].name, name) &&
        a->acls[i].term.type != ACL && holds(a, &a->acls[i].term, scope, who, unsure))
      return true;
  return false;
}

/* The scope whose lines are in force for a host: its own when it has any. */
static struct slice
scope_for(struct line const *v, size_t n, struct slice host)
{
  size_t i;

  for (i = 0; i < n; i++)
    if (slice_eq(v[i].scope, host)) return host;
  return SLICE("*");
}

struct slice
access_check(struct access const *a, struct slice rule, struct slice host,
             struct access_who const *who, uint64_t *n)
{
  struct slice rules = scope_for(a->rules, a->rules_n, host);
  struct slice acls = scope_for(a->acls, a->acls_n, host);
  size_t i, j;

  if (slice_is(rule, "all")) return SLICE("allow");
  for (i = 0; i < a->rules_n; i = j) {
    struct line const *l = &a->rules[i];
    bool ours = slice_eq(l->name, rule) && slice_eq(l->scope, rules), all = ours;
    bool unsure = false;
    for (j = i;
         j < a->rules_n && a->rules[j].n == l->n && slice_eq(a->rules[j].name, l->name) &&
         slice_eq(a->rules[j].scope, l->scope);
         j++)
      all = all && holds(a, &a->rules[j].term, acls, who, &unsure);
    /* A name in which a pattern cannot be searched may be meant. */
    if (!all && !(unsure && slice_is(l->result, "deny"))) continue;
    if (n) *n = l->n;
    return l->result;
  }
  return SLICE("");
}

bool
access_allows(struct access const *a, struct slice rule, struct slice host,
              struct access_who const *who)
{
  return slice_is(access_check(a, rule, host, who, NULL), "allow");
}

static bool
always_holds(struct term const *t)
{
  return t->type == ALL || (t->type == ACL && slice_is(t->value, "all"));
}

bool
access_may_allow(struct access const *a, struct slice rule, struct slice host)
{
  struct slice rules = scope_for(a->rules, a->rules_n, host);
  size_t i, j;

  if (slice_is(rule, "all")) return true;
  for (i = 0; i < a->rules_n; i = j) {
    struct line const *l = &a->rules[i];
    bool always = true, never = false;
    for (j = i;
         j < a->rules_n && a->rules[j].n == l->n && slice_eq(a->rules[j].name, l->name) &&
         slice_eq(a->rules[j].scope, l->scope);
         j++) {
      always = always && always_holds(&a->rules[j].term);
      never = never || a->rules[j].term.type == NONE ||
              (a->rules[j].term.type == ACL && slice_is(a->rules[j].term.value, "none"));
    }
    if (never || !slice_eq(l->name, rule) || !slice_eq(l->scope, rules)) continue;
    if (slice_is(l->result, "allow")) return true;
    if (always) return false;
  }
  return false;
}

uint64_t
access_number(struct access const *a, struct slice rule, struct slice host,
              struct access_who const *who, uint64_t dflt)
{
  uint64_t n;

  if (slice_u64(rule, &n)) return n;
  return slice_u64(access_check(a, rule, host, who, NULL), &n) ? n : dflt;
}

void
access_shaper(struct access const *a, struct slice rule, struct slice host,
              struct access_who const *who, uint64_t *rate, uint64_t *burst)
{
  struct slice name = access_check(a, rule, host, who, NULL);
  struct settings_row const *row = NULL;

  *rate = *burst = 0;
  if (!name.len) name = rule; /* a shaper by itself */
  if (slice_u64(name, rate)) {
    *burst = *rate;
    return;
  }
  while ((row = settings_next(a->st, "speed", row))) {
    if (!slice_eq(row->value[0], name)) continue;
    if (!slice_u64(row->value[1], rate)) *rate = 0;
    if (!slice_u64(row->value[2], burst)) *burst = *rate;
    return;
  }
}
