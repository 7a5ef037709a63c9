#include "people.h"

#include <stdio.h>

/* Load of sessions that come online (XEP-0163 s4.3.4). Each of the hub's contacts has published at
 * some nodes (-o nodes=N). The hub shows its presence, gets the last items of all of them, is
 * unavailable, and begins anew. Before the measured time the hub asks for no items. sent counts how
 * often the hub came online; a latency lasts from its presence to the last item. */

struct coming {
  struct meeting meeting;
  uint64_t missing; /* of the hub: last items */
  uint64_t shown_us;
  unsigned int published, tries;
};

static unsigned int
nodes(void)
{
  static unsigned int n;

  if (!n) n = (unsigned int)setting_number("nodes", 5);
  return n;
}

static unsigned int
wanted(struct client const *c)
{
  return people_is_hub(c) ? nodes() : 0;
}

static bool
check(void)
{
  return nodes() >= 1 && nodes() <= 100;
}

static void
publish_next(struct client *c)
{
  struct coming *own = c->own;
  char node[64];

  people_node(own->published + 1, node);
  people_publish(c, "publish", NULL, node, "current",
                 "<mood xmlns='http://jabber.org/protocol/mood'><happy/></mood>");
}

static void
prepare(struct client *c)
{
  people_meet(c, 0);
  if (people_is_hub(c))
    load_ready(c);
  else
    publish_next(c);
}

static void
come_online(struct client *c)
{
  struct coming *own = c->own;

  client_write_str(c, "<presence type='unavailable'/>");
  people_show(c, wanted(c));
  own->missing = opt.contacts * nodes();
  own->shown_us = door_now();
  fig->sent++;
  fig->expected += own->missing;
}

static void
on_message(struct client *c, struct xml_node const *message)
{
  struct coming *own = c->own;

  if (!people_is_hub(c) || !fig->begun_us || !own->missing) return;
  if (!xml_child(message, NS_EVENT, "event")) return;
  fig->received++;
  if (--own->missing) return;
  figures_latency(door_now() - own->shown_us);
  if (load_is_measuring())
    come_online(c);
  else
    load_look();
}

static void
stanza(struct client *c, struct xml_node const *e)
{
  struct coming *own = c->own;

  people_met(c, &own->meeting, e, 0);
  if (slice_is(e->name, "message"))
    on_message(c, e);
  else if (people_asks_again(e, "publish", &own->tries))
    publish_next(c);
  else if (people_is_answer(c, e, "publish") && ++own->published < nodes())
    publish_next(c);
  if (!people_is_hub(c) && own->meeting.is_done && own->published == nodes())
    load_ready(c);
}

static bool
request(struct client *c, struct xml_node const *iq)
{
  return people_answer(c, iq, wanted(c));
}

static void
begin(void)
{
  uint64_t i;

  for (i = 0; i < opt.sessions; i += people_group()) {
    struct client *c = load_client(opt.first + i);
    come_online(c);
    client_flush(c);
  }
}

struct load_kind const pep_login_load = {.name = "pep-login",
                                         .settings = "nodes",
                                         .each = sizeof(struct coming),
                                         .is_silent = true,
                                         .check = check,
                                         .group = people_group,
                                         .prepare = prepare,
                                         .begin = begin,
                                         .stanza = stanza,
                                         .request = request};
