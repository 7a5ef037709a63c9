#include "pep.h"

#include <errno.h>
#include <stdio.h>

/* Requests to services and accounts: one action in a pubsub element (XEP-0060 s5 to s8). */

/* ---- refusing ---- */

static enum verdict
refuse_with(struct request *q, enum stanza_error e, struct slice text, char const *more)
{
  q->ctx->error = e;
  q->ctx->text = text;
  q->ctx->more = arena_copy(q->ctx->arena, slice_str(more));
  return REFUSE;
}

enum verdict
refuse_text(struct request *q, enum stanza_error e, char const *condition,
            struct slice text)
{
  char more[160] = "";

  if (condition) snprintf(more, sizeof more, "<%s xmlns='" NS_ERRORS "'/>", condition);
  return refuse_with(q, e, text, more);
}

enum verdict
refuse(struct request *q, enum stanza_error e, char const *condition)
{
  return refuse_text(q, e, condition, SLICE(""));
}

enum verdict
refuse_feature(struct request *q, char const *feature)
{
  char more[160];

  snprintf(more, sizeof more, "<unsupported xmlns='" NS_ERRORS "' feature='%s'/>",
           feature);
  return refuse_with(q, ERR_FEATURE_NOT_IMPLEMENTED, SLICE(""), more);
}

enum verdict
refuse_failed(struct request *q)
{
  return refuse(q, ERR_INTERNAL_WAIT, NULL);
}

/* ---- nodes and addresses ---- */

bool
node_name(struct request *q, struct slice *name)
{
  *name = xml_attr(q->action, "node");
  if (!name->len) {
    refuse(q, ERR_BAD_REQUEST, "nodeid-required");
    return false;
  }
  if (name->len <= PUBSUB_NAME_MAX) return true;
  refuse_text(q, ERR_NOT_ACCEPTABLE, NULL, SLICE("the name of the node is too long"));
  return false;
}

bool
take_node(struct request *q)
{
  if (!pubsub_node_keep(q->ctx->arena, &q->n)) return refuse_failed(q) == DONE;
  config_of(&q->c, q->host, q->n.type, q->n.name, q->n.fields);
  q->aff = affiliation_of(&q->n, q->self, &q->ctx->from);
  return true;
}

bool
node_request(struct request *q, struct arena *a, uint64_t node)
{
  if (!pubsub_node_get(pubsubd.pubsub, node, &q->n) || !pubsub_node_keep(a, &q->n) ||
      !pep_self_of(a, q->n.owner, &q->self, &q->host))
    return false;
  q->pep = q->n.type == PUBSUB_PEP;
  q->owner = q->n.owner;
  config_of(&q->c, q->host, q->n.type, q->n.name, q->n.fields);
  return true;
}

/* s8.4.1: the place where the node went is an XMPP URI inside gone (RFC 6120 s8.3.3.5). */
static void
refuse_missing(struct request *q, struct slice name)
{
  struct slice uri;

  if (!q->owner || !pubsub_moved(pubsubd.pubsub, q->owner, name, &uri)) {
    refuse(q, ERR_ITEM_NOT_FOUND, NULL);
    return;
  }
  q->ctx->inside = arena_copy(q->ctx->arena, uri);
  refuse(q, ERR_GONE, NULL);
}

bool
find_node(struct request *q)
{
  struct slice name;

  if (!node_name(q, &name)) return false;
  if (q->owner && pubsub_node_find(pubsubd.pubsub, q->owner, name, &q->n))
    return take_node(q);
  if (q->owner && errno != ENOENT)
    refuse_failed(q);
  else
    refuse_missing(q, name);
  return false;
}

bool
is_owner(struct request *q)
{
  if (q->aff == PUBSUB_OWNER) return true;
  refuse(q, ERR_FORBIDDEN, NULL);
  return false;
}

size_t
answer_bytes(struct request const *q)
{
  return pubsubd_is_host(q->ctx->from.domain) ? PUBSUB_ANSWER_BYTES
                                              : PUBSUB_ANSWER_BYTES_ABROAD;
}

uint64_t
owner_of(struct request *q)
{
  if (!q->owner && !q->pep) q->owner = pubsub_service(pubsubd.pubsub, q->self, true);
  if (!q->owner) refuse_failed(q);
  return q->owner;
}

bool
jid_of(struct request *q, struct xml_node const *e, struct jid *out)
{
  struct slice text = xml_attr(e, "jid");

  if (!text.len) {
    refuse(q, ERR_BAD_REQUEST, "jid-required");
    return false;
  }
  if (jid_parse(q->ctx->arena, text, out) && out->full.len <= PUBSUB_JID_MAX) return true;
  refuse(q, ERR_BAD_REQUEST, "invalid-jid");
  return false;
}

/* ---- which action ---- */

struct use {
  char const *type, *ns, *name;
  use_fn *fn;
};

static struct use const uses[] = {
  {"set", NS_PUBSUB, "publish",       publish_items      },
  {"get", NS_PUBSUB, "items",         get_items          },
  {"set", NS_PUBSUB, "retract",       retract_items      },
  {"set", NS_PUBSUB, "create",        create_node        },
  {"set", NS_PUBSUB, "subscribe",     subscribe_node     },
  {"set", NS_PUBSUB, "unsubscribe",   unsubscribe_node   },
  {"get", NS_PUBSUB, "options",       get_options        },
  {"set", NS_PUBSUB, "options",       set_options        },
  {"get", NS_PUBSUB, "subscriptions", own_subscriptions  },
  {"get", NS_PUBSUB, "affiliations",  own_affiliations   },
  {"get", NS_PUBSUB, "default",       get_default_options},
  {"get", NS_OWNER,  "configure",     get_config         },
  {"set", NS_OWNER,  "configure",     configure_node     },
  {"get", NS_OWNER,  "default",       get_default        },
  {"set", NS_OWNER,  "delete",        delete_node        },
  {"set", NS_OWNER,  "purge",         purge_node         },
  {"get", NS_OWNER,  "subscriptions", get_subscriptions  },
  {"set", NS_OWNER,  "subscriptions", set_subscriptions  },
  {"get", NS_OWNER,  "affiliations",  get_affiliations   },
  {"set", NS_OWNER,  "affiliations",  set_affiliations   },
};

static struct use const *
use_of(struct request const *q)
{
  size_t i;

  for (i = 0; i < sizeof uses / sizeof *uses; i++)
    if (slice_is(q->in->type, uses[i].type) && slice_is(q->e->ns, uses[i].ns) &&
        slice_is(q->action->name, uses[i].name))
      return &uses[i];
  return NULL;
}

/* Say whether the action is one of collections (XEP-0248). */
static bool
is_of_collections(struct slice action)
{
  return slice_is(action, "collection") || slice_is(action, "associate") ||
         slice_is(action, "disassociate");
}

/* Say whether x may stand behind an action (s6.3.7, s7.1.5, s8.1.3). */
static bool
may_follow(struct slice action, struct xml_node const *x)
{
  if (slice_is(action, "create")) return slice_is(x->name, "configure");
  if (slice_is(action, "publish")) return slice_is(x->name, "publish-options");
  if (slice_is(action, "subscribe")) return slice_is(x->name, "options");
  return false;
}

static bool
read_action(struct request *q)
{
  struct xml_node const *second;

  q->action = xml_next(q->e, NULL);
  if (!q->action || !slice_eq(q->action->ns, q->e->ns)) {
    refuse(q, ERR_BAD_REQUEST, NULL);
    return false;
  }
  second = xml_next(q->e, q->action);
  /* XEP-0059 s2: the set element of a retrieval stands beside it. */
  if (second && xml_is(second, NS_RSM, "set")) second = xml_next(q->e, second);
  if (!second) return true;
  if (slice_eq(second->ns, q->e->ns) && may_follow(q->action->name, second) &&
      !xml_next(q->e, second))
    return true;
  refuse(q, ERR_BAD_REQUEST, NULL);
  return false;
}

static enum verdict
do_use(struct request *q)
{
  struct use const *u;
  enum verdict v;

  if (!read_action(q)) return REFUSE;
  if (bookmarks_request(q, &v)) return v;
  u = use_of(q);
  if (u) {
    v = u->fn(q);
    if (v == DONE && q->pep && slice_is(q->in->type, "set")) pep_changed(q);
    return v;
  }
  if (is_of_collections(q->action->name)) return refuse_feature(q, "collections");
  return refuse(q, ERR_BAD_REQUEST, NULL);
}

/* xmpp-userd publishes in the name of an account, and xmpp-hostd asks for clients, from addresses
 * that no client has. */
static bool
is_program(struct handle_ctx const *ctx, char const *name)
{
  return !ctx->from.local.len && slice_eq(ctx->from.domain, ctx->host) &&
         slice_is(ctx->from.resource, name);
}

static enum verdict
account_request(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
                stralloc *out)
{
  struct request q = {.ctx = ctx,
                      .in = in,
                      .e = e,
                      .out = out,
                      .host = ctx->host,
                      .self = ctx->account,
                      .pep = true,
                      .owner = pubsubd_number(ctx->account)};

  if (!q.owner || !pubsubd_has_pep(ctx->host))
    return handle_error(ctx, ERR_SERVICE_UNAVAILABLE, "");
  if (is_program(ctx, "hostd")) return disco_account(&q);
  if (is_program(ctx, "userd")) ctx->from = jid_cut(ctx->account);
  q.own = slice_eq(ctx->account, ctx->from.bare);
  return do_use(&q);
}

static enum verdict
service_request(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
                stralloc *out)
{
  struct request q = {.ctx = ctx,
                      .in = in,
                      .e = e,
                      .out = out,
                      .host = pubsubd_service_host(ctx->host),
                      .self = ctx->host,
                      .owner = pubsub_service(pubsubd.pubsub, ctx->host, false)};

  return do_use(&q);
}

/* clang-format off */
struct handle_row const account_rows[] = {
  {HANDLE_ACCOUNT, "get", NS_PUBSUB, "pubsub", account_request, 0, "mod_pubsub"},
  {HANDLE_ACCOUNT, "set", NS_PUBSUB, "pubsub", account_request, 0, "mod_pubsub"},
  {HANDLE_ACCOUNT, "get", NS_OWNER,  "pubsub", account_request, 0, "mod_pubsub"},
  {HANDLE_ACCOUNT, "set", NS_OWNER,  "pubsub", account_request, 0, "mod_pubsub"},
};

struct handle_row const service_rows[] = {
  {HANDLE_HOST, "get", NS_PUBSUB,      "pubsub", service_request, 0, NULL},
  {HANDLE_HOST, "set", NS_PUBSUB,      "pubsub", service_request, 0, NULL},
  {HANDLE_HOST, "get", NS_OWNER,       "pubsub", service_request, 0, NULL},
  {HANDLE_HOST, "set", NS_OWNER,       "pubsub", service_request, 0, NULL},
  {HANDLE_HOST, "get", NS_DISCO_INFO,  "query",  disco_info,      0, NULL},
  {HANDLE_HOST, "get", NS_DISCO_ITEMS, "query",  disco_items,     0, NULL},
  {HANDLE_HOST, "set", NS_COMMANDS,    "command", run_command,    0, NULL},
  {HANDLE_HOST, "get", "vcard-temp",   "vCard",  service_card,    0, NULL},
};
/* clang-format on */

size_t const account_rows_n = sizeof account_rows / sizeof *account_rows;
size_t const service_rows_n = sizeof service_rows / sizeof *service_rows;
