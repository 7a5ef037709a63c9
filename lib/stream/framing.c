#include "stream/stream_internal.h"

#include <stdlib.h>
#include <string.h>

/* The two framings: a document that is as long as the stream (RFC 6120 s4), and messages of one
 * element each, which stands alone (RFC 7395 s3, XEP-0206). */

/* ---- our header ---- */

static bool
cat_attrs(stralloc *out, struct stream_header const *h)
{
  return (!h->id.len || xml_cat_attr(out, "id", h->id)) &&
         (!h->from.len || xml_cat_attr(out, "from", h->from)) &&
         (!h->to.len || xml_cat_attr(out, "to", h->to)) &&
         (!h->version || xml_cat(out, " version='1.0'")) &&
         (!h->lang.len || xml_cat_attr(out, "xml:lang", h->lang));
}

static bool
stream_header(stralloc *out, struct stream_header const *h)
{
  return xml_cat(out, "<?xml version='1.0'?><stream:stream xmlns='") &&
         xml_cat(out, stream_owner->ns) &&
         xml_cat(out, "' xmlns:stream='" XML_NS_STREAMS "'") &&
         stralloc_catb(out, h->decls.s, h->decls.len) && cat_attrs(out, h) &&
         xml_cat(out, ">");
}

static bool
element_header(stralloc *out, struct stream_header const *h)
{
  return xml_cat(out, "<open xmlns='" NS_FRAMING "'") && cat_attrs(out, h) &&
         xml_cat(out, "/>");
}

/* ---- the peer's header ---- */

/* Give the fault of a header as a stream error (s4.7, s4.8); NULL: none. */
static char const *
header_fault(struct conduit const *c, struct xml_node const *root)
{
  unsigned int i;

  if (c->framing == FRAMING_ELEMENT)
    return xml_is(root, NS_FRAMING, "open") ? NULL : "bad-format";
  if (!slice_is(root->ns, XML_NS_STREAMS)) return "invalid-namespace";
  if (!slice_is(root->name, "stream")) return "bad-format";
  for (i = 0; i < root->head->decls_n; i++) {
    struct xml_decl const *d = root->head->decls[i];
    if (!d->prefix.len && !slice_is(d->ns, stream_owner->ns) &&
        !slice_is(d->ns, XML_NS_STREAMS))
      return "invalid-namespace";
  }
  return NULL;
}

/* s4.7.5: a higher minor number, or a higher major one, is answered with our own. */
bool
stream_version_is_ours(struct xml_node const *root)
{
  struct slice v = xml_attr(root, "version"), major;
  uint64_t n;

  return slice_word(&v, '.', &major) && slice_u64(major, &n) && n;
}

void
conduit_take_lang(struct conduit *c, struct xml_node const *root)
{
  struct slice lang = xml_lang(root);

  free(c->lang);
  c->lang = lang.len && lang.len < 64 ? slice_dup(lang) : NULL;
}

/* ---- a document ---- */

static bool
on_open(void *cookie, struct xml_node const *root)
{
  struct conduit *c = cookie;

  stream_owner->header(c, root, header_fault(c, root));
  return stream_goes_on(c);
}

static bool
on_element(void *cookie, struct xml_node const *e, struct slice bytes)
{
  stream_owner->element(cookie, e, bytes);
  return stream_goes_on(cookie);
}

static bool
on_close(void *cookie)
{
  stream_owner->closed(cookie);
  return false;
}

static struct xml_events const events = {on_open, on_element, on_close};

/* White space that a peer sent behind its last element of the old stream is not part of the new
 * one, whose XML declaration must come first. */
static size_t
blanks(struct conduit const *c, char const *s, size_t len)
{
  size_t n = 0;

  if (c->xml.opened || c->xml.parser) return 0;
  while (n < len && s[n] && strchr(" \t\r\n", s[n]))
    n++;
  return n;
}

static size_t
stream_feed(struct conduit *c, char const *s, size_t len)
{
  size_t skipped = blanks(c, s, len), used = 0;
  enum xml_error e = xml_feed(&c->xml, &events, c, s + skipped, len - skipped, &used);

  if (!e) return skipped + used;
  stream_xml_failed(c, e);
  return len;
}

static bool
stream_hold(stralloc *held, struct slice bytes)
{
  return stralloc_catb(held, bytes.s, bytes.len);
}

/* ---- elements that stand alone ---- */

static bool
is_blank(struct slice text)
{
  size_t i;

  for (i = 0; i < text.len; i++)
    if (!strchr(" \t\r\n", text.s[i]) || !text.s[i]) return false;
  return true;
}

/* RFC 7395 s3.3, s3.6: the first element opens the stream, and each that begins it anew. */
static void
handle_alone(struct conduit *c, struct xml_node const *e, struct slice text)
{
  bool opens = !c->xml.opened;

  if (opens || xml_is(e, NS_FRAMING, "open")) {
    c->xml.opened = true;
    stream_owner->header(c, e, opens ? header_fault(c, e) : "bad-format");
  } else if (xml_is(e, NS_FRAMING, "close")) {
    stream_owner->closed(c);
  } else {
    stream_owner->element(c, e, text);
  }
}

/* Held elements end in NUL, which no XML has. */
static size_t
element_feed(struct conduit *c, char const *s, size_t len)
{
  struct arena a = ARENA_ZERO;
  char const *end = memchr(s, 0, len);
  struct slice text = slice_of(s, end ? (size_t)(end - s) : len);
  enum xml_error why = XML_OK;
  struct xml_node *e = NULL;

  if (text.len > c->xml.limit)
    why = XML_TOO_LARGE;
  else if (!is_blank(text))
    e = xml_parse(&a, text, "", &why);
  if (e)
    handle_alone(c, e, text);
  else
    stream_xml_failed(c, why);
  arena_wipe(&a);
  return text.len + (end ? 1 : 0);
}

static bool
element_hold(stralloc *held, struct slice bytes)
{
  return stralloc_catb(held, bytes.s, bytes.len) && stralloc_0(held);
}

/* Give the offset behind the name of the start tag. */
static size_t
name_end(struct slice e)
{
  size_t i = 1;

  while (i < e.len && !strchr(" \t\r\n\\/>", e.s[i]))
    i++;
  return i;
}

/* Say whether the start tag declares a default namespace: in what the server writes, white space
 * is before each attribute. */
static bool
says_ns(struct slice e, size_t at)
{
  char quote = 0;

  for (; at < e.len && (quote || e.s[at] != '>'); at++) {
    char ch = e.s[at];
    if (quote)
      quote = ch == quote ? 0 : quote;
    else if (ch == '\'' || ch == '"')
      quote = ch;
    else if (ch == ' ' && slice_starts(slice_of(e.s + at, e.len - at), " xmlns="))
      return true;
  }
  return false;
}

bool
stream_cat_alone(stralloc *out, struct slice e, char const *ns)
{
  size_t n = name_end(e);

  if (!stralloc_catb(out, e.s, n)) return false;
  if (slice_starts(e, "<stream:")) {
    if (!xml_cat(out, " xmlns:stream='" XML_NS_STREAMS "'")) return false;
  } else if (!says_ns(e, n)) {
    if (!xml_cat(out, " xmlns='") || !xml_cat(out, ns) || !xml_cat(out, "'"))
      return false;
  }
  return stralloc_catb(out, e.s + n, e.len - n);
}

struct framing_row const framing_rows[] = {
  [FRAMING_STREAM] = {stream_header,  "</stream:stream>",                stream_feed,  stream_hold, false},
  [FRAMING_ELEMENT] = {element_header, "<close xmlns='" NS_FRAMING "'/>", element_feed,
                      element_hold,                                                                 true },
};
