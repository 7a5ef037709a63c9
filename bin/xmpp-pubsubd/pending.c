#include "pubsubd.h"

/* The command get-pending (XEP-0060 s8.7, XEP-0050): an owner gets a list of its nodes at which
 * somebody waits to be let in, and, of the one it takes, the forms once more. Nothing is kept between
 * the two requests. */

#define NODE_PENDING NS_PUBSUB "#get-pending"
#define COMMAND_NAME "Requests to subscribe that wait"

static struct form_field const node_field =
  FORM_FIELD(FORM_LIST_SINGLE, "pubsub#node", "Node", .required = true, .open = true);

/* ---- which nodes ---- */

struct search {
  struct request *q;
  unsigned int looked_at; /* subscriptions, of all nodes together */
  bool waits, owns, ok;
};

static bool
find_pending(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  struct search *s = cookie;

  (void)jid;
  s->waits = sub->state == PUBSUB_PENDING || ++s->looked_at >= PUBSUB_PENDING_LOOKED_AT;
  return !s->waits;
}

/* When too many subscriptions were looked at, the other nodes are offered without a look. */
static bool
offer_node(void *cookie, uint64_t owner, uint64_t node)
{
  struct search *s = cookie;
  enum pubsub_affiliation aff;
  struct pubsub_node n;

  (void)owner;
  if (!pubsub_node_get(pubsubd.pubsub, node, &n) ||
      !pubsub_aff_get(pubsubd.pubsub, node, s->q->ctx->from.bare, &aff) ||
      aff != PUBSUB_OWNER)
    return true;
  s->owns = true;
  s->waits = false;
  pubsub_subs(pubsubd.pubsub, node, find_pending, s);
  if (!s->waits) return true;
  s->ok = s->q->out->len < answer_bytes(s->q) && form_option(s->q->out, n.name, n.name);
  return s->ok;
}

static bool
cat_command(struct request *q, char const *status)
{
  struct slice session = xml_attr(q->e, "sessionid");
  char id[20];

  if (!session.len) {
    door_random_id(id, sizeof id);
    session = slice_of(id, sizeof id);
  }
  return xml_cat(q->out, "<command xmlns='" NS_COMMANDS "' node='" NODE_PENDING "'") &&
         xml_cat_attr(q->out, "sessionid", session) &&
         xml_cat_attr(q->out, "status", slice_str(status));
}

static enum verdict
ask_which(struct request *q)
{
  struct search s = {.q = q, .ok = true};
  bool ok = cat_command(q, "executing") &&
            xml_cat(q->out, "><actions execute='complete'><complete/></actions>") &&
            form_open(q->out, "form", FORM_AUTHORIZATION, COMMAND_NAME, NULL) &&
            form_field_open(q->out, &node_field);

  ok = ok && (!q->owner || pubsub_of(pubsubd.pubsub, q->ctx->from.bare, q->owner,
                                     PUBSUB_OF_AFFILIATION, offer_node, &s));
  if (ok && !s.owns) return refuse(q, ERR_FORBIDDEN, NULL);
  if (!s.ok) return refuse(q, ERR_RESOURCE_CONSTRAINT, NULL);
  return ok && form_field_close(q->out) && form_close(q->out) &&
             xml_cat(q->out, "</command>")
           ? DONE
           : refuse_failed(q);
}

/* ---- the forms ---- */

struct telling {
  struct request const *q;
  unsigned int n;
};

static bool
tell_pending(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  struct telling *t = cookie;

  if (sub->state != PUBSUB_PENDING) return true;
  authorize_ask_one(t->q, t->q->ctx->from.bare, jid, sub);
  return ++t->n < PUBSUB_PENDING_FORMS;
}

static enum verdict
send_pending(struct request *q, struct slice name)
{
  struct telling t = {.q = q};

  if (!name.len || name.len > PUBSUB_NAME_MAX)
    return refuse(q, ERR_BAD_REQUEST, "nodeid-required");
  if (!q->owner || !pubsub_node_find(pubsubd.pubsub, q->owner, name, &q->n))
    return refuse(q, ERR_ITEM_NOT_FOUND, NULL);
  if (!take_node(q)) return REFUSE;
  if (!is_owner(q)) return REFUSE;
  if (!cat_command(q, "completed") || !xml_cat(q->out, "/>")) return refuse_failed(q);
  return pubsub_subs(pubsubd.pubsub, q->n.node, tell_pending, &t) ? DONE
                                                                  : refuse_failed(q);
}

/* ---- the command ---- */

enum verdict
run_command(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
            stralloc *out)
{
  struct request q = service_ask(ctx, in, e, out);
  struct xml_node const *x = xml_child(e, FORM_NS, "x");
  struct slice action = xml_attr(e, "action");

  if (!slice_is(xml_attr(e, "node"), NODE_PENDING))
    return refuse(&q, ERR_ITEM_NOT_FOUND, NULL);
  if (slice_is(action, "cancel"))
    return cat_command(&q, "canceled") && xml_cat(out, "/>") ? DONE : refuse_failed(&q);
  if (!x) return ask_which(&q);
  if (!slice_is(xml_attr(x, "type"), "submit")) return refuse(&q, ERR_BAD_REQUEST, NULL);
  return send_pending(&q, form_get(ctx->arena, x, "pubsub#node"));
}

bool
is_command(struct slice node)
{
  return slice_is(node, NODE_PENDING);
}

bool
cat_commands(stralloc *out, struct slice self)
{
  return xml_cat(out, "<item") && xml_cat_attr(out, "jid", self) &&
         xml_cat(out, " node='" NODE_PENDING "' name='" COMMAND_NAME "'/>");
}

/* XEP-0050 s2.2: the list is a node too. */
bool
cat_command_info(stralloc *out, struct slice node)
{
  if (!is_command(node))
    return xml_cat(out, "<identity category='automation' type='command-list' name='"
                        "Commands'/><feature var='" NS_COMMANDS "'/>");
  return xml_cat(out,
                 "<identity category='automation' type='command-node' name='" COMMAND_NAME
                 "'/><feature var='" NS_COMMANDS "'/><feature var='" FORM_NS "'/>");
}
