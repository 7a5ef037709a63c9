#include "people.h"

#include <stdio.h>

/* Personal eventing (XEP-0163): of each group the hub publishes at a node of its own, and the
 * others, who want the events of the node by their capabilities, count what arrives. */

#define NODE 1
#define NS_DELAY "urn:xmpp:delay"

struct pep {
  struct audience audience;
  struct meeting meeting;
};

static unsigned int
wanted(struct client const *c)
{
  return people_is_hub(c) ? 0 : NODE;
}

static void
publish(struct client *c, char const *text)
{
  char payload[256], node[64];

  snprintf(payload, sizeof payload,
           "<tune xmlns='http://jabber.org/protocol/tune'><title>%s</title></tune>",
           text);
  people_node(NODE, node);
  people_publish(c, "publish", NULL, node, "current", payload);
}

/* Last items have a delay and do not count, for a client may get one again. The hub publishes an
 * item before the measured time: a client that gets the item knows by it that the server knows the
 * client's capabilities. */
static void
prepare(struct client *c)
{
  people_meet(c, wanted(c));
  if (people_is_hub(c)) publish(c, "first");
}

static void
on_message(struct client *c, struct xml_node const *message)
{
  struct pep *own = c->own;
  struct xml_node const *payload, *title;
  struct arena a = ARENA_ZERO;
  char node[64];

  people_node(NODE, node);
  payload = people_event(message, node);
  title = payload ? xml_child(payload, NULL, "title") : NULL;
  if (!title || people_is_hub(c)) return;
  if (own->meeting.is_done) load_ready(c);
  if (!xml_child(message, NS_DELAY, "delay")) audience_arrived(c, xml_text(&a, title));
  arena_wipe(&a);
}

static void
stanza(struct client *c, struct xml_node const *e)
{
  struct pep *own = c->own;

  people_met(c, &own->meeting, e, wanted(c));
  on_message(c, e);
  if (people_is_answer(c, e, "publish")) load_ready(c);
}

static bool
request(struct client *c, struct xml_node const *iq)
{
  return people_answer(c, iq, wanted(c));
}

static void
begin(void)
{
  audience_begin(publish);
}

struct load_kind const pep_load = {.name = "pep",
                                   .each = sizeof(struct pep),
                                   .is_silent = true,
                                   .group = people_group,
                                   .prepare = prepare,
                                   .begin = begin,
                                   .stanza = stanza,
                                   .request = request};
