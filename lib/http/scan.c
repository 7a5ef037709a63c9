#include "http/http_internal.h"

#include <string.h>

/* Lines end in LF; a CR in front of it belongs to the end (RFC 9112 s2.2). */

static bool
is_empty(char const *s, size_t from, size_t to)
{
  return to == from || (to == from + 1 && s[from] == '\r');
}

/* A line from k->line to the LF at end. Give a result of http_scan, or 1 when the head goes on. */
static long
on_line(struct http_scan *k, char const *s, size_t end)
{
  bool empty = is_empty(s, k->line, end);

  if (memchr(s + k->line, 0, end - k->line)) return -400;
  if (!empty) {
    if (!k->lines && end - k->line > HTTP_LINE_MAX) return -414;
    return k->lines++ > HTTP_FIELDS_MAX ? -431 : 1;
  }
  if (k->lines) return (long)end + 1;
  return ++k->blanks > HTTP_BLANKS_MAX ? -400 : 1;
}

long
http_scan(struct http_scan *k, char const *s, size_t len)
{
  char const *nl;
  long r;

  while (k->seen < len && (nl = memchr(s + k->seen, '\n', len - k->seen))) {
    size_t end = (size_t)(nl - s);
    r = on_line(k, s, end);
    if (r != 1) return r > HTTP_HEAD_MAX ? -431 : r;
    k->seen = k->line = end + 1;
  }
  if (k->seen < len && memchr(s + k->seen, 0, len - k->seen)) return -400;
  k->seen = len;
  if (!k->lines && len - k->line > HTTP_LINE_MAX) return -414;
  return len > HTTP_HEAD_MAX ? -431 : 0;
}
