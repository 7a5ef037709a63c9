/* http: a head comes to the same end in any pieces; a request that is taken is read alike by
 * http-parser, where that is installed; read again it is the same request. */
#include "fuzz.h"

#include "http/http.h"

#include <skalibs/strerr.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<http_parser.h>)
/* Both have an enum of this name. */
#define http_method oracle_method
#define HTTP_GET ORACLE_GET
#define HTTP_HEAD ORACLE_HEAD
#define HTTP_POST ORACLE_POST
#define HTTP_PUT ORACLE_PUT
#define HTTP_DELETE ORACLE_DELETE
#define HTTP_OPTIONS ORACLE_OPTIONS
#define HTTP_PATCH ORACLE_PATCH
#define HTTP_TRACE ORACLE_TRACE
#define HTTP_CONNECT ORACLE_CONNECT
#include <http_parser.h>
#undef http_method
#undef HTTP_GET
#undef HTTP_HEAD
#undef HTTP_POST
#undef HTTP_PUT
#undef HTTP_DELETE
#undef HTTP_OPTIONS
#undef HTTP_PATCH
#undef HTTP_TRACE
#undef HTTP_CONNECT
#define ORACLE 1
#else
#define ORACLE 0
#endif

char const *PROG = "fuzz";

static long
scan(char const *s, size_t len, size_t piece)
{
  struct http_scan k = {0, 0, 0, 0};
  size_t have = 0;
  long r = 0;

  while (!r && have < len) {
    have = have + piece < len ? have + piece : len;
    r = http_scan(&k, s, have);
  }
  return r;
}

#if ORACLE
static int
on_headers(http_parser *p)
{
  *(bool *)p->data = true;
  return 1; /* no body follows */
}

/* The oracle, where it takes the head, finds the same end, method and length of the body; it refuses
 * some heads that are right, as those with a TAB behind a length. */
static void
ask_oracle(char const *s, size_t len, struct http_request const *r)
{
  http_parser_settings st;
  http_parser p;
  bool done = false;
  size_t n;

  http_parser_settings_init(&st);
  st.on_headers_complete = on_headers;
  http_parser_init(&p, HTTP_REQUEST);
  p.data = &done;
  n = http_parser_execute(&p, &st, s, len);
  if (!done) return;
  must(n + 1 >= len);
  must(r->has_length ? p.content_length == r->length
                     : p.content_length == 0 || p.content_length == UINT64_MAX);
  must(!strncmp(http_method_str((enum oracle_method)p.method), r->method_text.s,
                r->method_text.len));
  must(!(p.flags & F_CHUNKED));
}
#endif

static void
read_again(char const *s, size_t len, struct http_request const *r)
{
  static struct http_request again;
  char *copy = malloc(len);
  size_t i;

  must(copy);
  memcpy(copy, s, len);
  must(!http_request_read(&again, copy, len));
  must(again.n == r->n && slice_eq(again.path, r->path) && slice_eq(again.host, r->host));
  for (i = 0; i < r->n; i++)
    must(slice_eq(again.field[i].name, r->field[i].name) &&
         http_value_holds(r->field[i].value) && http_name_holds(r->field[i].name));
  free(copy);
}

static void
use(struct http_request const *r)
{
  struct http_conditions c;
  struct http_hop hop[4];
  struct arena a = ARENA_ZERO;
  struct slice rest, d;
  uint64_t from = 0, to = 0;

  must(http_x_forwarded_for(r, hop, 4) <= 4 && http_forwarded(r, hop, 4) <= 4);
  if (http_range(http_field(r, "range"), 1000, &from, &to) == HTTP_PART)
    must(from <= to && to < 1000);
  http_conditions(&c, r);
  http_judge(&c, SLICE("\"a\""), 1000);
  if (http_part(&c, SLICE("\"a\""), 1000, 1000, &from, &to) == HTTP_PART)
    must(from <= to && to < 1000);
  http_path_below(r->path, SLICE("/a/b"), &rest);
  d = http_decode(&a, r->path);
  must(d.s && !memchr(d.s, 0, d.len));
  arena_wipe(&a);
}

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t len)
{
  static struct http_request r;
  char *s = malloc(len + !len), *raw = malloc(len + !len);
  long end;

  must(s && raw);
  if (len) memcpy(s, data, len);
  if (len) memcpy(raw, data, len);
  end = scan(s, len, len);
  must(scan(s, len, 1) == end && scan(s, len, 7) == end);
  if (end > 0 && !http_request_read(&r, s, (size_t)end)) {
#if ORACLE
    ask_oracle(raw, (size_t)end, &r);
#endif
    read_again(s, (size_t)end, &r);
    use(&r);
  }
  free(s);
  free(raw);
  return 0;
}
