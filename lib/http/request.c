#include "http/http_internal.h"

#include <string.h>

/* A head is read whole, once its end is known. Whatever is doubtful is an error. */

static char const *const methods[HTTP_METHODS_N] = {
  [HTTP_GET] = "GET",     [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",
  [HTTP_PUT] = "PUT",     [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
  [HTTP_PATCH] = "PATCH", [HTTP_TRACE] = "TRACE",   [HTTP_CONNECT] = "CONNECT",
};

bool
http_is_token_char(char ch)
{
  return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
         (ch >= '0' && ch <= '9') || (ch && strchr("!#$%&'*+-.^_`|~", ch));
}

char
http_lower(char ch)
{
  return ch >= 'A' && ch <= 'Z' ? (char)(ch + ('a' - 'A')) : ch;
}

struct slice
http_trim(struct slice t)
{
  while (t.len && (t.s[0] == ' ' || t.s[0] == '\t'))
    t.s++, t.len--;
  while (t.len && (t.s[t.len - 1] == ' ' || t.s[t.len - 1] == '\t'))
    t.len--;
  return t;
}

bool
http_name_holds(struct slice name)
{
  size_t i;

  for (i = 0; i < name.len; i++)
    if (!http_is_token_char(name.s[i])) return false;
  return name.len > 0;
}

bool
http_value_holds(struct slice value)
{
  size_t i;

  for (i = 0; i < value.len; i++) {
    unsigned char ch = (unsigned char)value.s[i];
    if ((ch < 0x20 && ch != '\t') || ch == 0x7f) return false;
  }
  return true;
}

static void
to_lower(char *s, size_t len)
{
  size_t i;

  for (i = 0; i < len; i++)
    s[i] = http_lower(s[i]);
}

/* ---- hosts ---- */

static bool
is_port(char const *s, size_t len)
{
  size_t i;

  for (i = 0; i < len; i++)
    if (s[i] < '0' || s[i] > '9') return false;
  return len <= 5;
}

static bool
is_host_char(char ch, bool is_v6)
{
  if (is_v6) return http_hex(ch) >= 0 || ch == ':' || ch == '.';
  return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '.' || ch == '-' ||
         ch == '_';
}

bool
http_host(char *s, size_t len, struct slice *host)
{
  bool is_v6 = len && s[0] == '[';
  char const *end = memchr(s, is_v6 ? ']' : ':', len);
  size_t from = is_v6 ? 1 : 0, to = end ? (size_t)(end - s) : len, i, after;

  if (is_v6 && !end) return false;
  to_lower(s, len);
  for (i = from; i < to; i++)
    if (!is_host_char(s[i], is_v6)) return false;
  after = to + from;
  if (to == from || to - from > HTTP_HOST_MAX) return false;
  if (after < len && (s[after] != ':' || !is_port(s + after + 1, len - after - 1)))
    return false;
  if (!is_v6 && to > 1 && s[to - 1] == '.') to--;
  *host = slice_of(s + from, to - from);
  return true;
}

/* ---- the request line ---- */

static unsigned int
read_method(struct http_request *r, struct slice word)
{
  unsigned int m;

  if (!http_name_holds(word)) return 400;
  r->method_text = word;
  for (m = 0; m < HTTP_METHODS_N && !slice_is(word, methods[m]); m++) {
  }
  r->method = (enum http_method)m;
  return 0;
}

/* Until the version is known, the client is taken for one that closes. */
static unsigned int
read_version(struct http_request *r, struct slice v)
{
  if (v.len != 8 || !slice_starts(v, "HTTP/") || v.s[5] < '0' || v.s[5] > '9' ||
      v.s[6] != '.' || v.s[7] < '0' || v.s[7] > '9')
    return 400;
  if (v.s[5] != '1') return 505;
  r->is_1_0 = v.s[7] == '0';
  r->keep = !r->is_1_0;
  return 0;
}

static bool
target_chars_hold(struct slice t)
{
  size_t i;

  for (i = 0; i < t.len; i++) {
    unsigned char ch = (unsigned char)t.s[i];
    if (ch <= 0x20 || ch == 0x7f || ch == '#') return false;
  }
  return t.len > 0;
}

static unsigned int
read_path(struct http_request *r, struct slice t)
{
  char const *q = memchr(t.s, '?', t.len);

  r->path = q ? slice_of(t.s, (size_t)(q - t.s)) : t;
  r->query = q ? slice_of(q + 1, t.len - r->path.len - 1) : SLICE("");
  return http_path_holds(r->path) && http_text_holds(r->query) ? 0 : 400;
}

static size_t
absolute_prefix(struct slice t)
{
  if (t.len >= 7 && slice_is_nocase(slice_of(t.s, 7), "http://")) return 7;
  return t.len >= 8 && slice_is_nocase(slice_of(t.s, 8), "https://") ? 8 : 0;
}

/* RFC 9112 s3.2.2: the host of an absolute target wins over the field Host. */
static unsigned int
read_absolute(struct http_request *r, char *s, size_t len, size_t prefix)
{
  size_t n = prefix;

  while (n < len && s[n] != '/' && s[n] != '?')
    n++;
  to_lower(s, prefix);
  r->scheme = slice_of(s, prefix - 3);
  if (!http_host(s + prefix, n - prefix, &r->host)) return 400;
  if (n < len && s[n] == '/') return read_path(r, slice_of(s + n, len - n));
  r->path = SLICE("/");
  r->query = n < len ? slice_of(s + n + 1, len - n - 1) : SLICE("");
  return http_text_holds(r->query) ? 0 : 400;
}

static unsigned int
read_target(struct http_request *r, char *s, size_t len)
{
  struct slice t = slice_of(s, len);
  size_t prefix = absolute_prefix(t);

  if (!target_chars_hold(t)) return 400;
  if (prefix) return read_absolute(r, s, len, prefix);
  if (s[0] == '/') return read_path(r, t);
  if (!slice_is(t, "*") || r->method != HTTP_OPTIONS) return 400;
  r->path = t;
  return 0;
}

static unsigned int
read_line(struct http_request *r, char *s, size_t len)
{
  char *sp = memchr(s, ' ', len), *sp2;
  unsigned int fault;

  if (!sp) return 400;
  sp2 = memchr(sp + 1, ' ', len - (size_t)(sp + 1 - s));
  if (!sp2) return 400;
  fault = read_version(r, slice_of(sp2 + 1, len - (size_t)(sp2 + 1 - s)));
  if (!fault) fault = read_method(r, slice_of(s, (size_t)(sp - s)));
  if (!fault) fault = read_target(r, sp + 1, (size_t)(sp2 - sp - 1));
  return fault;
}

/* ---- fields ---- */

static unsigned int
read_field(struct http_request *r, char *s, size_t len)
{
  char const *colon = memchr(s, ':', len);
  struct http_field *f = &r->field[r->n];
  size_t n = colon ? (size_t)(colon - s) : 0;

  if (!http_name_holds(slice_of(s, n))) return 400;
  to_lower(s, n);
  f->name = slice_of(s, n);
  f->value = http_trim(slice_of(colon + 1, len - n - 1));
  if (!http_value_holds(f->value)) return 400;
  r->n++;
  return 0;
}

static size_t
count(struct http_request const *r, char const *name)
{
  size_t i, n = 0;

  for (i = 0; i < r->n; i++)
    n += slice_is(r->field[i].name, name);
  return n;
}

struct slice
http_field(struct http_request const *r, char const *name)
{
  size_t i;

  for (i = 0; i < r->n; i++)
    if (slice_is(r->field[i].name, name)) return r->field[i].value;
  return (struct slice){NULL, 0};
}

bool
http_has_word(struct http_request const *r, char const *name, char const *word)
{
  size_t i;

  for (i = 0; i < r->n; i++) {
    struct slice rest = r->field[i].value, item;
    if (!slice_is(r->field[i].name, name)) continue;
    while (slice_word(&rest, ',', &item))
      if (slice_is_nocase(http_trim(item), word)) return true;
  }
  return false;
}

static bool
is_listed(struct slice rest, struct slice name)
{
  struct slice item;

  while (slice_word(&rest, ',', &item)) {
    size_t i;
    item = http_trim(item);
    if (item.len != name.len) continue;
    for (i = 0; i < name.len && http_lower(item.s[i]) == name.s[i]; i++) {
    }
    if (i == name.len) return true;
  }
  return false;
}

bool
http_is_hop(struct http_request const *r, struct slice name)
{
  static char const *const own[] = {"connection", "keep-alive",        "proxy-connection",
                                    "te",         "transfer-encoding", "upgrade",
                                    "trailer"};
  size_t i;

  for (i = 0; i < sizeof own / sizeof *own; i++)
    if (slice_is(name, own[i])) return true;
  for (i = 0; i < r->n; i++)
    if (slice_is(r->field[i].name, "connection") && is_listed(r->field[i].value, name))
      return true;
  return false;
}

/* ---- what the fields mean ---- */

/* RFC 9112 s6.3: two lengths, equal or not, are an error, and so is one beside a coding. */
static unsigned int
read_length(struct http_request *r)
{
  size_t n = count(r, "content-length");
  struct slice v = http_field(r, "content-length");
  size_t i;

  if (n > 1 || (n && count(r, "transfer-encoding"))) return 400;
  if (count(r, "transfer-encoding")) return 411;
  if (!n) return 0;
  for (i = 0; i < v.len; i++)
    if (v.s[i] < '0' || v.s[i] > '9') return 400;
  if (!v.len || !slice_u64(v, &r->length) || r->length > INT64_MAX) return 400;
  r->has_length = true;
  return 0;
}

/* The slices of a request point into memory that may be written. */
static unsigned int
read_host(struct http_request *r, char *s)
{
  struct slice v = http_field(r, "host"), host;
  size_t n = count(r, "host");

  if (n > 1 || (!n && !r->is_1_0)) return 400;
  if (!n) return 0;
  if (!v.len || !http_host(s + (v.s - s), v.len, &host)) return 400;
  if (!r->scheme.len) r->host = host;
  return 0;
}

static unsigned int
read_meaning(struct http_request *r, char *s)
{
  unsigned int fault = read_host(r, s);
  struct slice expect = http_field(r, "expect");

  if (!fault) fault = read_length(r);
  if (fault) return fault;
  if (http_has_word(r, "connection", "close"))
    r->keep = false;
  else if (http_has_word(r, "connection", "keep-alive"))
    r->keep = true;
  if (r->method == HTTP_METHODS_N) return 501;
  if (!expect.s || r->is_1_0) return 0;
  if (count(r, "expect") > 1 || !slice_is_nocase(expect, "100-continue")) return 417;
  r->expects = true;
  return 0;
}

/* Cut the next line off, without its end. false: a CR stands elsewhere. */
static bool
cut_line(char **s, char const *end, size_t *len)
{
  char const *nl = memchr(*s, '\n', (size_t)(end - *s));

  *len = (size_t)((nl ? nl : end) - *s);
  if (*len && (*s)[*len - 1] == '\r') --*len;
  return !memchr(*s, '\r', *len) && !memchr(*s, 0, *len);
}

unsigned int
http_request_read(struct http_request *r, char *s, size_t len)
{
  char *at = s, *end = s + len;
  bool first = true;
  unsigned int fault;

  memset(r, 0, offsetof(struct http_request, field));
  r->n = 0;
  r->is_1_0 = true;
  while (at < end) {
    size_t n;
    if (!cut_line(&at, end, &n)) return 400;
    if (n && first) {
      fault = read_line(r, at, n);
      first = false;
    } else {
      fault = n && r->n < HTTP_FIELDS_MAX ? read_field(r, at, n) : n ? 431 : 0;
    }
    if (fault) return fault;
    at = memchr(at, '\n', (size_t)(end - at));
    if (!at++) break;
  }
  return first ? 400 : read_meaning(r, s);
}
