#include "xep0398_picture.h"

#include <stdlib.h>

/* XEP-0398 s4: the hash of the account's picture is in directed presence too, such as that with which a
 * client enters a room. xmpp-userd puts it into the presence of contacts, and tells it here for each
 * session of an account that has a picture, as soon as the session asks for its roster or shows presence.
 * Directed presence cannot wait for xmpp-userd: what the client says behind it would overtake it. */

#define NS_UPDATE "vcard-temp:x:update"

void
picture_told(struct link *l, struct record *r)
{
  struct stream *s = stream_find(record_u64(r, 1));

  (void)l;
  if (!s) return;
  free(s->session.picture);
  s->session.picture = slice_dup(record_get(r, 2));
}

static bool
is_update(struct xml_node const *e)
{
  return xml_is(e, NS_UPDATE, "x");
}

/* Say whether the client says that it has no picture: such a stanza stays as it is. */
static bool
wants_none(struct xml_node const *e)
{
  struct xml_node const *x = xml_child(e, NS_UPDATE, "x");
  struct xml_node const *photo = x ? xml_child(x, NS_UPDATE, "photo") : NULL;

  return photo && !xml_text(edge_arena(), photo).len;
}

void
picture_put(struct stream const *s, struct edge_stanza *st)
{
  static stralloc sa = STRALLOC_ZERO;

  if (!s->session.picture || !slice_is(st->kind, "presence") || st->type.len ||
      !st->to.full.len || wants_none(st->e))
    return;
  sa.len = 0;
  if (!xml_cat(&sa, "<x xmlns='" NS_UPDATE "'><photo>") ||
      !xml_cat_text(&sa, slice_str(s->session.picture)) || !xml_cat(&sa, "</photo></x>"))
    return;
  st->child = slice_of(sa.s, sa.len);
  st->lacks = is_update;
}
