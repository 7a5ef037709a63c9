#include "people.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <string.h>

#define NS_ROSTER "jabber:iq:roster"
#define NS_CAPS "http://jabber.org/protocol/caps"
#define NS_INFO "http://jabber.org/protocol/disco#info"
#define TRIES 200
#define CLIENT "urn:example:load"

void
people_node(unsigned int n, char text[64])
{
  snprintf(text, 64, CLIENT ":%03u", n);
}

/* ---- capabilities ---- */

/* XEP-0115 s5.1; the features are sorted by octets, as they stand here. */
static void
cat_features(stralloc *out, unsigned int wanted, char const *before, char const *after)
{
  static char const *const always[] = {NS_CAPS, NS_INFO};
  char node[64];
  unsigned int i;

  for (i = 0; i < 2; i++) {
    xml_cat(out, before);
    xml_cat(out, always[i]);
    xml_cat(out, after);
  }
  for (i = 1; i <= wanted; i++) {
    people_node(i, node);
    xml_cat(out, before);
    xml_cat(out, node);
    xml_cat(out, "+notify");
    xml_cat(out, after);
  }
}

static struct slice
ver_of(struct arena *a, unsigned int wanted)
{
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int len = 0;
  stralloc text = STRALLOC_ZERO;
  struct slice ver;

  xml_cat(&text, "client/pc//load<");
  cat_features(&text, wanted, "", "<");
  EVP_Digest(text.s, text.len, digest, &len, EVP_sha1(), NULL);
  ver = scram_encode(a, slice_of((char const *)digest, len));
  stralloc_free(&text);
  return ver;
}

void
people_show(struct client *c, unsigned int wanted)
{
  struct arena a = ARENA_ZERO;
  struct slice ver = ver_of(&a, wanted);
  char text[256];
  int n = snprintf(text, sizeof text,
                   "<presence><c xmlns='" NS_CAPS "' hash='sha-1' node='" CLIENT
                   "' ver='%.*s'/></presence>",
                   (int)ver.len, ver.s);

  client_write(c, text, (size_t)n);
  arena_wipe(&a);
}

bool
people_answer(struct client *c, struct xml_node const *iq, unsigned int wanted)
{
  struct xml_node const *query = xml_child(iq, NS_INFO, "query");
  stralloc out = STRALLOC_ZERO;

  if (!query || !slice_is(xml_attr(iq, "type"), "get")) return false;
  xml_cat(&out, "<iq type='result'");
  xml_cat_attr(&out, "id", xml_attr(iq, "id"));
  if (xml_attr(iq, "from").len) xml_cat_attr(&out, "to", xml_attr(iq, "from"));
  xml_cat(&out, "><query xmlns='" NS_INFO "'");
  if (xml_attr(query, "node").len) xml_cat_attr(&out, "node", xml_attr(query, "node"));
  xml_cat(&out, "><identity category='client' type='pc' name='load'/>");
  cat_features(&out, wanted, "<feature var='", "'/>");
  xml_cat(&out, "</query></iq>");
  client_write(c, out.s, out.len);
  stralloc_free(&out);
  return true;
}

/* ---- subscriptions, made when they lack ---- */

void
people_meet(struct client *c, unsigned int wanted)
{
  people_show(c, wanted);
  if (!people_is_hub(c))
    client_write_str(c, "<iq type='get' id='roster'><query xmlns='" NS_ROSTER "'/></iq>");
}

static void
presence_to(struct client *c, struct slice to, char const *type)
{
  stralloc out = STRALLOC_ZERO;

  xml_cat(&out, "<presence");
  xml_cat_attr(&out, "to", to);
  xml_cat_attr(&out, "type", slice_str(type));
  xml_cat(&out, "/>");
  client_write(c, out.s, out.len);
  stralloc_free(&out);
}

static bool
has_both(struct xml_node const *query, char const *jid)
{
  struct xml_node const *item = NULL;

  while (query && (item = xml_next(query, item)))
    if (slice_is(xml_attr(item, "jid"), jid))
      return slice_is(xml_attr(item, "subscription"), "both");
  return false;
}

static void
on_roster(struct client *c, struct meeting *m, struct xml_node const *iq)
{
  char hub[256];

  load_jid(people_hub(c)->n, hub);
  m->is_approved = has_both(xml_child(iq, NS_ROSTER, "query"), hub);
  if (m->is_approved) return;
  m->is_asked = true;
  presence_to(c, slice_str(hub), "subscribe");
}

static void
approve(struct client *c, struct meeting *m, struct slice from)
{
  presence_to(c, from, "subscribed");
  if (people_is_hub(c)) {
    presence_to(c, from, "subscribe");
    return;
  }
  m->is_approved = true;
}

static bool
is_hub_there(struct client *c, struct xml_node const *e)
{
  struct slice from = xml_attr(e, "from"), bare;
  char hub[256];

  load_jid(people_hub(c)->n, hub);
  return !xml_attr(e, "type").len && slice_word(&from, '/', &bare) && slice_is(bare, hub);
}

/* A client that has just made the subscriptions shows its presence anew: the servers differ in
 * what they send to a client that was there before. */
static bool
has_met(struct client *c, struct meeting *m, unsigned int wanted)
{
  if (!m->is_approved || !m->is_seen || m->is_done) return false;
  m->is_done = true;
  if (m->is_asked) {
    client_write_str(c, "<presence type='unavailable'/>");
    people_show(c, wanted);
  }
  return true;
}

bool
people_met(struct client *c, struct meeting *m, struct xml_node const *e,
           unsigned int wanted)
{
  if (slice_is(e->name, "iq") && slice_is(xml_attr(e, "id"), "roster"))
    on_roster(c, m, e);
  else if (slice_is(e->name, "presence")) {
    if (slice_is(xml_attr(e, "type"), "subscribe")) approve(c, m, xml_attr(e, "from"));
    if (is_hub_there(c, e)) m->is_seen = true;
  }
  return !people_is_hub(c) && has_met(c, m, wanted);
}

/* ---- nodes ---- */

void
people_publish(struct client *c, char const *id, char const *to, char const *node,
               char const *item, char const *payload)
{
  stralloc out = STRALLOC_ZERO;

  xml_cat(&out, "<iq type='set'");
  xml_cat_attr(&out, "id", slice_str(id));
  if (to) xml_cat_attr(&out, "to", slice_str(to));
  xml_cat(&out, "><pubsub xmlns='" NS_PUBSUB "'><publish");
  xml_cat_attr(&out, "node", slice_str(node));
  xml_cat(&out, "><item");
  xml_cat_attr(&out, "id", slice_str(item));
  xml_cat(&out, ">");
  xml_cat(&out, payload);
  xml_cat(&out, "</item></publish></pubsub></iq>");
  client_write(c, out.s, out.len);
  stralloc_free(&out);
}

struct xml_node const *
people_event(struct xml_node const *message, char const *node)
{
  struct xml_node const *e = NULL;

  if (!slice_is(message->name, "message")) return NULL;
  e = xml_child(message, NS_EVENT, "event");
  e = e ? xml_child(e, NS_EVENT, "items") : NULL;
  if (!e || !slice_is(xml_attr(e, "node"), node)) return NULL;
  e = xml_child(e, NS_EVENT, "item");
  return e ? xml_next(e, NULL) : NULL;
}

static void
refused(struct client *c, struct xml_node const *iq, char const *id)
{
  struct xml_node const *error = xml_child(iq, NULL, "error");
  struct xml_node const *condition = error ? xml_next(error, NULL) : NULL;
  struct slice name = condition ? condition->name : slice_str("");

  fig->failed++;
  if (fig->failed < 10)
    fprintf(stderr, "xmpp-load: user %llu: %s: %.*s\n", (unsigned long long)c->n, id,
            (int)name.len, name.s);
}

bool
people_asks_again(struct xml_node const *e, char const *id, unsigned int *tries)
{
  return slice_is(e->name, "iq") && slice_is(xml_attr(e, "id"), id) &&
         slice_is(xml_attr(e, "type"), "error") && ++*tries < TRIES;
}

bool
people_is_answer(struct client *c, struct xml_node const *e, char const *id)
{
  if (!slice_is(e->name, "iq") || !slice_is(xml_attr(e, "id"), id)) return false;
  if (slice_is(xml_attr(e, "type"), "error")) refused(c, e, id);
  return true;
}
