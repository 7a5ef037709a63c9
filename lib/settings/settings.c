#include "settings/settings.h"

#include <skalibs/djbunix.h>

#include <errno.h>
#include <string.h>

/* The separator behind a field becomes the NUL that ends it. */
static struct slice
field(struct record *r, unsigned int i)
{
  struct slice f = record_get(r, i);

  if (i < r->n) r->at[i][f.len] = 0;
  return f;
}

static bool
add_row(struct settings *st, char *line, size_t len, size_t room)
{
  struct record r;
  struct settings_row *row = &st->rows[st->n];
  unsigned int i;

  if (st->n == room || !record_split(&r, line, len) || r.n < 2) {
    errno = EPROTO;
    return false;
  }
  row->key = field(&r, 0);
  row->scope = field(&r, 1);
  for (i = 0; i < 6; i++)
    row->value[i] = field(&r, i + 2);
  st->n++;
  return true;
}

static bool
split_rows(struct settings *st, char *text, size_t len)
{
  char *end = text + len, *p;
  size_t lines = 0, line = 0;

  for (p = text; (p = memchr(p, '\n', (size_t)(end - p))); p++)
    lines++;
  st->rows = arena_alloc(&st->arena, (lines + 1) * sizeof *st->rows);
  if (!st->rows) return false;
  for (; text < end; text = p + 1) {
    line++;
    p = memchr(text, '\n', (size_t)(end - text));
    if (!p) p = end;
    if (p > text && !add_row(st, text, (size_t)(p - text), lines + 1)) {
      log_event(LOG_WARN, "bad-settings", "dir", log_text(st->dir), "line", log_num(line),
                NULL);
      return false;
    }
  }
  return true;
}

bool
settings_open(struct settings *st, char const *dir, char const *program)
{
  stralloc sa = STRALLOC_ZERO;
  char *text;
  bool ok = false;

  st->dir = arena_copy(&st->arena, slice_str(dir));
  if (!st->dir.s) return false;
  if (!stralloc_cats(&sa, dir) || !stralloc_cats(&sa, "/") ||
      !stralloc_cats(&sa, program) || !stralloc_0(&sa))
    goto undo;
  text = arena_alloc(&st->arena, sa.len);
  if (!text) goto undo;
  memcpy(text, sa.s, sa.len);
  sa.len = 0;
  if (!openslurpclose(&sa, text)) goto undo;
  text = arena_alloc(&st->arena, sa.len + 1);
  if (!text) goto undo;
  if (sa.len) memcpy(text, sa.s, sa.len);
  ok = split_rows(st, text, sa.len);
undo:
  stralloc_free(&sa);
  if (!ok) settings_close(st);
  return ok;
}

void
settings_close(struct settings *st)
{
  arena_wipe(&st->arena);
  *st = (struct settings)SETTINGS_ZERO;
}

struct settings_row const *
settings_next(struct settings const *st, char const *key, struct settings_row const *from)
{
  struct settings_row const *row = from ? from + 1 : st->rows;

  for (; row < st->rows + st->n; row++)
    if (slice_is(row->key, key)) return row;
  return NULL;
}

struct slice
settings_get(struct settings const *st, char const *key, struct slice scope)
{
  struct settings_row const *row;
  struct slice common = SLICE("");
  bool found = false;

  for (row = settings_next(st, key, NULL); row; row = settings_next(st, key, row)) {
    if (slice_eq(row->scope, scope)) return row->value[0];
    if (!found && (found = slice_is(row->scope, "*"))) common = row->value[0];
  }
  return common;
}

uint64_t
settings_u64(struct settings const *st, char const *key, struct slice scope,
             uint64_t dflt)
{
  uint64_t n;

  return slice_u64(settings_get(st, key, scope), &n) ? n : dflt;
}

bool
settings_bool(struct settings const *st, char const *key, struct slice scope)
{
  return slice_is(settings_get(st, key, scope), "true");
}

struct slice
settings_path(struct settings *st, struct slice path)
{
  char *p;

  if (path.len && path.s[0] == '/') return arena_copy(&st->arena, path);
  p = arena_alloc(&st->arena, st->dir.len + path.len + 2);
  if (!p) return (struct slice){NULL, 0};
  memcpy(p, st->dir.s, st->dir.len);
  p[st->dir.len] = '/';
  memcpy(p + st->dir.len + 1, path.s, path.len);
  p[st->dir.len + 1 + path.len] = 0;
  return (struct slice){p, st->dir.len + 1 + path.len};
}

bool
settings_has(struct settings const *st, char const *key, struct slice scope,
             char const *value)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, key, row)))
    if (slice_eq(row->scope, scope) && slice_is(row->value[0], value)) return true;
  return false;
}

bool
settings_has_any(struct settings const *st, char const *key, char const *value)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(st, key, row)))
    if (slice_is(row->value[0], value)) return true;
  return false;
}
