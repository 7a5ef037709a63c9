#include "pubsubd.h"

#include <errno.h>

/* Nodes of the access model authorize: owners are asked by a form whether somebody may subscribe, and
 * the first answer counts (XEP-0060 s8.6). */

enum { SUBID, NODE, SUBSCRIBER, ALLOW, FIELDS_N };

static struct form_field const fields[FIELDS_N] = {
  [SUBID] = FORM_FIELD(FORM_HIDDEN, "pubsub#subid", NULL),
  [NODE] = FORM_FIELD(FORM_TEXT_SINGLE, "pubsub#node", "Node"),
  [SUBSCRIBER] = FORM_FIELD(FORM_JID_SINGLE, "pubsub#subscriber_jid", "Who asks"),
  [ALLOW] = FORM_FIELD(FORM_BOOLEAN, "pubsub#allow", "Let this address subscribe"),
};

static struct form const form = {.form_type = FORM_AUTHORIZATION,
                                 .title = "Subscription request",
                                 .instructions =
                                   "Somebody wants to subscribe to a node that you own.",
                                 .fields = fields,
                                 .fields_n = FIELDS_N};

void
authorize_ask_one(struct request const *q, struct slice owner, struct slice jid,
                  struct pubsub_sub const *sub)
{
  char id[BASE_NUM];
  struct form_value v[FIELDS_N] = {
    [SUBID] = {.given = true, .text = num_u64(id, sub->id)},
    [NODE] = {.given = true,             .text = q->n.name                  },
    [SUBSCRIBER] = {.given = true,             .text = jid},
    [ALLOW] = {.given = true,             .text = SLICE("0")                  },
  };
  stralloc in = STRALLOC_ZERO;

  if (form_cat(&in, "form", &form, v))
    message_to(q->self, owner, "normal", slice_of(in.s, in.len));
  stralloc_free(&in);
}

struct ask {
  struct request const *q;
  struct slice jid;
  struct pubsub_sub const *sub;
  unsigned int n;
};

static bool
ask_owner(void *cookie, struct slice bare, enum pubsub_affiliation a)
{
  struct ask *k = cookie;

  if (a != PUBSUB_OWNER) return true;
  authorize_ask_one(k->q, bare, k->jid, k->sub);
  return ++k->n < room_owners_told();
}

void
authorize_ask(struct request const *q, struct slice jid, struct pubsub_sub const *sub)
{
  struct ask k = {.q = q, .jid = jid, .sub = sub};

  if (q->pep)
    authorize_ask_one(q, q->self, jid, sub);
  else
    pubsub_affs(pubsubd.pubsub, q->n.node, ask_owner, &k);
}

/* ---- the answer ---- */

static void
dropped(struct request const *q, char const *why)
{
  log_event(LOG_INFO, "pubsub-answer-refused", "from", log_text(q->ctx->from.bare),
            "node", log_text(q->n.name), "why", why, NULL);
}

static void
decide(struct request *q, struct slice jid, struct slice subid, bool allow)
{
  struct pubsub_sub sub;
  uint64_t id;

  if (!pubsub_sub_get(pubsubd.pubsub, q->n.node, jid, &sub) ||
      sub.state != PUBSUB_PENDING ||
      (subid.len && (!slice_u64(subid, &id) || id != sub.id))) {
    dropped(q, "nobody has asked, or an owner has answered before");
    return;
  }
  sub.state = allow ? PUBSUB_SUBSCRIBED : PUBSUB_UNSUBSCRIBED;
  if (!(allow ? pubsub_sub_put(pubsubd.pubsub, &q->n, jid, &sub)
              : pubsub_sub_del(pubsubd.pubsub, &q->n, jid)))
    return;
  tell_subscription(q, jid, &sub);
  if (!allow) return;
  tell_owners(q, jid, &sub);
  send_last_on_sub(q, jid);
}

static void
take_answer(struct request *q, struct xml_node const *x)
{
  struct form_value v[FIELDS_N];
  struct form_wrong wrong;

  if (!form_read(q->ctx->arena, x, &form, v, &wrong) || !v[NODE].text.len ||
      !v[SUBSCRIBER].text.len || !v[ALLOW].given)
    return;
  if (!pubsub_node_find(pubsubd.pubsub, q->owner, v[NODE].text, &q->n) || !take_node(q))
    return;
  if (q->aff == PUBSUB_OWNER)
    decide(q, v[SUBSCRIBER].text, v[SUBID].text, v[ALLOW].number != 0);
  else
    dropped(q, "the sender does not own the node");
}

void
authorize_answer(struct stanza const *st)
{
  struct arena a = ARENA_ZERO;
  struct handle_ctx ctx = {.arena = &a, .from = jid_cut(st->from)};
  struct jid to = jid_cut(st->to);
  enum xml_error why;
  struct xml_node const *e = xml_parse(&a, st->xml, "jabber:client", &why);
  struct xml_node const *x = e ? xml_child(e, FORM_NS, "x") : NULL;
  struct request q = {.ctx = &ctx, .in = st, .self = to.bare};

  q.pep = to.local.len != 0;
  q.host = q.pep ? to.domain : pubsubd_service_host(to.domain);
  ctx.host = to.domain;
  q.owner =
    q.pep ? pubsubd_number(to.bare) : pubsub_service(pubsubd.pubsub, to.domain, false);
  if (x && q.owner && slice_is(xml_attr(x, "type"), "submit")) take_answer(&q, x);
  arena_wipe(&a);
}
