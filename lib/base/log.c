#include "base/base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#define LINE_MAX_BYTES 2048
#define TEXTS 8
#define TEXT_BYTES 400

unsigned int log_verbosity = 1;
bool log_hides_peers = false;

static char texts[TEXTS][TEXT_BYTES];
static unsigned int text_turn;

struct line {
  char s[LINE_MAX_BYTES];
  size_t len;
};

static void
put(struct line *l, char const *s, size_t n)
{
  if (n > sizeof l->s - 1 - l->len) n = sizeof l->s - 1 - l->len;
  memcpy(l->s + l->len, s, n);
  l->len += n;
}

static bool
plain(char const *v)
{
  if (!*v) return false;
  for (; *v; v++)
    if ((unsigned char)*v <= ' ' || *v == '"' || *v == '\\' || *v == 0x7f) return false;
  return true;
}

static void
put_value(struct line *l, char const *v)
{
  char hex[5];

  if (plain(v)) {
    put(l, v, strlen(v));
    return;
  }
  put(l, "\"", 1);
  for (; *v; v++) {
    unsigned char c = (unsigned char)*v;
    if (c == '"' || c == '\\') {
      put(l, "\\", 1);
      put(l, v, 1);
    } else if (c < ' ' || c == 0x7f) {
      snprintf(hex, sizeof hex, "\\x%02x", c);
      put(l, hex, 4);
    } else
      put(l, v, 1);
  }
  put(l, "\"", 1);
}

void
log_event(enum log_level level, char const *event, ...)
{
  static char const *const words[] = {"fatal", "warning", "info", "debug"};
  struct line l = {.len = 0};
  char const *key;
  va_list ap;
  int e = errno;

  if ((unsigned int)level > log_verbosity) return;
  put(&l, PROG, strlen(PROG));
  put(&l, ": ", 2);
  put(&l, words[level], strlen(words[level]));
  put(&l, ": event=", 8);
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
  l.s[l.len++] = '\n';
  if (write(2, l.s, l.len) < 0) errno = e; /* nowhere left to say it */
  errno = e;
}

char const *
log_text(struct slice s)
{
  char *t = texts[text_turn++ % TEXTS];
  size_t n = s.len < TEXT_BYTES ? s.len : TEXT_BYTES - 1, i;

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
log_peer(struct slice ip)
{
  return log_hides_peers ? "hidden" : log_text(ip);
}
