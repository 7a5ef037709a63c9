#include "pep.h"

#include "convert/convert.h"

/* The picture that the presence of an account shows (XEP-0398 s4, XEP-0153): the one of which the
 * node of metadata tells last, if its data is there and anybody may read it. xmpp-userd, which
 * sends the presence, is told of it whenever one of the two nodes has changed. */

static bool tells; /* routed has said that somebody watches */

void
avatars_watch(struct link *l, struct record *r)
{
  (void)l;
  if (slice_is(record_get(r, 1), "avatars")) tells = true;
}

void
avatars_end(void)
{
  tells = false;
}

bool
avatars_converts(struct slice host)
{
  return pubsubd_has_pep(host) &&
         settings_has(pubsubd.settings, "module", host, "mod_avatar");
}

static bool
is_open(struct slice host, struct pubsub_node const *n)
{
  struct config c;

  config_of(&c, host, n->type, n->name, n->fields);
  return config_is(&c, CONFIG_ACCESS, "open");
}

/* The id of the picture, in arena a; empty: there is none that anybody may see. */
static struct slice
shown_id(struct arena *a, struct slice host, uint64_t owner)
{
  struct pubsub_node n;
  struct avatar_info info;
  struct slice data;
  bool made;

  if (!pubsub_avatar(pubsubd.pubsub, a, owner, &info, &data, &made) ||
      !pubsub_node_find(pubsubd.pubsub, owner, SLICE(NS_AVATAR_DATA), &n) ||
      !is_open(host, &n))
    return SLICE("");
  return info.id;
}

void
avatars_changed(struct request const *q)
{
  struct link *routed = tells ? link_find(ROUTED) : NULL;
  struct arena arena = ARENA_ZERO;

  if (!routed || !q->pep || !avatars_converts(q->host)) return;
  link_begin(routed, VERB_AVATAR);
  link_text(routed, q->self);
  link_text(routed, shown_id(&arena, q->host, q->owner));
  link_end(routed);
  arena_wipe(&arena);
}

void
avatars_snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "avatars", true)) SNAPSHOT_INT(k, tells);
}
