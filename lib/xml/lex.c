#include "xml/xml_internal.h"

#include <string.h>

/* The lexer finds where tokens end, so that expat is given only whole ones. Expat scans a
 * token that is not whole from its beginning again each time that bytes are added, and
 * takes all attributes of a tag before it tells of the first; the lexer looks at each
 * byte once, and refuses a tag with too many bytes or attributes before expat sees it.
 * Well-formed bytes are split exactly; others may be split anywhere, since expat refuses
 * them in either case.
 *
 * The lexer knows where tags begin and end, which spares the functions of expat for that;
 * some of them are deprecated since 2.9. */

static bool
is_blank(char c)
{
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Text up to the next <, which must not stand in a reference, or up to a reference that is
 * not whole. */
static size_t
lex_text(struct lexer *l, char const *s, size_t len)
{
  size_t room = len < XML_CHUNK ? len : XML_CHUNK, i, j;
  char const *less, *ref;

  if (!l->depth) { /* RFC 6120 s11.7: only white space stands before the root */
    for (i = 0; i < room && s[i] != '<'; i++)
      if (!is_blank(s[i])) {
        l->error = XML_NOT_WELL_FORMED;
        return i;
      }
    if (i == room) return i;
  } else {
    less = memchr(s, '<', room);
    i = less ? (size_t)(less - s) : room;
    ref = memrchr(s, '&', i);
    if (ref && !memchr(ref, ';', (size_t)(s + i - ref))) {
      if (less) l->error = XML_NOT_WELL_FORMED;
      l->state = LEX_REFERENCE;
      return (size_t)(ref - s);
    }
    for (j = 0; l->depth == 1 && j < i && !l->mixed; j++)
      l->mixed = !is_blank(s[j]);
    if (!less) return i;
  }
  l->state = LEX_LESS;
  return i;
}

static void
begin_tag(struct lexer *l, bool end_tag)
{
  l->state = LEX_TAG;
  l->end_tag = end_tag;
  l->slash = false;
  l->quotes = 0;
}

static bool
begins_name(char c)
{
  return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == ':' ||
         (unsigned char)c >= 0x80;
}

/* The byte behind <; true when it cannot stand there. RFC 6120 s11.1: no comments, no
 * document type. */
static bool
lex_less(struct lexer *l, char c)
{
  if (c == '?') {
    l->state = LEX_INSTRUCTION;
    l->run = 0;
  } else if (c == '!') {
    l->state = LEX_MARK;
    l->run = 1;
  } else if (c == '/' || begins_name(c))
    begin_tag(l, c == '/');
  else {
    l->state = LEX_TEXT;
    return true;
  }
  return false;
}

static bool
end_of_tag(struct lexer *l, bool empty)
{
  l->state = LEX_TEXT;
  if (l->end_tag)
    l->depth -= l->depth ? 1 : 0;
  else if (!empty)
    l->depth++;
  return true;
}

/* Bytes that end the search of lex_tag. */
static bool const stops[256] = {['<'] = true, ['>'] = true, ['\''] = true, ['"'] = true};

/* Behind the value that begins or goes on at s[i], or len. */
static size_t
lex_value(struct lexer *l, char const *s, size_t i, size_t len)
{
  char const *q = memchr(s + i, l->quote, len - i);

  l->state = q ? LEX_TAG : LEX_VALUE;
  return q ? (size_t)(q - s) + 1 : len;
}

/* Bytes of a tag from s[i] on; the number of the one behind its end, with *done, or
 * len. */
static size_t
lex_tag(struct lexer *l, char const *s, size_t i, size_t len, bool *done)
{
  if (l->state == LEX_VALUE) i = lex_value(l, s, i, len);
  while (i < len) {
    while (i < len && !stops[(unsigned char)s[i]])
      i++;
    if (i == len) break;
    if (s[i] == '>') {
      *done = end_of_tag(l, i ? s[i - 1] == '/' : l->slash);
      return i + 1;
    }
    if (s[i] == '<') { /* expat refuses it */
      *done = true;
      l->state = LEX_TEXT;
      return i + 1;
    }
    if (++l->quotes > XML_ATTRS_MAX) {
      l->error = XML_TOO_DEEP;
      return i + 1;
    }
    l->quote = s[i];
    i = lex_value(l, s, i + 1, len);
  }
  l->slash = len && s[len - 1] == '/';
  return len;
}

/* Take a byte of a token that is neither text nor a tag; true when c is its last byte. */
static bool
lex_other(struct lexer *l, char c)
{
  static char const mark[] = "![CDATA[";

  switch ((int)l->state) {
  case LEX_MARK:
    if (c != mark[l->run]) {
      l->error = l->run == 1 ? XML_RESTRICTED : XML_NOT_WELL_FORMED;
      l->state = LEX_TEXT;
      return true;
    }
    if (mark[++l->run]) return false;
    l->run = 0;
    l->state = LEX_CDATA;
    return true;
  case LEX_INSTRUCTION:
    if (c == '>' && l->run) l->state = LEX_TEXT;
    l->run = c == '?';
    return l->state == LEX_TEXT;
  default: /* LEX_REFERENCE */
    if (c != ';' && c != '<' && c != '&' && !is_blank(c)) return false;
    l->state = LEX_TEXT;
    return true;
  }
}

/* The inside of a CDATA section is text; the number of bytes up to its end, or len. */
static size_t
lex_cdata(struct lexer *l, char const *s, size_t len)
{
  size_t room = len < XML_CHUNK ? len : XML_CHUNK, i;

  for (i = 0; i < room && l->state == LEX_CDATA; i++) {
    if (s[i] == '>' && l->run == 2) l->state = LEX_TEXT;
    l->run = s[i] != ']' ? 0 : l->run < 2 ? l->run + 1 : 2;
  }
  return i;
}

/* The token that began at from (or before, when l->token counts its head) reached i. */
static bool
fits(struct lexer *l, size_t n)
{
  if (l->token + n <= l->token_max) return true;
  if (!l->error) l->error = XML_TOO_LARGE;
  return false;
}

/* Go on in a token from s[*i] on; true when it is complete. */
static bool
lex_token(struct lexer *l, char const *s, size_t len, size_t *i)
{
  bool done = false;

  while (*i < len && !done && !l->error) {
    if (l->state == LEX_LESS)
      done = lex_less(l, s[(*i)++]);
    else if (l->state == LEX_TAG || l->state == LEX_VALUE)
      *i = lex_tag(l, s, *i, len, &done);
    else
      done = lex_other(l, s[(*i)++]);
  }
  return done;
}

size_t
lex(struct lexer *l, char const *s, size_t len, size_t *whole)
{
  size_t i = 0, from;

  *whole = 0;
  l->start = SIZE_MAX;
  while (i < len && !l->error && *whole < XML_CHUNK) {
    bool done;
    if (l->state == LEX_TEXT || l->state == LEX_CDATA) {
      i +=
        l->state == LEX_TEXT ? lex_text(l, s + i, len - i) : lex_cdata(l, s + i, len - i);
      *whole = i;
      if (l->error || l->state == LEX_TEXT || l->state == LEX_CDATA) continue;
      l->token = 0;
      if (l->depth <= 1) l->start = i;
      from = i++; /* the < or & */
    } else
      from = i;
    done = lex_token(l, s, len, &i);
    if (!fits(l, i - from) || l->error) return i;
    if (!done) {
      l->token += i - from;
      return i;
    }
    l->token = 0;
    *whole = i;
    if (l->depth <= 1) return i;
  }
  return i;
}
