#include "webd.h"

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files below one folder (mod_http_fileserver). The path goes down segment by segment, through no
 * symbolic link and no name that begins with a dot; whatever is not a file is not there. */

/* Bytes that are read at once, and in a turn. */
#define PIECE WEB_BODY_PIECE
#define TURN WEB_BODY_HIGH

/* The file of a request, as its own. */
struct file {
  struct request *q;
  int fd;
  uint64_t left;
  struct event_timer timer;
};

/* ---- reading ---- */

static void
file_free(struct request *q)
{
  struct file *f = q->own;

  if (!f) return;
  q->own = NULL;
  event_timer_cancel(&f->timer);
  fd_close(f->fd);
  free(f);
}

static void
gone(struct request *q, char const *why)
{
  (void)why;
  file_free(q);
}

/* Give a part of the file, and the next in another turn, as long as the client takes it. */
static void
give(void *cookie)
{
  static char buf[PIECE];
  struct file *f = cookie;
  struct request *q = f->q;
  size_t given = 0;

  while (f->left && given < TURN) {
    ssize_t n;
    if (q->conn->blocked || !q->conn->link || q->conn->link->full) return;
    n = fd_read(f->fd, buf, f->left < PIECE ? f->left : PIECE);
    if (n <= 0) {
      answer_cut(q, "the file has become shorter");
      return;
    }
    f->left -= (uint64_t)n;
    given += (size_t)n;
    answer_body(q, slice_of(buf, (size_t)n));
    if (q->conn->ends) return;
  }
  if (f->left) {
    event_timer_start(&f->timer, door_now(), give, f);
    return;
  }
  file_free(q);
  answer_end(q);
}

static void
go(struct request *q, bool goes)
{
  struct file *f = q->own;

  if (f && goes && !event_timer_on(&f->timer))
    event_timer_start(&f->timer, door_now(), give, f);
  else if (f && !goes)
    event_timer_cancel(&f->timer);
}

void
files_send(struct request *q, int fd, uint64_t len, uint64_t offset)
{
  struct file *f = calloc(1, sizeof *f);

  if (!f || lseek(fd, (off_t)offset, SEEK_SET) < 0) {
    free(f);
    fd_close(fd);
    answer_cut(q, "the file cannot be read");
    return;
  }
  f->q = q;
  f->fd = fd;
  f->left = len;
  q->own = f;
  q->kind = &files_kind;
  give(f);
}

/* ---- finding ---- */

/* Open the entry of a folder that a segment names. -1: there is none that is shown. */
static int
step(int dir, struct slice seg)
{
  struct arena a = ARENA_ZERO;
  struct slice name = http_decode(&a, seg);
  bool bad = !name.s || !name.len || name.s[0] == '.' || memchr(name.s, '/', name.len);
  int fd = bad ? -1 : openat(dir, name.s, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

  arena_wipe(&a);
  return fd;
}

static bool
is_folder(int fd)
{
  struct stat st;

  return !fstat(fd, &st) && S_ISDIR(st.st_mode);
}

/* The first of the indices that a folder has. */
static int
index_of(int dir, struct slice indices)
{
  struct slice word;
  int fd = -1;

  while (fd < 0 && slice_word(&indices, ' ', &word))
    if (word.len) fd = step(dir, word);
  return fd;
}

static int
walk(struct slice root, struct slice path, struct slice indices)
{
  int fd = open(root.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC), next;
  struct slice seg;

  while (fd >= 0 && slice_word(&path, '/', &seg)) {
    if (!seg.len) continue;
    next = step(fd, seg);
    fd_close(fd);
    fd = next;
  }
  if (fd < 0 || !is_folder(fd)) return fd;
  next = index_of(fd, indices);
  fd_close(fd);
  return next;
}

/* ---- the answer ---- */

/* The type of a file: of the module's own, of the usual, the module's default. */
static struct slice
type_of(struct request const *q, struct slice name, char const *module)
{
  struct settings_row const *row = NULL;
  struct slice host = settings_host_name(slice_str(q->host)), dflt;
  char key[64];
  char const *type = http_type(name);

  snprintf(key, sizeof key, "%s.content_types", module);
  while ((row = settings_next(web->st, key, row))) {
    struct slice e = row->value[0];
    if (e.len && e.s[0] == '.') e = slice_of(e.s + 1, e.len - 1);
    if (slice_eq(row->scope, host) && name.len > e.len &&
        name.s[name.len - e.len - 1] == '.' &&
        slice_eq(slice_of(name.s + name.len - e.len, e.len), e))
      return row->value[1];
  }
  snprintf(key, sizeof key, "%s.default_content_type", module);
  dflt = settings_get(web->st, key, host);
  if (type) return slice_str(type);
  return dflt.len ? dflt : SLICE("application/octet-stream");
}

static bool
cat_line(stralloc *out, char const *name, struct slice value)
{
  return stralloc_cats(out, name) && stralloc_cats(out, ": ") &&
         stralloc_catb(out, value.s, value.len) && stralloc_cats(out, "\n");
}

static bool
cat_customs(stralloc *out, struct request const *q, char const *module)
{
  struct settings_row const *row = NULL;
  struct slice host = settings_host_name(slice_str(q->host));
  char key[64];

  snprintf(key, sizeof key, "%s.custom_headers", module);
  while ((row = settings_next(web->st, key, row)))
    if (slice_eq(row->scope, host) && !cat_line(out, row->value[0].s, row->value[1]))
      return false;
  return true;
}

/* A file's name is that of its last segment, or of the index that stands for its folder. */
static struct slice
name_of(struct slice path, struct slice indices)
{
  size_t n = path.len;
  struct slice first = {NULL, 0};

  if (n && path.s[n - 1] != '/') return path;
  slice_word(&indices, ' ', &first);
  return first;
}

static void
begin_answer(struct request *q, struct file *f, struct http_request const *h,
             struct stat const *st, stralloc *fields)
{
  uint64_t size = (uint64_t)st->st_size, mtime = (uint64_t)st->st_mtim.tv_sec, from = 0,
           to = size ? size - 1 : 0;
  char etag[64], date[HTTP_DATE_SIZE], text[80];
  struct http_conditions cond;
  enum http_range part = HTTP_WHOLE;
  unsigned int status;

  snprintf(etag, sizeof etag, "\"%llx-%llx.%06lx\"", (unsigned long long)size,
           (unsigned long long)mtime, (unsigned long)st->st_mtim.tv_nsec / 1000);
  http_conditions(&cond, h);
  status = http_judge(&cond, slice_str(etag), mtime);
  if (status == 412) {
    file_free(q);
    answer_text(q, 412, "The file is another one.", NULL);
    return;
  }
  /* RFC 9110 s14.2: a range is one of GET. */
  if (!status && q->method == HTTP_GET)
    part = http_part(&cond, slice_str(etag), mtime, size, &from, &to);
  if (!status) status = part == HTTP_PART ? 206 : part == HTTP_OUTSIDE ? 416 : 200;
  f->left = status == 206 ? to - from + 1 : status == 200 ? size : 0;
  snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)from,
           (unsigned long long)to, (unsigned long long)size);
  if (status == 416)
    snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)size);
  if (!cat_line(fields, "ETag", slice_str(etag)) ||
      !cat_line(fields, "Last-Modified", http_date(date, mtime)) ||
      !cat_line(fields, "Accept-Ranges", SLICE("bytes")) ||
      (status != 200 && status != 304 &&
       !cat_line(fields, "Content-Range", slice_str(text))) ||
      (status == 206 && lseek(f->fd, (off_t)from, SEEK_SET) < 0)) {
    conn_end(q->conn, "the file cannot be read");
    return;
  }
  answer_begin(q, status, f->left, slice_of(fields->s, fields->len));
  if (q->method == HTTP_HEAD) f->left = 0;
  give(f);
}

void
files_answer(struct request *q, struct http_request const *h, struct slice root,
             struct slice path, struct slice indices, char const *module)
{
  struct file *f;
  struct stat st;
  stralloc fields = STRALLOC_ZERO;
  int fd = walk(root, path, indices);

  if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
    if (fd >= 0) fd_close(fd);
    answer_text(q, 404, "There is nothing here.", NULL);
    return;
  }
  f = calloc(1, sizeof *f);
  if (!f || !cat_customs(&fields, q, module) ||
      !cat_line(&fields, "Content-Type", type_of(q, name_of(path, indices), module)) ||
      !stralloc_cats(&fields, "X-Content-Type-Options: nosniff\n")) {
    free(f);
    fd_close(fd);
    conn_end(q->conn, "out of memory");
  } else {
    f->q = q;
    f->fd = fd;
    q->own = f;
    q->kind = &files_kind; /* whichever handler has found the file */
    begin_answer(q, f, h, &st, &fields);
  }
  stralloc_free(&fields);
}

/* ---- who may read ---- */

/* Say whether given is the base64 of pair, USER:PASSWORD. */
static bool
is_pair(struct slice given, struct slice pair)
{
  unsigned char text[4 * ((WEB_PAIR_MAX + 2) / 3) + 1];
  int n = pair.len > WEB_PAIR_MAX
            ? -1
            : EVP_EncodeBlock(text, (unsigned char const *)pair.s, (int)pair.len);

  return n >= 0 && given.len == (size_t)n && !CRYPTO_memcmp(given.s, text, given.len);
}

/* RFC 7617 s2: where there are pairs in must_authenticate_with, the request must have one of them. */
static bool
may_read(struct request const *q, struct http_request const *h)
{
  struct settings_row const *row = NULL;
  struct slice host = settings_host_name(slice_str(q->host)), scheme = {NULL, 0};
  struct slice given = http_field(h, "authorization");
  bool asked = false, ok = false;

  if (!given.s || !slice_word(&given, ' ', &scheme) || !slice_is_nocase(scheme, "basic"))
    given.len = 0;
  while (given.len && given.s[0] == ' ')
    given = slice_of(given.s + 1, given.len - 1);
  while (
    (row = settings_next(web->st, "mod_http_fileserver.must_authenticate_with", row))) {
    if (!slice_eq(row->scope, host)) continue;
    asked = true;
    if (is_pair(given, row->value[0])) ok = true;
  }
  return !asked || ok;
}

static void
begin(struct request *q, struct http_request const *h)
{
  struct slice root = module_option(q, "mod_http_fileserver.docroot");

  if (q->method != HTTP_GET && q->method != HTTP_HEAD)
    answer_methods(q, "GET, HEAD, OPTIONS");
  else if (!module_is_on(q, "mod_http_fileserver") || !root.len)
    answer_text(q, 404, "There is nothing here.", NULL);
  else if (!may_read(q, h))
    answer_text(q, 401, "Who are you?",
                "WWW-Authenticate: Basic realm=\"files\", charset=\"UTF-8\"\n");
  else
    files_answer(q, h, root, slice_str(q->path),
                 module_option(q, "mod_http_fileserver.directory_indices"),
                 "mod_http_fileserver");
}

struct kind const files_kind = {
  .word = "mod_http_fileserver", .begin = begin, .go = go, .gone = gone};
