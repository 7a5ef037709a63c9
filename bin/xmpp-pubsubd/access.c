#include "pubsubd.h"

#include <errno.h>

/* The rules by which an address may read, subscribe and publish (XEP-0060 s4.1, s4.5). pubsubd
 * reads the contacts of an owner in the roster at each request and each event, and keeps no
 * copy. */

enum pubsub_affiliation
affiliation_of(struct pubsub_node const *n, struct slice self, struct jid const *who)
{
  enum pubsub_affiliation aff;

  if (n->type == PUBSUB_PEP && slice_eq(self, who->bare)) return PUBSUB_OWNER;
  return pubsub_aff_get(pubsubd.pubsub, n->node, who->bare, &aff) ? aff : PUBSUB_OUTCAST;
}

bool
may_create(struct slice host, struct jid const *who)
{
  struct slice rule = pubsubd_option(host, "mod_pubsub.access_createnode");
  struct access_who asked = {
    .local = who->local, .domain = who->domain, .resource = who->resource};

  return access_allows(pubsubd.access, rule, host, &asked);
}

static bool
sees_presence(enum roster_state s)
{
  return s == ROSTER_FROM || s == ROSTER_FROM_OUT || s == ROSTER_BOTH;
}

/* The account whose roster decides: that of a PEP node, or the creator of a service's. */
static uint64_t
roster_owner(struct pubsub_node const *n)
{
  return n->type == PUBSUB_PEP ? n->owner : pubsubd_number(n->creator);
}

static bool
in_groups(struct slice packed, struct slice allowed)
{
  struct slice group, word;

  while (roster_group(&packed, &group)) {
    struct slice rest = allowed;
    while (slice_word(&rest, '\n', &word))
      if (slice_eq(word, group)) return true;
  }
  return false;
}

static enum entry
by_roster(struct pubsub_node const *n, struct config const *c, struct jid const *who)
{
  bool groups = config_is(c, CONFIG_ACCESS, "roster");
  uint64_t owner = roster_owner(n);
  struct roster_item item;

  pubsubd_readers();
  if (!owner || !pubsubd.roster ||
      !roster_item_get(pubsubd.roster, owner, who->bare, &item) ||
      !sees_presence(item.state))
    return groups ? ACCESS_NOT_IN_GROUP : ACCESS_NOT_PRESENCE;
  if (groups && !in_groups(item.groups, c->value[CONFIG_GROUPS]))
    return ACCESS_NOT_IN_GROUP;
  return ACCESS_YES;
}

static bool
subscribed(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  (void)jid;
  *(bool *)cookie = sub->state == PUBSUB_SUBSCRIBED && !sub_is_over(sub);
  return !*(bool *)cookie;
}

enum entry
access_to(struct pubsub_node const *n, struct config const *c, struct slice self,
          struct jid const *who, enum pubsub_affiliation aff)
{
  bool is_subscribed = false;

  (void)self;
  if (aff == PUBSUB_OUTCAST || aff == PUBSUB_PUBLISH_ONLY) return ACCESS_OUTCAST;
  if (aff != PUBSUB_NONE || config_is(c, CONFIG_ACCESS, "open")) return ACCESS_YES;
  if (config_is(c, CONFIG_ACCESS, "whitelist")) return ACCESS_CLOSED;
  if (!config_is(c, CONFIG_ACCESS, "authorize")) return by_roster(n, c, who);
  pubsub_subs_of(pubsubd.pubsub, n->node, who->bare, subscribed, &is_subscribed);
  return is_subscribed ? ACCESS_YES : ACCESS_NOT_SUBSCRIBED;
}

enum verdict
refuse_access(struct request *q, enum entry a)
{
  switch (a) {
  case ACCESS_NOT_PRESENCE:
    return refuse(q, ERR_NOT_AUTHORIZED, "presence-subscription-required");
  case ACCESS_NOT_IN_GROUP: return refuse(q, ERR_NOT_AUTHORIZED, "not-in-roster-group");
  case ACCESS_CLOSED: return refuse(q, ERR_NOT_ALLOWED, "closed-node");
  case ACCESS_NOT_SUBSCRIBED: return refuse(q, ERR_NOT_AUTHORIZED, "not-subscribed");
  case ACCESS_OUTCAST: return refuse(q, ERR_FORBIDDEN, NULL);
  case ACCESS_YES: break;
  }
  return DONE;
}
