#include "pep.h"

#include <stdlib.h>

/* Events that come back with an error. One that is for good ends the subscription of its address at
 * once. Of errors that may pass (wait, auth) PUBSUB_RETURNS_MAX in a row end it: nobody has heard of an
 * event in all that time. What arrives is answered by nobody; so a row is over when nothing has come back for
 * RETURNS_REST_US. */

#define RETURNS_REST_US 3600000000u

/* An address whose events come back: how many of them did, and when the last one. */
struct returns {
  uint64_t owner, us;
  unsigned int n;
  char *jid;
};

static struct returns counted[PUBSUB_RETURNS_COUNTED];
static size_t counted_n;

/* Errors that say that the address will not be there again. */
static bool
is_for_good(struct xml_node const *error)
{
  static char const *const names[] = {"gone", "item-not-found", "jid-malformed",
                                      "remote-server-not-found"};
  size_t i;

  for (i = 0; i < sizeof names / sizeof *names; i++)
    if (xml_child(error, "urn:ietf:params:xml:ns:xmpp-stanzas", names[i])) return true;
  return false;
}

struct returned {
  struct slice jid;
  uint64_t nodes[64];
  size_t n;
};

static bool
keep_node(void *cookie, uint64_t owner, uint64_t node)
{
  struct returned *r = cookie;

  (void)owner;
  if (r->n < sizeof r->nodes / sizeof *r->nodes) r->nodes[r->n++] = node;
  return r->n < sizeof r->nodes / sizeof *r->nodes;
}

/* The address has at most so many nodes end at once; other events will come back too. */
static void
end_subscriptions(uint64_t owner, struct slice jid)
{
  struct returned r = {.jid = jid};
  struct jid who = jid_cut(jid);
  struct pubsub_node n;
  struct arena a = ARENA_ZERO;
  size_t i;

  if (!pubsub_of(pubsubd.pubsub, who.bare, owner, PUBSUB_OF_ALL, keep_node, &r)) return;
  for (i = 0; i < r.n; i++) {
    if (!pubsub_node_get(pubsubd.pubsub, r.nodes[i], &n) || !pubsub_node_keep(&a, &n))
      continue;
    if (pubsub_sub_del(pubsubd.pubsub, &n, jid))
      log_event(LOG_INFO, "subscription-ended", "jid", log_text(jid), "node",
                log_text(n.name), "why", "an event came back", NULL);
    arena_reset(&a);
  }
  arena_wipe(&a);
}

/* A client of another server of which no unavailable presence has come: what it wants is forgotten
 * until it shows itself again. Of clients here routed tells when they go. */
static void
forget_client(struct slice full, struct slice account)
{
  struct jid who = jid_cut(full);

  if (!who.resource.len || pubsubd_is_host(who.domain) || !interest_has(full, account))
    return;
  interest_hide(full, account);
  log_event(LOG_INFO, "client-forgotten", "jid", log_text(full), "account",
            log_text(account), "why", "an event came back", NULL);
}

/* ---- errors that may pass ---- */

/* The count of an address; a new one takes the place of the one of which nothing came back for the longest
 * time. */
static struct returns *
count_of(uint64_t owner, struct slice jid)
{
  struct returns *oldest = counted, *r;
  char *copy;

  for (r = counted; r < counted + counted_n; r++) {
    if (r->owner == owner && slice_is(jid, r->jid)) return r;
    if (r->us < oldest->us) oldest = r;
  }
  copy = slice_dup(jid);
  if (!copy) return NULL;
  if (counted_n < PUBSUB_RETURNS_COUNTED) oldest = &counted[counted_n++];
  free(oldest->jid);
  *oldest = (struct returns){.owner = owner, .jid = copy};
  return oldest;
}

static bool
are_too_many(uint64_t owner, struct slice jid)
{
  struct returns *r = count_of(owner, jid);

  if (!r) return false;
  if (door_now() - r->us > RETURNS_REST_US) r->n = 0;
  r->us = door_now();
  if (++r->n < PUBSUB_RETURNS_MAX) return false;
  r->n = 0;
  return true;
}

static bool
may_pass(struct xml_node const *error)
{
  struct slice type = xml_attr(error, "type");

  return slice_is(type, "wait") || slice_is(type, "auth");
}

void
event_returned(struct stanza const *st)
{
  struct jid to = jid_cut(st->to);
  struct arena a = ARENA_ZERO;
  enum xml_error why;
  struct xml_node const *e = xml_parse(&a, st->xml, "jabber:client", &why);
  struct xml_node const *error = e ? xml_child(e, "jabber:client", "error") : NULL;
  uint64_t owner = to.local.len ? pubsubd_number(to.bare)
                                : pubsub_service(pubsubd.pubsub, to.domain, false);

  if (owner && error && to.local.len && slice_is(xml_attr(error, "type"), "cancel"))
    forget_client(st->from, to.bare);
  if (owner && error && !store_is_full(pubsubd.store) &&
      (is_for_good(error) || (may_pass(error) && are_too_many(owner, st->from))))
    end_subscriptions(owner, st->from);
  arena_wipe(&a);
}

void
returned_snapshot(struct snapshot *k)
{
  size_t i;

  for (i = 0; snapshot_record(k, "returns", i < counted_n); i++) {
    if (i == PUBSUB_RETURNS_COUNTED) {
      snapshot_fail(k, "too many counts");
      return;
    }
    SNAPSHOT_INT(k, counted[i].owner);
    SNAPSHOT_INT(k, counted[i].us);
    SNAPSHOT_INT(k, counted[i].n);
    snapshot_text(k, &counted[i].jid);
    if (snapshot_restores(k)) counted_n = i + 1;
  }
}
