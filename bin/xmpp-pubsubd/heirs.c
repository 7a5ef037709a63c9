#include "pubsubd.h"

#include <errno.h>
#include <string.h>

/* A node of a service outlives the account that has created it when somebody else owns it. The node must
 * not count for the name, nor ask the roster of the name, which somebody else may register: it counts
 * for another owner from then on, one with an account here before others, or else for the service.
 *
 * An owner is not asked for that, so nodes come to an owner only up to a part of its limits
 * (room_for_heir).
 *
 * The nodes that a name has created stand nowhere; all nodes of a service are looked at, in steps, if
 * there is one among them. */

#define LOOKED_AT 500u
#define HANDED 32u

struct walk {
  struct slice bare, last; /* last: the name of the node that was looked at last */
  uint64_t nodes[HANDED];
  size_t n, looked;
};

static bool
note_created(void *cookie, struct pubsub_node const *n)
{
  struct walk *w = cookie;

  if (w->n == HANDED || w->looked++ == LOOKED_AT) {
    w->looked = LOOKED_AT + 1;
    return false;
  }
  w->last = n->name;
  if (slice_eq(n->creator, w->bare)) w->nodes[w->n++] = n->node;
  return true;
}

struct heir {
  struct pubsub_node const *n;
  struct slice found;
};

static bool
is_heir(void *cookie, struct slice bare, enum pubsub_affiliation a)
{
  struct heir *h = cookie;
  bool here;

  if (a != PUBSUB_OWNER || slice_eq(bare, h->n->creator)) return true;
  here = pubsubd_number(bare) != 0;
  if ((h->found.len && !here) || !room_for_heir(h->n, bare)) return true;
  h->found = bare;
  return !here;
}

static bool
hand(struct arena *a, uint64_t node)
{
  struct pubsub_node n;
  struct heir h = {.n = &n};
  struct slice creator;

  if (!pubsub_node_get(pubsubd.pubsub, node, &n) || !pubsub_node_keep(a, &n) ||
      !pubsub_affs(pubsubd.pubsub, node, is_heir, &h) ||
      (!h.found.len && !pubsub_service_domain(pubsubd.pubsub, n.owner, &h.found)))
    return false;
  creator = arena_copy(a, h.found);
  return creator.s && pubsub_node_hand(pubsubd.pubsub, &n, creator);
}

static void
hand_all(struct walk const *w)
{
  struct arena arena = ARENA_ZERO;
  bool ok = true;
  size_t i;

  for (i = 0; ok && i < w->n; i++) {
    ok = hand(&arena, w->nodes[i]);
    arena_reset(&arena);
  }
  if (!ok)
    log_event(LOG_WARN, "pubsub-failed", "what", "hand nodes to their other owners",
              "why", strerror(errno), NULL);
  arena_wipe(&arena);
}

bool
heirs_take(struct slice bare, struct heirs_place *at)
{
  struct walk w = {.bare = bare};
  uint64_t owner;

  if (!pubsub_creator_at(pubsubd.pubsub, bare, at->owner, &owner)) return errno == ENOENT;
  if (owner != at->owner) at->name_len = 0;
  at->owner = owner;
  if (!pubsub_nodes(pubsubd.pubsub, owner, slice_of(at->name, at->name_len), note_created,
                    &w))
    return false;
  at->name_len = w.last.len;
  memcpy(at->name, w.last.s, w.last.len);
  hand_all(&w);
  if (w.looked > LOOKED_AT) return false;
  at->owner++;
  at->name_len = 0;
  return !pubsub_creator_at(pubsubd.pubsub, bare, at->owner, &owner) && errno == ENOENT;
}
