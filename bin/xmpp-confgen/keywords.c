#include "confgen.h"

#include <skalibs/stralloc.h>

#include <ctype.h>
#include <idn-free.h>
#include <string.h>

/* Keywords in strings: @HOST@, @HOME@ and the like, and those of define_keyword. */

/* @HOST@ in a URL must be what DNS and HTTP know (IDNA): the A-label. */
static struct slice
host_for(struct slice text, struct slice host)
{
  struct slice ascii;

  if (!memmem(text.s, text.len, "://", 3)) return host;
  ascii = jid_ascii_host(&job.arena, host);
  return ascii.s ? ascii : host;
}

static bool
is_keyword(struct slice word)
{
  size_t i;

  for (i = 0; i < word.len; i++)
    if (!(word.s[i] >= 'A' && word.s[i] <= 'Z') && word.s[i] != '_') return false;
  return word.len > 0;
}

/* Percent-encoded (RFC 3986 s2.1), but for what needs no encoding. */
static struct slice
url_encoded(struct slice text)
{
  static char const hex[] = "0123456789ABCDEF";
  char *s = arena_alloc(&job.arena, 3 * text.len + 1);
  size_t n = 0, i;

  if (!s) return (struct slice){NULL, 0};
  for (i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.s[i];
    if (c < 0x80 && (isalnum(c) || strchr("-._~", c))) {
      s[n++] = (char)c;
      continue;
    }
    s[n++] = '%';
    s[n++] = hex[c >> 4];
    s[n++] = hex[c & 15];
  }
  s[n] = 0;
  return slice_of(s, n);
}

/* Give the value that section, a mapping of names to values, has for @word@. */
static struct yaml_node const *
defined_in(char const *section, struct slice word)
{
  struct yaml_node const *map = yaml_get(job.top, section), *n;

  for (n = map && map->kind == YAML_MAP ? map->first : NULL; n; n = n->next)
    if (n->kind == YAML_SCALAR && slice_eq(n->key, word)) return n;
  return NULL;
}

/* Give the value of @word@ in the file: a keyword's, or that of a macro of one word. */
static struct yaml_node const *
defined_keyword(struct slice word)
{
  struct yaml_node const *keyword = defined_in("define_keyword", word);

  return keyword ? keyword : defined_in("define_macro", word);
}

static struct slice
keyword_value(struct yaml_node const *n, char const *path, struct slice word,
              struct slice host)
{
  struct yaml_node const *own;

  if (slice_is(word, "HOST")) return host_for(n->text, host);
  if (slice_is(word, "HOME")) return slice_str(job.home);
  if (slice_is(word, "VERSION") || slice_is(word, "SEMVER")) return SLICE(TABBER_VERSION);
  if (slice_is(word, "LOG_PATH")) return slice_str(job.log_path);
  if (slice_is(word, "DATABASE_PATH")) return slice_str(job.database_path);
  if (slice_is(word, "HOST_URL_ENCODE")) return url_encoded(host);
  if ((own = defined_keyword(word))) return own->text;
  if (slice_is(word, "CONFIG_PATH")) {
    char const *slash = strrchr(job.file, '/');
    return slash ? slice_of(job.file, (size_t)(slash - job.file)) : SLICE(".");
  }
  if (is_keyword(word))
    say_warning(n, path, "@%.*s@ is no keyword; it stays as it is", (int)word.len,
                word.s);
  return (struct slice){NULL, 0};
}

static struct slice
expand_text(struct yaml_node const *n, char const *path, struct slice host)
{
  stralloc sa = STRALLOC_ZERO;
  struct slice rest = n->text, out;
  char const *at, *end;

  while ((at = memchr(rest.s, '@', rest.len)) &&
         (end = memchr(at + 1, '@', rest.len - (size_t)(at + 1 - rest.s)))) {
    struct slice word = slice_of(at + 1, (size_t)(end - at - 1)), value;
    if (slice_is(word, "HOST") && !host.len) {
      say_error(n, path, "@HOST@ has no value here");
      stralloc_free(&sa);
      return (struct slice){NULL, 0};
    }
    value = keyword_value(n, path, word, host);
    size_t keep;
    keep = value.s ? (size_t)(at - rest.s) : (size_t)(end - rest.s);
    stralloc_catb(&sa, rest.s, keep);
    if (value.s) stralloc_catb(&sa, value.s, value.len);
    rest = slice_of(value.s ? end + 1 : end,
                    rest.len - (size_t)((value.s ? end + 1 : end) - rest.s));
  }
  stralloc_catb(&sa, rest.s, rest.len);
  out = arena_copy(&job.arena, slice_of(sa.s, sa.len));
  stralloc_free(&sa);
  return out;
}

bool
names_host(struct yaml_node const *n)
{
  struct yaml_node const *c;

  if (n->kind == YAML_SCALAR) return memmem(n->text.s, n->text.len, "@HOST@", 6);
  for (c = n->first; c; c = c->next)
    if (names_host(c)) return true;
  return false;
}

struct yaml_node *
expand_keywords(struct yaml_node const *n, char const *path, struct slice host)
{
  struct yaml_node *copy = arena_alloc(&job.arena, sizeof *copy), *child, **at;
  struct yaml_node const *c;

  if (!copy) return NULL;
  *copy = *n;
  if (n->kind == YAML_SCALAR) {
    if (memchr(n->text.s, '@', n->text.len)) copy->text = expand_text(n, path, host);
    return copy->text.s ? copy : NULL;
  }
  copy->first = copy->last = NULL;
  at = &copy->first;
  for (c = n->first; c; c = c->next) {
    child = expand_keywords(c, path, host);
    if (!child) return NULL;
    child->next = NULL;
    *at = copy->last = child;
    at = &child->next;
  }
  return copy;
}
