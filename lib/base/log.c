#include "base/base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#define LINE_MAX_BYTES 2048
/* Of it, what comes before a quote and the newline. */
#define LINE_ROOM (LINE_MAX_BYTES - 2)
#define TEXTS 8
#define TEXT_BYTES 400

unsigned int log_verbosity = 1;
bool log_hides_peers = false;

/* The last line of a warning, as log_last gives it. */
static struct {
  char s[LINE_MAX_BYTES];
  uint64_t second;
} last;

static char texts[TEXTS][TEXT_BYTES];
static unsigned int text_turn;

struct line {
  char s[LINE_MAX_BYTES];
  size_t len;
  bool full; /* the value that is being written does not fit */
};

static size_t
room(struct line const *l)
{
  return l->len < LINE_ROOM ? LINE_ROOM - l->len : 0;
}

/* Text of ours: cut at the end of the line. */
static void
put(struct line *l, char const *s, size_t n)
{
  if (n > room(l)) n = room(l);
  memcpy(l->s + l->len, s, n);
  l->len += n;
}

/* The bytes of one character: all of them or, at the end of the line, none and nothing after
 * them. */
static void
put_whole(struct line *l, char const *s, size_t n)
{
  l->full = l->full || n > room(l);
  if (!l->full) put(l, s, n);
}

/* Characters of a byte each: as many as fit, and nothing after them if not all do. */
static void
put_run(struct line *l, char const *s, size_t n)
{
  if (l->full) return;
  l->full = n > room(l);
  put(l, s, n);
}

/* ---- bytes that a terminal may be shown ---- */

/* The bytes of the UTF-8 sequence that begins with this byte (RFC 3629 s3); 0: none does. */
static size_t
sequence_len(unsigned char first)
{
  if (first < 0x80) return 1;
  if (first < 0xc0) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf8 ? 4 : 0;
}

/* The bytes of the UTF-8 sequence that v begins with, and its code point; 0: v begins with
 * none. */
static size_t
sequence(unsigned char const *v, uint32_t *c)
{
  static uint32_t const least[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t n = sequence_len(*v);
  size_t i;

  *c = n < 2 ? *v : *v & (0x7fu >> n);
  for (i = 1; i < n; i++) {
    if ((v[i] & 0xc0) != 0x80) return 0;
    *c = *c << 6 | (v[i] & 0x3fu);
  }
  return n && *c >= least[n] && *c <= 0x10ffff && (*c < 0xd800 || *c > 0xdfff) ? n : 0;
}

/* Controls (C0, DEL, C1), ends of lines and paragraphs, and what turns the direction of the
 * text around it (UAX #9): a terminal or a pager obeys them. */
static bool
is_control(uint32_t c)
{
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* The bytes at v that may be written as they are: one character; 0: its first byte is escaped. */
static size_t
showable(char const *v)
{
  uint32_t c;
  size_t n = sequence((unsigned char const *)v, &c);

  return n && !is_control(c) ? n : 0;
}

/* Nearly all values are ASCII: how many of the bytes at v are that, and no controls, quotes or
 * backslashes. Those before from do not count, as blanks in a value without quotes. */
static size_t
ascii(char const *v, char from)
{
  size_t n = 0;

  while (v[n] >= from && v[n] < 0x7f && v[n] != '"' && v[n] != '\\')
    n++;
  return n;
}

static bool
plain(char const *v)
{
  size_t n;

  if (!*v) return false;
  for (v += ascii(v, '!'); *v; v += n) {
    n = showable(v);
    if (!n || *v == ' ' || *v == '"' || *v == '\\') return false;
  }
  return true;
}

static void
put_value(struct line *l, char const *v)
{
  bool opens = !plain(v) && room(l);
  char escape[5];
  size_t n;

  if (opens) put(l, "\"", 1);
  for (; *v; v += n ? n : 1) {
    n = ascii(v, ' ');
    if (n) {
      put_run(l, v, n);
      continue;
    }
    n = showable(v);
    if (n && *v != '"' && *v != '\\') {
      put_whole(l, v, n);
      continue;
    }
    if (n)
      snprintf(escape, sizeof escape, "\\%c", *v);
    else
      snprintf(escape, sizeof escape, "\\x%02x", (unsigned char)*v);
    put_whole(l, escape, strlen(escape));
  }
  l->full = false;
  if (opens) l->s[l->len++] = '"'; /* behind LINE_ROOM there is room for it */
}

static void
keep(char const *s, size_t n)
{
  memcpy(last.s, s, n);
  last.s[n] = 0;
  last.second = door_wall() / 1000000;
}

char const *
log_last(uint64_t *second)
{
  *second = last.second;
  return last.s[0] ? last.s : NULL;
}

void
log_event(enum log_level level, char const *event, ...)
{
  static char const *const words[] = {"fatal", "warning", "info", "debug"};
  struct line l = {.len = 0};
  char const *key;
  va_list ap;
  bool shown = (unsigned int)level <= log_verbosity;
  int e = errno;
  size_t head;

  if (!shown && level > LOG_WARN) return;
  put(&l, PROG, strlen(PROG));
  put(&l, ": ", 2);
  put(&l, words[level], strlen(words[level]));
  put(&l, ": ", 2);
  head = l.len;
  put(&l, "event=", 6);
  put_value(&l, event);
  va_start(ap, event);
  while ((key = va_arg(ap, char const *))) {
    char const *value = va_arg(ap, char const *);
    if (!value) continue;
    put(&l, " ", 1);
    put(&l, key, strlen(key));
    put(&l, "=", 1);
    put_value(&l, value);
  }
  va_end(ap);
  if (level <= LOG_WARN) keep(l.s + head, l.len - head);
  l.s[l.len++] = '\n';
  if (shown && write(2, l.s, l.len) < 0) errno = e; /* nowhere left to say it */
  errno = e;
}

char const *
log_text(struct slice s)
{
  char *t = texts[text_turn++ % TEXTS];
  size_t n = s.len < TEXT_BYTES ? s.len : TEXT_BYTES - 1, i;

  if (n < s.len) /* no character is cut in two */
    for (i = 0; i < 3 && n && ((unsigned char)s.s[n] & 0xc0) == 0x80; i++)
      n--;
  for (i = 0; i < n; i++)
    t[i] = s.s[i] ? s.s[i] : ' ';
  t[n] = 0;
  return t;
}

char const *
log_num(uint64_t n)
{
  char buf[BASE_NUM];

  return log_text(num_u64(buf, n));
}

char const *
log_conn(char const *front, uint64_t id)
{
  char buf[64], digits[BASE_NUM];
  struct slice n = num_u64(digits, id);
  size_t len;

  if (!front) return NULL;
  len = strlen(front);
  if (len > sizeof buf - BASE_NUM - 1) len = sizeof buf - BASE_NUM - 1;
  memcpy(buf, front, len);
  buf[len++] = ':';
  memcpy(buf + len, n.s, n.len);
  return log_text(slice_of(buf, len + n.len));
}

char const *
log_peer(struct slice ip)
{
  return log_hides_peers ? "hidden" : log_text(ip);
}
