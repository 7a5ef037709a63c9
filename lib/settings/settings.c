#include "settings/settings.h"

#include <skalibs/djbunix.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_DEFAULT "/var/lib/tabber"

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
                "why", "not a record of two fields", "do", "run xmpp-ctl reload", NULL);
      return false;
    }
  }
  return true;
}

/* ---- finding rows ---- */

/* FNV-1a: the settings are the administrator's, and nobody else chooses their keys. */
static size_t
hash_more(size_t h, struct slice a)
{
  size_t i;

  for (i = 0; i < a.len; i++)
    h = (h ^ (unsigned char)a.s[i]) * 16777619u;
  return h;
}

static size_t
hash_key(struct slice key)
{
  return hash_more(2166136261u, key);
}

/* The place in st->keys of the first row with this key: an empty place when none has it. */
static struct settings_row **
key_place(struct settings const *st, size_t h, struct slice key)
{
  while (st->keys[h & st->mask] && !slice_eq(st->keys[h & st->mask]->key, key))
    h++;
  return &st->keys[h & st->mask];
}

/* The same in st->scoped; h is the hash of the key. */
static struct settings_row **
scope_place(struct settings const *st, size_t h, struct slice key, struct slice scope)
{
  struct settings_row const *row;

  h = hash_more(h, scope);
  while ((row = st->scoped[h & st->mask]) &&
         !(slice_eq(row->scope, scope) && slice_eq(row->key, key)))
    h++;
  return &st->scoped[h & st->mask];
}

/* From the last row to the first, so that each chain is in the order of the file. */
static bool
index_rows(struct settings *st)
{
  size_t places = 4, i;

  while (places < 2 * st->n)
    places *= 2;
  st->mask = places - 1;
  st->keys = arena_alloc(&st->arena, places * sizeof *st->keys);
  st->scoped = arena_alloc(&st->arena, places * sizeof *st->scoped);
  if (!st->keys || !st->scoped) return false;
  memset(st->keys, 0, places * sizeof *st->keys);
  memset(st->scoped, 0, places * sizeof *st->scoped);
  for (i = st->n; i-- > 0;) {
    struct settings_row *row = &st->rows[i], **place;
    size_t h = hash_key(row->key);

    place = key_place(st, h, row->key);
    row->same_key = *place;
    *place = row;
    place = scope_place(st, h, row->key, row->scope);
    row->same_scope = *place;
    *place = row;
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
  ok = split_rows(st, text, sa.len) && index_rows(st);
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
  struct slice k = slice_str(key);

  if (from) return from->same_key;
  return st->n ? *key_place(st, hash_key(k), k) : NULL;
}

struct slice
settings_get(struct settings const *st, char const *key, struct slice scope)
{
  struct slice k = slice_str(key);
  size_t h = hash_key(k);
  struct settings_row const *row = st->n ? *scope_place(st, h, k, scope) : NULL;

  if (!row && st->n) row = *scope_place(st, h, k, SLICE("*"));
  return row ? row->value[0] : SLICE("");
}

bool
settings_has_default(struct settings const *st, char const *key)
{
  struct slice k = slice_str(key);

  return st->n && *scope_place(st, hash_key(k), k, SLICE("*"));
}

uint64_t
settings_u64(struct settings const *st, char const *key, struct slice scope)
{
  uint64_t n;

  return slice_u64(settings_get(st, key, scope), &n) ? n : UINT64_MAX;
}

uint64_t
settings_us(struct settings const *st, char const *key, struct slice scope)
{
  uint64_t ms = settings_u64(st, key, scope);

  return ms < UINT64_MAX / 1000 ? ms * 1000 : UINT64_MAX;
}

uint64_t
settings_limit(struct settings const *st, char const *key, uint64_t usual)
{
  uint64_t n;

  return slice_u64(settings_get(st, key, SLICE("*")), &n) ? n : usual;
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
  struct slice k = slice_str(key);
  struct settings_row const *row = st->n ? *scope_place(st, hash_key(k), k, scope) : NULL;

  for (; row; row = row->same_scope)
    if (slice_is(row->value[0], value)) return true;
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

/* ---- domains of services ---- */

#define KEY_MAX 64

/* The keys of a module's options that name them. */
struct domain_keys {
  char hosts[KEY_MAX], host[KEY_MAX];
};

static struct domain_keys
keys_of(char const *module)
{
  struct domain_keys k;

  snprintf(k.hosts, sizeof k.hosts, "%s.hosts", module);
  snprintf(k.host, sizeof k.host, "%s.host", module);
  return k;
}

static struct slice
domains_of(struct settings const *st, struct domain_keys const *k, struct slice host)
{
  struct slice list = settings_get(st, k->hosts, host);

  return list.len ? list : settings_get(st, k->host, host);
}

struct slice
settings_domains(struct settings const *st, char const *module, struct slice host)
{
  struct domain_keys k = keys_of(module);

  return domains_of(st, &k, host);
}

void
settings_each_domain(struct settings const *st, char const *module,
                     settings_domain_fn *fn, void *cookie)
{
  struct domain_keys k = keys_of(module);
  struct settings_row const *row = NULL;
  struct slice list, domain;

  while ((row = settings_next(st, "module", row))) {
    if (!slice_is(row->value[0], module)) continue;
    list = domains_of(st, &k, row->scope);
    while (slice_word(&list, ' ', &domain))
      if (domain.len && !fn(cookie, row->scope, domain)) return;
  }
}

struct found {
  struct slice domain, host;
};

static bool
is_domain(void *cookie, struct slice host, struct slice domain)
{
  struct found *f = cookie;

  if (!slice_eq(domain, f->domain)) return true;
  f->host = host;
  return false;
}

struct slice
settings_domain_host(struct settings const *st, char const *module, struct slice domain)
{
  struct found f = {domain, SLICE("")};

  settings_each_domain(st, module, is_domain, &f);
  return f.host;
}

/* ---- refusals ---- */

static struct settings_refused refused;

void
settings_refused_clear(void)
{
  refused = (struct settings_refused){"", "", ""};
}

struct settings_refused const *
settings_refused(void)
{
  return &refused;
}

void
settings_refuse(char const *key, struct slice scope, ...)
{
  struct settings_refused now;
  char const *word;
  size_t n = 0;
  va_list ap;

  snprintf(now.key, sizeof now.key, "%s", key);
  snprintf(now.scope, sizeof now.scope, "%.*s", (int)scope.len, scope.s);
  now.why[0] = 0;
  va_start(ap, scope);
  while ((word = va_arg(ap, char const *)) && n < sizeof now.why)
    n += (size_t)snprintf(now.why + n, sizeof now.why - n, "%s", word);
  va_end(ap);
  if (*key)
    log_event(LOG_WARN, "settings-refused", "key", key, "scope", now.scope, "why",
              now.why, NULL);
  else
    log_event(LOG_WARN, "settings-refused", "why", now.why, NULL);
  if (!refused.why[0]) refused = now;
}

char const *
settings_state(char const *given)
{
  char const *named = getenv("TABBER_STATE");

  return given ? given : named && *named ? named : STATE_DEFAULT;
}
