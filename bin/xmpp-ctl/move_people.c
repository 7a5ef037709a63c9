#include "move.h"

#include <skalibs/stralloc.h>

#include <errno.h>
#include <string.h>

/* Contacts, requests, and who is blocked. The roster becomes the union of what is here and what
 * comes: nothing is taken away, and what is here already changes nothing. */

static bool
contact_of(struct arena *a, struct slice text, struct jid *j)
{
  return text.s && jid_parse(a, text, j) && j->bare.len <= ROSTER_JID_MAX &&
         !slice_eq(j->bare, mover.bare);
}

/* ---- contacts (RFC 6121 s2) ---- */

struct relation {
  bool to, from, out, in;
};

static struct relation
relation_of(enum roster_state s)
{
  struct relation r = {false, false, false, false};

  r.to = roster_takes(s);
  r.from = roster_gives(s);
  r.out = s == ROSTER_NONE_OUT || s == ROSTER_NONE_OUT_IN || s == ROSTER_FROM_OUT;
  r.in = s == ROSTER_NONE_IN || s == ROSTER_NONE_OUT_IN || s == ROSTER_TO_IN;
  return r;
}

static enum roster_state
state_of(struct relation r)
{
  if (r.to && r.from) return ROSTER_BOTH;
  if (r.to) return r.in ? ROSTER_TO_IN : ROSTER_TO;
  if (r.from) return r.out ? ROSTER_FROM_OUT : ROSTER_FROM;
  if (r.out) return r.in ? ROSTER_NONE_OUT_IN : ROSTER_NONE_OUT;
  return r.in ? ROSTER_NONE_IN : ROSTER_NONE;
}

static void
put_item(struct roster_item const *item)
{
  if (roster_item_put(move.roster, mover.number, item)) {
    mover.roster_changed = true;
    move.items++;
    move_step();
    return;
  }
  if (errno != EDQUOT && errno != ENAMETOOLONG) move_fail("write a roster");
  move_refuse("roster", "there are too many contacts, or their names are too long");
}

/* The texts of the item that is here lie in the map, which writes change. */
static void
merge(struct arena *a, struct roster_item *item, struct relation r)
{
  struct roster_item here;
  struct relation old;

  if (!roster_item_get(move.roster, mover.number, item->jid, &here) && errno != ENOENT)
    move_fail("read a roster");
  old = relation_of(here.state);
  r = (struct relation){r.to || old.to, r.from || old.from, r.out || old.out,
                        r.in || old.in};
  item->state = state_of(r);
  item->approved = item->approved || here.approved;
  if (here.listed) {
    item->listed = true;
    item->name = arena_copy(a, here.name);
    item->groups = arena_copy(a, here.groups);
    if (here.state == item->state && here.approved == item->approved) return;
  }
  if (!here.listed && !item->listed && here.state == item->state) return;
  put_item(item);
}

static void
read_groups(struct arena *a, struct xml_node const *e, struct slice *groups)
{
  static stralloc packed = STRALLOC_ZERO;
  struct xml_node const *c;
  unsigned int n = 0;

  packed.len = 0;
  for (c = xml_next(e, NULL); c; c = xml_next(e, c)) {
    struct slice text = slice_is(c->name, "group") ? xml_text(a, c) : SLICE("");
    if (text.len && text.len <= ROSTER_GROUP_MAX && n++ < ROSTER_GROUPS_MAX)
      roster_cat_group(&packed, text);
  }
  *groups = arena_copy(a, slice_of(packed.s, packed.len));
}

static void
take_contact(struct arena *a, struct xml_node const *e)
{
  struct slice sub = xml_attr(e, "subscription"), ask = xml_attr(e, "ask");
  struct slice approved = xml_attr(e, "approved");
  struct roster_item item = {.listed = true, .name = SLICE(""), .groups = SLICE("")};
  struct jid j;

  if (!sub.s) sub = xml_attr(e, "subscribed"); /* so Prosody says in error */
  if (slice_is(sub, "remove")) return;
  if (!contact_of(a, xml_attr(e, "jid"), &j) || j.resource.len) {
    move_refuse("roster", "a contact has no usable address");
    return;
  }
  item.jid = j.bare;
  if (xml_attr(e, "name").len <= ROSTER_NAME_MAX) item.name = xml_attr(e, "name");
  if (!item.name.s) item.name = SLICE("");
  item.approved = slice_is(approved, "true") || slice_is(approved, "1");
  read_groups(a, e, &item.groups);
  merge(a, &item,
        (struct relation){.to = slice_is(sub, "to") || slice_is(sub, "both"),
                          .from = slice_is(sub, "from") || slice_is(sub, "both"),
                          .out = slice_is(ask, "subscribe") || slice_is(ask, "out") ||
                                 slice_is(ask, "both")});
}

void
move_roster(struct arena *a, struct xml_node const *query)
{
  struct xml_node const *c;

  for (c = xml_next(query, NULL); c; c = xml_next(query, c))
    if (slice_is(c->name, "item")) take_contact(a, c);
}

/* ---- requests that wait for an answer (s3.1) ---- */

void
move_request(struct arena *a, struct xml_node const *presence)
{
  static stralloc text = STRALLOC_ZERO;
  struct roster_item item = {.name = SLICE(""), .groups = SLICE("")};
  struct roster_item here;
  struct jid j;

  if (!slice_is(xml_attr(presence, "type"), "subscribe") ||
      !contact_of(a, xml_attr(presence, "from"), &j)) {
    move_refuse("request", "it is none, or its address is not usable");
    return;
  }
  roster_item_get(move.roster, mover.number, j.bare, &here);
  if (roster_gives(here.state) || relation_of(here.state).in)
    return; /* answered, or here */
  text.len = 0;
  if (!xml_cat_tree(&text, presence, NS_CLIENT)) move_fail("copy a request");
  if (text.len > ROSTER_REQUEST_BYTES) {
    move_refuse("request", "it is too long");
    return;
  }
  if (!roster_request_put(move.roster, mover.number, j.bare,
                          slice_of(text.s, text.len))) {
    if (errno != EDQUOT && errno != ENAMETOOLONG) move_fail("write a request");
    move_refuse("request", "too many wait");
    return;
  }
  item.jid = j.bare;
  merge(a, &item, (struct relation){.in = true});
}

/* ---- block lists (XEP-0191, XEP-0016) ---- */

static void
block(struct arena *a, struct slice address)
{
  struct jid j;

  if (!address.s || !jid_parse(a, address, &j)) {
    move_refuse("block list", "an address is not usable");
  } else if (roster_block(move.roster, mover.number, mover.bare, j.full)) {
    move.items++;
    move_step();
  } else if (errno == EDQUOT || errno == ENAMETOOLONG) {
    move_refuse("block list", "there are too many addresses, or one is too long");
  } else if (errno != EEXIST) {
    move_fail("write a block list");
  }
}

void
move_blocklist(struct arena *a, struct xml_node const *e)
{
  struct xml_node const *c;

  for (c = xml_next(e, NULL); c; c = xml_next(e, c))
    if (slice_is(c->name, "item")) block(a, xml_attr(c, "jid"));
}

/* An item that denies all that an address sends is what a block list has (XEP-0191 s6). */
static void
take_rule(struct arena *a, struct xml_node const *item)
{
  bool denies = slice_is(xml_attr(item, "action"), "deny");

  if (denies && slice_is(xml_attr(item, "type"), "jid") && !xml_next(item, NULL))
    block(a, xml_attr(item, "value"));
  else if (denies)
    move_refuse("privacy list", "a rule is no address that is blocked for all");
}

/* Only the default list is in force for whoever logs in; others are named. */
void
move_privacy(struct arena *a, struct xml_node const *query)
{
  struct xml_node const *def = xml_child(query, NS_PRIVACY, "default"), *l, *i;
  struct slice name = def ? xml_attr(def, "name") : SLICE("");

  for (l = xml_next(query, NULL); l; l = xml_next(query, l)) {
    if (!slice_is(l->name, "list")) continue;
    if (!def || !slice_eq(xml_attr(l, "name"), name)) {
      move_refuse("privacy list", "it is not the default list");
      continue;
    }
    for (i = xml_next(l, NULL); i; i = xml_next(l, i))
      take_rule(a, i);
  }
}
