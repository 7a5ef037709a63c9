#include "confgen.h"

#include "access/access.h"

#include <arpa/inet.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The types of values: what is accepted, and its normal form. */

#define NAME_MAX_BYTES 64

/* ---- finding rows ---- */

static bool
name_matches(struct slice name, char const *pattern)
{
  size_t n = strlen(pattern);

  if (!n || pattern[n - 1] != '*') return slice_is(name, pattern);
  return name.len >= n - 1 && (n == 1 || !memcmp(name.s, pattern, n - 1));
}

struct option const *
option_find(char const *in, struct slice name)
{
  size_t i;

  for (i = 0; i < options_n; i++)
    if (!strcmp(options[i].in, in) && name_matches(name, options[i].name))
      return &options[i];
  return NULL;
}

struct module const *
module_find(struct slice name)
{
  size_t i;

  for (i = 0; i < modules_n; i++)
    if (slice_is(name, modules[i].name)) return &modules[i];
  return NULL;
}

/* ---- suggestions ---- */

/* Edit distance (Levenshtein) of two short words. */
static size_t
distance(struct slice a, struct slice b)
{
  size_t row[NAME_MAX_BYTES + 1], i, j;

  if (a.len > NAME_MAX_BYTES || b.len > NAME_MAX_BYTES) return NAME_MAX_BYTES;
  for (j = 0; j <= b.len; j++)
    row[j] = j;
  for (i = 1; i <= a.len; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (j = 1; j <= b.len; j++) {
      size_t best = diagonal + (a.s[i - 1] != b.s[j - 1]);
      diagonal = row[j];
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      row[j] = best;
    }
  }
  return row[b.len];
}

bool
word_is_near(struct slice a, struct slice b)
{
  return distance(a, b) < 2 + a.len / 4;
}

bool
word_nearer(struct slice name, char const *candidate, size_t *best)
{
  size_t d = distance(name, slice_str(candidate));

  if (d >= *best) return false;
  *best = d;
  return true;
}

char const *
option_replaced(char const *in, struct slice name)
{
  size_t i;

  for (i = 0; i < replaced_n; i++)
    if (!strcmp(replaced[i].in, in) && slice_is(name, replaced[i].name))
      return replaced[i].by;
  return NULL;
}

char const *
option_nearest(char const *in, struct slice name)
{
  size_t best = 2 + name.len / 4, i;
  char const *found = option_replaced(in, name);

  if (found) return found;

  for (i = 0; i < options_n; i++)
    if (!strcmp(options[i].in, in) && word_nearer(name, options[i].name, &best))
      found = options[i].name;
  return found;
}

char const *
module_nearest(struct slice name)
{
  size_t best = 2 + name.len / 4, i;
  char const *found = NULL;

  for (i = 0; i < modules_n; i++)
    if (word_nearer(name, modules[i].name, &best)) found = modules[i].name;
  return found;
}

char const *
nearest_word(struct slice name, char const *words)
{
  static char found[NAME_MAX_BYTES + 1];
  struct slice list = slice_str(words), word;
  size_t best = 3 + name.len / 4;

  found[0] = 0;
  while (slice_word(&list, ' ', &word)) {
    char candidate[NAME_MAX_BYTES + 1];
    snprintf(candidate, sizeof candidate, "%.*s", (int)word.len, word.s);
    if (word_nearer(name, candidate, &best)) memcpy(found, candidate, sizeof found);
  }
  return found[0] ? found : NULL;
}

/* ---- values ---- */

static struct slice
none(void)
{
  return (struct slice){NULL, 0};
}

/* "; did you mean X?" for the macro that is nearest to a name that is none, or "". */
static char const *
macro_hint(struct slice name)
{
  static char hint[NAME_MAX_BYTES + 32];
  struct yaml_node const *macros = yaml_get(job.top, "define_macro"), *m;
  size_t best = 2 + name.len / 4;

  hint[0] = 0;
  for (m = macros ? macros->first : NULL; m; m = m->next)
    if (word_nearer(name, m->key.s, &best))
      snprintf(hint, sizeof hint, "; did you mean %.64s?", m->key.s);
  return hint;
}

bool
is_macro(struct yaml_node const *n)
{
  size_t i;

  for (i = 0; i < n->text.len; i++)
    if (!isupper((unsigned char)n->text.s[i]) && n->text.s[i] != '_' &&
        !isdigit((unsigned char)n->text.s[i]))
      return false;
  return n->kind == YAML_SCALAR && n->text.len && !isdigit((unsigned char)n->text.s[0]);
}

struct slice
wrong_type(struct yaml_node const *n, char const *path, char const *wanted)
{
  static char const *const kinds[] = {"a value", "a list", "a mapping"};

  if (is_macro(n))
    say_error(n, path, "no macro named %s is defined, and %s is expected%s", n->text.s,
              wanted, macro_hint(n->text));
  else if (n->kind == YAML_SCALAR)
    say_error(n, path, "expected %s, got \"%s\"", wanted, n->text.s);
  else
    say_error(n, path, "expected %s, got %s", wanted, kinds[n->kind]);
  return none();
}

static struct slice
bool_value(struct yaml_node const *n, char const *path)
{
  static char const *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no",
                                                                         "off"};
  unsigned int i;

  for (i = 0; n->kind == YAML_SCALAR && i < 3; i++) {
    if (slice_is(n->text, yes[i])) return SLICE("true");
    if (slice_is(n->text, no[i])) return SLICE("false");
  }
  return wrong_type(n, path, "true or false");
}

bool
is_infinity(struct slice t)
{
  return slice_is(t, "infinity") || slice_is(t, "infinite") || slice_is(t, "unlimited");
}

/* RFC 6120 s13.12: no limit under 10000 bytes. Obeyed all the same. */
static void
warn_of_small_stanzas(struct option const *o, struct yaml_node const *n, uint64_t v,
                      char const *path)
{
  if (!strcmp(o->name, "max_stanza_size") && v < STANZA_MAX_BEFORE_AUTH)
    say_warning(n, path, "RFC 6120 demands %d bytes at least", STANZA_MAX_BEFORE_AUTH);
}

static bool
is_below_zero(struct yaml_node const *n)
{
  uint64_t v;

  return n->kind == YAML_SCALAR && n->text.len > 1 && n->text.s[0] == '-' &&
         slice_u64(slice_of(n->text.s + 1, n->text.len - 1), &v);
}

/* The number from least to most that is nearest to v. */
static uint64_t
nearest_int(struct option const *o, struct yaml_node const *n, uint64_t v,
            char const *path)
{
  uint64_t near = v < (uint64_t)o->least  ? (uint64_t)o->least
                  : v > (uint64_t)o->most ? (uint64_t)o->most
                                          : v;

  if (near != v)
    say_warning(n, path, "%s is too %s; taken as %llu", n->text.s,
                near < v ? "much" : "little", (unsigned long long)near);
  return near;
}

static struct slice
int_value(struct arena *a, struct option const *o, struct yaml_node const *n,
          char const *path)
{
  uint64_t v;
  char buf[BASE_NUM];

  bool endless = o->type == T_INT_INF || o->type == T_INT_INF_NEAR;
  bool nearest = o->type == T_INT_NEAR || o->type == T_INT_INF_NEAR;

  if (endless && n->kind == YAML_SCALAR && is_infinity(n->text)) return SLICE("infinity");
  if (o->type == T_INT_LOW && is_below_zero(n)) return SLICE("0");
  if (o->type == T_INT_FALSE && n->kind == YAML_SCALAR && slice_is(n->text, "false"))
    return SLICE("0");
  if (o->type == T_DECIMAL_NEAR && is_decimal(n)) return n->text;
  if (n->kind != YAML_SCALAR || !slice_u64(n->text, &v))
    return wrong_type(n, path,
                      endless                  ? "a number or infinity"
                      : o->type == T_INT_FALSE ? "a number or false"
                                               : "a number");
  if (nearest || o->type == T_DECIMAL_NEAR) v = nearest_int(o, n, v, path);
  if (v < (uint64_t)o->least || v > (uint64_t)o->most) {
    say_error(n, path, "expected a number from %lld to %lld, got %s", (long long)o->least,
              (long long)o->most, n->text.s);
    return none();
  }
  warn_of_small_stanzas(o, n, v, path);
  return arena_copy(a, num_u64(buf, v));
}

static struct slice
word_value(struct option const *o, struct yaml_node const *n, char const *path)
{
  char const *near;

  if (n->kind == YAML_SCALAR && slice_has_word(slice_str(o->words), n->text))
    return n->text;
  if (n->kind != YAML_SCALAR) return wrong_type(n, path, "one word");
  if ((slice_is(n->text, "yes") || slice_is(n->text, "on")) &&
      slice_has_word(slice_str(o->words), SLICE("true")))
    return SLICE("true");
  if ((slice_is(n->text, "no") || slice_is(n->text, "off")) &&
      slice_has_word(slice_str(o->words), SLICE("false")))
    return SLICE("false");
  near = nearest_word(n->text, o->words);
  say_error(n, path, "\"%s\" is not one of: %s%s%s%s", n->text.s, o->words,
            near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
  return none();
}

/* RFC 5646 s2.1: two or three letters, or five and more that are registered; subtags follow. */
static struct slice
lang_value(struct yaml_node const *n, char const *path)
{
  size_t i, run = 0, primary = 0;

  for (i = 0; n->kind == YAML_SCALAR && i < n->text.len; i++) {
    char c = n->text.s[i];
    if (c == '-' && run) {
      if (!primary) primary = run;
      run = 0;
    } else if (isalpha((unsigned char)c) || (primary && isdigit((unsigned char)c))) {
      if (++run > 8) break;
    } else
      break;
  }
  if (!primary) primary = run;
  if (n->kind == YAML_SCALAR && i == n->text.len && run && primary != 4) return n->text;
  return wrong_type(n, path, "a language, as en or pt-BR");
}

/* A scalar, or the scalars of a list, with glue between them. */
static struct slice
joined(struct arena *a, struct yaml_node const *n, char const *path, char const *glue)
{
  stralloc sa = STRALLOC_ZERO;
  struct yaml_node const *c;
  struct slice out = none();
  bool ok = true;

  if (n->kind == YAML_SCALAR) return n->text;
  if (n->kind == YAML_MAP && n->first)
    return wrong_type(n, path, "a string or a list of strings");
  for (c = n->first; ok && c; c = c->next) {
    if (c->kind != YAML_SCALAR) {
      wrong_type(c, path, "a string");
      stralloc_free(&sa);
      return none();
    }
    ok =
      (!sa.len || stralloc_cats(&sa, glue)) && stralloc_catb(&sa, c->text.s, c->text.len);
  }
  if (ok) out = arena_copy(a, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  return out;
}

bool
is_net(struct slice text)
{
  char buf[64];
  char *slash;
  unsigned char bytes[16];
  uint64_t bits;
  bool v4;

  if (text.len >= sizeof buf) return false;
  memcpy(buf, text.s, text.len + 1);
  slash = strchr(buf, '/');
  if (slash) *slash++ = 0;
  v4 = inet_pton(AF_INET, buf, bytes) == 1;
  if (!v4 && inet_pton(AF_INET6, buf, bytes) != 1) return false;
  return !slash || (slice_u64(slice_str(slash), &bits) && bits <= (v4 ? 32 : 128));
}

static struct slice
url_value(struct yaml_node const *n, char const *path)
{
  struct slice t = n->text;

  if (n->kind == YAML_SCALAR && slice_is(t, "auto")) return t;
  if (n->kind != YAML_SCALAR ||
      (!slice_starts(t, "http://") && !slice_starts(t, "https://")))
    return wrong_type(n, path, "a URL that begins with http:// or https://");
  t = slice_of(strchr(t.s, ':') + 3, strlen(strchr(t.s, ':') + 3));
  if (t.len && t.s[0] != '/') return n->text;
  return wrong_type(n, path, "a URL with a host");
}

static struct slice
ip_value(struct yaml_node const *n, char const *path, int family)
{
  unsigned char bytes[16];

  if (n->kind == YAML_SCALAR && inet_pton(family, n->text.s, bytes) == 1) return n->text;
  say_error(n, path, "\"%s\" is not an IPv%d address",
            n->kind == YAML_SCALAR ? n->text.s : "", family == AF_INET ? 4 : 6);
  return none();
}

static bool
is_ip(struct slice text)
{
  unsigned char bytes[16];

  return inet_pton(AF_INET, text.s, bytes) == 1 ||
         inet_pton(AF_INET6, text.s, bytes) == 1;
}

static bool
is_jid(struct slice text)
{
  struct jid j;

  return jid_parse(&job.arena, text, &j);
}

static bool
is_net_or_all(struct slice text)
{
  return slice_is(text, "all") || is_net(text);
}

typedef bool holds_fn(struct slice text);

/* Put out a value or a list of values with blanks between; each value must hold. */
static struct slice
each_value(struct arena *a, struct yaml_node const *n, char const *path, holds_fn *holds,
           char const *wanted)
{
  struct slice v = joined(a, n, path, " ");
  struct yaml_node const *c = n->kind == YAML_SCALAR ? n : n->first;

  for (; v.s && c; c = n->kind == YAML_SCALAR ? NULL : c->next)
    if (!holds(c->text)) {
      say_error(c, path, "\"%s\" is not %s", c->text.s, wanted);
      return none();
    }
  return v;
}

static bool
words_hold(struct option const *o, struct yaml_node const *n, char const *path)
{
  struct yaml_node const *c;

  if (n->text.s && n->text.s == o->dflt) return true;
  if (n->kind == YAML_SCALAR) return word_value(o, n, path).s != NULL;
  for (c = n->first; c; c = c->next)
    if (!word_value(o, c, path).s) return false;
  return true;
}

static struct slice
octal_value(struct yaml_node const *n, char const *path)
{
  size_t i;

  for (i = 0; n->kind == YAML_SCALAR && i < n->text.len; i++)
    if (n->text.s[i] < '0' || n->text.s[i] > '7') break;
  if (n->kind == YAML_SCALAR && n->text.len >= 3 && n->text.len <= 4 && i == n->text.len)
    return n->text;
  return wrong_type(n, path, "a mode in octal, as \"0644\"");
}

struct slice
regexp_value(struct yaml_node const *n, char const *path)
{
  char why[160];

  if (n->kind != YAML_SCALAR) return wrong_type(n, path, "a regular expression");
  if (access_regexp(n->text, why, sizeof why)) return n->text;
  say_error(n, path, "\"%s\" is no regular expression: %s", n->text.s, why);
  return none();
}

static struct slice
loglevel_value(struct yaml_node const *n, char const *path)
{
  static char const *const words[] = {"none",    "critical", "error",
                                      "warning", "info",     "debug"};
  /* fatal only; fatal; warnings; warnings; connections; stanza headers */
  static char const *const levels[] = {"0", "0", "1", "1", "2", "3"};
  unsigned int i;

  for (i = 0; n->kind == YAML_SCALAR && i < 6; i++)
    if (slice_is(n->text, words[i]) ||
        (n->text.len == 1 && n->text.s[0] == (char)('0' + i)))
      return slice_str(levels[i]);
  if (slice_is(n->text, "emergency") || slice_is(n->text, "alert")) return SLICE("0");
  if (slice_is(n->text, "notice")) return SLICE("1");
  return wrong_type(n, path, "a log level: 0 to 5, or none, error, warning, info, debug");
}

static struct slice
file_value(struct option const *o, struct yaml_node const *n, char const *path)
{
  if (n->kind != YAML_SCALAR || !n->text.len) return wrong_type(n, path, "a file's path");
  if (is_macro(n) && access(n->text.s, R_OK)) return wrong_type(n, path, "a file's path");
  if (job.no_files) return n->text;
  if (access(n->text.s, R_OK)) {
    say_error(n, path, "cannot read %s: %s", n->text.s, strerror(errno));
    return none();
  }
  return !strstr(o->name, "dhfile") || tls_dhfile_holds(n, path) ? n->text : none();
}

/* captcha_cmd of a file that comes from ejabberd may name a script that is not here: then the program
 * that tabber has draws. */
static struct slice
captcha_value(struct yaml_node const *n, char const *path)
{
  if (n->kind != YAML_SCALAR || !n->text.len)
    return wrong_type(n, path, "an absolute path of a program");
  if (slice_is(n->text, "xmpp-captcha")) return n->text;
  if (slice_starts(n->text, "mod_")) {
    say_warning(n, path, "%s is a module of ejabberd; xmpp-captcha makes the captchas",
                n->text.s);
    return SLICE("xmpp-captcha");
  }
  if (is_macro(n)) return wrong_type(n, path, "an absolute path of a program");
  if (n->text.s[0] != '/') {
    say_warning(n, path,
                "expected an absolute path of a program, got \"%s\"; xmpp-captcha makes "
                "the captchas",
                n->text.s);
    return SLICE("xmpp-captcha");
  }
  if (job.no_files || !access(n->text.s, X_OK)) return n->text;
  say_warning(n, path, "cannot run %s: %s; xmpp-captcha makes the captchas", n->text.s,
              strerror(errno));
  return SLICE("xmpp-captcha");
}

struct slice
option_value(struct arena *a, struct option const *o, struct yaml_node const *n,
             char const *path)
{
  struct slice v;

  switch (o->type) {
  case T_BOOL: return bool_value(n, path);
  case T_INT:
  case T_INT_INF:
  case T_INT_LOW:
  case T_INT_FALSE:
  case T_INT_NEAR:
  case T_DECIMAL_NEAR:
  case T_INT_INF_NEAR: return int_value(a, o, n, path);
  case T_TIMEOUT:
  case T_TIMEOUT_INF:
  case T_TIMEOUT_YEAR: return timeout_value(a, o, n, path);
  case T_WORD: return word_value(o, n, path);
  case T_WORDS:
    v = joined(a, n, path, " ");
    return !v.s || !o->words || words_hold(o, n, path) ? v : none();
  case T_LANG: return lang_value(n, path);
  case T_LOGLEVEL: return loglevel_value(n, path);
  case T_CIPHERS:
    v = joined(a, n, path, ":");
    return v.s && tls_ciphers_hold(n, v, path) ? v : none();
  case T_TLS_WORDS:
    v = joined(a, n, path, "|");
    return v.s && tls_words_hold(o, n, path) ? v : none();
  case T_FILE: return file_value(o, n, path);
  case T_TIMEOUT_ZERO:
  case T_TIMEOUT_INF_ZERO:
    if (n->kind == YAML_SCALAR && slice_is(n->text, "0")) return SLICE("0");
    return timeout_value(a, o, n, path);
  case T_CAPTCHA: return captcha_value(n, path);
  case T_SECONDS: return seconds_value(a, n, path);
  case T_OCTAL: return octal_value(n, path);
  case T_REGEXP: return regexp_value(n, path);
  case T_URL: return url_value(n, path);
  case T_IP4: return ip_value(n, path, AF_INET);
  case T_IP6: return ip_value(n, path, AF_INET6);
  case T_JIDS: return each_value(a, n, path, is_jid, "an address");
  case T_IPS: return each_value(a, n, path, is_ip, "an IP address");
  case T_NETS: return each_value(a, n, path, is_net_or_all, "an IP address or network");
  case T_MAP:
    if (n->kind == YAML_SCALAR ||
        (n->kind == YAML_LIST && n->first && n->first->kind != YAML_MAP))
      return wrong_type(n, path, "a mapping");
    return SLICE("");
  case T_ANY: return SLICE("");
  case T_ACCESS:
  case T_SHAPER:
  case T_QUOTA:
  case T_STRING:
  case T_SPECIAL: break;
  }
  return n->kind == YAML_SCALAR ? n->text : wrong_type(n, path, "a string");
}
