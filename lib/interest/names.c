#include "interest/internal.h"

#include <stdlib.h>

/* Sets and the names in them. Names and sets have numbers, from 1, that are used again when
 * nobody has them any more. */

/* ---- names ---- */

struct name {
  uint32_t id, users;
  size_t len;
  char text[];
};

static struct slice
name_key(void const *item)
{
  struct name const *x = item;

  return slice_of(x->text, x->len);
}

static struct table names = {.key = name_key};
static struct numbers name_numbers;

static struct name *
name_use(struct slice text)
{
  struct name *x = table_get(&names, text);

  if (x) {
    x->users++;
    return x;
  }
  x = malloc(sizeof *x + text.len);
  if (!x) return NULL;
  x->users = 1;
  x->len = text.len;
  memcpy(x->text, text.s, text.len);
  x->id = number_take(&name_numbers, x);
  if (x->id && table_put(&names, x)) {
    interest_totals.names++;
    return x;
  }
  if (x->id) number_give(&name_numbers, x->id);
  free(x);
  return NULL;
}

static void
name_drop(uint32_t id)
{
  struct name *x = name_numbers.v[id];

  if (--x->users) return;
  table_del(&names, name_key(x));
  number_give(&name_numbers, id);
  interest_totals.names--;
  free(x);
}

uint32_t
name_id(struct slice text)
{
  struct name const *x = table_get(&names, text);

  return x ? x->id : 0;
}

bool
interest_any(struct slice name)
{
  return name_id(name) != 0;
}

/* ---- sets ---- */

static struct slice
set_key(void const *item)
{
  struct interest_set const *s = item;

  return slice_of(s->key, s->len);
}

static struct table sets = {.key = set_key};
static struct numbers set_numbers;

struct interest_set *
interest_set(struct slice key)
{
  return table_get(&sets, key);
}

struct interest_set *
set_at(uint32_t index)
{
  return set_numbers.v[index];
}

struct interest_set *
set_make(struct slice key)
{
  struct interest_set *s = interest_set(key);

  if (s) {
    s->users++;
    return s;
  }
  s = calloc(1, sizeof *s + key.len);
  if (!s) return NULL;
  s->users = 1;
  s->len = key.len;
  memcpy(s->key, key.s, key.len);
  s->index = number_take(&set_numbers, s);
  if (s->index && table_put(&sets, s)) {
    interest_totals.sets++;
    return s;
  }
  if (s->index) number_give(&set_numbers, s->index);
  free(s);
  return NULL;
}

void
set_use(struct interest_set *s)
{
  s->users++;
}

static void
drop_names(uint32_t const *ids, uint32_t n)
{
  uint32_t i;

  for (i = 0; i < n; i++)
    name_drop(ids[i]);
}

static void
drop_before(struct interest_wait const *w)
{
  if (w->before != WAIT_NOTHING && w->before != WAIT_SILENT) set_drop(set_at(w->before));
}

void
set_drop(struct interest_set *s)
{
  uint32_t i;

  if (--s->users) return;
  table_del(&sets, set_key(s));
  number_give(&set_numbers, s->index);
  drop_names(s->names, s->names_n);
  for (i = 0; i < s->waiting_n; i++)
    drop_before(&s->waiting[i]);
  interest_totals.sets--;
  free(s->names);
  free(s->waiting);
  free(s);
}

bool
set_wait(struct interest_set *s, uint32_t pair, uint32_t before)
{
  uint32_t size = s->waiting_size ? 2 * s->waiting_size : 4;
  struct interest_wait *w;

  if (s->waiting_n == s->waiting_size) {
    w = realloc(s->waiting, size * sizeof *w);
    if (!w) return false;
    s->waiting = w;
    s->waiting_size = size;
  }
  s->waiting[s->waiting_n++] = (struct interest_wait){pair, before};
  return true;
}

static int
by_id(void const *x, void const *y)
{
  uint32_t a = *(uint32_t const *)x, b = *(uint32_t const *)y;

  return (a > b) - (a < b);
}

/* Call due for all that waited. Pairs that begin to wait meanwhile would be waiting for another
 * set: s is known. */
static void
end_waiting(struct interest_set *s)
{
  struct interest_wait *waiting = s->waiting;
  uint32_t i, n = s->waiting_n;

  s->waiting = NULL;
  s->waiting_n = s->waiting_size = 0;
  for (i = 0; i < n; i++) {
    pair_due(s, &waiting[i]);
    drop_before(&waiting[i]);
  }
  free(waiting);
}

bool
interest_known(struct interest_set *s, struct slice const *text, size_t n)
{
  uint32_t *ids = n ? malloc(n * sizeof *ids) : NULL, i;

  if (n && !ids) return false;
  for (i = 0; i < n; i++) {
    struct name const *x = name_use(text[i]);
    if (!x) {
      drop_names(ids, i);
      free(ids);
      return false;
    }
    ids[i] = x->id;
  }
  if (n) qsort(ids, n, sizeof *ids, by_id);
  drop_names(s->names, s->names_n);
  free(s->names);
  s->names = ids;
  s->names_n = (uint32_t)n;
  s->tested = 0;
  s->known = true;
  set_use(s); /* due may end the last pair's wait */
  end_waiting(s);
  set_drop(s);
  return true;
}

struct slice
interest_set_name(struct interest_set const *s, uint32_t i)
{
  return i < s->names_n ? name_key(name_numbers.v[s->names[i]]) : SLICE("");
}

/* An event asks for one id, whatever clients have the set. */
bool
set_has_id(struct interest_set *s, uint32_t id)
{
  if (!s->known || !id) return false;
  if (s->tested != id) {
    s->wanted =
      s->names_n && bsearch(&id, s->names, s->names_n, sizeof id, by_id) != NULL;
    s->tested = id;
  }
  return s->wanted;
}

bool
interest_set_has(struct interest_set *s, struct slice name)
{
  return s && set_has_id(s, name_id(name));
}

bool
interest_holder(struct interest_set const *s, uint32_t n, struct slice *full,
                struct slice *account)
{
  uint32_t i;

  for (i = 0; i < s->waiting_n; i++)
    if (pair_waits(s, s->waiting[i].pair, full, account) && n-- == 0) return true;
  return false;
}

/* ---- the state for a trace ---- */

static void
set_snapshot(struct snapshot *k, struct interest_set *s)
{
  struct arena a = ARENA_ZERO;
  struct slice key = s ? set_key(s) : SLICE(""), name, *v = NULL;
  uint32_t n = s ? s->names_n : 0, i;

  snapshot_slice(k, &a, &key);
  SNAPSHOT_INT(k, n);
  if (snapshot_restores(k)) v = arena_alloc(&a, (n + 1) * sizeof *v);
  for (i = 0; i < n; i++) {
    name = s ? interest_set_name(s, i) : SLICE("");
    snapshot_slice(k, &a, &name);
    if (v) v[i] = name;
  }
  if (snapshot_restores(k)) {
    s = v ? set_make(key) : NULL;
    if (!s || !interest_known(s, v, n)) snapshot_fail(k, "out of memory");
  }
  arena_wipe(&a);
}

void
sets_snapshot(struct snapshot *k)
{
  uint32_t i;

  for (i = 1; i <= set_numbers.used && !snapshot_restores(k); i++) {
    struct interest_set *s = set_numbers.v[i];
    if (s && s->known && snapshot_record(k, "set", true)) set_snapshot(k, s);
  }
  while (snapshot_restores(k) && snapshot_record(k, "set", true))
    set_snapshot(k, NULL);
}

void
sets_settled(void)
{
  uint32_t i;

  for (i = 1; i <= set_numbers.used; i++)
    if (set_at(i) && set_at(i)->known) set_drop(set_at(i));
}
