#include "pubsub/internal.h"

#include <errno.h>

struct writing {
  struct arena a;
  stralloc *out;
  bool ok;
};

/* An item that is no room, or whose id is none, is left out. */
static bool
write_room(void *cookie, struct pubsub_item const *it)
{
  struct writing *w = cookie;
  enum xml_error why = XML_OK;
  struct xml_node const *e = xml_parse(&w->a, it->payload, "", &why);
  struct bookmark b;

  if (e && bookmark_read(&w->a, it->id, e, &b))
    w->ok = bookmark_cat_old(w->out, &b);
  else
    w->ok = e ? errno != ENOMEM : why != XML_NO_MEMORY;
  arena_reset(&w->a);
  return w->ok;
}

bool
pubsub_cat_bookmarks(struct pubsub *p, uint64_t owner, stralloc *out)
{
  struct writing w = {ARENA_ZERO, out, true};
  struct pubsub_node n;
  bool ok;

  if (!pubsub_node_find(p, owner, SLICE(NS_BOOKMARKS), &n)) return errno == ENOENT;
  ok = pubsub_items(p, &n, 0, write_room, &w) && w.ok;
  arena_wipe(&w.a);
  return ok;
}

bool
pubsub_avatar(struct pubsub *p, struct arena *a, uint64_t owner, struct avatar_info *info,
              struct slice *data, bool *made)
{
  struct pubsub_node n;
  struct pubsub_item it;
  struct xml_node const *e;
  enum xml_error why;

  *made = pubsub_node_find(p, owner, SLICE(NS_AVATAR_METADATA), &n);
  if (!*made || !pubsub_item_newest(p, &n, &it)) return false;
  e = xml_parse(a, arena_copy(a, it.payload), "", &why);
  errno = ENOENT;
  if (!e || !xml_is(e, NS_AVATAR_METADATA, "metadata") || !avatar_read(e, info))
    return false;
  if (!pubsub_node_find(p, owner, SLICE(NS_AVATAR_DATA), &n) ||
      !pubsub_item_get(p, &n, info->id, &it))
    return false;
  *data = it.payload;
  return true;
}
