#include "pubsubd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* XEP-0030 of services and of their nodes (XEP-0060 s5.1 to s5.5), and the vCard of a service. */

#define F(name) NS_PUBSUB "#" name

/* The features of XEP-0060 s10. Those of access models say that the model is there. */
char const *const pubsub_features[] = {
  NS_PUBSUB,
  F("access-authorize"),
  F("access-open"),
  F("access-presence"),
  F("access-roster"),
  F("access-whitelist"),
  F("auto-create"),
  F("config-node"),
  F("config-node-max"),
  F("create-and-configure"),
  F("create-nodes"),
  F("delete-items"),
  F("delete-nodes"),
  F("get-pending"),
  F("instant-nodes"),
  F("item-ids"),
  F("last-published"),
  F("manage-subscriptions"),
  F("member-affiliation"),
  F("meta-data"),
  F("modify-affiliations"),
  F("multi-items"),
  F("outcast-affiliation"),
  F("persistent-items"),
  F("presence-notifications"),
  F("publish"),
  F("publish-node-full"),
  F("publish-only-affiliation"),
  F("publish-options"),
  F("publisher-affiliation"),
  F("purge-nodes"),
  F("retract-items"),
  F("retrieve-affiliations"),
  F("retrieve-default"),
  F("retrieve-default-sub"),
  F("retrieve-items"),
  F("retrieve-subscriptions"),
  F("rsm"),
  F("subscribe"),
  F("subscription-notifications"),
  F("subscription-options"),
  NULL,
};

char const *const pep_features[] = {
  F("auto-subscribe"),
  F("filtered-notifications"),
  F("presence-subscribe"),
  F("pubsub-on-a-jid"),
  NULL,
};

/* ---- what is asked ---- */

struct request
service_ask(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
            stralloc *out)
{
  return (struct request){.ctx = ctx,
                          .in = in,
                          .e = e,
                          .action = e,
                          .out = out,
                          .host = pubsubd_service_host(ctx->host),
                          .self = ctx->host,
                          .owner = pubsub_service(pubsubd.pubsub, ctx->host, false)};
}

/* Find the node, whose items the asker must be let see. */
static bool
find_readable(struct request *q)
{
  enum entry a;

  if (!find_node(q)) return false;
  a = access_to(&q->n, &q->c, q->self, &q->ctx->from, q->aff);
  if (a == ACCESS_YES) return true;
  refuse_access(q, a);
  return false;
}

static bool
has_prefix(struct slice name, struct slice prefix)
{
  return name.len >= prefix.len && !memcmp(name.s, prefix.s, prefix.len);
}

/* The names of nodes of hometree say which is below which. Others stand between a node and those below
 * it: /a-b is behind /a, and in front of /a/b. */
static bool
is_under(struct slice name, struct slice top)
{
  return name.len > top.len + 1 && has_prefix(name, top) && name.s[top.len] == '/';
}

static bool
is_below(struct slice name, struct slice top)
{
  return is_under(name, top) &&
         !memchr(name.s + top.len + 1, '/', name.len - top.len - 1);
}

/* The name at which a walk over what is under top begins, or, with the byte 255, which no name has, ends. */
static struct slice
edge_of(struct slice top, char byte, char buf[PUBSUB_NAME_MAX + 2])
{
  size_t n = 0;

  if (top.len) {
    memcpy(buf, top.s, top.len);
    buf[top.len] = '/';
    n = top.len + 1;
  }
  if (byte) buf[n++] = byte;
  return slice_of(buf, n);
}

/* ---- disco#info ---- */

static bool
cat_query(stralloc *out, char const *ns, struct slice node)
{
  return xml_cat(out, "<query") && xml_cat_attr(out, "xmlns", slice_str(ns)) &&
         (!node.len || xml_cat_attr(out, "node", node)) && xml_cat(out, ">");
}

static bool
cat_feature(stralloc *out, char const *var)
{
  return xml_cat(out, "<feature") && xml_cat_attr(out, "var", slice_str(var)) &&
         xml_cat(out, "/>");
}

static bool
cat_service(struct request *q)
{
  stralloc *out = q->out;
  size_t i;

  if (!cat_query(out, NS_DISCO_INFO, SLICE("")) ||
      !xml_cat(out, "<identity category='pubsub' type='service'") ||
      !xml_cat_attr(out, "name", pubsubd_option(q->host, "mod_pubsub.name")) ||
      !xml_cat(out, "/>") || !cat_feature(out, NS_COMMANDS) ||
      !cat_feature(out, NS_DISCO_INFO) || !cat_feature(out, NS_DISCO_ITEMS) ||
      !cat_feature(out, "vcard-temp"))
    return false;
  for (i = 0; pubsub_features[i]; i++)
    if (!cat_feature(out, pubsub_features[i])) return false;
  return xml_cat(out, "</query>");
}

struct people {
  stralloc owners;
  unsigned int owners_n, subscribers;
  bool ok;
};

static bool
on_aff(void *cookie, struct slice bare, enum pubsub_affiliation a)
{
  struct people *p = cookie;

  if (a != PUBSUB_OWNER) return true;
  p->ok = (!p->owners.len || stralloc_catb(&p->owners, "\n", 1)) &&
          stralloc_catb(&p->owners, bare.s, bare.len);
  return p->ok && ++p->owners_n < room_owners_told();
}

static bool
on_sub(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  struct people *p = cookie;

  (void)jid;
  p->subscribers += sub->state == PUBSUB_SUBSCRIBED && !sub_is_over(sub);
  return true;
}

/* The number of many subscribers has those in it who wait, and those whose subscription is over. */
static bool
count_subscribers(struct request const *q, struct people *p)
{
  uint32_t affs, subs;

  if (!pubsub_people(pubsubd.pubsub, q->n.node, &affs, &subs)) return false;
  if (subs <= PUBSUB_SUBSCRIBERS_COUNTED)
    return pubsub_subs(pubsubd.pubsub, q->n.node, on_sub, p);
  p->subscribers = subs;
  return true;
}

static bool
cat_meta(struct request *q)
{
  struct people p = {.owners = STRALLOC_ZERO, .ok = true};
  bool ok = count_subscribers(q, &p) &&
            pubsub_affs(pubsubd.pubsub, q->n.node, on_aff, &p) && p.ok;

  if (ok && q->pep) ok = stralloc_copyb(&p.owners, q->self.s, q->self.len);
  ok = ok && config_cat_meta(q->out, &q->n, &q->c, p.subscribers,
                             slice_of(p.owners.s, p.owners.len));
  stralloc_free(&p.owners);
  return ok;
}

static bool
find_below(void *cookie, struct pubsub_node const *n)
{
  struct slice *top = cookie;

  if (is_under(n->name, *top)) *top = SLICE("");
  return false;
}

static bool
has_below(struct request *q)
{
  char buf[PUBSUB_NAME_MAX + 2];
  struct slice top = q->n.name;

  return q->n.type == PUBSUB_HOMETREE &&
         pubsub_nodes(pubsubd.pubsub, q->owner, edge_of(top, 0, buf), find_below, &top) &&
         !top.len;
}

/* s5.3, s5.4 */
static enum verdict
node_info(struct request *q)
{
  if (!find_readable(q)) return REFUSE;
  return cat_query(q->out, NS_DISCO_INFO, q->n.name) &&
             xml_cat(q->out, "<identity category='pubsub' type='leaf'") &&
             (!q->c.value[CONFIG_TITLE].len ||
              xml_cat_attr(q->out, "name", q->c.value[CONFIG_TITLE])) &&
             xml_cat(q->out, "/>") &&
             (!has_below(q) ||
              xml_cat(q->out, "<identity category='pubsub' type='collection'/>")) &&
             cat_feature(q->out, NS_PUBSUB) && cat_meta(q) && xml_cat(q->out, "</query>")
           ? DONE
           : refuse_failed(q);
}

static enum verdict
command_info(struct request *q, struct slice node)
{
  return cat_query(q->out, NS_DISCO_INFO, node) && cat_command_info(q->out, node) &&
             xml_cat(q->out, "</query>")
           ? DONE
           : refuse_failed(q);
}

enum verdict
disco_info(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
           stralloc *out)
{
  struct request q = service_ask(ctx, in, e, out);
  struct slice node = xml_attr(e, "node");

  if (is_command(node) || slice_is(node, NS_COMMANDS)) return command_info(&q, node);
  if (node.len) return node_info(&q);
  return cat_service(&q) ? DONE : refuse_failed(&q);
}

/* ---- disco#items: nodes (s5.2), in pages (XEP-0059) ---- */

/* A page: the nodes behind the name after, or in front of the name before, at most size of them. So that
 * nodes that the asker may not see cost little, however many there are, the page ends when
 * room_nodes_looked_at() were looked at; its set then names the node that was the last, from which the asker
 * goes on. */
struct list {
  struct request *q;
  struct slice top; /* nodes below it; empty: the topmost */
  struct slice after, before, end;
  uint64_t *nodes, looked_at;
  size_t size, n;
  bool back, more;
};

/* All nodes of hometree are below /home. */
static bool
is_top(struct pubsub_node const *n)
{
  struct slice rest = n->name, word;
  unsigned int parts = 0;

  while (slice_word(&rest, '/', &word))
    parts++;
  return n->type != PUBSUB_HOMETREE || parts <= 2;
}

static enum entry
access_of_asker(struct request const *q, struct pubsub_node const *n)
{
  struct config c;
  enum pubsub_affiliation aff = affiliation_of(n, q->self, &q->ctx->from);

  config_of(&c, q->host, n->type, n->name, n->fields);
  return access_to(n, &c, q->self, &q->ctx->from, aff);
}

static bool
is_listed(struct list const *l, struct pubsub_node const *n)
{
  enum entry a;

  if (l->top.len ? !is_below(n->name, l->top) : !is_top(n)) return false;
  a = access_of_asker(l->q, n);
  return a == ACCESS_YES || a == ACCESS_NOT_SUBSCRIBED;
}

static bool
on_node(void *cookie, struct pubsub_node const *n)
{
  struct list *l = cookie;
  bool is_in;

  if (l->top.len && !is_under(n->name, l->top)) return false;
  is_in = is_listed(l, n);
  l->more = is_in && l->n == l->size;
  if (l->more) return false;
  if (is_in) l->nodes[l->n++] = n->node;
  l->more = ++l->looked_at >= room_nodes_looked_at();
  if (l->more) l->end = arena_copy(l->q->ctx->arena, n->name);
  return !l->more;
}

static bool
cat_node(struct request *q, struct pubsub_node const *n)
{
  struct config c;

  config_of(&c, q->host, n->type, n->name, n->fields);
  return xml_cat(q->out, "<item") && xml_cat_attr(q->out, "jid", q->self) &&
         (!c.value[CONFIG_TITLE].len ||
          xml_cat_attr(q->out, "name", c.value[CONFIG_TITLE])) &&
         xml_cat_attr(q->out, "node", n->name) && xml_cat(q->out, "/>");
}

static bool
cat_end(stralloc *out, char const *name, struct slice text)
{
  return xml_cat(out, "<") && xml_cat(out, name) && xml_cat(out, ">") &&
         xml_cat_text(out, text) && xml_cat(out, "</") && xml_cat(out, name) &&
         xml_cat(out, ">");
}

/* XEP-0059 s2.6: the count may be more than the asker may see. How many nodes an account has is told
 * to itself alone. */
static bool
cat_set(struct list *l, struct slice first, struct slice last)
{
  struct request *q = l->q;
  struct pubsub_counts counts;
  char buf[BASE_NUM];

  return pubsub_counts(pubsubd.pubsub, q->owner, &counts) &&
         xml_cat(q->out, "<set xmlns='" NS_RSM "'>") &&
         (!first.len ||
          (cat_end(q->out, "first", first) && cat_end(q->out, "last", last))) &&
         ((q->pep && !q->own) || cat_end(q->out, "count", num_u64(buf, counts.nodes))) &&
         xml_cat(q->out, "</set>");
}

/* Of a walk backwards the last node is the first of the page. */
static bool
cat_list(struct list *l, bool set)
{
  struct slice first = SLICE(""), last = SLICE("");
  struct pubsub_node n;
  size_t i;

  for (i = 0; i < l->n; i++) {
    if (!pubsub_node_get(pubsubd.pubsub, l->nodes[l->back ? l->n - 1 - i : i], &n) ||
        !cat_node(l->q, &n))
      return false;
    if (!first.len) first = n.name;
    last = n.name;
  }
  if (l->end.len && (l->back || !first.len)) first = l->end;
  if (l->end.len && (!l->back || !last.len)) last = l->end;
  return (!set && !l->more) || cat_set(l, first, last);
}

static bool
read_set(struct list *l, struct xml_node const *set)
{
  struct arena *a = l->q->ctx->arena;
  struct xml_node const *before = xml_child(set, NS_RSM, "before");
  struct xml_node const *behind = xml_child(set, NS_RSM, "after");
  struct xml_node const *most = xml_child(set, NS_RSM, "max");
  uint64_t n;

  if (most && slice_u64(xml_text(a, most), &n) && n < l->size) l->size = n;
  if (behind) l->after = xml_text(a, behind);
  l->back = before != NULL;
  if (before) l->before = xml_text(a, before);
  return l->after.len <= PUBSUB_NAME_MAX && l->before.len <= PUBSUB_NAME_MAX;
}

static bool
walk(struct list *l)
{
  char buf[PUBSUB_NAME_MAX + 2];
  struct slice from = l->back ? l->before : l->after;

  if (!l->q->owner || !l->size) return true;
  if (!from.len) from = edge_of(l->top, l->back ? '\377' : 0, buf);
  return (l->back ? pubsub_nodes_back : pubsub_nodes)(pubsubd.pubsub, l->q->owner, from,
                                                      on_node, l);
}

/* Append the nodes below top, or the topmost. */
static enum verdict
cat_nodes(struct request *q, struct slice top)
{
  struct xml_node const *set = xml_child(q->e, NS_RSM, "set");
  uint64_t most = pubsubd_option_u64(q->host, "mod_pubsub.max_nodes_discoitems");
  struct list l = {
    .q = q, .top = top, .size = most < PUBSUB_ANSWER_ITEMS ? most : PUBSUB_ANSWER_ITEMS};
  bool ok;

  if (set && !read_set(&l, set)) return refuse(q, ERR_ITEM_NOT_FOUND, NULL);
  l.nodes = calloc(l.size + 1, sizeof *l.nodes);
  ok = l.nodes && walk(&l) && cat_list(&l, set != NULL);
  free(l.nodes);
  return ok ? DONE : refuse_failed(q);
}

/* ---- disco#items of a node: its items (s5.5), and the nodes below it ---- */

static bool
on_item(void *cookie, struct pubsub_item const *it)
{
  struct request *q = cookie;

  if (it->expiry && it->expiry <= door_wall() / 1000000) return true;
  return xml_cat(q->out, "<item") && xml_cat_attr(q->out, "jid", q->self) &&
         xml_cat_attr(q->out, "name", it->id) && xml_cat(q->out, "/>");
}

/* The newest ones, when there are more than an answer has. */
static bool
cat_items(struct request *q)
{
  uint64_t from = 0;

  if (q->n.items > PUBSUB_ANSWER_ITEMS &&
      !pubsub_item_from_end(pubsubd.pubsub, &q->n, PUBSUB_ANSWER_ITEMS - 1, &from))
    return false;
  return pubsub_items(pubsubd.pubsub, &q->n, from, on_item, q);
}

static enum verdict
node_items(struct request *q)
{
  if (!find_readable(q)) return REFUSE;
  if (!cat_query(q->out, NS_DISCO_ITEMS, q->n.name) || !cat_items(q))
    return refuse_failed(q);
  if (q->n.type == PUBSUB_HOMETREE && cat_nodes(q, q->n.name) != DONE) return REFUSE;
  return xml_cat(q->out, "</query>") ? DONE : refuse_failed(q);
}

static enum verdict
all_items(struct request *q)
{
  if (xml_attr(q->e, "node").len) return node_items(q);
  if (!cat_query(q->out, NS_DISCO_ITEMS, SLICE(""))) return refuse_failed(q);
  if (cat_nodes(q, SLICE("")) != DONE) return REFUSE;
  return xml_cat(q->out, "</query>") ? DONE : refuse_failed(q);
}

/* XEP-0030 s4.1: a command is a node without items. */
enum verdict
disco_items(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
            stralloc *out)
{
  struct request q = service_ask(ctx, in, e, out);
  struct slice node = xml_attr(e, "node");

  if (!is_command(node) && !slice_is(node, NS_COMMANDS)) return all_items(&q);
  return cat_query(out, NS_DISCO_ITEMS, node) &&
             (is_command(node) || cat_commands(out, q.self)) && xml_cat(out, "</query>")
           ? DONE
           : refuse_failed(&q);
}

/* ---- nodes of accounts: xmpp-hostd asks for a client, and answers it ---- */

struct look {
  struct request const *q;
  bool found;
};

static bool
look_at(void *cookie, struct pubsub_node const *n)
{
  struct look *l = cookie;

  l->found = access_of_asker(l->q, n) == ACCESS_YES;
  return !l->found;
}

/* XEP-0030 s8: who may not see the account's presence may know that it is there when he may read one
 * of its nodes. */
static bool
is_seen(struct request *q)
{
  struct look l = {.q = q};

  return !slice_is(xml_attr(q->e, "stranger"), "true") ||
         (pubsub_nodes(pubsubd.pubsub, q->owner, SLICE(""), look_at, &l) && l.found);
}

enum verdict
disco_account(struct request *q)
{
  struct jid asker;

  q->e = q->action = xml_next(q->e, NULL);
  if (!q->e || !jid_parse(q->ctx->arena, xml_attr(q->e, "for"), &asker))
    return refuse(q, ERR_BAD_REQUEST, NULL);
  q->ctx->from = asker;
  q->own = slice_eq(q->self, asker.bare);
  if (!is_seen(q)) return refuse(q, ERR_SERVICE_UNAVAILABLE, NULL);
  if (slice_is(q->e->name, "items")) return all_items(q);
  return xml_attr(q->e, "node").len ? node_info(q) : DONE;
}

/* ---- the vCard of a service (XEP-0054) ---- */

enum verdict
service_card(struct handle_ctx *ctx, struct stanza const *in, struct xml_node const *e,
             stralloc *out)
{
  struct request q = service_ask(ctx, in, e, out);

  struct slice card = pubsubd_option(q.host, "mod_pubsub.vcard");
  bool ok = xml_cat(out, "<vCard xmlns='vcard-temp'>");

  if (card.len)
    ok = ok && stralloc_catb(out, card.s, card.len);
  else
    ok = ok && xml_cat(out, "<FN>") &&
         xml_cat_text(out, pubsubd_option(q.host, "mod_pubsub.name")) &&
         xml_cat(out, "</FN>");
  return ok && xml_cat(out, "</vCard>") ? DONE : refuse_failed(&q);
}
