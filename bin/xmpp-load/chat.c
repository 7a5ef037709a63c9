#include "load.h"

#include <stdio.h>
#include <string.h>

/* Pairs that send to each other, or one hub that talks with all others. A message's body is
 * NUMBER MICROSECONDS and padding up to its size. */

struct chatter {
  struct channel with_partner;
  struct channel of_hub; /* the hub's side with this one */
};

static uint64_t
pair(void)
{
  return opt.hub ? opt.sessions : 2;
}

static bool
is_hub(struct client const *c)
{
  return opt.hub && c->n == opt.first;
}

static struct client *
partner_of(struct client const *c)
{
  return load_client(opt.hub ? opt.first : opt.first + ((c->n - opt.first) ^ 1));
}

static void
send_to(struct client *c, struct client const *to, struct channel *ch)
{
  char text[1024], body[512], jid[256];
  int n, head, size;

  if (opt.units && fig->sent >= opt.units) return;
  load_jid(to->n, jid);
  head = snprintf(body, sizeof body, "%llu %llu ", (unsigned long long)ch->next_out,
                  (unsigned long long)door_wall());
  size = (int)opt.size < head ? head : (int)opt.size;
  memset(body + head, 'x', (size_t)(size - head));
  n = snprintf(text, sizeof text,
               "<message to='%s/load' type='chat' id='m%llu'><body>%.*s</body></message>",
               jid, (unsigned long long)ch->next_out, size, body);
  client_write(c, text, (size_t)n);
  ch->next_out++;
  fig->sent++;
  fig->expected++;
  if (fig->sent == opt.units) load_enough();
}

static void
send_one(struct client *c)
{
  struct chatter *own = c->own;

  send_to(c, partner_of(c), &own->with_partner);
}

/* Find the client that sent the hub's message e, by the from USERn@DOMAIN/load. */
static struct client *
sender(struct xml_node const *e)
{
  struct slice from = xml_attr(e, "from"), name;
  size_t skip = strlen(opt.user);
  uint64_t n;

  if (!slice_word(&from, '@', &name) || name.len <= skip) return NULL;
  if (!slice_u64(slice_of(name.s + skip, name.len - skip), &n)) return NULL;
  return load_client(n);
}

/* Say whether c is one of those who send: -o way=out those here, in those of the peer. */
static bool
sends(struct client const *c)
{
  char const *way = setting("way", "both");
  bool here = (c->n - opt.first) % 2 == 0;

  return *way == 'b' || (*way == 'o') == here;
}

/* With a window: an answer to what arrives, or, one way, the next from there; a partner's message
 * stands for one of ours that was taken. */
static void
arrived(struct client *c, struct xml_node const *e, uint64_t n, uint64_t us)
{
  struct client *other = is_hub(c) ? sender(e) : c;
  struct chatter *own;
  struct channel *ch;

  if (!other) return;
  own = other->own;
  ch = is_hub(c) ? &own->of_hub : &own->with_partner;
  figures_arrived(ch, n, us);
  if (load_is_measuring() && !opt.rate) {
    if (is_hub(c))
      send_to(c, other, ch);
    else if (sends(c))
      send_one(c);
    else {
      send_one(partner_of(c));
      client_flush(partner_of(c));
    }
  }
  load_look();
}

static void
stanza(struct client *c, struct xml_node const *e)
{
  struct xml_node const *body = xml_child(e, "jabber:client", "body");
  struct arena a = ARENA_ZERO;
  struct slice text, number, when;
  uint64_t n, us;

  if (body && slice_is(e->name, "message") && !slice_is(xml_attr(e, "type"), "error")) {
    text = xml_text(&a, body);
    if (slice_word(&text, ' ', &number) && slice_word(&text, ' ', &when) &&
        slice_u64(number, &n) && slice_u64(when, &us))
      arrived(c, e, n, us);
  }
  arena_wipe(&a);
}

/* Each in turn; the hub only answers. */
static void
send_next(void)
{
  static uint64_t turn;
  struct client *c = load_client(opt.first + turn++ % opt.sessions);

  if (c->state != C_ONLINE || is_hub(c) || !sends(c)) return;
  send_one(c);
  client_flush(c);
}

static void
begin(void)
{
  uint64_t i, k;

  if (opt.rate) {
    load_at_rate(send_next);
    return;
  }
  for (i = opt.hub; i < opt.sessions; i++) {
    struct client *c = load_client(opt.first + i);
    for (k = 0; k < opt.window && sends(c); k++)
      send_one(c);
    client_flush(c);
  }
}

struct load_kind const chat_load = {.name = "chat",
                                    .settings = "peer peer-port way",
                                    .each = sizeof(struct chatter),
                                    .group = pair,
                                    .begin = begin,
                                    .stanza = stanza};
