#include "uploadd.h"

#include "http/http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* GET and HEAD: files as they lie in the docroot, whoever put them there. What a file is called
 * decides what it is taken for, and only pictures, films, sounds and plain text are shown by
 * browsers: all else is saved. */

#define PIECES_A_TURN 4u
#define TEXT_LOOK 4096
#define YEAR_S 31536000u
#define HEADER_ROOM 512

struct file {
  int fd;
  struct stat st;
  struct vhost const *v;
  char etag[64], modified[HTTP_DATE_SIZE];
  uint64_t from, length; /* what is sent of it */
};

/* ---- finding ---- */

static bool
open_file(struct web const *w, struct file *f)
{
  struct vhost const *v;

  f->v = w->v;
  f->fd = w->v ? files_open(w->v, &w->place, &f->st) : -1;
  for (v = uploadd.vhosts; v && f->fd < 0; v = v->next) {
    if (v == w->v || vhost_shares(v)) continue;
    f->v = v;
    f->fd = files_open(v, &w->place, &f->st);
  }
  return f->fd >= 0;
}

static uint64_t
modified_us(struct file const *f)
{
  return (uint64_t)f->st.st_mtim.tv_sec * 1000000u +
         (uint64_t)f->st.st_mtim.tv_nsec / 1000u;
}

static void
describe(struct file *f)
{
  snprintf(f->etag, sizeof f->etag, "\"%llx-%llx\"", (unsigned long long)f->st.st_size,
           (unsigned long long)modified_us(f));
  http_date(f->modified, (uint64_t)f->st.st_mtim.tv_sec);
  f->from = 0;
  f->length = (uint64_t)f->st.st_size;
}

/* ---- conditions (RFC 9110 s13) ---- */

static struct http_conditions
conditions_of(struct web const *w)
{
  return (struct http_conditions){.match = header_of(w, "if-match"),
                                  .none_match = header_of(w, "if-none-match"),
                                  .modified_since = header_of(w, "if-modified-since"),
                                  .unmodified_since = header_of(w, "if-unmodified-since"),
                                  .range = header_of(w, "range"),
                                  .if_range = header_of(w, "if-range")};
}

/* The part of the file that is asked for, which is all of it for HEAD (s14.2). */
static enum http_range
take_part(struct http_conditions const *c, struct web const *w, struct file *f)
{
  uint64_t to;
  enum http_range part;

  if (slice_is(w->method, "HEAD")) return HTTP_WHOLE;
  part = http_part(c, slice_str(f->etag), (uint64_t)f->st.st_mtim.tv_sec, f->length,
                   &f->from, &to);
  if (part == HTTP_PART) f->length = to - f->from + 1;
  return part;
}

/* ---- headers ---- */

/* Give the number of bytes that follow the first byte c of a character, and the bounds of the next
 * one (RFC 3629 s4): no character has two forms, and surrogates are none. -1: no character begins so. */
static int
rest_of(unsigned char c, unsigned char *low, unsigned char *high)
{
  *low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
  *high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
  return !c         ? -1
         : c < 0x80 ? 0
         : c < 0xc2 ? -1
         : c < 0xe0 ? 1
         : c < 0xf0 ? 2
         : c < 0xf5 ? 3
                    : -1;
}

/* Say whether the file begins as UTF-8; a character may be cut at the end of the look. */
static bool
is_utf8(int fd)
{
  unsigned char buf[TEXT_LOOK], low, high;
  ssize_t n = pread(fd, buf, sizeof buf, 0), i = 0;

  while (i < n) {
    int more = rest_of(buf[i++], &low, &high);
    if (more < 0) return false;
    for (; more && i < n; more--, i++) {
      if (buf[i] < low || buf[i] > high) return false;
      low = 0x80;
      high = 0xbf;
    }
  }
  return n >= 0;
}

/* Say whether a type is that of this name, with or without parameters. */
static bool
is_type(char const *type, char const *name)
{
  size_t n = strlen(name);

  return !strncasecmp(type, name, n) && (!type[n] || type[n] == ';' || type[n] == ' ');
}

static bool
is_shown(char const *type)
{
  return !strncasecmp(type, "image/", 6) || !strncasecmp(type, "video/", 6) ||
         !strncasecmp(type, "audio/", 6) || is_type(type, "text/plain");
}

/* Types that a browser may run as a page, whatever disposition says. XML are those that end in /xml
 * or +xml, and text/xsl: office documents have xml within their names alone. */
static bool
is_active(char const *type)
{
  static char const *const parts[] = {"html", "/xml",   "+xml", "/xsl",
                                      "svg",  "script", "css",  "wasm"};
  size_t i;

  for (i = 0; i < sizeof parts / sizeof *parts; i++)
    if (strcasestr(type, parts[i])) return true;
  return false;
}

/* RFC 6266 s4.3: the name for old browsers has ASCII alone; the other one all characters. */
static void
put_disposition(struct slice name)
{
  static stralloc out = STRALLOC_ZERO;
  static char const hex[] = "0123456789ABCDEF";
  size_t i;

  out.len = 0;
  stralloc_cats(&out, "attachment; filename=\"");
  for (i = 0; i < name.len; i++) {
    unsigned char c = (unsigned char)name.s[i];
    char plain = c < 0x20 || c > 0x7e || c == '"' || c == '\\' ? '_' : (char)c;
    stralloc_catb(&out, &plain, 1);
  }
  stralloc_cats(&out, "\"; filename*=UTF-8''");
  for (i = 0; i < name.len; i++) {
    unsigned char c = (unsigned char)name.s[i];
    char code[3] = {'%', hex[c >> 4], hex[c & 15]};
    bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                 (c >= 'a' && c <= 'z') || (c && strchr("-._~", c));
    stralloc_catb(&out, plain ? name.s + i : code, plain ? 1 : 3);
  }
  answer_header("content-disposition", slice_of(out.s, out.len));
}

static void
put_type(struct web const *w, struct file const *f)
{
  char const *type = type_of(f->v, w->place.name);
  bool shown;

  if (!type || is_active(type)) type = "application/octet-stream";
  shown = is_shown(type);
  answer_str("content-type", !strcasecmp(type, "text/plain") && is_utf8(f->fd)
                               ? "text/plain; charset=utf-8"
                               : type);
  answer_safe("content-security-policy",
              shown ? "default-src 'none'; frame-ancestors 'none'"
                    : "default-src 'none'; frame-ancestors 'none'; sandbox");
  if (!shown) put_disposition(w->place.name);
}

/* A file never changes, and goes when its days are over. */
static void
put_cache(struct file const *f)
{
  uint64_t left = YEAR_S, end;
  char text[96];

  if (f->v->max_us != UINT64_MAX) {
    end = modified_us(f) + f->v->max_us;
    left = end > door_wall() ? (end - door_wall()) / 1000000u : 0;
    if (left > YEAR_S) left = YEAR_S;
  }
  snprintf(text, sizeof text, "public, max-age=%llu, immutable",
           (unsigned long long)left);
  answer_str("cache-control", text);
}

static void
put_headers(struct web const *w, struct file const *f)
{
  answer_begin(f->v);
  put_type(w, f);
  answer_str("last-modified", f->modified);
  answer_str("etag", f->etag);
  answer_str("accept-ranges", "bytes");
  answer_str("cross-origin-resource-policy", "cross-origin");
  put_cache(f);
}

/* ---- answers ---- */

static void
send_past(struct web const *w, struct file const *f)
{
  char text[64];

  answer_begin(f->v);
  snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)f->st.st_size);
  answer_str("content-range", text);
  answer_send(w->link, w->id, 416, 0);
  answer_end(w->link, w->id);
}

static void
put_range(struct file const *f)
{
  char text[96];

  snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)f->from,
           (unsigned long long)(f->from + f->length - 1),
           (unsigned long long)f->st.st_size);
  answer_str("content-range", text);
}

/* A big part of a file goes as a descriptor, and nothing more is to do. false: it cannot now. */
static bool
pass_file(struct web const *w, struct file *f, unsigned int status)
{
  if (f->length < UPLOAD_DIVERT_MIN || !link_can_pass(w->link)) return false;
  answer_send(w->link, w->id, status, f->length);
  link_begin(w->link, VERB_DIVERT);
  link_num(w->link, w->id);
  link_num(w->link, f->length);
  link_num(w->link, f->from);
  link_end_with(w->link, f->fd);
  f->fd = -1;
  web_totals.get_bytes += f->length;
  answer_end(w->link, w->id);
  return true;
}

/* The rest follows by get_go_on. */
static void
begin_body(struct web const *w, struct file *f, unsigned int status)
{
  struct transfer *t = pass_file(w, f, status) ? NULL : transfer_new(w, 0);

  if (f->fd < 0) return;
  if (!t) {
    answer_text(w->link, w->id, f->v, 503, "Too many files are being sent.\n");
    return;
  }
  answer_send(w->link, w->id, status, f->length);
  posix_fadvise(f->fd, (off_t)f->from, (off_t)f->length, POSIX_FADV_SEQUENTIAL);
  t->fd = f->fd;
  t->at = f->from;
  t->left = f->length;
  f->fd = -1;
}

static void
answer_part(struct web const *w, struct file *f, enum http_range part)
{
  if (part == HTTP_OUTSIDE) {
    send_past(w, f);
    return;
  }
  put_headers(w, f);
  if (part == HTTP_PART) put_range(f);
  if (!slice_is(w->method, "HEAD") && f->length) {
    begin_body(w, f, part == HTTP_PART ? 206 : 200);
    return;
  }
  answer_send(w->link, w->id, 200, f->length);
  answer_end(w->link, w->id);
}

static void
answer_file(struct web const *w, struct file *f)
{
  struct http_conditions c = conditions_of(w);
  unsigned int status =
    http_judge(&c, slice_str(f->etag), (uint64_t)f->st.st_mtim.tv_sec);

  if (status == 412) {
    answer_text(w->link, w->id, f->v, 412, "The file is another one.\n");
  } else if (status) {
    put_headers(w, f);
    answer_send(w->link, w->id, status, UINT64_MAX);
    answer_end(w->link, w->id);
  } else
    answer_part(w, f, take_part(&c, w, f));
}

void
get_request(struct web *w)
{
  struct file f;

  if (!open_file(w, &f)) {
    answer_text(w->link, w->id, w->v, 404, "There is no such file.\n");
    return;
  }
  describe(&f);
  web_totals.gets++;
  answer_file(w, &f);
  if (f.fd >= 0) close(f.fd);
}

/* ---- the body ---- */

void
get_close(struct transfer *t)
{
  if (t->fd >= 0) close(t->fd);
  t->fd = -1;
}

/* The head has said how much comes: a file that was cut meanwhile ends the connection. */
static void
give_up(struct transfer *t, char const *why)
{
  log_event(LOG_WARN, "download-failed", "why", why, NULL);
  link_begin(t->link, VERB_CANCEL);
  link_num(t->link, t->id);
  link_str(t->link, why);
  link_end(t->link);
  transfer_free(t);
}

bool
get_go_on(struct transfer *t)
{
  static char buf[UPLOAD_PIECE];
  uint64_t piece = uploadd.piece < sizeof buf ? uploadd.piece : sizeof buf;
  unsigned int i;

  for (i = 0; i < PIECES_A_TURN && t->left; i++) {
    ssize_t n = pread(t->fd, buf, t->left < piece ? t->left : piece, (off_t)t->at);
    if (n <= 0) {
      give_up(t, n ? strerror(errno) : "the file was cut");
      return false;
    }
    answer_body(t->link, t->id, slice_of(buf, (size_t)n));
    web_totals.get_bytes += (uint64_t)n;
    t->at += (uint64_t)n;
    t->left -= (uint64_t)n;
  }
  if (t->left) return true;
  answer_end(t->link, t->id);
  transfer_free(t);
  return false;
}
