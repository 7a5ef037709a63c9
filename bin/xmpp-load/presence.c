#include "load.h"

#include <stdio.h>
#include <string.h>

/* Fan-out: of each group the first publishes, and the others, who have a subscription to its
 * presence (RFC 6121 s3), count what arrives. A status is NUMBER MICROSECONDS. */

#define NS_ROSTER "jabber:iq:roster"

struct audience {
  struct channel channel; /* from its publisher */
  uint64_t in_flight;     /* a publisher's deliveries that are under way */
};

static uint64_t
group(void)
{
  return opt.contacts + 1;
}

static struct client *
publisher_of(struct client const *c)
{
  return load_client(c->n - (c->n - opt.first) % group());
}

/* ---- the subscription, made when it lacks ---- */

static void
prepare(struct client *c)
{
  if (publisher_of(c) == c)
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
  load_jid(publisher_of(c)->n, jid);
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
publish(struct client *c)
{
  struct audience *own = c->own;
  char text[256];
  int n = snprintf(text, sizeof text, "<presence><status>%llu %llu</status></presence>",
                   (unsigned long long)own->channel.next_out++,
                   (unsigned long long)door_wall());

  client_write(c, text, (size_t)n);
  own->in_flight += opt.contacts;
  fig->sent++;
  fig->expected += opt.contacts;
}

static void
arrived(struct client *c, uint64_t n, uint64_t us)
{
  struct client *p = publisher_of(c);
  struct audience *own = c->own, *of = p->own;

  if (p == c) return;
  figures_arrived(&own->channel, n, us);
  if (of->in_flight) of->in_flight--;
  if (load_is_measuring() && !opt.rate && p->state == C_ONLINE &&
      of->in_flight <= opt.contacts * (opt.window - 1)) {
    publish(p);
    client_flush(p);
  }
  load_look();
}

static bool
is_from_publisher(struct client *c, struct slice from)
{
  struct slice bare;
  char jid[256];

  load_jid(publisher_of(c)->n, jid);
  return slice_word(&from, '/', &bare) && slice_is(bare, jid);
}

/* The publisher's first presence shows that the contact has the subscription. */
static void
on_presence(struct client *c, struct xml_node const *e)
{
  struct xml_node const *status = xml_child(e, "jabber:client", "status");
  struct slice type = xml_attr(e, "type"), text, number;
  struct arena a = ARENA_ZERO;
  uint64_t n, us;

  if (slice_is(type, "subscribe")) approve(c, xml_attr(e, "from"));
  if (type.len || !is_from_publisher(c, xml_attr(e, "from"))) return;
  load_ready(c);
  if (status) {
    text = xml_text(&a, status);
    if (slice_word(&text, ' ', &number) && slice_u64(number, &n) && slice_u64(text, &us))
      arrived(c, n, us);
  }
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
publish_next(void)
{
  static uint64_t turn;
  struct client *c = load_client(opt.first + turn++ * group() % opt.sessions);

  if (c->state != C_ONLINE) return;
  publish(c);
  client_flush(c);
}

static void
begin(void)
{
  uint64_t i, k;

  if (opt.rate) {
    load_at_rate(publish_next);
    return;
  }
  for (i = 0; i < opt.sessions; i += group()) {
    struct client *c = load_client(opt.first + i);
    for (k = 0; k < opt.window; k++)
      publish(c);
    client_flush(c);
  }
}

struct load_kind const presence_load = {.name = "presence",
                                        .each = sizeof(struct audience),
                                        .group = group,
                                        .prepare = prepare,
                                        .begin = begin,
                                        .stanza = stanza};
