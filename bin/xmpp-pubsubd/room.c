#include "pubsubd.h"

/* Limits (PUBSUB_* of lib/base/limits_services.h) of nodes, items, bytes, affiliations and subscriptions.
 * All are compared with numbers that the store keeps, so no request walks over what others have made.
 *
 * Nodes of an account count for the account. Those of a service count for the address that has
 * created them, whoever owns them now and whoever publishes: an owner can be made one by strangers. When
 * the account of a creator ends, its nodes come to other owners (heirs.c), up to a part of their limits.
 * Addresses that have no account here are as many as somebody likes, so that all of a service
 * together has a limit for them too. */

static struct {
  uint64_t nodes, items, bytes, administrator_bytes;
  uint64_t service_nodes, service_bytes;
  uint64_t affiliations, subscriptions, subscriptions_of_one, owners_told,
    nodes_looked_at;
  uint64_t nodes_of_one, nodes_given, last_bytes, config_bytes, purge_step;
} limits;

void
room_take(struct settings const *st)
{
  limits.nodes = settings_limit(st, "pubsub_creator_nodes", PUBSUB_SERVICE_NODES);
  limits.items = settings_limit(st, "pubsub_creator_items", PUBSUB_CREATOR_ITEMS);
  limits.bytes = settings_limit(st, "pubsub_creator_bytes", PUBSUB_CREATOR_BYTES);
  limits.administrator_bytes =
    settings_limit(st, "pubsub_administrator_bytes", PUBSUB_ADMINISTRATOR_BYTES);
  limits.service_nodes =
    settings_limit(st, "pubsub_service_nodes", PUBSUB_STRANGERS_NODES);
  limits.service_bytes =
    settings_limit(st, "pubsub_service_bytes", PUBSUB_STRANGERS_BYTES);
  limits.affiliations =
    settings_limit(st, "pubsub_affiliations", PUBSUB_AFFILIATIONS_MAX);
  limits.subscriptions =
    settings_limit(st, "pubsub_subscriptions", PUBSUB_SUBSCRIPTIONS_MAX);
  limits.subscriptions_of_one =
    settings_limit(st, "pubsub_subscriptions_of_one", PUBSUB_SUBSCRIPTIONS_OF_ONE);
  limits.owners_told = settings_limit(st, "pubsub_owners_told", PUBSUB_OWNERS_TOLD);
  limits.nodes_of_one = settings_limit(st, "pubsub_nodes_of_one", PUBSUB_NODES_OF_ONE);
  limits.nodes_given = settings_limit(st, "pubsub_nodes_given", PUBSUB_NODES_GIVEN);
  limits.config_bytes = settings_limit(st, "pubsub_config_bytes", PUBSUB_CONFIG_MAX);
  limits.purge_step = settings_limit(st, "pubsub_purge_step", PUBSUB_PURGE_STEP);
  limits.last_bytes = settings_limit(st, "pubsub_last_bytes", PUBSUB_LAST_BYTES);
  limits.nodes_looked_at =
    settings_limit(st, "pubsub_nodes_looked_at", PUBSUB_NODES_LOOKED_AT);
}

uint64_t
room_owners_told(void)
{
  return limits.owners_told;
}

uint64_t
room_nodes_looked_at(void)
{
  return limits.nodes_looked_at;
}

uint64_t
room_config_bytes(void)
{
  return limits.config_bytes;
}

unsigned int
room_purge_step(void)
{
  return (unsigned int)limits.purge_step;
}

uint64_t
room_last_bytes(void)
{
  return limits.last_bytes;
}

static bool
no_room(struct request *q, char const *text)
{
  refuse_text(q, ERR_RESOURCE_CONSTRAINT, NULL, slice_str(text));
  return false;
}

/* ---- who has created a node of a service ---- */

/* The service itself, or somebody whom mod_configure lets administrate its host. */
static bool
is_administrator(struct request const *q, struct slice creator)
{
  struct jid who = jid_cut(creator);
  struct access_who asked = {.local = who.local, .domain = who.domain};

  return slice_eq(creator, q->self) ||
         access_allows(pubsubd.access, pubsubd_option(q->host, "mod_configure.access"),
                       q->host, &asked);
}

static bool
is_stranger(struct slice creator)
{
  return !pubsubd_number(creator);
}

/* ---- nodes ---- */

static bool
room_for_node_here(struct request *q)
{
  struct slice creator = q->ctx->from.bare;
  struct pubsub_counts own, all;

  if (!pubsub_counts_of(pubsubd.pubsub, q->owner, creator, &own) ||
      !pubsub_counts(pubsubd.pubsub, q->owner, &all))
    return refuse_failed(q) == DONE;
  if (own.nodes >= limits.nodes) return no_room(q, "there are too many nodes");
  if (all.nodes >= limits.service_nodes && is_stranger(creator) &&
      !is_administrator(q, creator))
    return no_room(q, "the service has too many nodes");
  return true;
}

bool
room_for_node(struct request *q)
{
  struct pubsub_counts counts;

  if (!q->pep) return room_for_node_here(q);
  if (!pubsub_counts(pubsubd.pubsub, q->owner, &counts)) return refuse_failed(q) == DONE;
  return counts.nodes < PUBSUB_PEP_NODES || no_room(q, "there are too many nodes");
}

/* As many nodes as others may give it, and half of the items and bytes: the rest is for its own nodes. */
bool
room_for_heir(struct pubsub_node const *n, struct slice bare)
{
  struct pubsub_counts c;

  return pubsub_counts_of(pubsubd.pubsub, n->owner, bare, &c) &&
         c.nodes < limits.nodes_given && c.nodes < limits.nodes / 2 &&
         c.items + n->items <= limits.items / 2 && c.bytes + n->bytes <= limits.bytes / 2;
}

/* ---- items ---- */

/* Say whether the item, which takes the place of old (NULL: of none), leaves the bytes within most_bytes. */
static bool
fits(struct pubsub_counts const *c, struct pubsub_item const *it,
     struct pubsub_item const *old, uint64_t most_bytes)
{
  uint64_t freed = old ? pubsub_item_bytes(old) : 0;

  return c->bytes - freed + pubsub_item_bytes(it) <= most_bytes;
}

static bool
room_in_account(struct request *q, struct pubsub_item const *it,
                struct pubsub_item const *old)
{
  struct pubsub_counts c = {0};

  if (q->owner && !pubsub_counts(pubsubd.pubsub, q->owner, &c))
    return refuse_failed(q) == DONE;
  if (!fits(&c, it, old, PUBSUB_ACCOUNT_BYTES))
    return no_room(q, "the account has too many bytes of items");
  return old || c.items < PUBSUB_ACCOUNT_ITEMS ||
         no_room(q, "the account has too many items");
}

static bool
room_in_service(struct request *q, struct pubsub_item const *it,
                struct pubsub_item const *old)
{
  bool administrates = is_administrator(q, q->n.creator);
  struct pubsub_counts own = {0}, all = {0};

  if (q->owner && (!pubsub_counts_of(pubsubd.pubsub, q->owner, q->n.creator, &own) ||
                   !pubsub_counts(pubsubd.pubsub, q->owner, &all)))
    return refuse_failed(q) == DONE;
  if (!fits(&own, it, old, administrates ? limits.administrator_bytes : limits.bytes))
    return no_room(q, "nodes of the creator of this node have too many bytes of items");
  if (administrates) return true;
  if (!old && own.items >= limits.items)
    return no_room(q, "nodes of the creator of this node have too many items");
  return fits(&all, it, old, limits.service_bytes) || !is_stranger(q->n.creator) ||
         no_room(q, "the service has too many bytes of items");
}

bool
room_for_item(struct request *q, struct pubsub_item const *it,
              struct pubsub_item const *old)
{
  return (q->pep ? room_in_account : room_in_service)(q, it, old);
}

/* ---- people ---- */

struct counted {
  uint64_t n, most;
};

static bool
count_sub(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  struct counted *c = cookie;

  (void)jid;
  (void)sub;
  return ++c->n < c->most;
}

static bool
is_over(struct slice jid, struct pubsub_sub const *sub)
{
  (void)jid;
  return sub_is_over(sub);
}

bool
room_for_sub(struct request *q, struct slice bare)
{
  uint64_t most = pubsubd_option_u64(q->host, "mod_pubsub.max_subscriptions_node");
  struct counted own = {0, limits.subscriptions_of_one};
  struct pubsub_place place;
  uint32_t affs, subs;

  if (most > limits.subscriptions) most = limits.subscriptions;
  pubsub_place_node(&place, q->n.node);
  if (!pubsub_people(pubsubd.pubsub, q->n.node, &affs, &subs) ||
      (subs >= most &&
       (!pubsub_subs_sweep(pubsubd.pubsub, &place, PUBSUB_SUBSCRIPTIONS_STEP, is_over) ||
        !pubsub_people(pubsubd.pubsub, q->n.node, &affs, &subs))) ||
      !pubsub_subs_of(pubsubd.pubsub, q->n.node, bare, count_sub, &own))
    return false;
  return subs < most && own.n < own.most;
}

bool
room_for_aff(struct request *q)
{
  uint32_t affs, subs;

  return pubsub_people(pubsubd.pubsub, q->n.node, &affs, &subs) &&
         affs < limits.affiliations;
}

bool
room_for_node_of(struct request *q, struct slice bare)
{
  bool own = slice_eq(bare, q->ctx->from.bare);
  uint32_t n;

  return pubsub_of_count(pubsubd.pubsub, bare, &n) &&
         n < (own ? limits.nodes_of_one : limits.nodes_given);
}
