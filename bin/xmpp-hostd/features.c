#include "hostd.h"

/* Identities and features of hosts and accounts are those that the running services
 * have announced; routed tells them anew whenever a service comes or goes. */

#define ENTRIES_MAX 1024

static struct {
  struct arena arena;
  struct entry v[ENTRIES_MAX];
  size_t n;
} known;

struct entry const *
features_at(size_t i)
{
  return i < known.n ? &known.v[i] : NULL;
}

void
features_forget(struct link *l, struct record *r)
{
  (void)l;
  if (!slice_is(record_get(r, 1), "features")) return;
  arena_reset(&known.arena);
  known.n = 0;
  caps_changed();
}

static bool
same(struct entry const *x, struct entry const *y)
{
  return x->kind == y->kind && slice_eq(x->scope, y->scope) && slice_eq(x->a, y->a) &&
         slice_eq(x->b, y->b) && slice_eq(x->c, y->c) && slice_eq(x->host, y->host);
}

/* Two services may announce the same feature; it is one. */
static void
remember(enum entry_kind kind, struct record *r)
{
  bool is_short = kind == FEATURE; /* SCOPE VAR HOST; else four fields before HOST */
  struct entry e = {.kind = kind, .scope = record_get(r, 1), .a = record_get(r, 2)};
  size_t i;

  e.b = is_short ? SLICE("") : record_get(r, 3);
  e.c = is_short ? SLICE("") : record_get(r, 4);
  e.host = record_get(r, is_short ? 3 : 5);
  for (i = 0; i < known.n; i++)
    if (same(&known.v[i], &e)) return;
  if (known.n == ENTRIES_MAX) {
    log_event(LOG_WARN, "feature-left-out", "scope", log_text(e.scope), "var",
              log_text(e.a), "why", "services announce too many features", NULL);
    return;
  }
  e.scope = arena_copy(&known.arena, e.scope);
  e.a = arena_copy(&known.arena, e.a);
  e.b = arena_copy(&known.arena, e.b);
  e.c = arena_copy(&known.arena, e.c);
  e.host = arena_copy(&known.arena, e.host);
  if (e.scope.s && e.a.s && e.b.s && e.c.s && e.host.s) known.v[known.n++] = e;
  caps_changed();
}

void
features_feature(struct link *l, struct record *r)
{
  (void)l;
  remember(FEATURE, r);
}

void
features_identity(struct link *l, struct record *r)
{
  (void)l;
  remember(IDENTITY, r);
}

void
features_item(struct link *l, struct record *r)
{
  (void)l;
  remember(ITEM, r);
}

static void
identity(struct link *routed, char const *scope, char const *category, char const *type,
         char const *name)
{
  link_begin(routed, VERB_IDENTITY);
  link_str(routed, scope);
  link_str(routed, category);
  link_str(routed, type);
  link_str(routed, name);
  link_end(routed);
}

void
features_announce(struct link *routed)
{
  identity(routed, "host", "server", "im", "tabber");
  identity(routed, "account", "account", "registered", "");
}

void
features_snapshot(struct snapshot *k)
{
  struct entry *e = known.v;

  for (; snapshot_record(k, "entry", e < known.v + known.n); e++) {
    if (e == known.v + ENTRIES_MAX) return;
    SNAPSHOT_INT(k, e->kind);
    snapshot_slice(k, &known.arena, &e->scope);
    snapshot_slice(k, &known.arena, &e->a);
    snapshot_slice(k, &known.arena, &e->b);
    snapshot_slice(k, &known.arena, &e->c);
    snapshot_slice(k, &known.arena, &e->host);
    if (snapshot_restores(k)) known.n++;
  }
}
