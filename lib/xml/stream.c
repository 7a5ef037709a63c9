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

void
xml_elements(struct xml_stream *x, unsigned int n)
{
  x->elements_max = n;
}

/* Say whether s begins with a character in UTF-8 (RFC 3629 s4). */
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

/* Say whether all of s are characters in UTF-8; the last may be the head of a
 * character. */
static bool
all_utf8(char const *s, size_t len)
{
  size_t i = 0, n, k;

  while (i < len) {
    unsigned char c = (unsigned char)s[i];
    n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (n > 1 && (c < 0xc2 || c > 0xf4)) return false;
    for (k = 1; k < n && i + k < len; k++)
      if (((unsigned char)s[i + k] & 0xc0) != 0x80) return false;
    if (n > 1 && i + n <= len && !is_utf8((unsigned char const *)s + i, n)) return false;
    i += n;
  }
  return true;
}

/* Expat does not take a byte of the n at s, or of the head of a character before them. */
static enum xml_error
bad_token(struct xml_parser const *p, char const *s, size_t n)
{
  char head[sizeof p->tail + 3];
  size_t more = n < 3 ? n : 3;

  if (p->tail_n) {
    memcpy(head, p->tail, p->tail_n);
    memcpy(head + p->tail_n, s, more);
    if (!all_utf8(head, p->tail_n + more)) return XML_BAD_ENCODING;
    for (; n && ((unsigned char)*s & 0xc0) == 0x80; s++)
      n--;
  }
  return all_utf8(s, n) ? XML_NOT_WELL_FORMED : XML_BAD_ENCODING;
}

/* Keep the head of a character at the end of the n bytes at s. */
static void
keep_tail(struct xml_parser *p, char const *s, size_t n)
{
  char last[2 * sizeof p->tail];
  size_t i, before = n < sizeof p->tail ? p->tail_n : 0;
  size_t more = n < sizeof p->tail ? n : sizeof p->tail, len = before + more;

  memcpy(last, p->tail, before);
  memcpy(last + before, s + n - more, more);
  p->tail_n = 0;
  for (i = 1; i <= len && i <= sizeof p->tail; i++) {
    unsigned char c = (unsigned char)last[len - i];
    if ((c & 0xc0) == 0x80) continue;
    if (c < (i == 1 ? 0xc0 : i == 2 ? 0xe0 : 0xf0)) return;
    memcpy(p->tail, last + len - i, i);
    p->tail_n = (unsigned int)i;
    return;
  }
}

static enum xml_error
why_failed(struct xml_parser const *p, char const *s, size_t n)
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
  case XML_ERROR_PARTIAL_CHAR: return bad_token(p, s, n);
  default: return XML_NOT_WELL_FORMED;
  }
}

/* ---- feeding ----
 *
 * lex() finds how many of the bytes expat may be given, which is all up to an unfinished
 * token. The stream's part keeps what a stanza has so far when its bytes come in several
 * feeds, with an unfinished token behind it: expat is given that later, from unfed on. The
 * bytes of a stanza that comes whole are never copied. */

/* Give expat whole bytes more, which end at s + whole. */
static enum xml_error
give(struct xml_stream *x, char const *s, size_t whole)
{
  struct xml_parser *p = x->parser;
  char const *chunk = s;
  size_t n = whole;

  p->end = s + whole;
  if (p->unfed < x->part.len) {
    if (!stralloc_catb(&x->part, p->from, (size_t)(p->end - p->from)))
      return XML_NO_MEMORY;
    p->from = p->end;
    chunk = x->part.s + p->unfed;
    n = x->part.len - p->unfed;
  }
  p->unfed = x->part.len;
  if (pool_parse(p, chunk, n) != XML_STATUS_OK) return why_failed(p, chunk, n);
  keep_tail(p, chunk, n);
  return XML_OK;
}

/* lex() scanned n bytes at s, of which whole may be given. */
static enum xml_error
take(struct xml_stream *x, char const *s, size_t n, size_t whole)
{
  struct xml_parser *p = x->parser;
  enum xml_error e = XML_OK;

  if (!x->part.len && p->lexer.start < n) p->from = s + p->lexer.start;
  if (whole) e = give(x, s, whole);
  if (e) return e;
  if (whole && p->lexer.depth <= 1) {
    x->part.len = p->unfed = 0;
    p->from = n > whole ? s + whole : NULL;
  }
  if (p->from && x->opened && x->part.len + (size_t)(s + n - p->from) > x->limit)
    return XML_TOO_LARGE;
  return p->stopped || p->closed ? XML_OK : p->lexer.error;
}

/* All up to end was scanned, and expat was given what stands before fed (NULL: nothing
 * in this feed). Keep what a stanza or a token has so far. */
static enum xml_error
keep(struct xml_stream *x, char const *end, char const *fed)
{
  struct xml_parser *p = x->parser;

  if (!p->from) return XML_OK;
  if (!stralloc_catb(&x->part, p->from, (size_t)(end - p->from))) return XML_NO_MEMORY;
  if (fed) p->unfed = x->part.len - (size_t)(end - (fed > p->from ? fed : p->from));
  p->from = NULL;
  return XML_OK;
}

/* The stream stands between two stanzas. */
static void
rest(struct xml_stream *x)
{
  struct xml_parser *p = x->parser;

  stralloc_free(&x->part);
  p->unfed = 0;
  p->stopped = false;
  if (p->closed || p->memory > XML_PARSER_MEMORY)
    pool_release(p);
  else
    pool_attach(p);
}

/* Expat takes UTF-16 by its first two bytes even when it was told UTF-8 (RFC 6120 s11.6).
 */
static bool
looks_like_utf16(struct xml_stream const *x, char const *s, size_t len)
{
  size_t i;

  if (x->opened) return false;
  for (i = 0; i < len && x->parser->begun + i < 2; i++)
    if (!s[i] || (unsigned char)s[i] >= 0xfe) return true;
  return false;
}

/* Give the error of bytes at s that no document begins with; they are the first of a root
 * to come. */
static enum xml_error
check_begin(struct xml_stream *x, char const *s, size_t len)
{
  struct xml_parser *p = x->parser;

  if (x->opened) return XML_OK;
  if (looks_like_utf16(x, s, len)) return XML_BAD_ENCODING;
  /* RFC 6120 s11.6: U+FEFF is a character, and none may stand before the root. */
  if (!p->begun && (unsigned char)s[0] == 0xef) return XML_NOT_WELL_FORMED;
  p->begun += len;
  return XML_OK;
}

/* The white space at s, where no token has begun. Expat needs none of it, but for the
 * first of all: no XML declaration may follow it. */
static size_t
skip_white(struct xml_stream *x, char const *s, size_t len)
{
  struct xml_parser *p = x->parser;
  size_t n = 0;

  while (n < len && strchr(" \t\r\n", s[n]) && s[n])
    n++;
  if (n && !x->opened && !p->fed) {
    p->fed = true;
    pool_parse(p, "\n", 1);
  }
  return n;
}

bool
xml_between(struct xml_stream const *x)
{
  struct xml_parser const *p = x->parser;

  if (!p || p->attached) return x->opened;
  return !x->part.len && p->lexer.state == LEX_TEXT && p->lexer.depth <= 1 &&
         !p->lexer.mixed;
}

/* Scan and take the len bytes at s up to where an event gives false; *used is how
 * many. */
static enum xml_error
feed(struct xml_stream *x, char const *s, size_t len, size_t *used)
{
  struct xml_parser *p = x->parser;
  char const *fed = NULL;
  enum xml_error e;
  size_t whole, n;

  p->from = x->part.len ? s : NULL;
  p->lexer.token_max = x->opened                 ? XML_TAG_MAX
                       : x->limit < XML_ROOT_MAX ? x->limit
                                                 : XML_ROOT_MAX;
  while (*used < len && !p->stopped && !p->closed) {
    if (xml_between(x) && (n = skip_white(x, s + *used, len - *used))) {
      *used += n;
      continue;
    }
    n = lex(&p->lexer, s + *used, len - *used, &whole);
    e = take(x, s + *used, n, whole);
    if (e) return e;
    if (whole) {
      p->fed = true;
      fed = s + *used + whole;
      p->lexer.token_max = x->opened ? XML_TAG_MAX : p->lexer.token_max;
    }
    *used += n;
  }
  return p->stopped || p->closed ? XML_OK : keep(x, s + *used, fed);
}

enum xml_error
xml_feed(struct xml_stream *x, struct xml_events const *events, void *cookie,
         char const *s, size_t len, size_t *used)
{
  enum xml_error e;

  *used = x->opened && xml_between(x) ? skip_white(x, s, len) : 0;
  if (*used == len) return XML_OK;
  if (!pool_lend(x)) return XML_NO_MEMORY;
  x->parser->events = events;
  x->parser->cookie = cookie;
  e = check_begin(x, s, len);
  if (!e) e = feed(x, s, len, used);
  if (!e && x->opened && (x->parser->closed || xml_between(x))) rest(x);
  return e;
}

/* ---- one document ---- */

/* Give p the document as a stream gives its stanzas. */
static enum xml_error
parse_doc(struct xml_parser *p, struct slice doc)
{
  size_t at = 0, n, whole;

  p->lexer.depth = 1;
  p->lexer.token_max = XML_TAG_MAX;
  while (at < doc.len) {
    n = lex(&p->lexer, doc.s + at, doc.len - at, &whole);
    if (whole && pool_parse(p, doc.s + at, whole) != XML_STATUS_OK)
      return why_failed(p, doc.s + at, whole);
    if (p->lexer.error) return p->lexer.error;
    if (n > whole) return XML_NOT_WELL_FORMED;
    at += n;
  }
  if (XML_Parse(p->expat, "</d>", 4, 1) != XML_STATUS_OK) return why_failed(p, "", 0);
  return p->error || p->top ? p->error : XML_NOT_WELL_FORMED;
}

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
  XML_SetElementHandler(p->expat, NULL, NULL);
  if (pool_parse(p, open, (size_t)n) == XML_STATUS_OK) {
    p->replay = false;
    parse_handlers(p);
    p->depth = 1;
    p->arena = *a;
    *why = parse_doc(p, doc);
    if (!*why) top = p->top;
    *a = p->arena;
    p->arena = (struct arena)ARENA_ZERO;
  }
  pool_release(p);
  return top;
}
