#include "pep.h"

#include <errno.h>

/* Nodes as their owners see them (XEP-0060 s8). */

/* ---- making (s8.1) ---- */

static bool
type_named(struct slice word, enum pubsub_type *type)
{
  if (slice_is(word, "flat"))
    *type = PUBSUB_FLAT;
  else if (slice_is(word, "hometree"))
    *type = PUBSUB_HOMETREE;
  else
    return false;
  return true;
}

/* The first plugin that a service has. */
enum pubsub_type
usual_type(struct slice host)
{
  struct slice plugins = pubsubd_option(host, "mod_pubsub.plugins"), word;
  enum pubsub_type type = PUBSUB_FLAT;

  while (slice_word(&plugins, ' ', &word))
    if (type_named(word, &type)) break;
  return type;
}

static bool
read_type(struct request *q, enum pubsub_type *type)
{
  struct slice word = xml_attr(q->action, "type");

  *type = q->pep ? PUBSUB_PEP : usual_type(q->host);
  if (!word.len || (q->pep && slice_is(word, "pep"))) return true;
  if (!q->pep && slice_has_word(pubsubd_option(q->host, "mod_pubsub.plugins"), word) &&
      type_named(word, type))
    return true;
  refuse_feature(q, "create-nodes");
  return false;
}

static bool
owns(uint64_t node, struct slice bare)
{
  enum pubsub_affiliation aff;

  return pubsub_aff_get(pubsubd.pubsub, node, bare, &aff) && aff == PUBSUB_OWNER;
}

/* A node of hometree is /home/DOMAIN/USER of its creator, or below; its parent is there, and is the
 * creator's or the service's. */
static bool
is_home(struct request *q, struct slice name)
{
  struct jid const *who = &q->ctx->from;
  struct slice rest = name, word;
  char const *last = memrchr(name.s, '/', name.len);
  struct pubsub_node parent;
  unsigned int i;

  for (i = 0; slice_word(&rest, '/', &word); i++) {
    if (i ? !word.len : word.len != 0) break;
    if ((i == 1 && !slice_is(word, "home")) || (i == 2 && !slice_eq(word, who->domain)) ||
        (i == 3 && !slice_eq(word, who->local))) {
      refuse(q, ERR_FORBIDDEN, NULL);
      return false;
    }
  }
  if (rest.len || i < 4 || name.s[name.len - 1] == '/') {
    refuse(q, i < 4 && !rest.len ? ERR_FORBIDDEN : ERR_NOT_ACCEPTABLE, NULL);
    return false;
  }
  if (last &&
      pubsub_node_find(pubsubd.pubsub, q->owner,
                       slice_of(name.s, (size_t)(last - name.s)), &parent) &&
      (owns(parent.node, who->bare) || owns(parent.node, q->self)))
    return true;
  refuse(q, ERR_FORBIDDEN, NULL);
  return false;
}

bool
make_node(struct request *q, struct slice name, enum pubsub_type type,
          struct slice fields)
{
  if (q->ctx->from.bare.len > PUBSUB_JID_MAX) {
    refuse_text(q, ERR_NOT_ACCEPTABLE, NULL, SLICE("your address is too long"));
    return false;
  }
  if (!owner_of(q)) return false;
  q->n = (struct pubsub_node){.owner = q->owner,
                              .type = type,
                              .name = name,
                              .creator = q->ctx->from.bare,
                              .fields = fields};
  if ((type == PUBSUB_HOMETREE && !is_home(q, name)) || !room_for_node(q)) return false;
  if (!pubsub_node_add(pubsubd.pubsub, &q->n)) {
    if (errno == EEXIST)
      refuse(q, ERR_CONFLICT, NULL);
    else
      refuse_failed(q);
    return false;
  }
  if (!q->pep &&
      !pubsub_aff_put(pubsubd.pubsub, &q->n, q->ctx->from.bare, PUBSUB_OWNER)) {
    refuse_failed(q);
    return false;
  }
  return take_node(q);
}

/* Say whether the access model of a service's node can be asked of a roster: it is that of the address
 * that has created the node. */
static bool
has_roster(struct request *q, struct slice creator, stralloc const *fields)
{
  struct slice model = SLICE("");

  if (q->pep ||
      !pubsub_field(slice_of(fields->s, fields->len), CONFIG_ACCESS + 1, &model) ||
      (!slice_is(model, "presence") && !slice_is(model, "roster")) ||
      pubsubd_number(creator))
    return true;
  refuse_text(q, ERR_NOT_ACCEPTABLE, NULL,
              SLICE("pubsub#access_model: the creator of the node has no roster here"));
  return false;
}

/* s8.2.5: a form that is not taken. */
static bool
read_form(struct request *q, struct xml_node const *configure, struct slice old,
          stralloc *fields)
{
  struct xml_node const *x = configure ? xml_child(configure, FORM_NS, "x") : NULL;
  struct slice wrong, type;

  if (!x) return !old.len || stralloc_catb(fields, old.s, old.len);
  type = form_get(q->ctx->arena, x, "FORM_TYPE");
  if (!slice_is(xml_attr(x, "type"), "submit") ||
      (type.len && !slice_is(type, NS_NODE_CONFIG))) {
    refuse(q, ERR_BAD_REQUEST, NULL);
    return false;
  }
  if (config_read(q->ctx->arena, x, q->host, q->pep, old, false, fields, &wrong))
    return true;
  refuse_text(q, ERR_NOT_ACCEPTABLE, NULL, wrong);
  return false;
}

/* A create that was done, and comes again, has its node. */
static bool
is_made(struct request *q, struct slice name)
{
  return is_again(q) && q->owner &&
         pubsub_node_find(pubsubd.pubsub, q->owner, name, &q->n) &&
         slice_eq(q->n.creator, q->ctx->from.bare);
}

static enum verdict
answer_created(struct request *q, bool instant)
{
  if (!instant) return DONE;
  return xml_cat(q->out, "<pubsub xmlns='" NS_PUBSUB "'><create") &&
             xml_cat_attr(q->out, "node", q->n.name) && xml_cat(q->out, "/></pubsub>")
           ? DONE
           : refuse_failed(q);
}

enum verdict
create_node(struct request *q)
{
  struct xml_node const *configure = xml_child(q->e, NS_PUBSUB, "configure");
  struct slice name = xml_attr(q->action, "node");
  bool instant = !name.len;
  stralloc fields = STRALLOC_ZERO;
  enum pubsub_type type;
  bool ok;

  if ((q->pep && !q->own) || !may_create(q->host, &q->ctx->from))
    return refuse(q, ERR_FORBIDDEN, NULL);
  if (configure && xml_attr(configure, "node").len)
    return refuse(q, ERR_BAD_REQUEST, NULL);
  if (!read_type(q, &type) || (!instant && !node_name(q, &name))) return REFUSE;
  if (instant) name = random_name(q, 'n');
  if (!name.s) return refuse_failed(q);
  if (is_made(q, name)) return answer_created(q, instant);
  ok = read_form(q, configure, SLICE(""), &fields) &&
       has_roster(q, q->ctx->from.bare, &fields) &&
       make_node(q, name, type, slice_of(fields.s, fields.len));
  stralloc_free(&fields);
  return ok ? answer_created(q, instant) : REFUSE;
}

/* ---- configuration (s8.2, s8.3) ---- */

static bool
keep_groups(void *cookie, struct roster_item const *item)
{
  stralloc *groups = cookie;
  struct slice rest = item->groups, group, have, word = SLICE("");

  while (roster_group(&rest, &group)) {
    have = slice_of(groups->s, groups->len);
    while (slice_word(&have, '\n', &word))
      if (slice_eq(word, group)) break;
    if (have.len || slice_eq(word, group)) continue;
    if (groups->len + group.len > ROSTER_GROUP_MAX * ROSTER_GROUPS_MAX) return false;
    if (!stralloc_catb(groups, "\n", groups->len ? 1 : 0) ||
        !stralloc_catb(groups, group.s, group.len))
      return false;
  }
  return true;
}

static bool
cat_form(struct request *q, struct config const *c)
{
  stralloc groups = STRALLOC_ZERO;
  bool ok;

  pubsubd_readers();
  if (q->pep && pubsubd.roster)
    roster_item_each(pubsubd.roster, q->owner, keep_groups, &groups);
  ok = config_cat_form(q->out, "form", c, slice_of(groups.s, groups.len));
  stralloc_free(&groups);
  return ok;
}

enum verdict
get_config(struct request *q)
{
  if (!find_node(q) || !is_owner(q)) return REFUSE;
  return xml_cat(q->out, "<pubsub xmlns='" NS_OWNER "'><configure") &&
             xml_cat_attr(q->out, "node", q->n.name) && xml_cat(q->out, ">") &&
             cat_form(q, &q->c) && xml_cat(q->out, "</configure></pubsub>")
           ? DONE
           : refuse_failed(q);
}

enum verdict
get_default(struct request *q)
{
  enum pubsub_type type;
  struct config c;

  if ((q->pep && !q->own) || !may_create(q->host, &q->ctx->from))
    return refuse(q, ERR_FORBIDDEN, NULL);
  if (!read_type(q, &type)) return REFUSE;
  config_of(&c, q->host, type, SLICE(""), SLICE(""));
  return xml_cat(q->out, "<pubsub xmlns='" NS_OWNER "'><default>") && cat_form(q, &c) &&
             xml_cat(q->out, "</default></pubsub>")
           ? DONE
           : refuse_failed(q);
}

/* s8.2.3.1: with payloads the event has the new configuration. */
static void
tell_configuration(struct request *q)
{
  stralloc in = STRALLOC_ZERO;
  bool ok = xml_cat(&in, "<configuration") && xml_cat_attr(&in, "node", q->n.name) &&
            xml_cat(&in, ">");

  if (ok && config_on(&q->c, CONFIG_PAYLOADS))
    ok = config_cat_form(&in, "result", &q->c, SLICE(""));
  if (ok && xml_cat(&in, "</configuration>"))
    event_send(q, slice_of(in.s, in.len), CONFIG_NOTIFY_CONFIG);
  stralloc_free(&in);
}

/* Say whether the node lets in others than before. */
static bool
shuts_out(struct config const *before, struct config const *now)
{
  return !slice_eq(before->value[CONFIG_ACCESS], now->value[CONFIG_ACCESS]) ||
         !slice_eq(before->value[CONFIG_GROUPS], now->value[CONFIG_GROUPS]);
}

static enum verdict
take_form(struct request *q, stralloc *fields)
{
  struct config before = q->c;
  struct slice kept;

  if (!read_form(q, q->action, q->n.fields, fields) ||
      !has_roster(q, q->n.creator, fields))
    return REFUSE;
  kept = arena_copy(q->ctx->arena, slice_of(fields->s, fields->len));
  if (!kept.s || !pubsub_node_configure(pubsubd.pubsub, &q->n, kept))
    return refuse_failed(q);
  config_of(&q->c, q->host, q->n.type, q->n.name, kept);
  if (!evict(q, false) ||
      (shuts_out(&before, &q->c) && !end_lost_subscriptions(q, SLICE(""))))
    return refuse_failed(q);
  tell_configuration(q);
  pep_opened(q->self, &q->n, &before, &q->c);
  return DONE;
}

enum verdict
configure_node(struct request *q)
{
  struct xml_node const *x = xml_child(q->action, FORM_NS, "x");
  stralloc fields = STRALLOC_ZERO;
  enum verdict v;

  if (!find_node(q) || !is_owner(q)) return REFUSE;
  if (!x) return refuse(q, ERR_BAD_REQUEST, NULL);
  if (slice_is(xml_attr(x, "type"), "cancel")) return DONE;
  v = take_form(q, &fields);
  stralloc_free(&fields);
  return v;
}

/* ---- emptying (s8.5), and items that are too many ---- */

static bool
cat_retracted(stralloc *in, struct slice id)
{
  return xml_cat(in, "<retract") && xml_cat_attr(in, "id", id) && xml_cat(in, "/>");
}

static bool
drop_oldest(struct request *q, stralloc *in)
{
  struct pubsub_item it;
  struct slice id;

  if (!pubsub_item_oldest(pubsubd.pubsub, &q->n, &it)) return false;
  id = arena_copy(q->ctx->arena, it.id);
  return id.s && pubsub_item_del(pubsubd.pubsub, &q->n, id) &&
         (!in || cat_retracted(in, id));
}

/* Delete all items of q->n but the newest keep. If they are many, they are only out of sight at once, and
 * leave the disk in steps. in: NULL, or gets an element for each item that is deleted now. */
static bool
keep_newest(struct request *q, uint64_t keep, stralloc *in)
{
  if (q->n.items > keep && q->n.items - keep > room_purge_step()) {
    ends_gone();
    return pubsub_items_drop(pubsubd.pubsub, &q->n, (uint32_t)keep);
  }
  while (q->n.items > keep)
    if (!drop_oldest(q, in)) return false;
  return true;
}

bool
evict(struct request *q, bool told)
{
  uint64_t most = config_max_items(&q->c, q->host, q->pep);
  bool tells =
    told && most > 1 && q->n.items > most && q->n.items - most <= room_purge_step();
  stralloc in = STRALLOC_ZERO;
  bool ok = !tells || (xml_cat(&in, "<items") && xml_cat_attr(&in, "node", q->n.name) &&
                       xml_cat(&in, ">"));

  ok = ok && keep_newest(q, most, tells ? &in : NULL);
  if (ok && tells && xml_cat(&in, "</items>"))
    event_send(q, slice_of(in.s, in.len), CONFIG_NOTIFY_RETRACT);
  stralloc_free(&in);
  return ok;
}

/* Tell of the node by an element that has nothing but its name. */
static void
tell_of_node(struct request *q, char const *element, struct slice uri,
             enum config_field about)
{
  stralloc in = STRALLOC_ZERO;
  bool ok =
    xml_cat(&in, "<") && xml_cat(&in, element) && xml_cat_attr(&in, "node", q->n.name);

  if (uri.len)
    ok = ok && xml_cat(&in, "><redirect") && xml_cat_attr(&in, "uri", uri) &&
         xml_cat(&in, "/></") && xml_cat(&in, element) && xml_cat(&in, ">");
  else
    ok = ok && xml_cat(&in, "/>");
  if (ok) event_send(q, slice_of(in.s, in.len), about);
  stralloc_free(&in);
}

enum verdict
purge_node(struct request *q)
{
  if (!find_node(q)) return REFUSE;
  if (q->aff != PUBSUB_OWNER && q->aff != PUBSUB_PUBLISHER)
    return refuse(q, ERR_FORBIDDEN, NULL);
  if (!config_on(&q->c, CONFIG_PERSIST)) return refuse_feature(q, "persistent-items");
  if (!keep_newest(q, 0, NULL)) return refuse_failed(q);
  tell_of_node(q, "purge", SLICE(""), CONFIG_NOTIFY_RETRACT);
  return DONE;
}

/* ---- deleting (s8.4) ---- */

struct below {
  struct request *q;
  struct pubsub_node found;
  struct slice top; /* name of the node, and a slash */
  bool any;
};

static bool
is_below(void *cookie, struct pubsub_node const *n)
{
  struct below *b = cookie;

  b->any = n->name.len > b->top.len && !memcmp(n->name.s, b->top.s, b->top.len);
  b->found = *n;
  b->any = b->any && pubsub_node_keep(b->q->ctx->arena, &b->found);
  return false;
}

static bool
delete_one(struct request *q, struct slice uri)
{
  tell_of_node(q, "delete", uri, CONFIG_NOTIFY_DELETE);
  ends_gone();
  return pubsub_node_del(pubsubd.pubsub, &q->n, uri);
}

/* A node of hometree takes those below it along. */
static bool
delete_below(struct request *q)
{
  struct request one = *q;
  struct below b = {.q = q, .any = true};
  char top[PUBSUB_NAME_MAX + 1];

  memcpy(top, q->n.name.s, q->n.name.len);
  top[q->n.name.len] = '/';
  b.top = slice_of(top, q->n.name.len + 1);
  while (b.any) {
    b.any = false;
    if (!pubsub_nodes(pubsubd.pubsub, q->owner, b.top, is_below, &b)) return false;
    if (!b.any) return true;
    one.n = b.found;
    if (!take_node(&one) || !delete_one(&one, SLICE(""))) return false;
  }
  return true;
}

bool
remove_node(struct request *q, struct slice uri)
{
  return (q->n.type != PUBSUB_HOMETREE || delete_below(q)) && delete_one(q, uri);
}

/* A delete that was done, and comes again, finds no node. */
static bool
is_deleted(struct request const *q)
{
  return is_again(q) &&
         (q->ctx->error == ERR_ITEM_NOT_FOUND || q->ctx->error == ERR_GONE);
}

enum verdict
delete_node(struct request *q)
{
  struct xml_node const *redirect = xml_child(q->action, NS_OWNER, "redirect");
  struct slice uri = redirect ? xml_attr(redirect, "uri") : SLICE("");

  if (!find_node(q)) return is_deleted(q) ? DONE : REFUSE;
  if (!is_owner(q)) return REFUSE;
  if (uri.len > PUBSUB_ID_MAX)
    return refuse_text(q, ERR_NOT_ACCEPTABLE, NULL, SLICE("the uri is too long"));
  return remove_node(q, uri) ? DONE : refuse_failed(q);
}
