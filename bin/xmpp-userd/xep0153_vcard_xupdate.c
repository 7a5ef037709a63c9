#include "profile.h"

#include <errno.h>
#include <string.h>

/* XEP-0153, as XEP-0398 s4 wants it of servers: the hash of the account's picture is put into
 * its presence, so that clients need not fetch their own vCard to know it. Directed presence does not
 * come here: xmpp-c2sd, which reads it, is told the hash. */

#define NS_UPDATE "vcard-temp:x:update"

/* The x element with the hash; with an empty photo when there is no picture (XEP-0153
 * s4.1). */
static bool
cat_update(stralloc *out, struct slice hash)
{
  char text[2 * PROFILE_HASH];

  if (!xml_cat(out, "<x xmlns='" NS_UPDATE "'>")) return false;
  if (!hash.len) return xml_cat(out, "<photo/></x>");
  hex_put(text, hash.s, PROFILE_HASH);
  return xml_cat(out, "<photo>") && stralloc_catb(out, text, sizeof text) &&
         xml_cat(out, "</photo></x>");
}

/* The name of the element that the text begins with. */
static struct slice
root_name(struct slice xml)
{
  size_t n = 1;

  while (n < xml.len && !strchr(" \t\r\n/>", xml.s[n]))
    n++;
  return slice_of(xml.s + 1, n - 1);
}

/* Make out xml with the x element as the last child of its root. xml is one whole element: it
 * ends with its end tag, or is empty. */
static bool
insert(stralloc *out, struct slice xml, struct slice hash)
{
  struct slice name;
  char const *end;

  out->len = 0;
  if (xml.len < 4 || xml.s[0] != '<' || xml.s[xml.len - 1] != '>') return false;
  name = root_name(xml);
  if (xml.s[xml.len - 2] == '/')
    return stralloc_catb(out, xml.s, xml.len - 2) && xml_cat(out, ">") &&
           cat_update(out, hash) && xml_cat(out, "</") &&
           stralloc_catb(out, name.s, name.len) && xml_cat(out, ">");
  end = memrchr(xml.s, '<', xml.len);
  return stralloc_catb(out, xml.s, (size_t)(end - xml.s)) && cat_update(out, hash) &&
         stralloc_catb(out, end, xml.len - (size_t)(end - xml.s));
}

static bool
is_update(struct xml_node const *e)
{
  return xml_is(e, NS_UPDATE, "x");
}

/* Say whether the client says that it has no picture. */
static bool
wants_none(struct arena *a, struct xml_node const *root)
{
  struct xml_node const *e = xml_child(root, NS_UPDATE, "x");
  struct xml_node const *photo = e ? xml_child(e, NS_UPDATE, "photo") : NULL;

  return photo && !xml_text(a, photo).len;
}

/* Take the client's own x elements out of the tree. */
static void
drop_updates(struct xml_node *root)
{
  struct xml_node **at = &root->first;

  while (*at)
    if (is_update(*at))
      *at = (*at)->next;
    else
      at = &(*at)->next;
}

/* The client has said something of its own: it is replaced. */
static bool
rewrite(struct arena *a, stralloc *out, struct slice xml, struct slice hash)
{
  stralloc rest = STRALLOC_ZERO;
  enum xml_error why;
  struct xml_node *root = xml_parse(a, xml, "jabber:client", &why);
  bool ok;

  if (!root) return false;
  if (wants_none(a, root)) return stralloc_copyb(out, xml.s, xml.len);
  drop_updates(root);
  ok = xml_cat_tree(&rest, root, "jabber:client") &&
       insert(out, slice_of(rest.s, rest.len), hash);
  stralloc_free(&rest);
  return ok;
}

/* Read the hash of the picture of the account bare; it is empty when there is none. false: the store
 * failed (logged). */
static bool
read_hash(struct slice bare, struct slice *hash)
{
  uint64_t number = userd_number(bare);

  *hash = SLICE("");
  return !number || profile_vcard_get(userd.profile, number, NULL, hash) ||
         errno == ENOENT;
}

bool
xep0153_update(struct slice presence_xml, struct slice bare, stralloc *out)
{
  struct arena arena = ARENA_ZERO;
  struct slice hash;
  bool ok;

  if (!read_hash(bare, &hash)) return false;
  if (!memmem(presence_xml.s, presence_xml.len, NS_UPDATE, sizeof NS_UPDATE - 1))
    return insert(out, presence_xml, hash);
  ok = rewrite(&arena, out, presence_xml, hash);
  arena_wipe(&arena);
  return ok;
}

/* ---- directed presence, which passes by (XEP-0398 s4) ---- */

void
xep0153_tell(struct slice full, bool none)
{
  struct link *routed = link_find(ROUTED);
  char text[2 * PROFILE_HASH];
  struct slice hash;

  if (!routed || !read_hash(jid_cut(full).bare, &hash) || (!hash.len && !none)) return;
  if (hash.len) hex_put(text, hash.s, PROFILE_HASH);
  link_begin(routed, VERB_PICTURE);
  link_text(routed, full);
  link_text(routed, slice_of(text, 2 * hash.len));
  link_end(routed);
}
