#include "pubsubd.h"

#include <errno.h>

/* Affiliations and subscriptions: all of one's own (XEP-0060 s5.6, s5.7), and those of a node for its
 * owner (s8.8, s8.9). */

static char const *const affiliations[PUBSUB_AFFILIATIONS_N] = {
  "none", "outcast", "member", "publish-only", "publisher", "owner"};

char const *
affiliation_word(enum pubsub_affiliation a)
{
  return affiliations[a];
}

enum pubsub_affiliation
affiliation_find(struct slice word)
{
  unsigned int a = 0;

  while (a < PUBSUB_AFFILIATIONS_N && !slice_is(word, affiliations[a]))
    a++;
  return (enum pubsub_affiliation)a;
}

/* ---- one's own ---- */

struct own {
  struct request *q;
  struct slice node; /* name; empty: of all nodes */
  bool affiliations, ok;
  struct pubsub_node n;
};

static bool
cat_affiliation(stralloc *out, struct slice node, struct slice jid,
                enum pubsub_affiliation a)
{
  return xml_cat(out, "<affiliation") && (!node.len || xml_cat_attr(out, "node", node)) &&
         (!jid.len || xml_cat_attr(out, "jid", jid)) &&
         xml_cat_attr(out, "affiliation", slice_str(affiliation_word(a))) &&
         xml_cat(out, "/>");
}

static bool
own_sub(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  struct own *o = cookie;

  if (sub_is_over(sub)) return true;
  o->ok = o->q->out->len < answer_bytes(o->q) &&
          cat_subscription(o->q->out, o->n.name, jid, sub);
  return o->ok;
}

static bool
own_node(void *cookie, uint64_t owner, uint64_t node)
{
  struct own *o = cookie;
  enum pubsub_affiliation aff;
  struct slice bare = o->q->ctx->from.bare;

  (void)owner;
  if (!pubsub_node_get(pubsubd.pubsub, node, &o->n)) return true;
  if (o->node.len && !slice_eq(o->node, o->n.name)) return true;
  if (!o->affiliations)
    return pubsub_subs_of(pubsubd.pubsub, node, bare, own_sub, o) && o->ok;
  if (!pubsub_aff_get(pubsubd.pubsub, node, bare, &aff) || aff == PUBSUB_NONE)
    return true;
  o->ok = o->q->out->len < answer_bytes(o->q) &&
          cat_affiliation(o->q->out, o->n.name, SLICE(""), aff);
  return o->ok;
}

static bool
pep_node(void *cookie, struct pubsub_node const *n)
{
  struct own *o = cookie;

  if (o->node.len && !slice_eq(o->node, n->name)) return true;
  o->ok = o->q->out->len < answer_bytes(o->q) &&
          cat_affiliation(o->q->out, n->name, SLICE(""), PUBSUB_OWNER);
  return o->ok;
}

static enum verdict
cat_own(struct request *q, bool of_affiliations, char const *element)
{
  struct own o = {.q = q,
                  .node = xml_attr(q->action, "node"),
                  .affiliations = of_affiliations,
                  .ok = true};
  unsigned int which =
    of_affiliations ? PUBSUB_OF_AFFILIATION | PUBSUB_OF_OUTCAST : PUBSUB_OF_SUBSCRIPTION;

  if (!xml_cat(q->out, "<pubsub xmlns='" NS_PUBSUB "'><") || !xml_cat(q->out, element) ||
      (o.node.len && !xml_cat_attr(q->out, "node", o.node)) || !xml_cat(q->out, ">"))
    return refuse_failed(q);
  if (q->pep && q->own && of_affiliations)
    o.ok = pubsub_nodes(pubsubd.pubsub, q->owner, SLICE(""), pep_node, &o) && o.ok;
  else if (q->owner)
    o.ok =
      pubsub_of(pubsubd.pubsub, q->ctx->from.bare, q->owner, which, own_node, &o) && o.ok;
  if (!o.ok) return refuse(q, ERR_RESOURCE_CONSTRAINT, NULL);
  return xml_cat(q->out, "</") && xml_cat(q->out, element) &&
             xml_cat(q->out, "></pubsub>")
           ? DONE
           : refuse_failed(q);
}

enum verdict
own_subscriptions(struct request *q)
{
  return cat_own(q, false, "subscriptions");
}

enum verdict
own_affiliations(struct request *q)
{
  return cat_own(q, true, "affiliations");
}

/* ---- of a node, for its owner ---- */

/* s8.8.1.1: those that wait for an owner stand in forms of their own (s8.6, s8.7), and not here. */
static bool
cat_sub(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  struct own *o = cookie;

  if (sub_is_over(sub) || sub->state == PUBSUB_PENDING) return true;
  o->ok = o->q->out->len < answer_bytes(o->q) &&
          cat_subscription(o->q->out, SLICE(""), jid, sub);
  return o->ok;
}

static bool
cat_aff(void *cookie, struct slice bare, enum pubsub_affiliation a)
{
  struct own *o = cookie;

  o->ok =
    o->q->out->len < answer_bytes(o->q) && cat_affiliation(o->q->out, SLICE(""), bare, a);
  return o->ok;
}

static bool
cat_list_open(struct request *q, char const *element)
{
  return xml_cat(q->out, "<pubsub xmlns='" NS_OWNER "'><") && xml_cat(q->out, element) &&
         xml_cat_attr(q->out, "node", q->n.name) && xml_cat(q->out, ">");
}

enum verdict
get_subscriptions(struct request *q)
{
  struct own o = {.q = q, .ok = true};

  if (!find_node(q) || !is_owner(q)) return REFUSE;
  if (!cat_list_open(q, "subscriptions") ||
      !pubsub_subs(pubsubd.pubsub, q->n.node, cat_sub, &o))
    return refuse_failed(q);
  if (!o.ok) return refuse(q, ERR_RESOURCE_CONSTRAINT, NULL);
  return xml_cat(q->out, "</subscriptions></pubsub>") ? DONE : refuse_failed(q);
}

enum verdict
get_affiliations(struct request *q)
{
  struct own o = {.q = q, .ok = true};

  if (!find_node(q) || !is_owner(q)) return REFUSE;
  if (!cat_list_open(q, "affiliations") ||
      (q->pep && !cat_affiliation(q->out, SLICE(""), q->self, PUBSUB_OWNER)) ||
      !pubsub_affs(pubsubd.pubsub, q->n.node, cat_aff, &o))
    return refuse_failed(q);
  if (!o.ok) return refuse(q, ERR_RESOURCE_CONSTRAINT, NULL);
  return xml_cat(q->out, "</affiliations></pubsub>") ? DONE : refuse_failed(q);
}

/* ---- changing them (s8.8.2, s8.9.2): entries that cannot be done come back as they are ---- */

/* Answer with the entries that failed, which are in `failed`. */
static enum verdict
refuse_entries(struct request *q, char const *element, stralloc *failed)
{
  stralloc more = STRALLOC_ZERO;
  bool ok = xml_cat(&more, "<pubsub xmlns='" NS_OWNER "'><") && xml_cat(&more, element) &&
            xml_cat_attr(&more, "node", q->n.name) && xml_cat(&more, ">") &&
            stralloc_catb(&more, failed->s, failed->len) && xml_cat(&more, "</") &&
            xml_cat(&more, element) && xml_cat(&more, "></pubsub>");

  q->ctx->error = ERR_NOT_ACCEPTABLE;
  q->ctx->text = SLICE("");
  q->ctx->more = ok ? arena_copy(q->ctx->arena, slice_of(more.s, more.len)) : SLICE("");
  stralloc_free(&more);
  return REFUSE;
}

static bool
state_find(struct slice word, enum pubsub_state *out)
{
  unsigned int s;

  for (s = 0; s < PUBSUB_STATES_N; s++)
    if (slice_is(word, state_word((enum pubsub_state)s))) {
      *out = (enum pubsub_state)s;
      return true;
    }
  return false;
}

static bool
fail_sub(stralloc *failed, struct slice jid, struct pubsub_sub const *old)
{
  return cat_subscription(failed, SLICE(""), jid, old);
}

/* Say whether the owner may put an address into this state. Outcasts do not subscribe (s4.1), nor does
 * who only publishes; a subscription that is there already takes no room. */
static bool
may_be(struct request *q, struct jid const *who, bool had, enum pubsub_state state)
{
  enum pubsub_affiliation aff = affiliation_of(&q->n, q->self, who);

  if (state == PUBSUB_UNSUBSCRIBED) return true;
  return aff != PUBSUB_OUTCAST && aff != PUBSUB_PUBLISH_ONLY &&
         (had || (room_for_sub(q, who->bare) && room_for_node_of(q, who->bare)));
}

static bool
put_sub(struct request *q, struct slice jid, struct pubsub_sub *sub)
{
  if (sub->state == PUBSUB_UNSUBSCRIBED)
    return pubsub_sub_del(pubsubd.pubsub, &q->n, jid);
  if (!sub->us) sub->us = door_wall();
  while (!sub->id)
    door_random(&sub->id, sizeof sub->id);
  return pubsub_sub_put(pubsubd.pubsub, &q->n, jid, sub);
}

/* Change the subscription that an entry names. false with errno EIO: the store failed. */
static bool
change_sub(struct request *q, struct xml_node const *entry, stralloc *failed)
{
  struct pubsub_sub sub = {0};
  struct jid who;
  enum pubsub_state state, old;
  bool had;

  if (!jid_of(q, entry, &who)) return fail_sub(failed, xml_attr(entry, "jid"), &sub);
  had = pubsub_sub_get(pubsubd.pubsub, q->n.node, who.full, &sub);
  if (!had && errno != ENOENT) return false;
  if (!state_find(xml_attr(entry, "subscription"), &state) ||
      !may_be(q, &who, had, state))
    return fail_sub(failed, who.full, &sub);
  if (sub.state == state && !sub_is_over(&sub)) return true;
  if (sub_is_over(&sub)) sub = (struct pubsub_sub){0};
  old = sub.state;
  sub.state = state;
  if (!put_sub(q, who.full, &sub)) return false;
  tell_subscription(q, who.full, &sub);
  if (state == PUBSUB_SUBSCRIBED || old == PUBSUB_SUBSCRIBED)
    tell_owners(q, who.full, &sub);
  if (state == PUBSUB_SUBSCRIBED) send_last_on_sub(q, who.full);
  return true;
}

enum verdict
set_subscriptions(struct request *q)
{
  struct xml_node const *entry;
  stralloc failed = STRALLOC_ZERO;
  enum verdict v = DONE;

  if (!find_node(q) || !is_owner(q)) return REFUSE;
  for (entry = xml_next(q->action, NULL); entry && v == DONE;
       entry = xml_next(q->action, entry))
    if (!change_sub(q, entry, &failed)) v = refuse_failed(q);
  if (v == DONE && failed.len) v = refuse_entries(q, "subscriptions", &failed);
  stralloc_free(&failed);
  return v;
}

/* ---- affiliations ---- */

struct owners {
  unsigned int n;
  struct slice but;
};

static bool
count_owner(void *cookie, struct slice bare, enum pubsub_affiliation a)
{
  struct owners *o = cookie;

  if (a == PUBSUB_OWNER && !slice_eq(bare, o->but)) o->n++;
  return !o->n;
}

/* s8.9.2.4 asks that a node keeps an owner; a node of PEP has its account for ever. */
static bool
may_change(struct request *q, struct jid const *who, enum pubsub_affiliation old,
           enum pubsub_affiliation now)
{
  struct owners o = {.but = who->bare};

  if (q->pep && slice_eq(who->bare, q->self)) return now == PUBSUB_OWNER;
  if (old == PUBSUB_NONE && now != PUBSUB_NONE && !room_for_aff(q)) return false;
  if (old < PUBSUB_MEMBER && now >= PUBSUB_MEMBER && !room_for_node_of(q, who->bare))
    return false;
  if (old != PUBSUB_OWNER || now == PUBSUB_OWNER || q->pep) return true;
  pubsub_affs(pubsubd.pubsub, q->n.node, count_owner, &o);
  return o.n > 0;
}

static void
tell_affiliation(struct request *q, struct slice bare, enum pubsub_affiliation a)
{
  stralloc in = STRALLOC_ZERO;

  if (xml_cat(&in, "<pubsub xmlns='" NS_PUBSUB "'><affiliations") &&
      xml_cat_attr(&in, "node", q->n.name) && xml_cat(&in, ">") &&
      cat_affiliation(&in, SLICE(""), bare, a) &&
      xml_cat(&in, "</affiliations></pubsub>"))
    message_to(q->self, bare, "headline", slice_of(in.s, in.len));
  stralloc_free(&in);
}

static bool
note_pending(void *jids, struct slice jid, struct pubsub_sub const *sub)
{
  return sub->state != PUBSUB_PENDING ||
         (stralloc_catb(jids, jid.s, jid.len) && stralloc_append(jids, '\n'));
}

static bool
approve_one(struct request *q, struct slice jid)
{
  struct pubsub_sub sub;

  if (!pubsub_sub_get(pubsubd.pubsub, q->n.node, jid, &sub)) return errno == ENOENT;
  sub.state = PUBSUB_SUBSCRIBED;
  if (!pubsub_sub_put(pubsubd.pubsub, &q->n, jid, &sub)) return false;
  tell_subscription(q, jid, &sub);
  tell_owners(q, jid, &sub);
  send_last_on_sub(q, jid);
  return true;
}

/* An account whose addresses waited for an owner's answer has the answer, if the affiliation lets it
 * in. */
static bool
approve(struct request *q, struct slice bare, enum pubsub_affiliation a)
{
  stralloc jids = STRALLOC_ZERO;
  struct slice rest, jid;
  bool ok;

  if (a != PUBSUB_MEMBER && a != PUBSUB_PUBLISHER && a != PUBSUB_OWNER) return true;
  ok = pubsub_subs_of(pubsubd.pubsub, q->n.node, bare, note_pending, &jids);
  rest = slice_of(jids.s, jids.len);
  while (ok && slice_word(&rest, '\n', &jid))
    ok = approve_one(q, jid);
  stralloc_free(&jids);
  return ok;
}

static bool
change_aff(struct request *q, struct xml_node const *entry, stralloc *failed)
{
  enum pubsub_affiliation now = affiliation_find(xml_attr(entry, "affiliation")), old;
  struct jid who;

  if (!jid_of(q, entry, &who))
    return cat_affiliation(failed, SLICE(""), xml_attr(entry, "jid"), PUBSUB_NONE);
  old = affiliation_of(&q->n, q->self, &who);
  if (!may_change(q, &who, old, now))
    return cat_affiliation(failed, SLICE(""), who.bare, old);
  if (old == now) return true;
  if (!pubsub_aff_put(pubsubd.pubsub, &q->n, who.bare, now)) return false;
  if (old == PUBSUB_OWNER) ends_owner_left();
  tell_affiliation(q, who.bare, now);
  return approve(q, who.bare, now) && end_lost_subscriptions(q, who.bare);
}

/* s8.9.2: an address that stands there twice makes the request bad, and so does a word that is no
 * affiliation. */
static bool
is_bad(struct request *q)
{
  struct jid_set seen = {{.key = NULL}};
  struct xml_node const *entry;
  struct jid who;
  unsigned int n = 0;
  bool bad = false;

  for (entry = xml_next(q->action, NULL); entry && !bad;
       entry = xml_next(q->action, entry)) {
    bad = ++n > PUBSUB_AFFILIATIONS_MAX ||
          affiliation_find(xml_attr(entry, "affiliation")) == PUBSUB_AFFILIATIONS_N;
    if (!jid_parse(q->ctx->arena, xml_attr(entry, "jid"), &who)) continue;
    bad = bad || jid_set_has(&seen, who.bare);
    jid_set_add(&seen, who.bare);
  }
  jid_set_wipe(&seen);
  return bad;
}

enum verdict
set_affiliations(struct request *q)
{
  struct xml_node const *entry;
  stralloc failed = STRALLOC_ZERO;
  enum verdict v = DONE;

  if (!find_node(q) || !is_owner(q)) return REFUSE;
  if (is_bad(q)) return refuse(q, ERR_BAD_REQUEST, NULL);
  for (entry = xml_next(q->action, NULL); entry && v == DONE;
       entry = xml_next(q->action, entry))
    if (!change_aff(q, entry, &failed)) v = refuse_failed(q);
  if (v == DONE && failed.len) v = refuse_entries(q, "affiliations", &failed);
  stralloc_free(&failed);
  return v;
}
