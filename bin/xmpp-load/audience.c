#include "people.h"

#include <stdio.h>

static void (*publish)(struct client *hub, char const *text);

uint64_t
people_group(void)
{
  return opt.contacts + 1;
}

struct client *
people_hub(struct client const *c)
{
  return load_client(c->n - (c->n - opt.first) % people_group());
}

bool
people_is_hub(struct client const *c)
{
  return (c->n - opt.first) % people_group() == 0;
}

static void
publish_next(struct client *hub)
{
  struct audience *own = hub->own;
  char text[64];

  snprintf(text, sizeof text, "%llu %llu", (unsigned long long)own->channel.next_out++,
           (unsigned long long)door_wall());
  publish(hub, text);
  own->in_flight += opt.contacts;
  fig->sent++;
  fig->expected += opt.contacts;
}

static void
arrived(struct client *c, uint64_t n, uint64_t us)
{
  struct client *hub = people_hub(c);
  struct audience *own = c->own, *of = hub->own;

  figures_arrived(&own->channel, n, us);
  if (of->in_flight) of->in_flight--;
  if (load_is_measuring() && !opt.rate && hub->state == C_ONLINE &&
      of->in_flight <= opt.contacts * (opt.window - 1)) {
    publish_next(hub);
    client_flush(hub);
  }
  load_look();
}

void
audience_arrived(struct client *c, struct slice text)
{
  struct slice number;
  uint64_t n, us;

  if (people_is_hub(c) || !slice_word(&text, ' ', &number)) return;
  if (slice_u64(number, &n) && slice_u64(text, &us)) arrived(c, n, us);
}

static void
in_turn(void)
{
  static uint64_t turn;
  struct client *c = load_client(opt.first + turn++ * people_group() % opt.sessions);

  if (c->state != C_ONLINE) return;
  publish_next(c);
  client_flush(c);
}

void
audience_begin(void (*how)(struct client *hub, char const *text))
{
  uint64_t i, k;

  publish = how;
  if (opt.rate) {
    load_at_rate(in_turn);
    return;
  }
  for (i = 0; i < opt.sessions; i += people_group()) {
    struct client *c = load_client(opt.first + i);
    for (k = 0; k < opt.window; k++)
      publish_next(c);
    client_flush(c);
  }
}
