#include "lua.h"

#include <stdlib.h>
#include <string.h>

/* JSON (RFC 8259) with the two names by which Prosody keeps tables that are no objects. Prosody writes
 * bytes that are no UTF-8 as they are, so strings are bytes here too. */

#define DEPTH_MAX 200

struct reading {
  struct arena *a;
  char const *s, *end;
  unsigned int depth;
};

static bool read_value(struct reading *r, struct lua *out);

/* Take the byte c, if it is the next one behind blanks. */
static bool
take(struct reading *r, char c)
{
  while (r->s < r->end && *r->s && strchr(" \t\r\n", *r->s))
    r->s++;
  if (r->s == r->end || *r->s != c) return false;
  r->s++;
  return true;
}

static bool
take_word(struct reading *r, char const *word)
{
  size_t n = strlen(word);

  if ((size_t)(r->end - r->s) < n || memcmp(r->s, word, n) != 0) return false;
  r->s += n;
  return true;
}

/* ---- strings ---- */

/* Four hexadecimal digits; -1: others. */
static long
read_unit(struct reading *r)
{
  char digits[5] = "";

  if (r->end - r->s < 4) return -1;
  memcpy(digits, r->s, 4);
  if (strspn(digits, "0123456789abcdefABCDEF") != 4) return -1;
  r->s += 4;
  return strtol(digits, NULL, 16);
}

static size_t
put_utf8(char *to, long c)
{
  size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

  if (n == 1) {
    to[0] = (char)c;
    return 1;
  }
  for (i = n - 1; i; i--, c >>= 6)
    to[i] = (char)(0x80 | (c & 0x3f));
  to[0] = (char)((0xf00 >> n & 0xff) | c);
  return n;
}

/* Put the bytes that an escape stands for at to + *n. A pair of surrogates is one character. */
static bool
read_escape(struct reading *r, char *to, size_t *n)
{
  static char const from[] = "bfnrt\"\\/", meant[] = "\b\f\n\r\t\"\\/";
  char const *at = *r->s ? strchr(from, *r->s) : NULL;
  long c, low;

  if (at) {
    r->s++;
    to[(*n)++] = meant[at - from];
    return true;
  }
  if (*r->s++ != 'u' || (c = read_unit(r)) < 0) return false;
  if (c >= 0xd800 && c < 0xdc00) {
    if (!take_word(r, "\\u") || (low = read_unit(r)) < 0xdc00 || low > 0xdfff)
      return false;
    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
  }
  *n += put_utf8(to + *n, c);
  return true;
}

static bool
read_string(struct reading *r, struct slice *out)
{
  char const *at = r->s;
  char *text;
  size_t n = 0;

  while (at < r->end && *at != '"')
    at += *at == '\\' ? 2 : 1;
  if (at >= r->end) return false;
  text = arena_alloc(r->a, (size_t)(at - r->s) + 1);
  if (!text) return false;
  while (r->s < at) {
    if (*r->s != '\\') {
      text[n++] = *r->s++;
    } else {
      r->s++;
      if (!read_escape(r, text, &n)) return false;
    }
  }
  if (r->s != at) return false;
  r->s = at + 1;
  *out = slice_of(text, n);
  return true;
}

/* ---- arrays and objects ---- */

static struct lua
number(unsigned int n)
{
  return (struct lua){.kind = LUA_NUMBER, .number = n};
}

static bool
read_array(struct reading *r, struct lua *out)
{
  unsigned int n = 0;
  struct lua value;

  out->kind = LUA_TABLE;
  if (take(r, ']')) return true;
  do {
    if (!read_value(r, &value) || !lua_put(r->a, out, number(++n), value)) return false;
  } while (take(r, ','));
  return take(r, ']');
}

/* Put what a special member stands for. */
static bool
put_special(struct reading *r, struct lua *out, bool is_hash, struct lua const *list)
{
  struct lua_pair const *p = list->first;

  for (; p && is_hash && p->next; p = p->next->next)
    if (!lua_put(r->a, out, p->value, p->next->value)) return false;
  for (; p && !is_hash; p = p->next)
    if (!lua_put(r->a, out, p->key, p->value)) return false;
  return true;
}

static bool
read_object(struct reading *r, struct lua *out)
{
  struct lua key = {.kind = LUA_STRING}, value;
  bool is_hash;

  out->kind = LUA_TABLE;
  if (take(r, '}')) return true;
  do {
    if (!take(r, '"') || !read_string(r, &key.text) || !take(r, ':') ||
        !read_value(r, &value))
      return false;
    is_hash = slice_is(key.text, "__hash");
    if (is_hash || slice_is(key.text, "__array")) {
      if (!put_special(r, out, is_hash, &value)) return false;
    } else if (!lua_put(r->a, out, key, value))
      return false;
  } while (take(r, ','));
  return take(r, '}');
}

/* ---- values ---- */

static bool
read_number(struct reading *r, struct lua *out)
{
  char buf[64];
  size_t n = 0;
  char *end;

  while (r->s + n < r->end && n < sizeof buf - 1 && r->s[n] &&
         strchr("+-.0123456789eE", r->s[n]))
    n++;
  memcpy(buf, r->s, n);
  buf[n] = 0;
  out->kind = LUA_NUMBER;
  out->number = strtod(buf, &end);
  r->s += n;
  return n && !*end;
}

static bool
read_value(struct reading *r, struct lua *out)
{
  bool ok;

  *out = (struct lua){.kind = LUA_NIL};
  if (take(r, '"')) {
    out->kind = LUA_STRING;
    return read_string(r, &out->text);
  }
  if (r->s == r->end) return false;
  if (*r->s == '{' || *r->s == '[') {
    if (++r->depth > DEPTH_MAX) return false;
    ok = *r->s++ == '{' ? read_object(r, out) : read_array(r, out);
    r->depth--;
    return ok;
  }
  if (take_word(r, "null")) return true;
  out->kind = LUA_BOOLEAN;
  out->truth = take_word(r, "true");
  return out->truth || take_word(r, "false") || read_number(r, out);
}

bool
lua_read_json(struct arena *a, struct slice text, struct lua *out)
{
  struct reading r = {a, text.s, text.s + text.len, 0};

  return read_value(&r, out) && !take(&r, 0) && r.s == r.end;
}
