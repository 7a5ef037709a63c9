#include "splice/splice.h"

#include <string.h>

/* Say whether a name ends at c: no byte of a name is below / but - and ., a blank is, and \ is
 * the beginning of a white space that a record has escaped. */
static bool
ends_name(char c)
{
  unsigned char u = (unsigned char)c;

  return (u <= '/' && u != '-' && u != '.') || u == '>' || u == '\\';
}

static size_t
name_end(struct slice e)
{
  size_t i = 1;

  while (i < e.len && !ends_name(e.s[i]))
    i++;
  return i;
}

bool
splice_attribute(struct slice e, struct splice *at)
{
  size_t n = name_end(e);

  if (n < 2 || n >= e.len || e.s[0] != '<') return false;
  at->head = slice_of(e.s, n);
  at->tail = slice_of(e.s + n, e.len - n);
  at->name = SLICE("");
  return true;
}

/* Give the place of the end of the start tag: its >, or the end of the text. */
static size_t
tag_end(struct slice e)
{
  char quote = 0;
  size_t i;

  for (i = 0; i < e.len; i++) {
    char c = e.s[i];
    if (quote)
      quote = c == quote ? 0 : quote;
    else if (c == '\'' || c == '"')
      quote = c;
    else if (c == '>')
      break;
  }
  return i;
}

/* Set the place in <name/>: n bytes of e stand before the /. */
static bool
in_empty(struct slice e, size_t n, struct splice *at)
{
  if (n < 2 || e.s[n] != '/') return false;
  at->head = slice_of(e.s, n);
  at->tail = SLICE("");
  at->name = slice_of(e.s + 1, name_end(e) - 1);
  return true;
}

bool
splice_prepend(struct slice e, struct splice *at)
{
  size_t n = tag_end(e);

  if (n < 2 || n == e.len || e.s[0] != '<') return false;
  if (e.s[n - 1] == '/') return in_empty(e, n - 1, at);
  at->head = slice_of(e.s, n + 1);
  at->tail = slice_of(e.s + n + 1, e.len - n - 1);
  at->name = SLICE("");
  return true;
}

/* The last < of a whole element begins its end tag, or its only one. */
bool
splice_append(struct slice e, struct splice *at)
{
  char const *end = e.len ? memrchr(e.s, '<', e.len) : NULL;
  size_t n = end ? (size_t)(end - e.s) : 0;

  if (!end || e.len < 4 || e.s[0] != '<' || e.s[e.len - 1] != '>') return false;
  if (!n) return in_empty(e, e.len - 2, at);
  if (end[1] != '/') return false;
  at->head = slice_of(e.s, n);
  at->tail = slice_of(end, e.len - n);
  at->name = SLICE("");
  return true;
}

struct slice
splice_rest(struct slice e)
{
  size_t n = tag_end(e);

  if (n && e.s[n - 1] == '/') n--;
  return slice_of(e.s + n, e.len - n);
}

/* ---- writing ---- */

bool
splice_cat_head(stralloc *out, struct splice const *at)
{
  return stralloc_catb(out, at->head.s, at->head.len) &&
         (!at->name.len || stralloc_catb(out, ">", 1));
}

bool
splice_cat_tail(stralloc *out, struct splice const *at)
{
  if (!at->name.len) return stralloc_catb(out, at->tail.s, at->tail.len);
  return stralloc_catb(out, "</", 2) && stralloc_catb(out, at->name.s, at->name.len) &&
         stralloc_catb(out, ">", 1);
}

void
splice_put_head(struct link *l, struct splice const *at)
{
  link_more_raw(l, at->head);
  if (at->name.len) link_more_raw(l, SLICE(">"));
}

void
splice_put_tail(struct link *l, struct splice const *at)
{
  if (!at->name.len) {
    link_more_raw(l, at->tail);
    return;
  }
  link_more_raw(l, SLICE("</"));
  link_more_raw(l, at->name);
  link_more_raw(l, SLICE(">"));
}
