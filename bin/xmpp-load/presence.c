#include "people.h"

#include <stdio.h>
#include <string.h>

/* Fan-out: of each group the first publishes, and the others, who have a subscription to its
 * presence (RFC 6121 s3), count what arrives. A status is NUMBER MICROSECONDS. */

#define NS_ROSTER "jabber:iq:roster"

/* ---- the subscription, made when it lacks ---- */

static void
prepare(struct client *c)
{
  if (people_is_hub(c))
    load_ready(c);
  else
    client_write_str(c, "<iq type='get' id='roster'><query xmlns='" NS_ROSTER "'/></iq>");
}

static bool
has_subscription(struct xml_node const *query, char const *jid)
{
  struct xml_node const *item = NULL;
  struct slice s;

  while (query && (item = xml_next(query, item))) {
    s = xml_attr(item, "subscription");
    if (slice_is(xml_attr(item, "jid"), jid) &&
        (slice_is(s, "to") || slice_is(s, "both")))
      return true;
  }
  return false;
}

static void
subscription_of(struct client *c, char const *to, char const *type)
{
  char text[512];
  int n = snprintf(text, sizeof text, "<presence to='%s' type='%s'/>", to, type);

  client_write(c, text, (size_t)n);
}

static void
on_iq(struct client *c, struct xml_node const *e)
{
  char jid[256];

  if (!slice_is(xml_attr(e, "id"), "roster")) return;
  load_jid(people_hub(c)->n, jid);
  if (!has_subscription(xml_child(e, NS_ROSTER, "query"), jid))
    subscription_of(c, jid, "subscribe");
}

static void
approve(struct client *c, struct slice from)
{
  char jid[256];

  snprintf(jid, sizeof jid, "%.*s", (int)from.len, from.s);
  subscription_of(c, jid, "subscribed");
}

/* ---- measured ---- */

static void
publish(struct client *c, char const *status)
{
  char text[128];
  int n = snprintf(text, sizeof text, "<presence><status>%s</status></presence>", status);

  client_write(c, text, (size_t)n);
}

static bool
is_from_publisher(struct client *c, struct slice from)
{
  struct slice bare;
  char jid[256];

  load_jid(people_hub(c)->n, jid);
  return slice_word(&from, '/', &bare) && slice_is(bare, jid);
}

/* The publisher's first presence shows that the contact has the subscription. */
static void
on_presence(struct client *c, struct xml_node const *e)
{
  struct xml_node const *status = xml_child(e, "jabber:client", "status");
  struct slice type = xml_attr(e, "type");
  struct arena a = ARENA_ZERO;

  if (slice_is(type, "subscribe")) approve(c, xml_attr(e, "from"));
  if (type.len || !is_from_publisher(c, xml_attr(e, "from"))) return;
  load_ready(c);
  if (status) audience_arrived(c, xml_text(&a, status));
  arena_wipe(&a);
}

static void
stanza(struct client *c, struct xml_node const *e)
{
  if (slice_is(e->name, "presence"))
    on_presence(c, e);
  else if (slice_is(e->name, "iq"))
    on_iq(c, e);
}

static void
begin(void)
{
  audience_begin(publish);
}

struct load_kind const presence_load = {.name = "presence",
                                        .each = sizeof(struct audience),
                                        .group = people_group,
                                        .prepare = prepare,
                                        .begin = begin,
                                        .stanza = stanza};
