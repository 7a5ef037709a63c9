#include "pep.h"

#include "convert/convert.h"

/* The receivers of the events of an account's nodes (XEP-0163 s4.3): clients whose capabilities have
 * NODE+notify, and which may read the node. Contacts of this server are found by the roster of the
 * account, at each event; clients of other servers, and clients that the account has the directed
 * presence of, by their pairs (lib/interest). */

struct audience {
  struct slice self;
  struct pubsub_node const *n;
  struct config const *c;
  interest_fn *fn;
  void *cookie;
  bool has_affiliations;
  struct slice bare; /* that was asked last, and the answer */
  bool may;
};

static bool
any_affiliation(void *cookie, struct slice bare, enum pubsub_affiliation a)
{
  (void)bare;
  (void)a;
  *(bool *)cookie = true;
  return false;
}

bool
pep_self_of(struct arena *a, uint64_t owner, struct slice *self, struct slice *host)
{
  struct slice name;

  if (owner & PUBSUB_SERVICE) {
    if (!pubsub_service_domain(pubsubd.pubsub, owner, &name)) return false;
    *self = arena_copy(a, name);
    *host = pubsubd_service_host(*self);
    return host->len > 0;
  }
  if (!pubsubd.accounts || !accounts_jid(pubsubd.accounts, owner, &name)) return false;
  *self = arena_copy(a, name);
  *host = jid_cut(*self).domain;
  return self->s && pubsubd_has_pep(*host);
}

/* A member of a whitelist has to be a contact too: the account tells nobody else that it is
 * there. */
bool
pep_may_read(struct slice self, struct pubsub_node const *n, struct config const *c,
             struct jid const *who)
{
  enum pubsub_affiliation aff = affiliation_of(n, self, who);
  struct roster_item item;

  if (access_to(n, c, self, who, aff) != ACCESS_YES) return false;
  if (aff == PUBSUB_OWNER || !config_is(c, CONFIG_ACCESS, "whitelist")) return true;
  return pubsubd.roster && roster_item_get(pubsubd.roster, n->owner, who->bare, &item) &&
         roster_gives(item.state);
}

static bool
may_read(struct audience const *au, struct jid const *who)
{
  return pep_may_read(au->self, au->n, au->c, who);
}

static void
offer_other(void *cookie, struct slice full)
{
  struct audience *au = cookie;
  struct jid who = jid_cut(full);

  if (!slice_eq(who.bare, au->bare)) {
    au->bare = who.bare;
    au->may = may_read(au, &who);
  }
  if (au->may) au->fn(au->cookie, full);
}

/* Most nodes are open to all contacts, and have no affiliations: then the item says all. */
static bool
offer_contact(void *cookie, struct roster_item const *item)
{
  struct audience *au = cookie;
  struct jid who = jid_cut(item->jid);
  bool plain = !au->has_affiliations && (config_is(au->c, CONFIG_ACCESS, "presence") ||
                                         config_is(au->c, CONFIG_ACCESS, "open"));

  if (roster_gives(item->state) && pubsubd_is_host(who.domain) &&
      (plain || may_read(au, &who)))
    interest_each(item->jid, true, au->n->name, au->fn, au->cookie);
  return true;
}

void
pep_each(struct slice self, struct pubsub_node const *n, struct config const *c,
         interest_fn *fn, void *cookie)
{
  struct audience au = {.self = self, .n = n, .c = c, .fn = fn, .cookie = cookie};

  if (n->type != PUBSUB_PEP || !interest_any(n->name)) return;
  pubsubd_readers();
  interest_each(self, true, n->name, fn, cookie);
  pubsub_affs(pubsubd.pubsub, n->node, any_affiliation, &au.has_affiliations);
  interest_each(self, false, n->name, offer_other, &au);
  if (pubsubd.roster) roster_item_each(pubsubd.roster, n->owner, offer_contact, &au);
}

/* ---- a node that is opened ---- */

struct opening {
  struct audience before;
  struct config const *c;
};

/* A client that could read the node before has had its item. */
static void
send_if_new(void *cookie, struct slice full)
{
  struct opening *o = cookie;
  struct jid who = jid_cut(full);

  if (!slice_eq(who.bare, o->before.self) && !may_read(&o->before, &who))
    pep_send_last(o->before.self, o->before.n, o->c, full);
}

void
pep_opened(struct slice self, struct pubsub_node const *n, struct config const *before,
           struct config const *c)
{
  struct opening o = {
    .before = {.self = self, .n = n, .c = before},
      .c = c
  };

  if (config_is(c, CONFIG_SEND_LAST, "on_sub_and_presence"))
    pep_each(self, n, c, send_if_new, &o);
}

/* ---- nodes with a meaning ---- */

void
pep_changed(struct request const *q)
{
  pep_changed_node(q, xml_attr(q->action, "node"));
}

void
pep_changed_node(struct request const *q, struct slice node)
{
  if (slice_is(node, NS_BOOKMARKS))
    bookmarks_changed(q);
  else if (slice_is(node, NS_AVATAR_DATA) || slice_is(node, NS_AVATAR_METADATA))
    avatars_changed(q);
}
