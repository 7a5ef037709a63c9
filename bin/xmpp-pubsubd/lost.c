#include "pep.h"

/* Explicit subscriptions end when their subscribers may read the node no more (XEP-0060 s8.9.2.4):
 * at once when userd tells of a change, else when all nodes are looked at, behind a restart. */

#define LOST_OWNERS_A_TICK 50u
#define LOST_TICK_US 100000u

static struct event_timer timer;
static uint64_t looked_at; /* the account */

static bool
take(struct request *q, struct arena *a, uint64_t node)
{
  if (!node_request(q, a, node)) return false;
  return config_is(&q->c, CONFIG_ACCESS, "presence") ||
         config_is(&q->c, CONFIG_ACCESS, "roster");
}

static bool
note_node(void *cookie, uint64_t owner, uint64_t node)
{
  (void)owner;
  return stralloc_catb(cookie, (char const *)&node, sizeof node);
}

static void
look_at(stralloc const *nodes)
{
  struct arena arena = ARENA_ZERO;
  uint64_t node;
  size_t at;

  for (at = 0; at + sizeof node <= nodes->len; at += sizeof node) {
    struct request q = {.pep = true};
    memcpy(&node, nodes->s + at, sizeof node);
    if (take(&q, &arena, node)) end_lost_subscriptions(&q, SLICE(""));
    arena_reset(&arena);
  }
  arena_wipe(&arena);
}

void
lost_look(struct slice account, struct slice contact)
{
  stralloc nodes = STRALLOC_ZERO;
  uint64_t number = pubsubd_number(account);

  if (number && !store_is_full(pubsubd.store) &&
      pubsub_of(pubsubd.pubsub, contact, number, PUBSUB_OF_SUBSCRIPTION, note_node,
                &nodes))
    look_at(&nodes);
  stralloc_free(&nodes);
}

static bool
note_node_of(void *cookie, struct pubsub_node const *n)
{
  return note_node(cookie, n->owner, n->node);
}

static void
on_time(void *cookie)
{
  stralloc nodes = STRALLOC_ZERO;
  unsigned int n = 0;
  bool more = true;

  (void)cookie;
  pubsubd_readers();
  while (n++ < LOST_OWNERS_A_TICK && more && !store_is_full(pubsubd.store)) {
    more = pubsub_next(pubsubd.pubsub, looked_at, &looked_at) &&
           pubsub_nodes(pubsubd.pubsub, looked_at, SLICE(""), note_node_of, &nodes);
    if (more) look_at(&nodes);
    nodes.len = 0;
  }
  stralloc_free(&nodes);
  if (more) event_timer_start(&timer, door_now() + LOST_TICK_US, on_time, NULL);
}

void
lost_look_at_all(void)
{
  looked_at = 0;
  event_timer_start(&timer, door_now() + LOST_TICK_US, on_time, NULL);
}

void
lost_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "lost", true)) return;
  snapshot_timer(k, &timer, on_time, NULL);
  SNAPSHOT_INT(k, looked_at);
}
