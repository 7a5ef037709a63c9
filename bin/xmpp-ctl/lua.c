#include "lua.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Literals: nil, true, false, numbers, strings in quotes, tables; comments between them. */

#define DEPTH_MAX 200

struct reading {
  struct arena *a;
  char const *s, *end;
  unsigned int depth;
};

static bool read_value(struct reading *r, struct lua *out);

static void
skip_blanks(struct reading *r)
{
  while (r->s < r->end) {
    if (strchr(" \t\r\n", *r->s) && *r->s) {
      r->s++;
    } else if (r->end - r->s > 1 && !memcmp(r->s, "--", 2)) {
      while (r->s < r->end && *r->s != '\n')
        r->s++;
    } else {
      return;
    }
  }
}

/* Take the text of word, if it stands here. */
static bool
take(struct reading *r, char const *word)
{
  size_t n = strlen(word);

  skip_blanks(r);
  if ((size_t)(r->end - r->s) < n || memcmp(r->s, word, n) != 0) return false;
  r->s += n;
  return true;
}

static bool
is_word(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         c == '_';
}

static bool
take_word(struct reading *r, char const *word)
{
  char const *was = r->s;

  if (!take(r, word)) return false;
  if (r->s == r->end || !is_word(*r->s)) return true;
  r->s = was;
  return false;
}

/* ---- strings ---- */

static unsigned int
digits(struct reading *r, unsigned int base, unsigned int most)
{
  static char const all[] = "0123456789abcdef";
  unsigned int n = 0;
  char const *at;

  while (most-- && r->s < r->end) {
    char c = *r->s >= 'A' && *r->s <= 'F' ? (char)(*r->s + 32) : *r->s;
    at = c ? memchr(all, c, base) : NULL;
    if (!at) break;
    n = n * base + (unsigned int)(at - all);
    r->s++;
  }
  return n;
}

/* The byte that is meant behind a backslash. */
static char
escaped(struct reading *r)
{
  static char const from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
  char const *at;

  if (*r->s >= '0' && *r->s <= '9') return (char)digits(r, 10, 3);
  if (*r->s == 'x') {
    r->s++;
    return (char)digits(r, 16, 2);
  }
  at = *r->s ? strchr(from, *r->s) : NULL;
  r->s++;
  return at ? to[at - from] : r->s[-1];
}

static bool
read_string(struct reading *r, struct slice *out)
{
  char quote = *r->s++, *text;
  char const *at = r->s;
  size_t n = 0;

  while (at < r->end && *at != quote)
    at += *at == '\\' ? 2 : 1;
  if (at >= r->end) return false;
  text = arena_alloc(r->a, (size_t)(at - r->s) + 1);
  if (!text) return false;
  while (r->s < at) {
    if (*r->s != '\\') {
      text[n++] = *r->s++;
    } else {
      r->s++;
      text[n++] = escaped(r);
    }
  }
  r->s = at + 1;
  *out = slice_of(text, n);
  return true;
}

/* ---- tables ---- */

/* A key and what follows it, or nothing: then the value has the place *n. */
static bool
read_key(struct reading *r, struct lua *key, unsigned int *n)
{
  char const *was;

  if (take(r, "[")) return read_value(r, key) && take(r, "]") && take(r, "=");
  was = r->s;
  while (r->s < r->end && is_word(*r->s))
    r->s++;
  *key = (struct lua){.kind = LUA_STRING, .text = slice_of(was, (size_t)(r->s - was))};
  if (key->text.len && take(r, "=")) return true;
  r->s = was;
  *key = (struct lua){.kind = LUA_NUMBER, .number = ++*n};
  return true;
}

static bool
read_table(struct reading *r, struct lua *out)
{
  struct lua key, value;
  unsigned int n = 0;

  out->kind = LUA_TABLE;
  if (++r->depth > DEPTH_MAX) return false;
  while (!take(r, "}")) {
    if (!read_key(r, &key, &n) || !read_value(r, &value) ||
        !lua_put(r->a, out, key, value))
      return false;
    if (take(r, ",") || take(r, ";")) continue;
    if (!take(r, "}")) return false;
    break;
  }
  r->depth--;
  return true;
}

static bool
read_number(struct reading *r, struct lua *out)
{
  char buf[64];
  size_t n = 0;
  char *end;

  while (r->s + n < r->end && n < sizeof buf - 1 &&
         (is_word(r->s[n]) || strchr("+-.", r->s[n])) && r->s[n])
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
  *out = (struct lua){.kind = LUA_NIL};
  skip_blanks(r);
  if (r->s == r->end) return false;
  if (take(r, "{")) return read_table(r, out);
  if (*r->s == '"' || *r->s == '\'') {
    out->kind = LUA_STRING;
    return read_string(r, &out->text);
  }
  if (take_word(r, "nil")) return true;
  if (take_word(r, "true") || take_word(r, "false")) {
    out->kind = LUA_BOOLEAN;
    out->truth = r->s[-2] == 'u';
    return true;
  }
  return read_number(r, out);
}

bool
lua_read(struct arena *a, struct slice *rest, struct lua *out, bool *wrong)
{
  struct reading r = {a, rest->s, rest->s + rest->len, 0};
  bool ok;

  skip_blanks(&r);
  if (r.s == r.end) return false;
  if (take_word(&r, "return"))
    ok = read_value(&r, out);
  else
    ok = take_word(&r, "item") && take(&r, "(") && read_value(&r, out) && take(&r, ")");
  take(&r, ";");
  *rest = slice_of(r.s, (size_t)(r.end - r.s));
  if (!ok) *wrong = true;
  return ok;
}

/* ---- tables ---- */

/* Lists of children are long: their ends are not looked for again. */
bool
lua_put(struct arena *a, struct lua *t, struct lua key, struct lua value)
{
  struct lua_pair *p = arena_alloc(a, sizeof *p);

  if (!p) return false;
  *p = (struct lua_pair){key, value, NULL};
  if (t->last)
    t->last->next = p;
  else
    t->first = p;
  t->last = p;
  return true;
}

struct lua const *
lua_get(struct lua const *t, char const *name)
{
  struct lua_pair const *p = t && t->kind == LUA_TABLE ? t->first : NULL;

  for (; p; p = p->next)
    if (p->key.kind == LUA_STRING && slice_is(p->key.text, name)) return &p->value;
  return NULL;
}

struct lua const *
lua_at(struct lua const *t, unsigned int i)
{
  struct lua_pair const *p = t && t->kind == LUA_TABLE ? t->first : NULL;

  for (; p; p = p->next)
    if (p->key.kind == LUA_NUMBER && p->key.number == (double)i) return &p->value;
  return NULL;
}

struct slice
lua_text(struct lua const *t, char const *name)
{
  struct lua const *v = lua_get(t, name);

  return v && v->kind == LUA_STRING ? v->text : SLICE("");
}
