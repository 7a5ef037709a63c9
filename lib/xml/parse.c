#include "xml/xml_internal.h"

#include <stdlib.h>
#include <string.h>

/* What expat calls: it builds the tree of a first-level element and finds its bytes.
 *
 * Expat counts bytes from the first one it was fed, so the bytes of a stanza are a range of
 * what was given to xml_feed (base is where that began), or of part, where the pieces of a
 * stanza that crosses feeds are joined. */

/* ---- building the tree ---- */

static void
fail(struct xml_parser *p, enum xml_error why)
{
  if (p->error) return;
  p->error = why;
  XML_StopParser(p->expat, XML_FALSE);
}

/* Expat gives "namespace SEP name SEP prefix". */
static void
split_name(char const *s, struct slice *ns, struct slice *name, struct slice *prefix)
{
  char const *a = strchr(s, NS_SEP), *b;

  *ns = *prefix = (struct slice){"", 0};
  *name = slice_str(s);
  if (!a) return;
  *ns = slice_of(s, (size_t)(a - s));
  b = strchr(a + 1, NS_SEP);
  *name = b ? slice_of(a + 1, (size_t)(b - a - 1)) : slice_str(a + 1);
  if (b) *prefix = slice_str(b + 1);
}

static bool
keep_name(struct xml_parser *p, char const *s, struct slice *ns, struct slice *name,
          struct slice *prefix)
{
  struct slice copy = arena_copy(&p->arena, slice_str(s));

  if (!copy.s) return false;
  split_name(copy.s, ns, name, prefix);
  return true;
}

static bool
keep_attrs(struct xml_parser *p, struct xml_node *e, char const **atts)
{
  struct slice prefix;
  size_t n = 0, i;

  while (atts[2 * n])
    n++;
  if (n + p->decls_n > XML_ATTRS_MAX) {
    fail(p, XML_TOO_DEEP);
    return true;
  }
  e->attrs_n = n;
  if (!n) return true;
  e->attrs = arena_alloc(&p->arena, n * sizeof *e->attrs);
  if (!e->attrs) return false;
  for (i = 0; i < n; i++) {
    if (!keep_name(p, atts[2 * i], &e->attrs[i].ns, &e->attrs[i].name, &prefix))
      return false;
    e->attrs[i].value = arena_copy(&p->arena, slice_str(atts[2 * i + 1]));
    if (!e->attrs[i].value.s) return false;
  }
  return true;
}

static void
append_child(struct xml_node *parent, struct xml_node *e)
{
  e->parent = parent;
  if (!parent) return;
  if (parent->last)
    parent->last->next = e;
  else
    parent->first = e;
  parent->last = e;
}

static struct xml_node *
new_node(struct xml_parser *p)
{
  struct xml_node *e = arena_alloc(&p->arena, sizeof *e);

  if (e) memset(e, 0, sizeof *e);
  return e;
}

static struct xml_node *
new_element(struct xml_parser *p, char const *name, char const **atts)
{
  struct xml_node *e = new_node(p);

  if (!e || !keep_name(p, name, &e->ns, &e->name, &e->prefix) || !keep_attrs(p, e, atts))
    return NULL;
  e->decls = p->decls;
  e->decls_n = p->decls_n;
  p->decls = NULL;
  p->decls_n = p->decls_a = 0;
  return e;
}

/* ---- what expat calls ---- */

/* A root that does not declare exactly the two usual ones must be said again whenever the
 * stream gets a new parser. */
static void
note_root_decl(struct xml_parser *p, char const *prefix, char const *uri)
{
  if ((prefix && !strcmp(prefix, "stream") && !strcmp(uri, XML_NS_STREAMS)) ||
      (!prefix && !strcmp(uri, "jabber:client")))
    p->usual_decls++;
  else
    p->unusual_root = true;
}

static void
on_decl(void *cookie, char const *prefix, char const *uri)
{
  struct xml_parser *p = cookie;
  struct slice *decls;

  if (p->replay) return;
  if (!uri) uri = "";
  if (!p->depth) note_root_decl(p, prefix, uri);
  if (p->decls_n >= XML_ATTRS_MAX) {
    fail(p, XML_TOO_DEEP);
    return;
  }
  if (p->decls_n == p->decls_a) {
    p->decls_a = p->decls_a ? 2 * p->decls_a : 2;
    decls = arena_alloc(&p->arena, 2 * p->decls_a * sizeof *decls);
    if (!decls) {
      fail(p, XML_NO_MEMORY);
      return;
    }
    if (p->decls_n) memcpy(decls, p->decls, 2 * p->decls_n * sizeof *decls);
    p->decls = decls;
  }
  decls = p->decls + 2 * p->decls_n++;
  decls[0] = arena_copy(&p->arena, slice_str(prefix));
  decls[1] = arena_copy(&p->arena, slice_str(uri));
  if (!decls[0].s || !decls[1].s) fail(p, XML_NO_MEMORY);
}

static bool
keep_root(struct xml_parser *p, struct xml_node const *root)
{
  stralloc sa = STRALLOC_ZERO;
  size_t i;
  bool ok;

  if (!p->unusual_root && p->usual_decls == 2 && slice_is(root->prefix, "stream") &&
      slice_is(root->name, "stream"))
    return true;
  ok = xml_cat(&sa, "<") &&
       (!root->prefix.len ||
        (stralloc_catb(&sa, root->prefix.s, root->prefix.len) && xml_cat(&sa, ":"))) &&
       stralloc_catb(&sa, root->name.s, root->name.len);
  for (i = 0; ok && i < root->decls_n; i++)
    ok = xml_cat(&sa, root->decls[2 * i].len ? " xmlns:" : " xmlns") &&
         stralloc_catb(&sa, root->decls[2 * i].s, root->decls[2 * i].len) &&
         xml_cat(&sa, "='") && xml_cat_text(&sa, root->decls[2 * i + 1]) &&
         xml_cat(&sa, "'");
  if (ok && xml_cat(&sa, ">") && stralloc_0(&sa)) {
    p->owner->root = sa.s;
    return true;
  }
  stralloc_free(&sa);
  return false;
}

static void
stop_here(struct xml_parser *p)
{
  p->stopped = true;
  p->end = XML_GetCurrentByteIndex(p->expat) + XML_GetCurrentByteCount(p->expat);
  XML_StopParser(p->expat, XML_FALSE);
}

/* Whether the start tag that expat is at closes itself: then no end tag will come. */
static bool
tag_is_empty(struct xml_parser *p)
{
  int at = 0, size = 0, n = XML_GetCurrentByteCount(p->expat);
  char const *context = XML_GetInputContext(p->expat, &at, &size);

  return context && n > 1 && at + n <= size && context[at + n - 2] == '/';
}

static void
on_root(struct xml_parser *p, char const *name, char const **atts)
{
  struct xml_node *root;

  p->depth = 1;
  if (p->replay) return;
  if ((size_t)XML_GetCurrentByteCount(p->expat) > p->owner->limit) {
    fail(p, XML_TOO_LARGE);
    return;
  }
  root = new_element(p, name, atts);
  if (!root || !keep_root(p, root)) {
    fail(p, XML_NO_MEMORY);
    return;
  }
  if (p->error) return;
  p->owner->opened = true;
  p->stanza_start = -1;
  if (!p->events->open(p->cookie, root)) {
    if (tag_is_empty(p)) p->events->close(p->cookie);
    stop_here(p);
  }
  arena_reset(&p->arena);
}

static void
on_start(void *cookie, char const *name, char const **atts)
{
  struct xml_parser *p = cookie;
  struct xml_node *e;

  if (p->error || p->stopped) return;
  if (!p->depth && p->owner) {
    on_root(p, name, atts);
    return;
  }
  if (++p->depth > XML_DEPTH_MAX + 1) {
    fail(p, XML_TOO_DEEP);
    return;
  }
  if (!p->at) p->stanza_start = XML_GetCurrentByteIndex(p->expat);
  e = new_element(p, name, atts);
  if (!e) {
    fail(p, XML_NO_MEMORY);
    return;
  }
  append_child(p->at, e);
  if (!p->at && p->top) fail(p, XML_NOT_WELL_FORMED); /* xml_parse: two documents */
  if (!p->at) p->top = e;
  p->at = e;
}

/* The bytes from the stanza's start to index end of expat: in this feed, or in part and the
 * head of this feed. s NULL: ENOMEM. */
static struct slice
stanza_bytes(struct xml_parser *p, long end)
{
  stralloc *part = &p->owner->part;
  size_t skip = (size_t)(p->stanza_start - p->part_start);

  if (p->stanza_start >= p->base)
    return slice_of(p->bytes + (p->stanza_start - p->base),
                    (size_t)(end - p->stanza_start));
  if (!stralloc_catb(part, p->bytes, (size_t)(end - p->base)))
    return (struct slice){NULL, 0};
  return slice_of(part->s + skip, part->len - skip);
}

static void
on_stanza(struct xml_parser *p)
{
  long end = XML_GetCurrentByteIndex(p->expat) + XML_GetCurrentByteCount(p->expat);
  struct slice bytes = stanza_bytes(p, end);

  p->stanza_start = -1;
  if (!bytes.s) {
    fail(p, XML_NO_MEMORY);
    return;
  }
  if (bytes.len > p->owner->limit) {
    fail(p, XML_TOO_LARGE);
    return;
  }
  if (!p->events->element(p->cookie, p->top, bytes)) stop_here(p);
  p->top = NULL;
  p->owner->part.len = 0;
  arena_reset(&p->arena);
}

static void
on_end(void *cookie, char const *name)
{
  struct xml_parser *p = cookie;

  (void)name;
  if (p->error || p->stopped) return;
  p->depth--;
  if (p->at) p->at = p->at->parent;
  if (!p->owner) return;
  if (!p->depth) {
    p->events->close(p->cookie);
    stop_here(p);
  } else if (p->depth == 1)
    on_stanza(p);
}

static bool
all_white(char const *s, int len)
{
  int i;

  for (i = 0; i < len; i++)
    if (!strchr(" \t\r\n", s[i])) return false;
  return true;
}

static void
on_text(void *cookie, char const *s, int len)
{
  struct xml_parser *p = cookie;
  struct xml_node *t;

  if (p->error || p->stopped || p->replay) return;
  if (!p->at) {
    if (!all_white(s, len)) fail(p, XML_TEXT_BETWEEN);
    return;
  }
  /* Expat gives a line, or an entity, at a time: a node for each would be a hundred times
   * what was sent. */
  t = p->at->last;
  if (t && !t->name.len && p->text_room >= (size_t)len) {
    memcpy(p->text_end, s, (size_t)len);
  } else {
    size_t room = t && !t->name.len ? 2 * t->text.len + (size_t)len : (size_t)len;
    t = new_node(p);
    p->text_end = t ? arena_alloc(&p->arena, room + 1) : NULL;
    if (!p->text_end) {
      fail(p, XML_NO_MEMORY);
      return;
    }
    memcpy(p->text_end, s, (size_t)len);
    t->text = slice_of(p->text_end, 0);
    p->text_room = room;
    append_child(p->at, t);
  }
  t->text.len += (size_t)len;
  p->text_end += len;
  p->text_room -= (size_t)len;
  *p->text_end = 0;
}

static void
on_comment(void *cookie, char const *s)
{
  (void)s;
  fail(cookie, XML_RESTRICTED);
}

static void
on_instruction(void *cookie, char const *target, char const *data)
{
  (void)target;
  (void)data;
  fail(cookie, XML_RESTRICTED);
}

static void
on_doctype(void *cookie, char const *name, char const *sysid, char const *pubid,
           int subset)
{
  (void)name;
  (void)sysid;
  (void)pubid;
  (void)subset;
  fail(cookie, XML_RESTRICTED);
}

static void
on_xml_decl(void *cookie, char const *version, char const *encoding, int standalone)
{
  (void)version;
  (void)standalone;
  if (encoding && !slice_is_nocase(slice_str(encoding), "utf-8"))
    fail(cookie, XML_BAD_ENCODING);
}

void
parse_handlers(struct xml_parser *p)
{
  XML_SetReturnNSTriplet(p->expat, XML_TRUE);
  XML_SetReparseDeferralEnabled(p->expat, XML_FALSE);
  XML_SetUserData(p->expat, p);
  XML_SetElementHandler(p->expat, on_start, on_end);
  XML_SetCharacterDataHandler(p->expat, on_text);
  XML_SetStartNamespaceDeclHandler(p->expat, on_decl);
  XML_SetCommentHandler(p->expat, on_comment);
  XML_SetProcessingInstructionHandler(p->expat, on_instruction);
  XML_SetStartDoctypeDeclHandler(p->expat, on_doctype);
  XML_SetXmlDeclHandler(p->expat, on_xml_decl);
}
