#include "uploadd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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
  char etag[64], modified[64];
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
  struct tm tm;

  snprintf(f->etag, sizeof f->etag, "\"%llx-%llx\"", (unsigned long long)f->st.st_size,
           (unsigned long long)modified_us(f));
  *f->modified = 0;
  if (gmtime_r(&f->st.st_mtim.tv_sec, &tm))
    strftime(f->modified, sizeof f->modified, "%a, %d %b %Y %H:%M:%S GMT", &tm);
  f->from = 0;
  f->length = (uint64_t)f->st.st_size;
}

/* ---- conditions (RFC 9110 s13) ---- */

static bool
read_date(struct slice text, time_t *out)
{
  char buf[64];
  struct tm tm = {0};
  char const *end;

  if (text.len >= sizeof buf) return false;
  memcpy(buf, text.s, text.len);
  buf[text.len] = 0;
  end = strptime(buf, "%a, %d %b %Y %H:%M:%S GMT", &tm);
  if (!end || *end) return false;
  *out = timegm(&tm);
  return true;
}

/* s13.1.2: the weak comparison, of a list. */
static bool
has_etag(struct slice list, char const *etag)
{
  struct slice tag;

  while (slice_word(&list, ',', &tag)) {
    while (tag.len && (tag.s[0] == ' ' || tag.s[0] == '\t'))
      tag = slice_of(tag.s + 1, tag.len - 1);
    while (tag.len && tag.s[tag.len - 1] == ' ')
      tag.len--;
    if (slice_starts(tag, "W/")) tag = slice_of(tag.s + 2, tag.len - 2);
    if (slice_is(tag, "*") || slice_is(tag, etag)) return true;
  }
  return false;
}

static bool
is_known(struct web const *w, struct file const *f)
{
  struct slice match = header_of(w, "if-none-match");
  struct slice since = header_of(w, "if-modified-since");
  time_t t;

  if (match.s) return has_etag(match, f->etag);
  return since.s && read_date(since, &t) && f->st.st_mtim.tv_sec <= t;
}

/* s13.1.5: the strong comparison. */
static bool
range_holds(struct web const *w, struct file const *f)
{
  struct slice cond = header_of(w, "if-range");
  time_t t;

  if (!cond.s) return true;
  if (cond.len && cond.s[0] == '"') return slice_is(cond, f->etag);
  return read_date(cond, &t) && f->st.st_mtim.tv_sec == t;
}

/* ---- ranges (RFC 9110 s14) ---- */

enum range { RANGE_NONE, RANGE_PART, RANGE_PAST };

/* a-b, a- and -n. Several ranges, another unit and what is no range are not obeyed. */
static enum range
read_range(struct slice text, struct file *f)
{
  uint64_t size = f->length, from, to = UINT64_MAX;
  char const *dash;
  struct slice first, second;

  if (!slice_starts(text, "bytes=") || memchr(text.s, ',', text.len)) return RANGE_NONE;
  text = slice_of(text.s + 6, text.len - 6);
  dash = memchr(text.s, '-', text.len);
  if (!dash) return RANGE_NONE;
  first = slice_of(text.s, (size_t)(dash - text.s));
  second = slice_of(dash + 1, text.len - first.len - 1);
  if ((first.len && !slice_u64(first, &from)) ||
      (second.len && !slice_u64(second, &to)) || (!first.len && !second.len))
    return RANGE_NONE;
  if (!first.len) {
    if (!to || !size) return RANGE_PAST;
    from = to < size ? size - to : 0;
    to = UINT64_MAX;
  }
  if (to < from) return RANGE_NONE;
  if (from >= size) return RANGE_PAST;
  f->from = from;
  f->length = (to < size ? to + 1 : size) - from;
  return RANGE_PART;
}

/* ---- headers ---- */

/* Say whether the file begins as UTF-8; a character may be cut at the end of the look. */
static bool
is_utf8(int fd)
{
  unsigned char buf[TEXT_LOOK];
  ssize_t n = pread(fd, buf, sizeof buf, 0), i = 0;

  while (i < n) {
    unsigned char c = buf[i++];
    int more = c < 0x80   ? 0
               : c < 0xc2 ? -1
               : c < 0xe0 ? 1
               : c < 0xf0 ? 2
               : c < 0xf5 ? 3
                          : -1;
    if (more < 0 || !c) return false;
    for (; more && i < n; more--, i++)
      if ((buf[i] & 0xc0) != 0x80) return false;
  }
  return n >= 0;
}

static bool
is_shown(char const *type)
{
  return (!strncmp(type, "image/", 6) && !strstr(type, "svg")) ||
         !strncmp(type, "video/", 6) || !strncmp(type, "audio/", 6) ||
         !strcmp(type, "text/plain");
}

/* Types that a browser may run as a page, whatever disposition says. */
static bool
is_active(char const *type)
{
  return strstr(type, "html") || strstr(type, "xml") || strstr(type, "svg") ||
         strstr(type, "script") || strstr(type, "css") || strstr(type, "wasm");
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
  answer_str("content-type", !strcmp(type, "text/plain") && is_utf8(f->fd)
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
answer_file(struct web const *w, struct file *f)
{
  bool head = slice_is(w->method, "HEAD");
  struct slice range = header_of(w, "range");
  enum range part = RANGE_NONE;

  if (is_known(w, f)) {
    put_headers(w, f);
    answer_send(w->link, w->id, 304, UINT64_MAX);
    answer_end(w->link, w->id);
    return;
  }
  if (range.s && !head && range_holds(w, f)) part = read_range(range, f);
  if (part == RANGE_PAST) {
    send_past(w, f);
    return;
  }
  put_headers(w, f);
  if (part == RANGE_PART) put_range(f);
  if (!head && f->length) {
    begin_body(w, f, part == RANGE_PART ? 206 : 200);
    return;
  }
  answer_send(w->link, w->id, 200, f->length);
  answer_end(w->link, w->id);
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
