#include "edge/edge.h"

#include <string.h>

/* Entity capabilities (XEP-0115 s4), as a word among the tags of presence. */

#define NS_CAPS "http://jabber.org/protocol/caps"

/* Append text with each byte escaped, by its number in hexadecimal behind a percent sign, that
 * would end the tag or one of its parts. false: ENOMEM. */
static bool
cat_part(stralloc *out, struct slice text)
{
  static char const hex[] = "0123456789abcdef";
  size_t i;

  for (i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.s[i];
    char code[3] = {'%', hex[c >> 4], hex[c & 15]};
    bool plain = c > ' ' && c != '%' && c != ',' && c != 127;
    if (!stralloc_catb(out, plain ? text.s + i : code, plain ? 1 : sizeof code))
      return false;
  }
  return true;
}

/* A hash that no program here computes says nothing, nor does a version without one (s9.2). */
static bool
is_known(struct slice hash)
{
  return slice_is(hash, "sha-1") || slice_is(hash, "sha-256") ||
         slice_is(hash, "sha-512");
}

bool
edge_cat_caps(stralloc *out, struct xml_node const *presence)
{
  struct xml_node const *c = xml_child(presence, NS_CAPS, "c");
  struct slice hash, ver, node;
  size_t at = out->len;

  if (!c) return true;
  hash = xml_attr(c, "hash");
  ver = xml_attr(c, "ver");
  node = xml_attr(c, "node");
  if (is_known(hash) && ver.len && node.len && ver.len + node.len < EDGE_CAPS_MAX) {
    if (!stralloc_catb(out, hash.s, hash.len) || !stralloc_cats(out, ",") ||
        !cat_part(out, ver) || !stralloc_cats(out, ",") || !cat_part(out, node))
      return false;
    if (out->len - at <= EDGE_CAPS_MAX) return true;
    out->len = at;
  }
  return stralloc_cats(out, "?");
}
