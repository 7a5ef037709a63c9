#include "xml/xml_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Feeding a stream, and parsing one document. */

void
xml_reset(struct xml_stream *x)
{
  if (x->parser) {
    if (x->parser->attached) pool_detach(x->parser);
    pool_release(x->parser);
  }
  free(x->root);
  x->root = NULL;
  stralloc_free(&x->part);
  x->opened = false;
}

void
xml_limit(struct xml_stream *x, size_t bytes)
{
  x->limit = bytes;
}

/* Whether s begins with a character in UTF-8 (RFC 3629 s4). */
static bool
is_utf8(unsigned char const *s, size_t len)
{
  static uint32_t const least[] = {0, 0x80, 0x800, 0x10000};
  size_t n = s[0] < 0x80 ? 0 : s[0] < 0xc0 ? 4 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : 3, i;
  uint32_t c = n ? s[0] & (0x3fu >> n) : s[0];

  if (n > 3 || n >= len || s[0] > 0xf7) return false;
  for (i = 1; i <= n; i++) {
    if ((s[i] & 0xc0) != 0x80) return false;
    c = c << 6 | (s[i] & 0x3fu);
  }
  return c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

/* Expat stands at the byte that it does not take. */
static enum xml_error
bad_token(struct xml_parser const *p)
{
  int at = 0, size = 0;
  char const *context = XML_GetInputContext(p->expat, &at, &size);

  if (!context || at >= size) return XML_NOT_WELL_FORMED;
  return is_utf8((unsigned char const *)context + at, (size_t)(size - at))
           ? XML_NOT_WELL_FORMED
           : XML_BAD_ENCODING;
}

static enum xml_error
why_failed(struct xml_parser const *p)
{
  if (p->error) return p->error;
  switch ((int)XML_GetErrorCode(p->expat)) {
  case XML_ERROR_NO_MEMORY: return XML_NO_MEMORY;
  case XML_ERROR_UNBOUND_PREFIX:
  case XML_ERROR_RESERVED_PREFIX_XML:
  case XML_ERROR_RESERVED_PREFIX_XMLNS:
  case XML_ERROR_RESERVED_NAMESPACE_URI:
  case XML_ERROR_UNDECLARING_PREFIX: return XML_BAD_PREFIX;
  case XML_ERROR_UNDEFINED_ENTITY:
  case XML_ERROR_RECURSIVE_ENTITY_REF:
  case XML_ERROR_ATTRIBUTE_EXTERNAL_ENTITY_REF:
  case XML_ERROR_EXTERNAL_ENTITY_HANDLING:
  case XML_ERROR_ENTITY_DECLARED_IN_PE: return XML_RESTRICTED;
  case XML_ERROR_UNKNOWN_ENCODING:
  case XML_ERROR_INCORRECT_ENCODING: return XML_BAD_ENCODING;
  case XML_ERROR_INVALID_TOKEN:
  case XML_ERROR_PARTIAL_CHAR: return bad_token(p);
  default: return XML_NOT_WELL_FORMED;
  }
}

/* All was consumed and the stream is inside a stanza or its root tag: keep those bytes, for
 * the range and for the limit. */
static enum xml_error
keep_part(struct xml_stream *x, char const *s, size_t len)
{
  struct xml_parser *p = x->parser;
  long start = p->at ? p->stanza_start : XML_GetCurrentByteIndex(p->expat);
  size_t skip = 0;

  if (start >= p->base) {
    x->part.len = 0;
    p->part_start = start;
    skip = (size_t)(start - p->base);
  }
  if (!stralloc_catb(&x->part, s + skip, len - skip)) return XML_NO_MEMORY;
  return x->part.len > x->limit ? XML_TOO_LARGE : XML_OK;
}

/* All was consumed and the stream stands between two stanzas. A tag that has begun there is
 * in expat's own buffer, so the parser must stay: then expat's index is behind what it got. */
static bool
between(struct xml_parser const *p, size_t len)
{
  long at = XML_GetCurrentByteIndex(p->expat) + XML_GetCurrentByteCount(p->expat);

  return p->depth == 1 && !p->at && at == p->base + (long)len;
}

static enum xml_error
fed(struct xml_stream *x, char const *s, size_t len)
{
  struct xml_parser *p = x->parser;
  enum xml_error e = XML_OK;

  if (between(p, len)) {
    p->base += (long)len;
    stralloc_free(&x->part);
    if (p->base > XML_PARSER_BYTES)
      pool_release(p);
    else
      pool_attach(p);
    return XML_OK;
  }
  e = keep_part(x, s, len);
  p->base += (long)len;
  return e;
}

/* Expat takes UTF-16 by its first two bytes even when it was told UTF-8 (RFC 6120 s11.6).
 */
static bool
looks_like_utf16(struct xml_stream const *x, char const *s, size_t len)
{
  size_t i;

  if (x->opened) return false;
  for (i = 0; i < len && x->parser->base + (long)i < 2; i++)
    if (!s[i] || (unsigned char)s[i] >= 0xfe) return true;
  return false;
}

enum xml_error
xml_feed(struct xml_stream *x, struct xml_events const *events, void *cookie,
         char const *s, size_t len, size_t *used)
{
  struct xml_parser *p;
  enum XML_Status status;

  *used = 0;
  if (!len) return XML_OK;
  if (!pool_lend(x)) return XML_NO_MEMORY;
  p = x->parser;
  if (looks_like_utf16(x, s, len)) return XML_BAD_ENCODING;
  /* RFC 6120 s11.6: U+FEFF is a character, and none may stand before the root. */
  if (!x->opened && !p->base && (unsigned char)s[0] == 0xef) return XML_NOT_WELL_FORMED;
  p->events = events;
  p->cookie = cookie;
  p->bytes = s;
  status = XML_Parse(p->expat, s, (int)len, 0);
  if (p->stopped) {
    *used = (size_t)(p->end - p->base);
    pool_release(p);
    stralloc_free(&x->part);
    return XML_OK;
  }
  if (status != XML_STATUS_OK) return why_failed(p);
  *used = len;
  return fed(x, s, len);
}

/* ---- one document ---- */

struct xml_node *
xml_parse(struct arena *a, struct slice doc, char const *ns, enum xml_error *why)
{
  struct xml_parser *p = pool_obtain();
  struct xml_node *top = NULL;
  char open[256];
  int n;

  *why = XML_NO_MEMORY;
  if (!p) return NULL;
  n = snprintf(open, sizeof open, "<d xmlns='%s'>", ns);
  p->replay = true;
  p->depth = 0;
  XML_SetElementHandler(p->expat, NULL, NULL);
  if (XML_Parse(p->expat, open, n, 0) == XML_STATUS_OK) {
    p->replay = false;
    parse_handlers(p);
    p->depth = 1;
    p->arena = *a;
    if (XML_Parse(p->expat, doc.s, (int)doc.len, 0) == XML_STATUS_OK &&
        XML_Parse(p->expat, "</d>", 4, 1) == XML_STATUS_OK && !p->error && p->top)
      top = p->top;
    else
      *why = why_failed(p);
    *a = p->arena;
    p->arena = (struct arena)ARENA_ZERO;
  }
  pool_release(p);
  if (top) *why = XML_OK;
  return top;
}
