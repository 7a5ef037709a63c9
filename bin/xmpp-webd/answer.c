#include "webd.h"

#include <skalibs/djbunix.h>

#include <string.h>

/* Answers: their heads, and bodies of a known length or in chunks. */

/* Fields that webd alone says. */
static bool
is_own(struct slice name)
{
  static char const *const own[] = {
    "date",    "connection", "keep-alive", "content-length", "transfer-encoding",
    "upgrade", "trailer",    "server"};
  size_t i;

  for (i = 0; i < sizeof own / sizeof *own; i++)
    if (slice_is_nocase(name, own[i])) return true;
  return false;
}

static bool
same_name(struct slice a, struct slice b)
{
  size_t i;

  for (i = 0; i < a.len && a.len == b.len; i++)
    if ((a.s[i] | 0x20) != (b.s[i] | 0x20)) return false;
  return a.len == b.len;
}

/* Safe fields that a service says are not the listener's to change. */
static bool
is_guard(struct slice name)
{
  return slice_is_nocase(name, "x-content-type-options") ||
         slice_is_nocase(name, "content-security-policy");
}

/* ---- custom_headers of the listener ---- */

static bool
is_custom(struct request const *q, struct slice name)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(web->st, "custom_header", row)))
    if (slice_is(row->scope, q->conn->listener) && same_name(row->value[0], name))
      return true;
  return false;
}

/* @HOST@ stands for the vhost of the request. */
static bool
cat_custom(stralloc *out, struct slice name, struct slice value, char const *host)
{
  char const *at;

  if (!stralloc_catb(out, name.s, name.len) || !stralloc_cats(out, ": ")) return false;
  while (value.len && (at = memmem(value.s, value.len, "@HOST@", 6))) {
    size_t n = (size_t)(at - value.s);
    if (!stralloc_catb(out, value.s, n) || !stralloc_cats(out, host)) return false;
    value = slice_of(at + 6, value.len - n - 6);
  }
  return stralloc_catb(out, value.s, value.len) && stralloc_cats(out, "\r\n");
}

/* ---- fields ---- */

/* Say whether a line in front of at has the name: fields of one name go out once, but for
 * cookies. */
static bool
was_said(struct slice fields, char const *at, struct slice name)
{
  struct slice line, word;

  if (slice_is_nocase(name, "set-cookie")) return false;
  while (slice_word(&fields, '\n', &line) && line.s < at)
    if (slice_word(&line, ':', &word) && same_name(word, name)) return true;
  return false;
}

static void
log_dropped(struct request const *q, struct slice line)
{
  log_event(LOG_WARN, "header-dropped", "conn", conn_name(q->conn), "handler", q->handler,
            "header", log_text(slice_of(line.s, line.len < 80 ? line.len : 80)), "why",
            "not a header", NULL);
}

static bool
says(struct slice fields, struct slice name)
{
  return was_said(fields, fields.s + fields.len, name);
}

static bool
cat_fields(stralloc *out, struct request const *q, struct slice fields)
{
  struct slice rest = fields, line, name;
  unsigned int n = 0;

  while (slice_word(&rest, '\n', &line)) {
    struct slice value = line;
    char const *at = line.s;
    if (!line.len) continue;
    slice_word(&value, ':', &name);
    if (name.len == line.len || !http_name_holds(name) || !http_value_holds(value) ||
        ++n > HTTP_FIELDS_MAX) {
      log_dropped(q, line);
      continue;
    }
    if (is_own(name) || was_said(fields, at, name) ||
        (is_custom(q, name) && !is_guard(name)))
      continue;
    if (!http_cat_field(out, name, slice_trimmed(value))) return false;
  }
  return true;
}

static bool
cat_customs(stralloc *out, struct request const *q, struct slice fields)
{
  struct settings_row const *row = NULL;

  while ((row = settings_next(web->st, "custom_header", row)))
    if (slice_is(row->scope, q->conn->listener) && !is_own(row->value[0]) &&
        !(is_guard(row->value[0]) && says(fields, row->value[0])) &&
        !cat_custom(out, row->value[0], row->value[1], q->host ? q->host : ""))
      return false;
  return true;
}

static bool
cat_length(stralloc *out, struct request const *q, uint64_t length)
{
  char buf[BASE_NUM];

  if (q->status < 200 || q->status == 204 || q->status == 304) return true;
  if (length != LENGTH_UNKNOWN)
    return http_cat_field(out, SLICE("Content-Length"), num_u64(buf, length));
  return !q->chunked || http_cat_field(out, SLICE("Transfer-Encoding"), SLICE("chunked"));
}

static bool
cat_head(stralloc *out, struct request const *q, uint64_t length, struct slice fields)
{
  bool ok = http_cat_status(out, q->status) &&
            http_cat_date(out, door_wall() / 1000000) && cat_customs(out, q, fields) &&
            cat_fields(out, q, fields) && cat_length(out, q, length);

  if (ok && !q->keep) ok = http_cat_field(out, SLICE("Connection"), SLICE("close"));
  if (ok && q->keep && q->is_1_0)
    ok = http_cat_field(out, SLICE("Connection"), SLICE("keep-alive"));
  return ok && stralloc_cats(out, "\r\n");
}

/* ---- the answer ---- */

void
answer_begin(struct request *q, unsigned int status, uint64_t length, struct slice fields)
{
  struct conn *c = q->conn;
  stralloc sa = STRALLOC_ZERO;

  q->status = status;
  q->no_body = http_has_no_body(q->method, status);
  q->counts = length != LENGTH_UNKNOWN;
  q->answer_left = q->counts ? length : 0;
  q->chunked = !q->counts && !q->is_1_0 && !q->no_body;
  if (!q->counts && q->is_1_0 && !q->no_body) q->keep = false;
  /* An early answer: what is still to come of the body is thrown away, then all ends. */
  if (c->body_left > c->in.len - c->in_at) q->keep = false;
  /* webd does not know how much a pipe still has. */
  if (q->diverted) q->keep = false;
  if (q->diverted && status >= 300) c->body_left = c->pipe_len;
  q->early = c->body_left > 0;
  if (cat_head(&sa, q, length, fields))
    conn_write(c, slice_of(sa.s, sa.len));
  else
    conn_end(c, "out of memory");
  stralloc_free(&sa);
}

static bool
cat_piece(stralloc *sa, struct request const *q, struct slice bytes)
{
  return q->chunked ? http_cat_chunk(sa, bytes)
                    : stralloc_catb(sa, bytes.s, bytes.len) != 0;
}

void
answer_body(struct request *q, struct slice bytes)
{
  stralloc sa = STRALLOC_ZERO;

  if (q->counts && bytes.len > q->answer_left) {
    answer_cut(q, "the answer is longer than it said");
    return;
  }
  if (q->counts) q->answer_left -= bytes.len;
  if (q->no_body) return;
  q->sent += bytes.len;
  if (!q->chunked)
    conn_write(q->conn, bytes);
  else if (cat_piece(&sa, q, bytes))
    conn_write(q->conn, slice_of(sa.s, sa.len));
  else
    conn_end(q->conn, "out of memory");
  stralloc_free(&sa);
}

void
answer_file(struct request *q, int fd, uint64_t len, uint64_t offset)
{
  if (!q->counts || len > q->answer_left) {
    fd_close(fd);
    answer_cut(q, "the answer is longer than it said");
    return;
  }
  q->answer_left -= len;
  if (q->no_body || !len) {
    fd_close(fd);
    return;
  }
  if (conn_send_file(q->conn, fd, len, offset)) {
    q->sent += len;
    return;
  }
  q->answer_left += len;
  files_send(q, fd, len, offset);
}

void
answer_end(struct request *q)
{
  struct conn *c = q->conn;

  if (q->counts && q->answer_left && !q->no_body) {
    answer_cut(q, "the answer is shorter than it said");
    return;
  }
  if (q->chunked) conn_write(c, SLICE("0\r\n\r\n"));
  conn_request_over(c, q->keep);
}

void
answer_whole(struct request *q, unsigned int status, char const *type, struct slice body,
             struct slice more)
{
  stralloc sa = STRALLOC_ZERO;

  if (stralloc_cats(&sa, "Content-Type: ") && stralloc_cats(&sa, type) &&
      stralloc_cats(&sa, "\nX-Content-Type-Options: nosniff\n") &&
      stralloc_catb(&sa, more.s, more.len)) {
    answer_begin(q, status, body.len, slice_of(sa.s, sa.len));
    answer_body(q, body);
    answer_end(q);
  } else
    conn_end(q->conn, "out of memory");
  stralloc_free(&sa);
}

void
answer_text(struct request *q, unsigned int status, char const *text, char const *more)
{
  stralloc sa = STRALLOC_ZERO, line = STRALLOC_ZERO;

  /* The bytes behind such a request may be the middle of something. */
  if (status == 400 || status == 408 || status == 411 || status == 414 || status == 431)
    q->keep = false;
  if (stralloc_cats(&line, text) && stralloc_cats(&line, "\n") &&
      stralloc_cats(&sa, "Access-Control-Allow-Origin: *\n") &&
      stralloc_cats(&sa, more ? more : ""))
    answer_whole(q, status, "text/plain; charset=utf-8", slice_of(line.s, line.len),
                 slice_of(sa.s, sa.len));
  else
    conn_end(q->conn, "out of memory");
  stralloc_free(&sa);
  stralloc_free(&line);
}

void
answer_shut_out(struct request *q)
{
  answer_text(q, 403, "Your address is shut out for some time.", NULL);
}

void
answer_methods(struct request *q, char const *allow)
{
  stralloc sa = STRALLOC_ZERO;
  bool options = q->method == HTTP_OPTIONS;

  if (!stralloc_cats(&sa, "Allow: ") || !stralloc_cats(&sa, allow) ||
      !stralloc_cats(&sa, "\nAccess-Control-Allow-Methods: ") ||
      !stralloc_cats(&sa, allow) ||
      !stralloc_cats(&sa, "\nAccess-Control-Allow-Headers: Content-Type\n"
                          "Access-Control-Max-Age: 86400\n") ||
      !stralloc_0(&sa))
    conn_end(q->conn, "out of memory");
  else
    answer_text(q, options ? 200 : 405,
                options ? "OK" : "This method is not for this address.", sa.s);
  stralloc_free(&sa);
}

void
answer_cut(struct request *q, char const *why)
{
  log_event(LOG_WARN, "answer-cut", "conn", conn_name(q->conn), "handler", q->handler,
            "why", why, NULL);
  if (q->status) {
    conn_end(q->conn, why);
    return;
  }
  answer_text(q, 500, "The server could not answer.", NULL);
}
