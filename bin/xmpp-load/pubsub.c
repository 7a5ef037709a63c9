#include "people.h"

#include <stdio.h>

/* Nodes of a service (XEP-0060): of each group the hub makes a node and publishes there, and the
 * others, who have subscribed, count what arrives. -o service=DOMAIN */

static char const *
service(void)
{
  static char text[300];

  snprintf(text, sizeof text, "pubsub.%s", opt.here.domain);
  return setting("service", text);
}

static void
node_of(struct client const *c, char text[64])
{
  snprintf(text, 64, "load-%llu", (unsigned long long)people_hub(c)->n);
}

static void
ask(struct client *c, char const *id, char const *inside)
{
  stralloc out = STRALLOC_ZERO;

  xml_cat(&out, "<iq type='set'");
  xml_cat_attr(&out, "id", slice_str(id));
  xml_cat_attr(&out, "to", slice_str(service()));
  xml_cat(&out, ">");
  xml_cat(&out, inside);
  xml_cat(&out, "</iq>");
  client_write(c, out.s, out.len);
  stralloc_free(&out);
}

static void
make_node(struct client *c)
{
  char node[64], text[256];

  node_of(c, node);
  snprintf(text, sizeof text,
           "<pubsub xmlns='" NS_PUBSUB "'><create node='%s'/></pubsub>", node);
  ask(c, "create", text);
}

static void
subscribe(struct client *c)
{
  char node[64], jid[256], text[512];

  node_of(c, node);
  load_jid(c->n, jid);
  snprintf(text, sizeof text,
           "<pubsub xmlns='" NS_PUBSUB "'><subscribe node='%s' jid='%s'/></pubsub>", node,
           jid);
  ask(c, "subscribe", text);
}

/* A node is there as soon as its hub is ready; who is online before that subscribes then. */
static void
prepare(struct client *c)
{
  client_write_str(c, "<presence/>");
  if (people_is_hub(c))
    make_node(c);
  else if (people_hub(c)->is_ready)
    subscribe(c);
}

static void
hub_is_ready(struct client *hub)
{
  uint64_t i;

  load_ready(hub);
  for (i = 1; i < people_group(); i++) {
    struct client *c = load_client(hub->n + i);
    if (!c || c->state != C_ONLINE || c->is_ready) continue;
    subscribe(c);
    client_flush(c);
  }
}

static void
publish(struct client *c, char const *text)
{
  char payload[256], node[64];

  node_of(c, node);
  snprintf(payload, sizeof payload,
           "<tune xmlns='http://jabber.org/protocol/tune'><title>%s</title></tune>",
           text);
  people_publish(c, "publish", service(), node, "current", payload);
}

static void
on_message(struct client *c, struct xml_node const *message)
{
  struct xml_node const *payload, *title;
  struct arena a = ARENA_ZERO;
  char node[64];

  node_of(c, node);
  payload = people_event(message, node);
  title = payload ? xml_child(payload, NULL, "title") : NULL;
  if (title && c->is_ready && fig->begun_us) audience_arrived(c, xml_text(&a, title));
  arena_wipe(&a);
}

/* A node that stands from a load before is as good. */
static void
stanza(struct client *c, struct xml_node const *e)
{
  if (slice_is(e->name, "message"))
    on_message(c, e);
  else if (slice_is(e->name, "iq") && slice_is(xml_attr(e, "id"), "create"))
    hub_is_ready(c);
  else if (people_is_answer(c, e, "subscribe"))
    load_ready(c);
  else
    people_is_answer(c, e, "publish");
}

static void
begin(void)
{
  audience_begin(publish);
}

struct load_kind const pubsub_load = {.name = "pubsub",
                                      .settings = "service",
                                      .each = sizeof(struct audience),
                                      .is_silent = true,
                                      .group = people_group,
                                      .prepare = prepare,
                                      .begin = begin,
                                      .stanza = stanza};
