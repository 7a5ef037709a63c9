#include "hostd.h"

#include <string.h>

/* XEP-0030: what a host is and can do is what the running services have announced; routed
 * tells it anew whenever one comes or goes. */

#define ENTRIES_MAX 1024

enum entry_kind { FEATURE, IDENTITY, ITEM };

struct entry {
  enum entry_kind kind;
  struct slice scope, a, b, c;
};

static struct {
  struct arena arena;
  struct entry v[ENTRIES_MAX];
  size_t n;
} known;

void
disco_forget(struct link *l, struct record *r)
{
  (void)l;
  if (!slice_is(record_get(r, 1), "features")) return;
  arena_reset(&known.arena);
  known.n = 0;
}

static bool
same(struct entry const *x, struct entry const *y)
{
  return x->kind == y->kind && slice_eq(x->scope, y->scope) && slice_eq(x->a, y->a) &&
         slice_eq(x->b, y->b) && slice_eq(x->c, y->c);
}

/* Two services may announce the same feature; it is one. */
static void
remember(enum entry_kind kind, struct record *r)
{
  struct entry e = {kind, record_get(r, 1), record_get(r, 2), record_get(r, 3),
                    record_get(r, 4)};
  size_t i;

  for (i = 0; i < known.n; i++)
    if (same(&known.v[i], &e)) return;
  if (known.n == ENTRIES_MAX) {
    log_event(LOG_WARN, "feature-left-out", "why", "too many", "var", log_text(e.a),
              NULL);
    return;
  }
  e.scope = arena_copy(&known.arena, e.scope);
  e.a = arena_copy(&known.arena, e.a);
  e.b = arena_copy(&known.arena, e.b);
  e.c = arena_copy(&known.arena, e.c);
  if (e.scope.s && e.a.s && e.b.s && e.c.s) known.v[known.n++] = e;
}

void
disco_feature(struct link *l, struct record *r)
{
  (void)l;
  remember(FEATURE, r);
}

void
disco_identity(struct link *l, struct record *r)
{
  (void)l;
  remember(IDENTITY, r);
}

void
disco_item(struct link *l, struct record *r)
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
disco_announce(struct link *routed)
{
  identity(routed, "host", "server", "im", "tabber");
  identity(routed, "account", "account", "registered", "");
}

/* ---- answers ---- */

/* s7: an account tells its own sessions; whether others may know is the roster's matter.
 * Nodes are announced by nobody yet (s3.2: item-not-found). */
static bool
may_ask(struct handle_ctx *ctx, struct xml_node const *e)
{
  if (ctx->account.len && !slice_eq(ctx->account, ctx->from.bare)) return false;
  if (!xml_attr(e, "node").len) return true;
  ctx->error = ERR_ITEM_NOT_FOUND;
  return false;
}

static char const *
scope_of(struct handle_ctx const *ctx)
{
  return ctx->account.len ? "account" : "host";
}

static bool
cat_entry(stralloc *out, struct entry const *e)
{
  switch (e->kind) {
  case FEATURE:
    return xml_cat(out, "<feature") && xml_cat_attr(out, "var", e->a) &&
           xml_cat(out, "/>");
  case IDENTITY:
    return xml_cat(out, "<identity") && xml_cat_attr(out, "category", e->a) &&
           xml_cat_attr(out, "type", e->b) &&
           (!e->c.len || xml_cat_attr(out, "name", e->c)) && xml_cat(out, "/>");
  case ITEM:
    return xml_cat(out, "<item") && xml_cat_attr(out, "jid", e->a) &&
           (!e->b.len || xml_cat_attr(out, "name", e->b)) &&
           (!e->c.len || xml_cat_attr(out, "node", e->c)) && xml_cat(out, "/>");
  }
  return true;
}

static bool
cat_kind(stralloc *out, struct handle_ctx const *ctx, enum entry_kind kind)
{
  size_t i;

  for (i = 0; i < known.n; i++)
    if (known.v[i].kind == kind && slice_is(known.v[i].scope, scope_of(ctx)) &&
        !cat_entry(out, &known.v[i]))
      return false;
  return true;
}

enum verdict
xep0030_info(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
             stralloc *out)
{
  (void)in;
  if (!may_ask(ctx, e)) return REFUSE;
  if (xml_cat(out, "<query xmlns='" NS_DISCO_INFO "'>") && cat_kind(out, ctx, IDENTITY) &&
      cat_kind(out, ctx, FEATURE) && xml_cat(out, "</query>"))
    return DONE;
  ctx->error = ERR_RESOURCE_CONSTRAINT;
  return REFUSE;
}

enum verdict
xep0030_items(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
              stralloc *out)
{
  (void)in;
  if (!may_ask(ctx, e)) return REFUSE;
  if (xml_cat(out, "<query xmlns='" NS_DISCO_ITEMS "'>") && cat_kind(out, ctx, ITEM) &&
      xml_cat(out, "</query>"))
    return DONE;
  ctx->error = ERR_RESOURCE_CONSTRAINT;
  return REFUSE;
}
