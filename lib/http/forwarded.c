#include "http/http_internal.h"

#include <arpa/inet.h>
#include <string.h>

/* X-Forwarded-For, and Forwarded (RFC 7239). The last hops count: a client can put anything in
 * front of what the proxies say. */

static bool
is_number(struct slice t)
{
  size_t i;

  for (i = 0; i < t.len; i++)
    if (t.s[i] < '0' || t.s[i] > '9') return false;
  return t.len > 0 && t.len <= 5;
}

/* The address within [V6], [V6]:PORT, V4:PORT, or text itself. */
static struct slice
without_port(struct slice t)
{
  char const *end = t.len ? memchr(t.s, t.s[0] == '[' ? ']' : ':', t.len) : NULL;
  size_t n = end ? (size_t)(end - t.s) : t.len;

  if (t.len && t.s[0] == '[') {
    struct slice rest = slice_of(t.s + n + 1, end ? t.len - n - 1 : 0);
    if (!end || (rest.len &&
                 (rest.s[0] != ':' || !is_number(slice_of(rest.s + 1, rest.len - 1)))))
      return SLICE("");
    return slice_of(t.s + 1, n - 1);
  }
  if (!end || memchr(end + 1, ':', t.len - n - 1)) return t;
  return is_number(slice_of(end + 1, t.len - n - 1)) ? slice_of(t.s, n) : SLICE("");
}

bool
http_address(struct slice text, char out[46])
{
  struct slice a = without_port(text);
  unsigned char b[16];
  char z[46];

  out[0] = 0;
  if (!a.len || a.len >= sizeof z) return false;
  memcpy(z, a.s, a.len);
  z[a.len] = 0;
  if (inet_pton(AF_INET, z, b) == 1) return inet_ntop(AF_INET, b, out, 46) != NULL;
  if (inet_pton(AF_INET6, z, b) != 1) return false;
  if (!memcmp(b, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12))
    return inet_ntop(AF_INET, b + 12, out, 46) != NULL;
  return inet_ntop(AF_INET6, b, out, 46) != NULL;
}

/* The place of the next hop: at the end, or that of the first, which is forgotten. */
static struct http_hop *
next_hop(struct http_hop *hop, size_t *n, size_t max)
{
  if (*n == max) {
    memmove(hop, hop + 1, (max - 1) * sizeof *hop);
    --*n;
  }
  hop[*n] = (struct http_hop){
    "", {NULL, 0},
     {NULL, 0}
  };
  return &hop[(*n)++];
}

size_t
http_x_forwarded_for(struct http_request const *r, struct http_hop *hop, size_t max)
{
  size_t i, n = 0;

  for (i = 0; i < r->n; i++) {
    struct slice rest = r->field[i].value, item;
    if (!slice_is(r->field[i].name, "x-forwarded-for")) continue;
    while (slice_word(&rest, ',', &item))
      http_address(http_trim(item), next_hop(hop, &n, max)->ip);
  }
  return n;
}

/* ---- Forwarded ---- */

/* Cut off a value: a token or a quoted string, which is given without its quotes. */
static struct slice
cut_value(struct slice *rest)
{
  struct slice v = *rest;
  bool quoted = v.len && v.s[0] == '"';
  size_t i = quoted ? 1 : 0;

  while (i < v.len &&
         (quoted ? v.s[i] != '"' : v.s[i] != ';' && v.s[i] != ',' && v.s[i] != '"'))
    i += quoted && v.s[i] == '\\' && i + 1 < v.len ? 2 : 1;
  if (i > v.len) i = v.len;
  *rest = slice_of(v.s + i, v.len - i);
  v = slice_of(v.s + quoted, i - quoted);
  if (quoted && rest->len) {
    rest->s++;
    rest->len--;
  }
  return quoted ? v : http_trim(v);
}

static void
take_pair(struct http_hop *h, struct slice name, struct slice value)
{
  if (slice_is_nocase(name, "for"))
    http_address(value, h->ip);
  else if (slice_is_nocase(name, "proto"))
    h->proto = value;
  else if (slice_is_nocase(name, "host"))
    h->host = value;
}

/* Take one element, up to a comma, which is dropped. */
static void
cut_element(struct slice *rest, struct http_hop *h)
{
  while (rest->len && rest->s[0] != ',') {
    struct slice at = *rest, name;
    size_t n = 0;
    while (n < at.len && !strchr("=;,", at.s[n]))
      n++;
    name = http_trim(slice_of(at.s, n));
    *rest = slice_of(at.s + n, at.len - n);
    if (rest->len && rest->s[0] == '=') {
      *rest = slice_of(rest->s + 1, rest->len - 1);
      take_pair(h, name, cut_value(rest));
      while (rest->len && rest->s[0] != ';' && rest->s[0] != ',')
        *rest = slice_of(rest->s + 1, rest->len - 1);
    }
    if (rest->len && rest->s[0] == ';') *rest = slice_of(rest->s + 1, rest->len - 1);
  }
  if (rest->len) *rest = slice_of(rest->s + 1, rest->len - 1);
}

size_t
http_forwarded(struct http_request const *r, struct http_hop *hop, size_t max)
{
  size_t i, n = 0;

  for (i = 0; i < r->n; i++) {
    struct slice rest = r->field[i].value;
    if (!slice_is(r->field[i].name, "forwarded")) continue;
    while (rest.len)
      cut_element(&rest, next_hop(hop, &n, max));
  }
  return n;
}
