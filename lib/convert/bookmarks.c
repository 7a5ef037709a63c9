#include "convert/convert.h"

#include <errno.h>

static struct slice
trim(struct slice text)
{
  while (text.len && memchr(" \t\r\n", text.s[0], 4))
    text = slice_of(text.s + 1, text.len - 1);
  while (text.len && memchr(" \t\r\n", text.s[text.len - 1], 4))
    text.len--;
  return text;
}

static bool
read_child(struct arena *a, struct xml_node const *e, char const *name, struct slice *out)
{
  struct xml_node const *c = xml_child(e, NULL, name);

  *out = SLICE("");
  if (!c || !slice_eq(c->ns, e->ns)) return true;
  *out = xml_text(a, c);
  return out->s != NULL;
}

static bool
is_true(struct slice text)
{
  return slice_is(text, "1") || slice_is(text, "true");
}

/* A room is a bare JID; old clients write one with a resource now and then. */
static bool
read_room(struct arena *a, struct slice text, struct slice *out)
{
  struct jid j;

  text = trim(text);
  if (!text.len || !jid_parse(a, text, &j)) {
    if (errno != ENOMEM) errno = EINVAL;
    return false;
  }
  *out = j.bare;
  return true;
}

static bool
read_conference(struct arena *a, struct xml_node const *e, char const *ns,
                struct slice address, struct bookmark *out)
{
  if (!xml_is(e, ns, "conference")) {
    errno = EINVAL;
    return false;
  }
  if (!read_room(a, address, &out->room)) return false;
  out->name = xml_attr(e, "name");
  out->autojoin = is_true(trim(xml_attr(e, "autojoin")));
  return read_child(a, e, "nick", &out->nick) &&
         read_child(a, e, "password", &out->password);
}

bool
bookmark_read_old(struct arena *a, struct xml_node const *e, struct bookmark *out)
{
  return read_conference(a, e, NS_BOOKMARKS_OLD, xml_attr(e, "jid"), out);
}

bool
bookmark_read(struct arena *a, struct slice id, struct xml_node const *e,
              struct bookmark *out)
{
  return read_conference(a, e, NS_BOOKMARKS, id, out);
}

bool
bookmark_same(struct bookmark const *a, struct bookmark const *b)
{
  return a->autojoin == b->autojoin && slice_eq(a->room, b->room) &&
         slice_eq(a->name, b->name) && slice_eq(a->nick, b->nick) &&
         slice_eq(a->password, b->password);
}

static bool
cat_attrs(stralloc *out, struct bookmark const *b)
{
  return (!b->name.len || xml_cat_attr(out, "name", b->name)) &&
         (!b->autojoin || xml_cat_attr(out, "autojoin", SLICE("true")));
}

/* A nick that is empty would be taken for one (XEP-0402 s3.1). */
static bool
cat_child(stralloc *out, char const *name, struct slice text)
{
  return !text.len || (xml_cat(out, "<") && xml_cat(out, name) && xml_cat(out, ">") &&
                       xml_cat_text(out, text) && xml_cat(out, "</") &&
                       xml_cat(out, name) && xml_cat(out, ">"));
}

static bool
cat_children(stralloc *out, struct bookmark const *b)
{
  return cat_child(out, "nick", b->nick) && cat_child(out, "password", b->password);
}

bool
bookmark_cat_old(stralloc *out, struct bookmark const *b)
{
  return xml_cat(out, "<conference") && xml_cat_attr(out, "jid", b->room) &&
         cat_attrs(out, b) && xml_cat(out, ">") && cat_children(out, b) &&
         xml_cat(out, "</conference>");
}

static bool
is_field(struct xml_node const *c)
{
  return xml_is(c, NS_BOOKMARKS, "nick") || xml_is(c, NS_BOOKMARKS, "password");
}

bool
bookmark_cat(stralloc *out, struct bookmark const *b, struct xml_node const *old)
{
  size_t limit = out->len + STANZA_MAX;
  struct xml_node const *c;

  if (!xml_cat(out, "<conference xmlns='" NS_BOOKMARKS "'") || !cat_attrs(out, b) ||
      (old && !xml_cat_decls(out, old, NS_BOOKMARKS, limit)) || !xml_cat(out, ">") ||
      !cat_children(out, b))
    return false;
  for (c = old ? xml_next(old, NULL) : NULL; c; c = xml_next(old, c))
    if (!is_field(c) && !xml_cat_child(out, c, NS_BOOKMARKS, limit)) return false;
  return xml_cat(out, "</conference>");
}
