#include "hostd.h"

#include <string.h>

/* XEP-0030: the answers, made from what the running services, xmpp-hostd among them, have
 * announced for the host that is asked. */

/* ---- what is said ---- */

/* A feature or an identity that came twice makes capabilities ill-formed (XEP-0115 s5.4). */
static void
add(struct info *info, struct entry const *e)
{
  size_t i;

  for (i = 0; i < info->n; i++)
    if (info->v[i].kind == e->kind && slice_eq(info->v[i].a, e->a) &&
        slice_eq(info->v[i].b, e->b))
      return;
  if (info->n < INFO_MAX) info->v[info->n++] = *e;
}

static bool
is_server(struct entry const *e)
{
  return e->kind == IDENTITY && slice_is(e->a, "server") && slice_is(e->b, "im");
}

static bool
is_for(struct entry const *e, char const *scope, struct slice host)
{
  return slice_is(e->scope, scope) && (!e->host.len || slice_eq(e->host, host));
}

void
disco_info(struct info *info, struct host const *h, char const *scope)
{
  struct entry const *known;
  struct entry e;
  size_t i;

  info->n = 0;
  for (i = 0; (known = features_at(i)); i++) {
    if (known->kind == ITEM || !is_for(known, scope, h ? h->name : SLICE(""))) continue;
    e = *known;
    if (h && h->disco_name.len && is_server(&e)) e.c = h->disco_name;
    add(info, &e);
  }
}

/* ---- writing ---- */

static bool
cat_feature(stralloc *out, struct slice var)
{
  return xml_cat(out, "<feature") && xml_cat_attr(out, "var", var) && xml_cat(out, "/>");
}

static bool
cat_identity(stralloc *out, struct slice category, struct slice type, struct slice name)
{
  return xml_cat(out, "<identity") && xml_cat_attr(out, "category", category) &&
         xml_cat_attr(out, "type", type) &&
         (!name.len || xml_cat_attr(out, "name", name)) && xml_cat(out, "/>");
}

static bool
cat_item(stralloc *out, struct slice jid, struct slice name, struct slice node)
{
  return xml_cat(out, "<item") && xml_cat_attr(out, "jid", jid) &&
         (!name.len || xml_cat_attr(out, "name", name)) &&
         (!node.len || xml_cat_attr(out, "node", node)) && xml_cat(out, "/>");
}

/* s3.1: the answer has the node of the question. */
static bool
cat_open(stralloc *out, char const *ns, struct slice node)
{
  return xml_cat(out, "<query") && xml_cat_attr(out, "xmlns", slice_str(ns)) &&
         (!node.len || xml_cat_attr(out, "node", node)) && xml_cat(out, ">");
}

static bool
cat_info(stralloc *out, struct info const *info, enum entry_kind kind)
{
  size_t i;

  for (i = 0; i < info->n; i++) {
    struct entry const *e = &info->v[i];
    if (e->kind == kind &&
        !(kind == FEATURE ? cat_feature(out, e->a) : cat_identity(out, e->a, e->b, e->c)))
      return false;
  }
  return true;
}

/* ---- answers ---- */

static enum verdict
done(struct handle_ctx *ctx, bool ok)
{
  return ok ? DONE : handle_error(ctx, ERR_RESOURCE_CONSTRAINT, "");
}

/* XEP-0175: an account that is none says so. */
static void
be_anonymous(struct info *info)
{
  size_t i;

  for (i = 0; i < info->n; i++)
    if (info->v[i].kind == IDENTITY && slice_is(info->v[i].a, "account") &&
        slice_is(info->v[i].b, "registered"))
      info->v[i].b = SLICE("anonymous");
}

/* account: a bare JID, or empty: of the host h. */
static bool
whole_info(struct slice account, struct host const *h, struct slice node, stralloc *out)
{
  static struct info info;
  struct jid j = jid_cut(account);

  disco_info(&info, h, account.len ? "account" : "host");
  if (account.len && access_is_anonymous(hostd_settings(), j.domain, j.local))
    be_anonymous(&info);
  return cat_open(out, NS_DISCO_INFO, node) && cat_info(out, &info, IDENTITY) &&
         cat_info(out, &info, FEATURE) && (account.len || !h || xep0157_form(out, h)) &&
         xml_cat(out, "</query>");
}

/* The items that services have announced, and those of mod_disco and mod_adhoc. */
static bool
cat_items(stralloc *out, char const *scope, struct host const *h)
{
  struct settings_row const *row = NULL;
  struct entry const *e;
  size_t i;

  for (i = 0; (e = features_at(i)); i++)
    if (e->kind == ITEM && is_for(e, scope, h ? h->name : SLICE("")) &&
        !cat_item(out, e->a, e->b, e->c))
      return false;
  if (!h) return true;
  while ((row = settings_next(hostd_settings(), "mod_disco.extra_domains", row)))
    if (slice_eq(row->scope, h->name) &&
        !cat_item(out, row->value[0], SLICE(""), SLICE("")))
      return false;
  return !h->report_node || !(h->modules & MOD_ADHOC) ||
         cat_item(out, h->name, SLICE("Commands"), SLICE(NS_COMMANDS));
}

/* ---- accounts ---- */

/* s8: an account tells its own sessions, and contacts that may see its presence. */
static bool
is_stranger(struct handle_ctx const *ctx)
{
  return !slice_eq(ctx->account, ctx->from.bare) &&
         !contacts_sees(ctx->account, &ctx->from);
}

static bool
cat_children(stralloc *out, struct xml_node const *query, char const *ns)
{
  struct xml_node const *c;
  bool ok = true;

  for (c = xml_next(query, NULL); c && ok; c = xml_next(query, c))
    ok = xml_cat_child(out, c, ns, out->len + STANZA_MAX);
  return ok;
}

static bool
cat_nodes(stralloc *out, struct inquiry const *q, struct xml_node const *nodes)
{
  char const *ns = q->items ? NS_DISCO_ITEMS : NS_DISCO_INFO;
  bool all = q->items && !q->node.len && !q->paged;

  return cat_open(out, ns, q->node) && (!all || cat_items(out, "account", NULL)) &&
         (!nodes || cat_children(out, nodes, ns)) && xml_cat(out, "</query>");
}

/* Strangers do not learn whether there is an account that shows them nothing (s8). */
bool
disco_cat_account(stralloc *out, struct inquiry const *q, bool is_seen,
                  struct xml_node const *nodes, enum stanza_error *e)
{
  struct host const *h = hostd_host(jid_cut(q->account).domain);

  *e = ERR_RESOURCE_CONSTRAINT;
  if (nodes) return cat_nodes(out, q, nodes);
  if (q->stranger && !is_seen) {
    *e = ERR_SERVICE_UNAVAILABLE;
    return q->items && cat_open(out, NS_DISCO_ITEMS, q->node) && xml_cat(out, "</query>");
  }
  if (q->node.len) {
    *e = ERR_ITEM_NOT_FOUND;
    return false;
  }
  return q->items ? cat_nodes(out, q, NULL) : whole_info(q->account, h, q->node, out);
}

/* disco#info of the account itself needs no look at its nodes, unless a stranger asks. */
static enum verdict
account(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
        stralloc *out)
{
  struct inquiry q = {.account = ctx->account,
                      .node = xml_attr(e, "node"),
                      .items = slice_is(e->ns, NS_DISCO_ITEMS),
                      .stranger = is_stranger(ctx),
                      .paged = xml_child(e, NS_RSM, "set") != NULL};
  enum stanza_error why;

  if (nodes_has(ctx->host) && (q.items || q.node.len || q.stranger))
    return nodes_ask(ctx, in, e, &q);
  return disco_cat_account(out, &q, false, NULL, &why) ? DONE
                                                       : handle_error(ctx, why, "");
}

/* ---- hosts ---- */

/* XEP-0050 s2.2, s2.3: the list of commands and each command are nodes. */
static enum verdict
command_info(struct handle_ctx *ctx, struct host const *h, struct slice node,
             stralloc *out)
{
  struct command const *c = command_find(node);
  bool list = slice_is(node, NS_COMMANDS);

  if (!list && (!c || !command_is_there(h, c)))
    return handle_error(ctx, ERR_ITEM_NOT_FOUND, "");
  if (!list && !command_allowed(h, c, &ctx->from))
    return handle_error(ctx, ERR_FORBIDDEN, "");
  return done(ctx, cat_open(out, NS_DISCO_INFO, node) &&
                     cat_identity(out, SLICE("automation"),
                                  list ? SLICE("command-list") : SLICE("command-node"),
                                  slice_str(list ? "Commands" : c->name)) &&
                     cat_feature(out, SLICE(NS_COMMANDS)) &&
                     (list || cat_feature(out, SLICE(FORM_NS))) &&
                     xml_cat(out, "</query>"));
}

enum verdict
xep0030_info(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
             stralloc *out)
{
  struct host const *h = hostd_host(ctx->host);
  struct slice node = xml_attr(e, "node");

  if (ctx->account.len) return account(ctx, in, e, out);
  if (!node.len || (h && caps_is_node(h, node)))
    return done(ctx, whole_info(SLICE(""), h, node, out));
  if (!h || !(h->modules & MOD_ADHOC)) return handle_error(ctx, ERR_ITEM_NOT_FOUND, "");
  return command_info(ctx, h, node, out);
}

static bool
cat_commands(stralloc *out, struct host const *h, struct jid const *who)
{
  size_t i;

  for (i = 0; i < commands_n; i++)
    if (command_is_there(h, &commands[i]) && command_allowed(h, &commands[i], who) &&
        !cat_item(out, h->name, slice_str(commands[i].name), slice_str(commands[i].node)))
      return false;
  return true;
}

/* XEP-0030 s4.1: a command is a node without items. */
static enum verdict
command_items(struct handle_ctx *ctx, struct host const *h, struct slice node,
              stralloc *out)
{
  struct command const *c = h && h->modules & MOD_ADHOC ? command_find(node) : NULL;

  if (!c || !command_is_there(h, c)) return handle_error(ctx, ERR_ITEM_NOT_FOUND, "");
  if (!command_allowed(h, c, &ctx->from)) return handle_error(ctx, ERR_FORBIDDEN, "");
  return done(ctx, cat_open(out, NS_DISCO_ITEMS, node) && xml_cat(out, "</query>"));
}

enum verdict
xep0030_items(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
              stralloc *out)
{
  struct host const *h = hostd_host(ctx->host);
  struct slice node = xml_attr(e, "node");
  bool commands_node = h && h->modules & MOD_ADHOC && slice_is(node, NS_COMMANDS);

  if (ctx->account.len) return account(ctx, in, e, out);
  if (node.len && !commands_node) return command_items(ctx, h, node, out);
  return done(ctx, cat_open(out, NS_DISCO_ITEMS, node) &&
                     (commands_node ? cat_commands(out, h, &ctx->from)
                                    : cat_items(out, "host", h)) &&
                     xml_cat(out, "</query>"));
}
