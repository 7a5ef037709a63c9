#include "nodes.h"

#include <errno.h>

/* Bookmarks in private XML (XEP-0048, XEP-0049) are those of the account's node (XEP-0402,
 * XEP-0411): what a client asks for is written from the node, and what it sets goes there. Private
 * XML keeps what is no room. */

#define NS_CLIENT "jabber:client"
#define MERGE "tabber-merge" /* xmpp-pubsubd adds the rooms, and changes none */

static bool
is_room(struct xml_node const *e)
{
  struct arena a = ARENA_ZERO;
  struct bookmark b;
  bool ok = bookmark_read_old(&a, e, &b);

  arena_wipe(&a);
  return ok;
}

static bool
cat_open(stralloc *out)
{
  return xml_cat(out, "<storage xmlns='" NS_BOOKMARKS_OLD "'>");
}

bool
bookmarks_split(struct xml_node const *storage, stralloc *rest, stralloc *rooms)
{
  struct xml_node const *c;
  bool ok = cat_open(rest) && cat_open(rooms);

  for (c = xml_next(storage, NULL); c && ok; c = xml_next(storage, c))
    ok = xml_cat_tree(is_room(c) ? rooms : rest, c, NS_BOOKMARKS_OLD);
  return ok && xml_cat(rest, "</storage>") && xml_cat(rooms, "</storage>");
}

/* The stored element as a tree in arena a. NULL with errno ENOENT: there is none. */
static struct xml_node const *
stored(struct arena *a, uint64_t number)
{
  struct slice text;
  enum xml_error why;

  if (!profile_private_get(userd.profile, number, SLICE(NS_BOOKMARKS_OLD),
                           SLICE("storage"), &text))
    return NULL;
  errno = ENOENT;
  return xml_parse(a, arena_copy(a, text), NS_CLIENT, &why);
}

static bool
cat_rest(uint64_t number, stralloc *out)
{
  struct arena a = ARENA_ZERO;
  struct xml_node const *e = stored(&a, number), *c;
  bool ok = e || errno == ENOENT;

  for (c = e ? xml_next(e, NULL) : NULL; c && ok; c = xml_next(e, c))
    if (!is_room(c)) ok = xml_cat_tree(out, c, NS_BOOKMARKS_OLD);
  arena_wipe(&a);
  return ok;
}

bool
bookmarks_cat(uint64_t number, stralloc *out)
{
  struct pubsub *p = nodes_reader();

  return cat_open(out) && (!p || pubsub_cat_bookmarks(p, number, out)) &&
         cat_rest(number, out) && xml_cat(out, "</storage>");
}

/* The node has the rooms: private XML has the rest, and what else the request sets. */
void
bookmarks_go_on(struct node_task *t, enum stanza_error const *why, struct slice text)
{
  struct xml_node const *e = why ? NULL : node_payload(t);
  enum stanza_error error = ERR_RESOURCE_CONSTRAINT;
  struct slice say = SLICE("");

  if (why)
    node_refuse(t, *why, text);
  else if (e && xep0049_store(&t->arena, t->account, t->number, e, &error, &say))
    node_done(t);
  else
    node_refuse(t, error, say);
}

/* ---- rooms of before ---- */

static bool
has_room(struct xml_node const *storage)
{
  struct xml_node const *c;

  for (c = xml_next(storage, NULL); c; c = xml_next(storage, c))
    if (is_room(c)) return true;
  return false;
}

/* The node has them: private XML loses them. */
void
bookmarks_merged(struct node_task *t, enum stanza_error const *why, struct slice text)
{
  struct xml_node const *e = why ? NULL : stored(&t->arena, t->number);
  stralloc rest = STRALLOC_ZERO, rooms = STRALLOC_ZERO;

  if (why)
    log_event(LOG_WARN, "bookmarks-not-merged", "account", log_text(t->account), "why",
              text.len ? log_text(text) : stanza_error_name(*why), NULL);
  else if (e && bookmarks_split(e, &rest, &rooms) && !store_is_full(userd.store))
    profile_private_put(userd.profile, t->number, SLICE(NS_BOOKMARKS_OLD),
                        SLICE("storage"), slice_of(rest.s, rest.len));
  stralloc_free(&rest);
  stralloc_free(&rooms);
  node_done(t);
}

static void
publish_merge(struct slice bare, uint64_t number, struct xml_node const *e)
{
  stralloc rest = STRALLOC_ZERO, rooms = STRALLOC_ZERO;
  struct node_task *t = NULL;

  if (bookmarks_split(e, &rest, &rooms)) t = node_begin(NULL, bare, number);
  if (t)
    node_publish(t, NS_BOOKMARKS_OLD, SLICE(MERGE), slice_of(rooms.s, rooms.len), false,
                 bookmarks_merged);
  stralloc_free(&rest);
  stralloc_free(&rooms);
}

void
bookmarks_merge(struct slice bare)
{
  struct arena a = ARENA_ZERO;
  struct xml_node const *e;
  uint64_t number;

  if (!nodes_has(jid_cut(bare).domain, "mod_private")) return;
  number = userd_number(bare);
  e = number ? stored(&a, number) : NULL;
  if (e && has_room(e)) publish_merge(bare, number, e);
  arena_wipe(&a);
}
