#include "pep.h"

#include "convert/convert.h"

/* Last items (XEP-0163 s4.3.3, XEP-0060 s6.1.7): the newest item of a node goes to a client
 *
 *   when it shows for the first time that it wants the node: of its own account, of contacts of
 *     this server whose presence it gets, or of the account that sees it;
 *   when its account may read the node that it wants, since a subscription or a group of the
 *     roster has changed;
 *   when its account has a subscription to the node, and it comes online.
 *
 * Nothing goes to clients that were there before a restart (interest_seen.again). */

/* The items that a client is to get of the nodes of an account. */
struct sending {
  struct slice self, full;
  uint64_t number;
  struct interest_set *set, *before;
  bool own;
  char const *only; /* the access model of the nodes; NULL: any */
};

static struct slice
host_of(struct slice self)
{
  return jid_cut(self).domain;
}

static struct request
as_request(struct pubsub_node const *n, struct config const *c, struct slice self,
           struct slice host)
{
  return (struct request){.host = host,
                          .self = self,
                          .pep = n->type == PUBSUB_PEP,
                          .owner = n->owner,
                          .n = *n,
                          .c = *c};
}

void
pep_send_last(struct slice self, struct pubsub_node const *n, struct config const *c,
              struct slice full)
{
  struct request q = as_request(n, c, self, host_of(self));

  send_last(&q, full);
}

static void
send_node(struct sending const *s, struct pubsub_node const *n)
{
  struct jid who = jid_cut(s->full);
  struct config c;

  config_of(&c, host_of(s->self), n->type, n->name, n->fields);
  if (!config_is(&c, CONFIG_SEND_LAST, "on_sub_and_presence")) return;
  if (s->only && !config_is(&c, CONFIG_ACCESS, s->only)) return;
  if (!s->own && pubsubd.roster && roster_is_blocked(pubsubd.roster, s->number, &who))
    return;
  if (s->own || pep_may_read(s->self, n, &c, &who))
    pep_send_last(s->self, n, &c, s->full);
}

static bool
is_wanted(struct sending const *s, struct slice name)
{
  return interest_set_has(s->set, name) && !interest_set_has(s->before, name);
}

static bool
look_at_node(void *cookie, struct pubsub_node const *n)
{
  struct sending const *s = cookie;

  if (is_wanted(s, n->name)) send_node(s, n);
  return true;
}

/* The nodes that are wanted, or the nodes that there are: the fewer of both are looked at. */
static void
send_nodes(struct sending const *s)
{
  struct pubsub_counts counts = {0};
  struct sending copy = *s;
  struct pubsub_node n;
  struct slice name;
  uint32_t i;

  if (!s->number || !pubsub_counts(pubsubd.pubsub, s->number, &counts) || !counts.nodes)
    return;
  if (counts.nodes < s->set->names_n) {
    pubsub_nodes(pubsubd.pubsub, s->number, SLICE(""), look_at_node, &copy);
    return;
  }
  for (i = 0; (name = interest_set_name(s->set, i)).len; i++)
    if (is_wanted(s, name) && pubsub_node_find(pubsubd.pubsub, s->number, name, &n))
      send_node(s, &n);
}

static bool
ignores_offline(struct slice self)
{
  return settings_bool(pubsubd.settings, "mod_pubsub.ignore_pep_from_offline",
                       host_of(self));
}

/* ---- a client comes ---- */

static bool
send_of_contact(void *cookie, struct roster_item const *item)
{
  struct sending s = *(struct sending const *)cookie;

  if (!roster_takes(item->state) || !pubsubd_has_pep(jid_cut(item->jid).domain))
    return true;
  if (ignores_offline(item->jid) && !who_has(item->jid)) return true;
  s.self = item->jid;
  s.number = pubsubd_number(item->jid);
  s.own = false;
  send_nodes(&s);
  return true;
}

static void
on_due(struct interest_due const *d)
{
  struct sending s = {.self = d->account,
                      .full = d->full,
                      .number = pubsubd_number(d->account),
                      .set = d->set,
                      .before = d->before,
                      .own = d->own};

  pubsubd_readers();
  if (!d->own && ignores_offline(d->account) && !who_has(d->account)) return;
  send_nodes(&s);
  if (d->own && is_wanted(&s, SLICE(NS_BOOKMARKS_OLD)))
    bookmarks_send_last(d->account, s.number, d->full);
  if (d->own && s.number && pubsubd.roster)
    roster_item_each(pubsubd.roster, s.number, send_of_contact, &s);
}

void
pep_start(void)
{
  interest_start(on_due);
}

static void
send_to_client(void *cookie, struct slice full, struct interest_set *set)
{
  struct sending s = *(struct sending const *)cookie;

  s.full = full;
  s.set = set;
  send_nodes(&s);
}

/* Clients of other servers that came while the account was away got nothing then. */
void
pep_account_comes(struct slice bare)
{
  struct sending s = {.self = bare, .number = pubsubd_number(bare)};

  if (s.number && ignores_offline(bare))
    interest_clients(bare, false, send_to_client, &s);
}

/* ---- subscriptions ---- */

static bool
note_node(void *cookie, uint64_t owner, uint64_t node)
{
  (void)owner;
  return stralloc_catb(cookie, (char const *)&node, sizeof node);
}

struct mine {
  struct jid who;
  bool found;
};

static bool
is_mine(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  struct mine *m = cookie;

  m->found = sub->state == PUBSUB_SUBSCRIBED && !(sub->options & PUBSUB_QUIET) &&
             !sub_is_over(sub) && shows_want(sub->shows, m->who.full) &&
             (slice_eq(jid, m->who.bare) || slice_eq(jid, m->who.full));
  return !m->found;
}

/* A client that wants the node gets the item for that. Give the bytes that were sent. */
static size_t
send_subscribed(struct slice full, uint64_t node)
{
  struct mine m = {.who = jid_cut(full)};
  struct arena arena = ARENA_ZERO;
  struct request q = {.told = SLICE("")};
  size_t bytes = 0;

  if (node_request(&q, &arena, node) &&
      config_is(&q.c, CONFIG_SEND_LAST, "on_sub_and_presence") &&
      !interest_wants(full, q.n.name)) {
    pubsub_subs_of(pubsubd.pubsub, node, m.who.bare, is_mine, &m);
    if (m.found && has_access(&q, full)) bytes = send_last(&q, full);
  }
  arena_wipe(&arena);
  return bytes;
}

/* Owners of nodes may have subscribed the account to any: the client does not get more than
 * room_last_bytes(). */
void
pep_session_comes(struct slice full)
{
  stralloc nodes = STRALLOC_ZERO;
  uint64_t node, bytes = 0;
  size_t at;

  if (pubsub_of(pubsubd.pubsub, jid_cut(full).bare, 0, PUBSUB_OF_SUBSCRIPTION, note_node,
                &nodes))
    for (at = 0; at + sizeof node <= nodes.len && bytes < room_last_bytes();
         at += sizeof node) {
      memcpy(&node, nodes.s + at, sizeof node);
      bytes += send_subscribed(full, node);
    }
  stralloc_free(&nodes);
}

/* ---- changes of rosters ---- */

struct changed {
  struct sending s;
  struct slice contact;
};

static void
send_to_contact(void *cookie, struct slice full, struct interest_set *set)
{
  struct changed *c = cookie;

  if (slice_eq(jid_cut(full).bare, c->contact)) send_to_client(&c->s, full, set);
}

/* From now on the roster says that the contact, one of ours, is one. */
static void
hide_pair(void *cookie, struct slice full, struct interest_set *set)
{
  struct slice const *account = cookie;

  (void)set;
  interest_hide(full, *account);
}

static void
gains(struct slice account, struct slice contact, char const *only)
{
  struct changed c = {
    .s = {.self = account, .number = pubsubd_number(account), .only = only},
    .contact = contact
  };

  if (!c.s.number) return;
  interest_clients(contact, true, send_to_contact, &c);
  if (pubsubd_number(contact))
    interest_clients(contact, true, hide_pair, &account);
  else
    interest_clients(account, false, send_to_contact, &c);
}

static bool
gives(struct slice word)
{
  return slice_is(word, "from") || slice_is(word, "both");
}

/* ACCOUNT CONTACT BEFORE NOW: of what changed in its groups the nodes are part that these open. */
void
pep_roster(struct link *l, struct record *r)
{
  struct slice account = record_get(r, 1), contact = record_get(r, 2);
  struct slice before = record_get(r, 3), now = record_get(r, 4);

  (void)l;
  pubsubd_readers();
  if (!account.len) {
    lost_look_at_all();
    return;
  }
  if (!pubsubd_has_pep(jid_cut(account).domain)) return;
  if (gives(now) && (!gives(before) || slice_eq(before, now)))
    gains(account, contact, slice_eq(before, now) ? "roster" : NULL);
  if (!gives(now) || slice_eq(before, now)) lost_look(account, contact);
}
