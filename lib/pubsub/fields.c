#include "pubsub/pubsub.h"

/* In the order of their numbers, which xmpp-pubsubd gives them. */
static char const *const names[] = {
  "title",
  "description",
  "type",
  "language",
  "contact",
  "dataform_xslt",
  "body_xslt",
  "access_model",
  "roster_groups_allowed",
  "publish_model",
  "persist_items",
  "max_items",
  "publish_node_full",
  "item_expire",
  "max_payload_size",
  "deliver_notifications",
  "deliver_payloads",
  "notify_config",
  "notify_sub",
  "notify_delete",
  "notify_retract",
  "send_last_published_item",
  "presence_based_delivery",
  "notification_type",
  "itemreply",
  "purge_offline",
  "subscribe",
  "tempsub",
  "node_type",
};

unsigned int
pubsub_field_number(struct slice var)
{
  struct slice front = SLICE("pubsub#");
  unsigned int i;

  if (!slice_starts(var, front.s)) return 0;
  var = slice_of(var.s + front.len, var.len - front.len);
  for (i = 0; i < sizeof names / sizeof *names; i++)
    if (slice_is(var, names[i])) return i + 1;
  return 0;
}

char const *
pubsub_field_name(unsigned int number)
{
  return number && number <= sizeof names / sizeof *names ? names[number - 1] : NULL;
}
