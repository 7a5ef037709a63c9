#include "http/http_internal.h"

#include <string.h>

int
http_hex(char ch)
{
  if (ch >= '0' && ch <= '9') return ch - '0';
  if (ch >= 'a' && ch <= 'f') return ch - 'a' + 10;
  return ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

/* The byte that stands at *i, which moves behind it. */
static int
decoded(struct slice t, size_t *i)
{
  int hi, lo;

  if (t.s[*i] != '%') return (unsigned char)t.s[(*i)++];
  hi = *i + 2 < t.len ? http_hex(t.s[*i + 1]) : -1;
  lo = *i + 2 < t.len ? http_hex(t.s[*i + 2]) : -1;
  if (hi < 0 || lo < 0) return -1;
  *i += 3;
  return hi * 16 + lo;
}

bool
http_text_holds(struct slice t)
{
  size_t i = 0;

  while (i < t.len) {
    bool escaped = t.s[i] == '%';
    int ch;
    if (escaped && i + 2 >= t.len) return false;
    ch = escaped ? http_hex(t.s[i + 1]) * 16 + http_hex(t.s[i + 2]) : t.s[i];
    if (escaped && (http_hex(t.s[i + 1]) < 0 || http_hex(t.s[i + 2]) < 0 || !ch))
      return false;
    i += escaped ? 3 : 1;
  }
  return true;
}

/* Say whether a segment is one or two dots, some of them escaped perhaps. */
static bool
is_dots(struct slice seg)
{
  size_t i = 0, n = 0;

  while (i < seg.len) {
    if (n == 2 || (seg.s[i] != '.' && seg.s[i] != '%')) return false;
    if (seg.s[i] == '%') {
      if (i + 2 >= seg.len || seg.s[i + 1] != '2' || http_lower(seg.s[i + 2]) != 'e')
        return false;
      i += 2;
    }
    i++;
    n++;
  }
  return n > 0;
}

bool
http_path_holds(struct slice path)
{
  struct slice rest = path, seg;

  if (!path.len || path.s[0] != '/' || !http_text_holds(path)) return false;
  while (slice_word(&rest, '/', &seg))
    if (is_dots(seg)) return false;
  return true;
}

bool
http_path_below(struct slice path, struct slice prefix, struct slice *rest)
{
  size_t i = 0, j = 0;

  while (j < prefix.len && i < path.len) {
    bool escaped = path.s[i] == '%';
    int ch = decoded(path, &i);
    if (ch != (unsigned char)prefix.s[j++] || (escaped && ch == '/')) return false;
  }
  if (j < prefix.len || (i < path.len && path.s[i] != '/')) return false;
  *rest = slice_of(path.s + i, path.len - i);
  return true;
}

struct slice
http_decode(struct arena *a, struct slice seg)
{
  char *out = arena_alloc(a, seg.len + 1);
  size_t i = 0, n = 0;

  if (!out) return (struct slice){NULL, 0};
  while (i < seg.len) {
    int ch = decoded(seg, &i);
    if (ch < 0) break;
    out[n++] = (char)ch;
  }
  out[n] = 0;
  return slice_of(out, n);
}
