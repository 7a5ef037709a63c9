#include "move.h"

#include <skalibs/stralloc.h>

#include <errno.h>
#include <string.h>

/* This file imports the nodes of an account (XEP-0163) or of a service (XEP-0060): their
 * configuration, items, affiliations and subscriptions. A node that is here already keeps its
 * configuration, and an item its payload. */

static struct {
  char const *name;
  char const *words; /* NULL: a number, or max */
} const checked[] = {
  {"access_model",             "authorize open presence roster whitelist"},
  {"publish_model",            "publishers subscribers open"             },
  {"publish_node_full",        "retract-oldest discard-oldest reject"    },
  {"send_last_published_item", "never on_sub on_sub_and_presence"        },
  {"notification_type",        "normal headline"                         },
  {"itemreply",                "none publisher owner"                    },
  {"node_type",                "leaf"                                    },
  {"max_items",                NULL                                      },
  {"item_expire",              NULL                                      },
};

/* Numbers that XEP-0060 s16.4.4 and more say are 0 or 1. */
static char const booleans[] =
  "persist_items deliver_notifications deliver_payloads notify_config notify_sub "
  "notify_delete notify_retract presence_based_delivery purge_offline subscribe tempsub";

static bool
is_valid(struct slice name, struct slice *value)
{
  uint64_t n;
  size_t i;

  if (slice_has_word(slice_str(booleans), name)) {
    bool on = slice_is(*value, "1") || slice_is(*value, "true");
    *value = on ? SLICE("1") : SLICE("0");
    return true;
  }
  if (slice_is(name, "max_payload_size") || slice_is(name, "tempsub")) return false;
  for (i = 0; i < sizeof checked / sizeof *checked; i++) {
    if (!slice_is(name, checked[i].name)) continue;
    if (checked[i].words) return slice_has_word(slice_str(checked[i].words), *value);
    return slice_is(*value, "max") || (slice_u64(*value, &n) && n);
  }
  return value->len <= 1023;
}

/* The values of a field, a line each. */
static struct slice
values(struct arena *a, struct xml_node const *field)
{
  static stralloc lines = STRALLOC_ZERO;
  struct xml_node const *v;

  lines.len = 0;
  for (v = xml_next(field, NULL); v; v = xml_next(field, v)) {
    struct slice text = slice_is(v->name, "value") ? xml_text(a, v) : SLICE("");
    if (!slice_is(v->name, "value")) continue;
    if ((lines.len && !stralloc_catb(&lines, "\n", 1)) ||
        !stralloc_catb(&lines, text.s, text.len))
      move_fail("copy a configuration");
  }
  return arena_copy(a, slice_of(lines.s, lines.len));
}

static void
read_form(struct arena *a, struct xml_node const *e, stralloc *fields)
{
  struct xml_node const *x = xml_child(e, "jabber:x:data", "x"), *f;
  bool has_access = false;

  for (f = x ? xml_next(x, NULL) : NULL; f; f = xml_next(x, f)) {
    unsigned int number = pubsub_field_number(xml_attr(f, "var"));
    struct slice name = SLICE(""), value;
    if (number) name = slice_str(pubsub_field_name(number));
    value = number ? values(a, f) : name;
    if (!number || !value.len || !is_valid(name, &value)) continue;
    has_access |= slice_is(name, "access_model");
    if (!pubsub_cat_field(fields, number, value)) move_fail("copy a configuration");
  }
  /* An access model that is not known here is not to open the node to more people. */
  for (f = x && !has_access ? xml_next(x, NULL) : NULL; f; f = xml_next(x, f))
    if (slice_is(xml_attr(f, "var"), "pubsub#access_model") &&
        !pubsub_cat_field(fields, pubsub_field_number(xml_attr(f, "var")),
                          SLICE("whitelist")))
      move_fail("copy a configuration");
}

/* The address in the text, which must be usable as that of a person of a service's node; else, and for
 * accounts, what is imported. */
static struct slice
person_or_self(struct arena *a, struct slice text)
{
  struct jid j;

  return mover.is_service && text.s && jid_parse(a, text, &j) &&
             j.bare.len <= PUBSUB_JID_MAX
           ? j.bare
           : mover.bare;
}

/* The node of this name; made when it is not there. false: it cannot be. */
static bool
find_or_make(struct arena *a, struct slice name, struct slice fields,
             struct slice creator, struct pubsub_node *n)
{
  uint32_t most = mover.is_service ? IMPORT_SERVICE_NODES_MAX : IMPORT_NODES_MAX;
  struct pubsub_counts c;

  if (!name.len || name.len > PUBSUB_NAME_MAX) {
    move_refuse("node", "its name is empty or too long");
    return false;
  }
  if (pubsub_node_find(move.pubsub, mover.number, name, n)) {
    if (!pubsub_node_keep(a, n)) move_fail("copy a node");
    return true;
  }
  if (errno != ENOENT || !pubsub_counts(move.pubsub, mover.number, &c))
    move_fail("read a node");
  if (c.nodes >= most) {
    move_refuse("node", "there are too many");
    return false;
  }
  *n = (struct pubsub_node){.owner = mover.number,
                            .type = mover.is_service ? PUBSUB_FLAT : PUBSUB_PEP,
                            .name = name,
                            .creator = creator,
                            .fields = fields};
  if (!pubsub_node_add(move.pubsub, n)) move_fail("make a node");
  return true;
}

void
move_configure(struct arena *a, struct xml_node const *e)
{
  static stralloc fields = STRALLOC_ZERO;
  struct pubsub_node n;

  fields.len = 0;
  read_form(a, e, &fields);
  if (find_or_make(a, xml_attr(e, "node"), arena_copy(a, slice_of(fields.s, fields.len)),
                   person_or_self(a, xml_attr(e, "creator")), &n))
    move_step();
}

/* The moment that the item says (not of XEP-0060), else now. */
static uint64_t
published_us(struct xml_node const *item)
{
  struct slice stamp = xml_attr(item, "stamp");
  uint64_t us;

  return stamp.s && stamp_read(stamp, &us) && us < door_wall() ? us : door_wall();
}

void
move_item(struct arena *a, struct slice node, struct xml_node const *item)
{
  static stralloc payload = STRALLOC_ZERO;
  struct xml_node const *c = xml_next(item, NULL);
  struct pubsub_item it = {.us = published_us(item)}, here;
  struct pubsub_node n;
  struct slice id = xml_attr(item, "id");

  if (!slice_is(item->name, "item") || !id.len || id.len > PUBSUB_ID_MAX || !c) {
    move_refuse("item", "it has no id, or nothing in it");
    return;
  }
  payload.len = 0;
  if (!xml_cat_tree(&payload, c, "")) move_fail("copy an item");
  if (payload.len > PUBSUB_PAYLOAD_MAX) {
    move_refuse("item", "it is too large");
    return;
  }
  if (!find_or_make(a, node, SLICE(""), mover.bare, &n)) return;
  if (pubsub_item_get(move.pubsub, &n, id, &here)) {
    if (!move.replaces_data || slice_eq(here.payload, slice_of(payload.s, payload.len)))
      return;
  } else if (errno != ENOENT)
    move_fail("read an item");
  it.id = id;
  it.publisher = person_or_self(a, xml_attr(item, "publisher"));
  it.payload = slice_of(payload.s, payload.len);
  if (!pubsub_item_put(move.pubsub, &n, &it)) move_fail("write an item");
  move.items++;
  move_step();
}

/* ---- people ---- */

static char const *const affiliations[PUBSUB_AFFILIATIONS_N] = {
  "none", "outcast", "member", "publish-only", "publisher", "owner"};

static bool
person(struct arena *a, struct xml_node const *e, struct jid *j)
{
  struct slice text = xml_attr(e, "jid");

  if (text.s && jid_parse(a, text, j) && j->full.len <= PUBSUB_JID_MAX) return true;
  move_refuse("node", "the address of a person is not usable");
  return false;
}

static void
affiliate(struct arena *a, struct pubsub_node const *n, struct xml_node const *e)
{
  enum pubsub_affiliation here;
  unsigned int i = 0;
  struct jid j;

  while (i < PUBSUB_AFFILIATIONS_N &&
         !slice_is(xml_attr(e, "affiliation"), affiliations[i]))
    i++;
  if (i == PUBSUB_AFFILIATIONS_N || i == PUBSUB_NONE || !person(a, e, &j) ||
      (!mover.is_service && slice_eq(j.bare, mover.bare)))
    return;
  if (!pubsub_aff_get(move.pubsub, n->node, j.bare, &here)) move_fail("read a node");
  if (here != PUBSUB_NONE) return;
  if (!pubsub_aff_put(move.pubsub, n, j.bare, (enum pubsub_affiliation)i))
    move_fail("write an affiliation");
  move.items++;
  move_step();
}

static void
subscribe(struct arena *a, struct pubsub_node const *n, struct xml_node const *e)
{
  struct pubsub_sub sub = {.state = PUBSUB_SUBSCRIBED, .us = door_wall()}, here;
  struct jid j;

  if (!slice_is(xml_attr(e, "subscription"), "subscribed") || !person(a, e, &j)) return;
  if (pubsub_sub_get(move.pubsub, n->node, j.full, &here)) return;
  door_random(&sub.id, sizeof sub.id);
  if (!pubsub_sub_put(move.pubsub, n, j.full, &sub)) move_fail("write a subscription");
  move.items++;
  move_step();
}

typedef void person_fn(struct arena *a, struct pubsub_node const *n,
                       struct xml_node const *e);

static void
each_person(struct arena *a, struct xml_node const *e, person_fn *fn)
{
  struct xml_node const *c;
  struct pubsub_node n;

  if (!find_or_make(a, xml_attr(e, "node"), SLICE(""), mover.bare, &n)) return;
  for (c = xml_next(e, NULL); c; c = xml_next(e, c))
    fn(a, &n, c);
}

void
move_affiliations(struct arena *a, struct xml_node const *e)
{
  each_person(a, e, affiliate);
}

void
move_subscriptions(struct arena *a, struct xml_node const *e)
{
  each_person(a, e, subscribe);
}
