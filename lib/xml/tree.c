#include "xml/xml_internal.h"

#include "base/word.h"

#include <errno.h>
#include <string.h>

/* Reading trees, and writing them. */

bool
xml_is(struct xml_node const *e, char const *ns, char const *name)
{
  return e && slice_is(e->name, name) && slice_is(e->ns, ns);
}

struct xml_node const *
xml_next(struct xml_node const *e, struct xml_node const *c)
{
  c = c ? c->next : e->first;
  while (c && !c->name.len)
    c = c->next;
  return c;
}

struct xml_node const *
xml_child(struct xml_node const *e, char const *ns, char const *name)
{
  struct xml_node const *c;

  for (c = xml_next(e, NULL); c; c = xml_next(e, c))
    if (slice_is(c->name, name) && (!ns || slice_is(c->ns, ns))) return c;
  return NULL;
}

struct slice
xml_attr(struct xml_node const *e, char const *name)
{
  struct xml_head const *h = e->head;
  unsigned int i;

  for (i = 0; i < h->attrs_n; i++)
    if (!h->attrs[i].ns.len && slice_is(h->attrs[i].name, name)) return h->attrs[i].value;
  return (struct slice){NULL, 0};
}

struct slice
xml_lang(struct xml_node const *e)
{
  struct xml_head const *h = e->head;
  unsigned int i;

  for (i = 0; i < h->attrs_n; i++) {
    struct xml_attr const *a = &h->attrs[i];
    if (a->ns.len && !a->prefix && slice_is(a->name, "lang")) return a->value;
  }
  return (struct slice){NULL, 0};
}

struct slice
xml_text(struct arena *a, struct xml_node const *e)
{
  struct xml_node const *c;
  size_t len = 0;
  char *s;

  for (c = e->first; c; c = c->next)
    if (!c->name.len) len += c->text.len;
  s = arena_alloc(a, len + 1);
  if (!s) return (struct slice){NULL, 0};
  s[len] = 0;
  len = 0;
  for (c = e->first; c; c = c->next) {
    if (c->name.len) continue;
    memcpy(s + len, c->text.s, c->text.len);
    len += c->text.len;
  }
  return slice_of(s, len);
}

static char const *
entity(char c)
{
  switch (c) {
  case '<': return "&lt;";
  case '>': return "&gt;";
  case '&': return "&amp;";
  case '\'': return "&apos;";
  case '"': return "&quot;";
  case '\n': return "&#10;";
  case '\r': return "&#13;";
  case '\t': return "&#9;";
  default: return NULL;
  }
}

#define IN_ATTRIBUTES 1
#define IN_TEXT 2

/* From where on each is escaped: in attributes all of these, in text fewer. */
static unsigned char const escaped[256] = {
  ['<'] = IN_TEXT, ['>'] = IN_TEXT,  ['&'] = IN_TEXT,        ['\''] = IN_TEXT,
  ['"'] = IN_TEXT, ['\r'] = IN_TEXT, ['\n'] = IN_ATTRIBUTES, ['\t'] = IN_ATTRIBUTES,
};

/* Say whether none of eight bytes is escaped anywhere: each that is has the bits of '<' and '>', or of
 * '"', '&' and the apostrophe, or is a control. */
static bool
is_plain_word(char const *s)
{
  uint64_t w = word_at(s);

  return !((word_below(w, ' ') | word_like(w, 0xfd, '<') | word_like(w, 0xfa, '"')) &
           WORD_ANY);
}

static bool
cat_escaped(stralloc *out, struct slice text, unsigned char where)
{
  size_t from = 0, i = 0, end;

  while (i < text.len) {
    end = text.len - i < WORD_BYTES ? text.len : i + WORD_BYTES;
    if (end - i == WORD_BYTES && is_plain_word(text.s + i)) i = end;
    for (; i < end; i++) {
      if (escaped[(unsigned char)text.s[i]] < where) continue;
      if (!text_catb(out, text.s + from, i - from) || !text_cats(out, entity(text.s[i])))
        return false;
      from = i + 1;
    }
  }
  return from == text.len || text_catb(out, text.s + from, text.len - from);
}

bool
xml_cat_text(stralloc *out, struct slice text)
{
  return cat_escaped(out, text, IN_TEXT);
}

bool
xml_cat_value(stralloc *out, struct slice value)
{
  return cat_escaped(out, value, IN_ATTRIBUTES);
}

bool
xml_cat_attr(stralloc *out, char const *name, struct slice value)
{
  return xml_cat(out, " ") && xml_cat(out, name) && xml_cat(out, "='") &&
         cat_escaped(out, value, IN_ATTRIBUTES) && xml_cat(out, "'");
}

static bool
cat_slice(stralloc *out, struct slice s)
{
  return !s.len || text_catb(out, s.s, s.len);
}

/* ---- trees ----
 *
 * A tree is written as it came, with two changes: its top, and elements in the default
 * namespace, lose their prefix; and a prefix that was declared around the tree is
 * declared on its top. The new declaration never hides another in between, since each
 * name knows which declaration is its own. So the output is as long as the input, and
 * each namespace of the surroundings once. A first walk finds those namespaces, and
 * writes nothing. */

struct writer {
  stralloc *out;              /* NULL in the first walk */
  size_t limit;               /* of out->len */
  struct xml_node const *top; /* the tree that is written, or an element around it */
  unsigned int depth;         /* declarations from here on are within what is written */
  unsigned int mark;          /* of this walk */
  struct xml_decl *around;    /* declarations from around that the tree needs */
  struct xml_decl **last;
  struct slice dflts[XML_DEPTH_MAX + 2];
  struct slice *dflt; /* the default namespace around e */
};

static bool
same_ns(struct slice a, struct slice b)
{
  return a.len == b.len && (a.s == b.s || slice_eq(a, b));
}

/* Note that d is needed: the top is to declare d unless the top, or an element in the
 * tree, does. */
static void
need(struct writer *w, struct xml_decl *d)
{
  if (d->depth >= w->depth || d->mark == w->mark) return;
  d->mark = w->mark;
  d->next = NULL;
  *w->last = d;
  w->last = &d->next;
}

static bool
cat_decl(stralloc *out, struct xml_decl const *d)
{
  return xml_cat(out, " xmlns:") && cat_slice(out, d->prefix) && xml_cat(out, "='") &&
         cat_escaped(out, d->ns, IN_ATTRIBUTES) && xml_cat(out, "'");
}

/* The declarations of prefixes that e makes itself. */
static bool
cat_own_decls(stralloc *out, struct xml_node const *e)
{
  unsigned int i;

  for (i = 0; i < e->head->decls_n; i++)
    if (e->head->decls[i]->prefix.len && !cat_decl(out, e->head->decls[i])) return false;
  return true;
}

static bool
cat_around(stralloc *out, struct writer const *w)
{
  struct xml_decl const *d;

  for (d = w->around; d; d = d->next)
    if (!cat_decl(out, d)) return false;
  return true;
}

/* Set the default namespace inside e. Give the declaration of the prefix that its name
 * keeps, or NULL. */
static struct xml_decl *
choose_prefix(struct writer *w, struct xml_node const *e)
{
  struct slice dflt = *w->dflt, own = {NULL, 0};
  struct xml_decl *prefix = e->head->prefix;
  unsigned int i;

  for (i = 0; i < e->head->decls_n; i++)
    if (!e->head->decls[i]->prefix.len) own = e->head->decls[i]->ns;
  w->dflt[1] = own.s ? own : dflt;
  if (slice_is(e->ns, NS_XML))
    return NULL; /* NS_XML is no default namespace (XML Names s3) */
  if (prefix && !same_ns(e->ns, w->dflt[1]) && (e != w->top || own.s)) return prefix;
  w->dflt[1] = e->ns;
  return NULL;
}

static bool
cat_name(stralloc *out, struct xml_node const *e, struct xml_decl const *prefix)
{
  if (slice_is(e->ns, NS_XML) && !xml_cat(out, "xml:")) return false;
  if (prefix && (!cat_slice(out, prefix->prefix) || !xml_cat(out, ":"))) return false;
  return cat_slice(out, e->name);
}

static bool
cat_attrs(stralloc *out, struct xml_head const *h)
{
  unsigned int i;

  for (i = 0; i < h->attrs_n; i++) {
    struct xml_attr const *a = &h->attrs[i];
    if (!xml_cat(out, " ")) return false;
    if (a->prefix && (!cat_slice(out, a->prefix->prefix) || !xml_cat(out, ":")))
      return false;
    if (a->ns.len && !a->prefix && !xml_cat(out, "xml:")) return false;
    if (!cat_slice(out, a->name) || !xml_cat(out, "='") ||
        !cat_escaped(out, a->value, IN_ATTRIBUTES) || !xml_cat(out, "'"))
      return false;
  }
  return true;
}

/* The start tag of e, or in the first walk what it needs. */
static bool
cat_open(struct writer *w, struct xml_node const *e)
{
  struct xml_decl *prefix = choose_prefix(w, e);
  unsigned int i;

  if (w->out)
    return xml_cat(w->out, "<") && cat_name(w->out, e, prefix) &&
           (same_ns(w->dflt[0], w->dflt[1]) ||
            xml_cat_attr(w->out, "xmlns", w->dflt[1])) &&
           cat_own_decls(w->out, e) && (e != w->top || cat_around(w->out, w)) &&
           cat_attrs(w->out, e->head) && xml_cat(w->out, e->first ? ">" : "/>");
  if (prefix) need(w, prefix);
  for (i = 0; i < e->head->attrs_n; i++)
    if (e->head->attrs[i].prefix) need(w, e->head->attrs[i].prefix);
  return true;
}

static bool
cat_close(struct writer *w, struct xml_node const *e)
{
  if (!w->out || !e->first) return true;
  return xml_cat(w->out, "</") && cat_name(w->out, e, choose_prefix(w, e)) &&
         xml_cat(w->out, ">");
}

static bool
fits(stralloc const *out, size_t limit)
{
  if (out->len <= limit) return true;
  errno = EMSGSIZE;
  return false;
}

static bool
cat_node(struct writer *w, struct xml_node const *e)
{
  if (w->out && !fits(w->out, w->limit)) return false;
  if (e->name.len) return cat_open(w, e);
  return !w->out || xml_cat_text(w->out, e->text);
}

static bool
walk(struct writer *w, struct xml_node const *from)
{
  struct xml_node const *e = from;

  for (;;) {
    if (!cat_node(w, e)) return false;
    if (e->first) {
      if (++w->dflt == w->dflts + XML_DEPTH_MAX + 1) {
        errno = EMSGSIZE;
        return false;
      }
      w->dflt[1] = w->dflt[0];
      e = e->first;
      continue;
    }
    while (e != from && !e->next) {
      e = e->parent;
      w->dflt--;
      if (!cat_close(w, e)) return false;
    }
    if (e == from) break;
    e = e->next;
  }
  return !w->out || fits(w->out, w->limit);
}

/* Ready to write what begins with e. */
static void
begin(struct writer *w, struct xml_node const *e, char const *ns)
{
  static unsigned int mark;
  struct xml_node const *at;

  if (!++mark) mark = 1; /* a tree does not live for so many */
  w->out = NULL;
  w->top = e;
  w->mark = mark;
  w->around = NULL;
  w->last = &w->around;
  w->dflt = w->dflts;
  w->dflt[0] = w->dflt[1] = slice_str(ns);
  for (w->depth = 2, at = e->parent; at; at = at->parent)
    w->depth++;
}

/* Children lose their prefixes, as a top does, where there are few: then the
 * namespaces are few that are said again. */
static bool
has_few(struct xml_node const *e)
{
  struct xml_node const *c;
  unsigned int n = 0;

  for (c = e->first; c && n <= XML_PLAIN_MAX; c = c->next)
    n++;
  return n <= XML_PLAIN_MAX;
}

bool
xml_cat_tree(stralloc *out, struct xml_node const *top, char const *ns)
{
  struct writer w;

  begin(&w, top, ns);
  if (!walk(&w, top)) return false;
  w.out = out;
  w.limit = out->len + STANZA_MAX;
  return walk(&w, top);
}

bool
xml_cat_decls(stralloc *out, struct xml_node const *e, char const *ns, size_t limit)
{
  struct xml_node const *c;
  struct writer w;
  bool few = has_few(e);

  begin(&w, e, ns);
  for (c = e->first; c; c = c->next) {
    w.top = few ? c : e;
    if (!walk(&w, c)) return false;
  }
  if (!cat_own_decls(out, e) || !cat_around(out, &w)) return false;
  return fits(out, limit);
}

bool
xml_cat_child(stralloc *out, struct xml_node const *c, char const *ns, size_t limit)
{
  struct writer w;

  begin(&w, c, ns);
  w.top = has_few(c->parent) ? c : c->parent;
  w.out = out;
  w.limit = limit;
  return walk(&w, c);
}
