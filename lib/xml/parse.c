#include "xml/xml_internal.h"

#include <stdlib.h>
#include <string.h>

/* Callbacks of expat: they build the tree of a first-level element.
 *
 * The memory of a tree follows its bytes. Nodes and text lie close together in pieces
 * of the arena; the name of a namespace is kept where it is declared, once, and
 * everything in the namespace points there: parse.c knows the declarations that are in
 * force (dflt, scopes), since expat says the prefix of each name. */

#define PIECE_BYTES 1024

/* ---- memory ---- */

static void
fail(struct xml_parser *p, enum xml_error why)
{
  if (p->error) return;
  p->error = why;
  XML_StopParser(p->expat, XML_FALSE);
}

static bool
new_piece(struct xml_parser *p)
{
  p->low = arena_alloc(&p->arena, PIECE_BYTES);
  p->high = p->low ? p->low + PIECE_BYTES : NULL;
  return p->low;
}

/* n bytes for a struct. */
static void *
take(struct xml_parser *p, size_t n)
{
  void *room;

  n = (n + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
  if (n > PIECE_BYTES / 8) return arena_alloc(&p->arena, n);
  if ((size_t)(p->high - p->low) < n && !new_piece(p)) return NULL;
  room = p->low;
  p->low += n;
  return room;
}

/* n bytes for text, anywhere. */
static char *
take_text(struct xml_parser *p, size_t n)
{
  if (n > PIECE_BYTES / 8) return arena_alloc(&p->arena, n);
  if ((size_t)(p->high - p->low) < n && !new_piece(p)) return NULL;
  return p->high -= n;
}

static struct slice
copy(struct xml_parser *p, char const *s, size_t len)
{
  char *text = take_text(p, len + 1);

  if (!text) return (struct slice){NULL, 0};
  memcpy(text, s, len);
  text[len] = 0;
  return (struct slice){text, len};
}

void
parse_forget(struct xml_parser *p)
{
  arena_reset(&p->arena);
  p->low = p->high = NULL;
  p->at = p->top = NULL;
  p->dflt = NULL;
  p->decls_n = p->elements = 0;
  p->borrows = false;
  if (p->scopes.slots) table_wipe(&p->scopes);
}

/* ---- declarations ---- */

static struct slice
scope_key(void const *item)
{
  return ((struct xml_scope const *)item)->prefix;
}

/* Give the scope of prefix, made when the prefix is new. NULL: ENOMEM. */
static struct xml_scope *
scope_of(struct xml_parser *p, char const *prefix)
{
  struct xml_scope *sc;

  p->scopes.key = scope_key;
  sc = table_get(&p->scopes, slice_str(prefix));
  if (sc) return sc;
  sc = take(p, sizeof *sc);
  if (!sc) return NULL;
  sc->decl = NULL;
  sc->prefix = copy(p, prefix, strlen(prefix));
  return sc->prefix.s && table_put(&p->scopes, sc) ? sc : NULL;
}

/* Make a declaration for prefix (NULL: the default one) the innermost. NULL: ENOMEM. */
static struct xml_decl *
declare(struct xml_parser *p, char const *prefix, struct slice ns, unsigned int depth)
{
  struct xml_decl *d = take(p, sizeof *d);

  if (!d) return NULL;
  *d = (struct xml_decl){.prefix = SLICE(""), .depth = depth};
  if (prefix && !(d->scope = scope_of(p, prefix))) return NULL;
  if (d->scope) d->prefix = d->scope->prefix;
  d->ns = slice_is(ns, "jabber:client") ? SLICE("jabber:client") : copy(p, ns.s, ns.len);
  if (!d->ns.s) return NULL;
  d->outer = d->scope ? d->scope->decl : p->dflt;
  *(d->scope ? &d->scope->decl : &p->dflt) = d;
  return d;
}

/* The declaration in force, whose namespace expat says; one around the tree is met by its
 * first use. NULL: ENOMEM. */
static struct xml_decl *
in_force(struct xml_parser *p, char const *prefix, struct slice ns)
{
  struct xml_scope *sc = prefix ? scope_of(p, prefix) : NULL;
  struct xml_decl *d = sc ? sc->decl : p->dflt;

  if (prefix && !sc) return NULL;
  if (d) return d;
  if (prefix) p->borrows = true;
  return declare(p, prefix, ns, 0);
}

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
  struct xml_decl *d;
  size_t len;

  if (p->replay || p->error) return;
  if (!uri) uri = "";
  len = strlen(uri);
  if (!p->depth) note_root_decl(p, prefix, uri);
  if (p->decls_n >= XML_ATTRS_MAX || len > XML_NS_MAX) {
    fail(p, XML_TOO_DEEP);
    return;
  }
  d = declare(p, prefix, slice_of(uri, len), p->depth + 1);
  if (d)
    p->decls[p->decls_n++] = d;
  else
    fail(p, XML_NO_MEMORY);
}

/* The declarations of e end with it. */
static void
undeclare(struct xml_parser *p, struct xml_node const *e)
{
  unsigned int i;

  for (i = e->head->decls_n; i-- > 0;) {
    struct xml_decl *d = e->head->decls[i];
    *(d->scope ? &d->scope->decl : &p->dflt) = d->outer;
  }
}

/* ---- building the tree ---- */

/* Expat gives "local", "namespace SEP local" or "namespace SEP local SEP prefix".
 * *decl is NULL where there is no namespace, or that of xml:. */
static bool
keep_name(struct xml_parser *p, char const *s, struct slice *ns, struct slice *name,
          struct xml_decl **decl)
{
  char const *local = strchr(s, NS_SEP), *prefix = NULL;

  *ns = SLICE("");
  *decl = NULL;
  if (!local) {
    *name = copy(p, s, strlen(s));
    return name->s;
  }
  local++;
  prefix = strchr(local, NS_SEP);
  *name = copy(p, local, prefix ? (size_t)(prefix - local) : strlen(local));
  if (!name->s) return false;
  if (prefix && !strcmp(prefix + 1, "xml")) {
    *ns = SLICE(NS_XML);
    return true;
  }
  *decl = in_force(p, prefix ? prefix + 1 : NULL, slice_of(s, (size_t)(local - 1 - s)));
  if (*decl) *ns = (*decl)->ns;
  return *decl;
}

static bool
keep_attr(struct xml_parser *p, struct xml_attr *a, char const *name, char const *value)
{
  a->value = copy(p, value, strlen(value));
  return a->value.s && keep_name(p, name, &a->ns, &a->name, &a->prefix);
}

/* Keep the attributes and declarations of e; prefix is the declaration of e's own
 * prefix. */
static bool
keep_head(struct xml_parser *p, struct xml_node *e, char const **atts,
          struct xml_decl *prefix)
{
  static struct xml_head nothing;
  struct xml_head *h = &nothing;
  unsigned int n = 0, i;

  while (atts[2 * n])
    n++;
  if (n + p->decls_n > XML_ATTRS_MAX) {
    fail(p, XML_TOO_DEEP);
    return true;
  }
  if (n || p->decls_n || prefix) {
    h = take(p, sizeof *h + n * sizeof *h->attrs + p->decls_n * sizeof *h->decls);
    if (!h) return false;
    *h = (struct xml_head){.prefix = prefix, .attrs_n = n, .decls_n = p->decls_n};
    h->decls = (struct xml_decl **)(h->attrs + n);
    if (h->decls_n) memcpy(h->decls, p->decls, h->decls_n * sizeof *h->decls);
  }
  e->head = h;
  p->decls_n = 0;
  for (i = 0; i < n; i++)
    if (!keep_attr(p, &h->attrs[i], atts[2 * i], atts[2 * i + 1])) return false;
  return true;
}

/* Text ends before what only elements have. */
static struct xml_node *
new_node(struct xml_parser *p, size_t size)
{
  struct xml_node *e = take(p, size);

  if (e) memset(e, 0, size);
  return e;
}

static struct xml_node *
new_element(struct xml_parser *p, char const *name, char const **atts)
{
  struct xml_node *e = new_node(p, sizeof *e);
  struct xml_decl *decl;

  if (!e || !keep_name(p, name, &e->ns, &e->name, &decl)) return NULL;
  return keep_head(p, e, atts, decl && decl->prefix.len ? decl : NULL) ? e : NULL;
}

/* Make e the last child of the open element, if there is one. */
static void
append_child(struct xml_parser *p, struct xml_node *e)
{
  struct xml_node **last = &p->lasts[p->depth];

  e->parent = p->at;
  if (!p->at) return;
  if (p->at->first)
    (*last)->next = e;
  else
    p->at->first = e;
  *last = e;
}

/* The last child of the open element, or NULL. */
static struct xml_node *
last_child(struct xml_parser const *p)
{
  return p->at->first ? p->lasts[p->depth] : NULL;
}

/* ---- callbacks of expat ---- */

/* Append a start tag that declares again all that root declares. */
static bool
cat_root(stralloc *sa, struct xml_node const *root)
{
  struct xml_head const *h = root->head;
  unsigned int i;
  bool ok =
    xml_cat(sa, "<") &&
    (!h->prefix || (stralloc_catb(sa, h->prefix->prefix.s, h->prefix->prefix.len) &&
                    xml_cat(sa, ":"))) &&
    stralloc_catb(sa, root->name.s, root->name.len);

  for (i = 0; ok && i < h->decls_n; i++)
    /* No entry of decls is NULL. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    ok = xml_cat(sa, h->decls[i]->prefix.len ? " xmlns:" : " xmlns") &&
         stralloc_catb(sa, h->decls[i]->prefix.s, h->decls[i]->prefix.len) &&
         xml_cat(sa, "='") && xml_cat_value(sa, h->decls[i]->ns) && xml_cat(sa, "'");
  return ok && xml_cat(sa, ">") && stralloc_0(sa);
}

static void
keep_root(struct xml_parser *p, struct xml_node const *root)
{
  struct xml_decl const *prefix = root->head->prefix;
  stralloc sa = STRALLOC_ZERO;

  if (!p->unusual_root && p->usual_decls == 2 && prefix &&
      slice_is(prefix->prefix, "stream") && slice_is(root->name, "stream"))
    return;
  if (!cat_root(&sa, root))
    fail(p, XML_NO_MEMORY);
  else if (sa.len > XML_ROOT_DECLS_MAX)
    fail(p, XML_TOO_LARGE);
  else {
    p->owner->root = sa.s;
    return;
  }
  stralloc_free(&sa);
}

static void
on_root(struct xml_parser *p, char const *name, char const **atts)
{
  struct xml_node *root;

  p->depth = 1;
  if (p->replay) return;
  root = new_element(p, name, atts);
  if (!root) fail(p, XML_NO_MEMORY);
  if (!p->error) keep_root(p, root);
  if (p->error) return;
  p->owner->opened = true;
  p->stopped = !p->events->open(p->cookie, root);
  parse_forget(p);
}

static void
on_start(void *cookie, char const *name, char const **atts)
{
  struct xml_parser *p = cookie;
  struct xml_node *e;

  if (p->error) return;
  if (!p->depth && p->owner) {
    on_root(p, name, atts);
    return;
  }
  if (p->depth > XML_DEPTH_MAX) {
    fail(p, XML_TOO_DEEP);
    return;
  }
  p->elements++;
  if (p->owner && p->owner->elements_max && p->elements > p->owner->elements_max) {
    fail(p, XML_TOO_LARGE);
    return;
  }
  e = new_element(p, name, atts);
  if (!e) {
    fail(p, XML_NO_MEMORY);
    return;
  }
  append_child(p, e);
  if (!p->at && p->top) fail(p, XML_NOT_WELL_FORMED); /* xml_parse: two documents */
  if (!p->at) p->top = e;
  p->at = e;
  p->depth++;
}

/* The bytes of the stanza that ends now: in this feed, or in part and the head of this
 * feed. s NULL: ENOMEM. */
static struct slice
stanza_bytes(struct xml_parser *p)
{
  stralloc *part = &p->owner->part;
  size_t n = (size_t)(p->end - p->from);

  if (!part->len) return slice_of(p->from, n);
  if (!stralloc_catb(part, p->from, n)) return (struct slice){NULL, 0};
  p->from = p->end;
  return slice_of(part->s, part->len);
}

static void
on_stanza(struct xml_parser *p)
{
  struct slice bytes = stanza_bytes(p);

  if (!bytes.s)
    fail(p, XML_NO_MEMORY);
  else if (bytes.len > p->owner->limit)
    fail(p, XML_TOO_LARGE);
  else {
    p->owner->borrows = p->borrows;
    p->stopped = !p->events->element(p->cookie, p->top, bytes);
    parse_forget(p);
  }
}

static void
on_end(void *cookie, char const *name)
{
  struct xml_parser *p = cookie;

  (void)name;
  if (p->error) return;
  p->depth--;
  if (p->at) {
    undeclare(p, p->at);
    p->at = p->at->parent;
  }
  if (!p->owner) return;
  if (!p->depth) {
    p->closed = true;
    p->events->close(p->cookie);
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

/* A text node with room for more, whose text is empty. */
static struct xml_node *
new_text(struct xml_parser *p, size_t room)
{
  struct xml_node *t = new_node(p, offsetof(struct xml_node, head));

  p->text_end = t ? take_text(p, room + 1) : NULL;
  if (!p->text_end) return NULL;
  t->text = slice_of(p->text_end, 0);
  p->text_room = room;
  append_child(p, t);
  return t;
}

static void
on_text(void *cookie, char const *s, int len)
{
  struct xml_parser *p = cookie;
  struct xml_node *t;
  size_t n = (size_t)len;

  if (p->error || p->replay) return;
  if (!p->at) {
    if (!all_white(s, len)) fail(p, XML_TEXT_BETWEEN);
    return;
  }
  /* Expat gives a line, or an entity, at a time: a node for each would be a hundred times
   * what was sent. */
  t = last_child(p);
  if (!t || t->name.len)
    t = new_text(p, n);
  else if (p->text_room < n)
    t = new_text(p, 2 * t->text.len + n);
  if (!t) {
    fail(p, XML_NO_MEMORY);
    return;
  }
  memcpy(p->text_end, s, n);
  t->text.len += n;
  p->text_end += n;
  p->text_room -= n;
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

/* A library that has it puts off what is not whole, the error too; neither 2.5.0 nor its header
 * has it, unless they were mended. */
extern XML_Bool XMLCALL
XML_SetReparseDeferralEnabled(/* NOLINT(readability-redundant-declaration): see above */
                              XML_Parser expat, XML_Bool enabled) __attribute__((weak));

void
parse_handlers(struct xml_parser *p)
{
  if (XML_SetReparseDeferralEnabled) XML_SetReparseDeferralEnabled(p->expat, XML_FALSE);
  XML_SetReturnNSTriplet(p->expat, XML_TRUE);
  XML_SetUserData(p->expat, p);
  XML_SetElementHandler(p->expat, on_start, on_end);
  XML_SetCharacterDataHandler(p->expat, on_text);
  XML_SetStartNamespaceDeclHandler(p->expat, on_decl);
  XML_SetCommentHandler(p->expat, on_comment);
  XML_SetProcessingInstructionHandler(p->expat, on_instruction);
  XML_SetStartDoctypeDeclHandler(p->expat, on_doctype);
  XML_SetXmlDeclHandler(p->expat, on_xml_decl);
}
