#include "export.h"

#include <errno.h>
#include <string.h>

/* Nodes of the account: their configuration and people first, then their items. */

#define FIELDS_MAX 64

static bool
cat_fields(stralloc *out, struct slice fields)
{
  struct slice value, line;
  unsigned int i;
  bool ok = true;

  for (i = 1; ok && i < FIELDS_MAX; i++) {
    if (!pubsub_field_name(i) || !pubsub_field(fields, i, &value)) continue;
    ok = xml_cat(out, "<field var='pubsub#") && xml_cat(out, pubsub_field_name(i)) &&
         xml_cat(out, "'>");
    while (ok && slice_word(&value, '\n', &line))
      ok = xml_cat(out, "<value>") && xml_cat_text(out, line) && xml_cat(out, "</value>");
    ok = ok && xml_cat(out, "</field>");
  }
  return ok;
}

static bool
cat_aff(void *cookie, struct slice bare, enum pubsub_affiliation a)
{
  static char const *const words[] = {"none",         "outcast",   "member",
                                      "publish-only", "publisher", "owner"};
  struct export *x = cookie;

  return xml_cat(&x->text, "<affiliation") && xml_cat_attr(&x->text, "jid", bare) &&
         xml_cat_attr(&x->text, "affiliation", slice_str(words[a])) &&
         xml_cat(&x->text, "/>");
}

static bool
cat_sub(void *cookie, struct slice jid, struct pubsub_sub const *sub)
{
  struct export *x = cookie;

  return sub->state != PUBSUB_SUBSCRIBED ||
         (xml_cat(&x->text, "<subscription") && xml_cat_attr(&x->text, "jid", jid) &&
          xml_cat(&x->text, " subscription='subscribed'/>"));
}

static bool
open_tag(struct export *x, char const *name, struct slice node)
{
  return xml_cat(&x->text, "<") && xml_cat(&x->text, name) &&
         xml_cat_attr(&x->text, "node", node) && xml_cat(&x->text, ">");
}

static bool
write_node(void *cookie, struct pubsub_node const *n)
{
  struct export *x = cookie;

  if (!open_tag(x, "configure", n->name) ||
      !xml_cat(&x->text,
               "<x xmlns='jabber:x:data' type='form'><field var='FORM_TYPE' "
               "type='hidden'><value>" NS_PUBSUB "#node_config</value></field>") ||
      !cat_fields(&x->text, n->fields) || !xml_cat(&x->text, "</x></configure>\n") ||
      !open_tag(x, "affiliations", n->name) ||
      !pubsub_affs(move.pubsub, n->node, cat_aff, x) ||
      !xml_cat(&x->text, "</affiliations>\n") || !open_tag(x, "subscriptions", n->name) ||
      !pubsub_subs(move.pubsub, n->node, cat_sub, x) ||
      !xml_cat(&x->text, "</subscriptions>\n"))
    move_fail("read a node");
  export_flush(x);
  return true;
}

static bool
write_item(void *cookie, struct pubsub_item const *it)
{
  struct export *x = cookie;

  if (!xml_cat(&x->text, "<item") || !xml_cat_attr(&x->text, "id", it->id) ||
      !xml_cat(&x->text, ">") ||
      !stralloc_catb(&x->text, it->payload.s, it->payload.len) ||
      !xml_cat(&x->text, "</item>\n"))
    move_fail("copy an item");
  export_flush(x);
  return true;
}

static bool
write_items(void *cookie, struct pubsub_node const *n)
{
  struct export *x = cookie;

  if (!open_tag(x, "items", n->name) || !pubsub_items(move.pubsub, n, 0, write_item, x) ||
      !xml_cat(&x->text, "</items>\n"))
    move_fail("read a node");
  export_flush(x);
  return true;
}

void
export_nodes(struct export *x)
{
  struct pubsub_counts c;

  if (!pubsub_counts(move.pubsub, x->number, &c)) move_fail("read the nodes");
  if (!c.nodes) return;
  if (!xml_cat(&x->text, "<pubsub xmlns='" NS_PUBSUB_OWNER "'>\n") ||
      !pubsub_nodes(move.pubsub, x->number, SLICE(""), write_node, x) ||
      !xml_cat(&x->text, "</pubsub>\n<pubsub xmlns='" NS_PUBSUB "'>\n") ||
      !pubsub_nodes(move.pubsub, x->number, SLICE(""), write_items, x) ||
      !xml_cat(&x->text, "</pubsub>\n"))
    move_fail("read the nodes");
  export_flush(x);
}
