#include "pep.h"

/* A session that is not available any more:
 *
 *   a subscription that lasts while its subscriber is there (pubsub#expire, the word presence) ends:
 *     of a full address with this session, of a bare one with the last session of the account;
 *   items that the account has published at nodes with pubsub#purge_offline go with its last session,
 *     and subscribers are told of that as of a retraction (XEP-0060 s7.2). A node may have many items
 *     of others: the account is noted as a leaver of the node, whose items are looked at in steps, over
 *     restarts too. An item that is published after the account has gone stays.
 *
 * An address may have to do with thousands of nodes. The own nodes of the account and the first of the
 * others are looked at when the session goes. For the rest the account is noted as a leaver of all its
 * nodes, which are looked at in steps; subscriptions there end when all subscriptions are looked at
 * (ends.c).
 *
 * What an account publishes at nodes of services of which it is neither owner, publisher nor
 * subscriber stays. */

struct leaving {
  struct jid who;
  bool last;   /* session of the account */
  bool later;  /* not the turn in which it went */
  uint64_t us; /* when it went */
  stralloc nodes;
  struct pubsub_of_place place; /* among the nodes of others, if more: of the next one */
  bool more;
  uint64_t nodes_left; /* nodes of others that may be looked at in this turn */
  unsigned int left;   /* items that may be */
};

static bool
note(struct leaving *l, uint64_t node)
{
  return stralloc_catb(&l->nodes, (char const *)&node, sizeof node);
}

static bool
note_of_others(void *cookie, uint64_t owner, uint64_t node)
{
  struct leaving *l = cookie;

  l->place = (struct pubsub_of_place){owner, node};
  l->more = !l->nodes_left;
  if (l->more) return false;
  l->nodes_left--;
  return note(l, node);
}

/* ---- subscriptions ---- */

struct found {
  struct leaving const *l;
  stralloc lines; /* addresses */
};

static bool
find_sub(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  struct found *f = cookie;

  if (!(sub->options & PUBSUB_WHILE_PRESENT) ||
      !(slice_eq(jid, f->l->who.full) || (f->l->last && slice_eq(jid, f->l->who.bare))))
    return true;
  return stralloc_catb(&f->lines, jid.s, jid.len) && stralloc_catb(&f->lines, "\n", 1);
}

static void
end_subs(struct request *q, struct leaving const *l)
{
  struct found f = {.l = l};
  struct slice rest, jid;

  pubsub_subs_of(pubsubd.pubsub, q->n.node, l->who.bare, find_sub, &f);
  rest = slice_of(f.lines.s, f.lines.len);
  while (slice_word(&rest, '\n', &jid))
    pubsub_sub_del(pubsubd.pubsub, &q->n, jid);
  stralloc_free(&f.lines);
}

/* ---- items ---- */

struct published {
  struct slice bare;
  uint64_t until, next; /* numbers: behind the items to look at, and where to go on */
  uint64_t us;          /* items of later stay */
  unsigned int *left;
  stralloc ids; /* NUL, which XML has not, is behind each */
};

static bool
find_item(void *cookie, struct pubsub_item const *it)
{
  struct published *f = cookie;

  if (it->number >= f->until || it->us > f->us) return false;
  if (*f->left &&
      (!slice_eq(it->publisher, f->bare) ||
       (stralloc_catb(&f->ids, it->id.s, it->id.len) && stralloc_catb(&f->ids, "", 1)))) {
    --*f->left;
    return true;
  }
  f->next = it->number;
  return false;
}

static bool
retract(struct request *q, struct slice ids)
{
  stralloc in = STRALLOC_ZERO;
  struct slice id;
  bool ok =
    xml_cat(&in, "<items") && xml_cat_attr(&in, "node", q->n.name) && xml_cat(&in, ">");

  while (ok && slice_word(&ids, 0, &id))
    ok = pubsub_item_del(pubsubd.pubsub, &q->n, id) && xml_cat(&in, "<retract") &&
         xml_cat_attr(&in, "id", id) && xml_cat(&in, "/>");
  ok = ok && xml_cat(&in, "</items>");
  if (ok) {
    event_send(q, slice_of(in.s, in.len), CONFIG_NOTIFY_RETRACT);
    if (q->pep) pep_changed_node(q, q->n.name);
  }
  stralloc_free(&in);
  return ok;
}

/* Look at items of q->n until *left, which is not 0, becomes 0; delete the items that the leaver
 * has published. */
static bool
leave(struct request *q, struct pubsub_leaver *l, unsigned int *left)
{
  struct published f = {.bare = slice_of(l->bare, l->bare_len),
                        .until = l->until,
                        .next = l->until,
                        .us = l->us,
                        .left = left};
  bool ok = pubsub_items(pubsubd.pubsub, &q->n, l->from, find_item, &f) &&
            (!f.ids.len || retract(q, slice_of(f.ids.s, f.ids.len)));

  stralloc_free(&f.ids);
  l->from = f.next;
  return ok && pubsub_leaver_put(pubsubd.pubsub, l);
}

/* The first step is that of the turn in which the session goes. */
static void
purge(struct request *q, struct leaving *l)
{
  struct pubsub_leaver leaver;

  if (!q->n.items ||
      !pubsub_leaver_new(pubsubd.pubsub, &q->n, l->who.bare, l->us, &leaver))
    return;
  if (l->left)
    leave(q, &leaver, &l->left);
  else
    pubsub_leaver_put(pubsubd.pubsub, &leaver);
  if (leaver.from < leaver.until) ends_gone();
}

/* ---- a session goes ---- */

static void
look_at(struct leaving *l)
{
  struct arena arena = ARENA_ZERO;
  uint64_t node;
  size_t at;

  for (at = 0; at + sizeof node <= l->nodes.len; at += sizeof node) {
    struct request q = {.pep = false};
    memcpy(&node, l->nodes.s + at, sizeof node);
    if (node_request(&q, &arena, node)) {
      if (!l->later) end_subs(&q, l);
      if (l->last && config_on(&q.c, CONFIG_PURGE_OFFLINE)) purge(&q, l);
    }
    arena_reset(&arena);
  }
  arena_wipe(&arena);
}

/* The account's own nodes do not stand among those of others. */
static bool
note_own(void *cookie, struct pubsub_node const *n)
{
  struct leaving *l = cookie;
  struct config c;

  config_of(&c, l->who.domain, n->type, n->name, n->fields);
  return !config_on(&c, CONFIG_PURGE_OFFLINE) || note(l, n->node);
}

/* Look at what was noted, and at nodes of others from the place on. */
static bool
step(struct leaving *l)
{
  unsigned int which = PUBSUB_OF_AFFILIATION | PUBSUB_OF_SUBSCRIPTION;
  struct pubsub_leaver rest;
  bool ok;

  l->nodes_left = room_nodes_looked_at();
  ok = pubsub_of_from(pubsubd.pubsub, l->who.bare, &l->place, which, note_of_others, l);
  look_at(l);
  stralloc_free(&l->nodes);
  if (!ok || !l->last) return ok;
  if (!pubsub_leaver_of_all(l->who.bare, &l->place, l->us, &rest)) return false;
  if (!l->more) rest.from = rest.until;
  if (l->more) ends_gone();
  return pubsub_leaver_put(pubsubd.pubsub, &rest);
}

void
pep_session_goes(struct slice full, bool last)
{
  struct leaving l = {
    .who = jid_cut(full), .last = last, .us = door_wall(), .left = room_purge_step()};
  uint64_t number;

  if (store_is_full(pubsubd.store)) return;
  pubsubd_readers();
  number = last && pubsubd_has_pep(l.who.domain) ? pubsubd_number(l.who.bare) : 0;
  if (number) pubsub_nodes(pubsubd.pubsub, number, SLICE(""), note_own, &l);
  step(&l);
}

/* ---- leavers ---- */

/* Look at some of the nodes of an account that has gone, and at so many items. */
static void
leave_nodes(struct pubsub_leaver const *leaver, unsigned int items)
{
  struct leaving l = {.who = jid_cut(slice_of(leaver->bare, leaver->bare_len)),
                      .last = true,
                      .later = true,
                      .us = leaver->us,
                      .place = leaver->place,
                      .left = items};

  step(&l);
}

bool
leaving_some(struct pubsub_place *at)
{
  struct arena arena = ARENA_ZERO;
  struct pubsub_leaver l;
  unsigned int left = room_purge_step();
  bool any = false;

  while (left && (any = pubsub_leaver_next(pubsubd.pubsub, at, &l))) {
    struct request q = {.pep = false};
    bool there;
    if (!l.node) {
      leave_nodes(&l, left);
      break;
    }
    there = node_request(&q, &arena, l.node);
    if (!there) l.from = l.until;
    if (!(there ? leave(&q, &l, &left) : pubsub_leaver_put(pubsubd.pubsub, &l))) break;
    if (left) left--;
    arena_reset(&arena);
  }
  arena_wipe(&arena);
  return any;
}
