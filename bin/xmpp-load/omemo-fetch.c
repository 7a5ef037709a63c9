#include "people.h"

#include <stdio.h>
#include <string.h>

/* Keys of all contacts (XEP-0384): each has published a bundle that anyone may read, with as many
 * keys as clients make, and the hub asks for one after another, opt.window at a time. */

#define NODE "eu.siacs.conversations.axolotl.bundles:1"
#define NS_OMEMO "eu.siacs.conversations.axolotl"
#define KEYS 100
#define OPTIONS                                                                          \
  "<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' "      \
  "type='hidden'><value>http://jabber.org/protocol/pubsub#publish-options</value>"       \
  "</field><field var='pubsub#access_model'><value>open</value></field></x>"             \
  "</publish-options>"

#define IN_FLIGHT_MAX 64

struct fetching {
  uint64_t next, answered; /* of the hub: bundles */
  unsigned int tries;
  uint64_t asked_us[IN_FLIGHT_MAX];
};

/* 33 bytes as base64; the signature has 64. */
static void
cat_key(stralloc *out, char const *name, unsigned int id)
{
  char text[256];

  snprintf(text, sizeof text,
           "<%s preKeyId='%u'>BQkz5vXpn3aG1y0mC8qk2dJr7sWtYhLbUoPiVeNcXfA4</%s>", name,
           id, name);
  xml_cat(out, text);
}

static void
publish(struct client *c)
{
  stralloc out = STRALLOC_ZERO;
  unsigned int i;

  xml_cat(&out,
          "<iq type='set' id='publish'><pubsub xmlns='" NS_PUBSUB "'><publish node='" NODE
          "'><item id='current'><bundle xmlns='" NS_OMEMO "'>");
  cat_key(&out, "signedPreKeyPublic", 1);
  xml_cat(&out, "<signedPreKeySignature>"
                "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNF"
                "Z4mrze8BI0VniQ==</signedPreKeySignature>");
  cat_key(&out, "identityKey", 1);
  xml_cat(&out, "<prekeys>");
  for (i = 1; i <= KEYS; i++)
    cat_key(&out, "preKeyPublic", i);
  xml_cat(&out, "</prekeys></bundle></item></publish>" OPTIONS "</pubsub></iq>");
  client_write(c, out.s, out.len);
  stralloc_free(&out);
}

static bool
check(void)
{
  return opt.window <= IN_FLIGHT_MAX;
}

static void
prepare(struct client *c)
{
  client_write_str(c, "<presence/>");
  publish(c);
}

static void
ask_next(struct client *c)
{
  struct fetching *own = c->own;
  char jid[256], text[512];

  own->asked_us[own->next % IN_FLIGHT_MAX] = door_now();
  load_jid(c->n + 1 + own->next++ % opt.contacts, jid);
  snprintf(text, sizeof text,
           "<iq type='get' id='fetch' to='%s'><pubsub xmlns='" NS_PUBSUB
           "'><items node='" NODE "'/></pubsub></iq>",
           jid);
  client_write_str(c, text);
  fig->sent++;
  fig->expected++;
}

static void
stanza(struct client *c, struct xml_node const *e)
{
  struct fetching *own = c->own;

  if (people_asks_again(e, "publish", &own->tries))
    publish(c);
  else if (people_is_answer(c, e, "publish"))
    load_ready(c);
  if (!people_is_answer(c, e, "fetch")) return;
  fig->received++;
  figures_latency(door_now() - own->asked_us[own->answered++ % IN_FLIGHT_MAX]);
  if (load_is_measuring())
    ask_next(c);
  else
    load_look();
}

static void
begin(void)
{
  uint64_t i, k;

  for (i = 0; i < opt.sessions; i += people_group()) {
    struct client *c = load_client(opt.first + i);
    for (k = 0; k < opt.window; k++)
      ask_next(c);
    client_flush(c);
  }
}

struct load_kind const omemo_fetch_load = {.name = "omemo-fetch",
                                           .each = sizeof(struct fetching),
                                           .is_silent = true,
                                           .check = check,
                                           .group = people_group,
                                           .prepare = prepare,
                                           .begin = begin,
                                           .stanza = stanza};
