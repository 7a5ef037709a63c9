#include "base/base.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool
slice_is_nocase(struct slice a, char const *z)
{
  return a.len == strlen(z) && (!a.len || !strncasecmp(a.s, z, a.len));
}

bool
slice_word(struct slice *rest, char sep, struct slice *word)
{
  char const *end;

  if (!rest->len) return false;
  end = memchr(rest->s, sep, rest->len);
  if (!end) {
    *word = *rest;
    *rest = (struct slice){rest->s + rest->len, 0};
    return true;
  }
  *word = (struct slice){rest->s, (size_t)(end - rest->s)};
  *rest = (struct slice){end + 1, rest->len - word->len - 1};
  return true;
}

static bool
is_space(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice
slice_trimmed(struct slice s)
{
  while (s.len && is_space(s.s[0]))
    s = (struct slice){s.s + 1, s.len - 1};
  while (s.len && is_space(s.s[s.len - 1]))
    s.len--;
  return s;
}

bool
slice_has_word(struct slice list, struct slice word)
{
  struct slice w;

  while (slice_word(&list, ' ', &w))
    if (slice_eq(w, word)) return true;
  return false;
}

/* A number of 19 digits fits always: the last digit of 20 alone may be too much. */
bool
slice_u64(struct slice a, uint64_t *out)
{
  uint64_t n = 0;
  size_t i;

  if (!a.len || a.len > 20) goto bad;
  for (i = 0; i < a.len; i++) {
    unsigned int d = (unsigned int)(unsigned char)a.s[i] - '0';
    if (d > 9 || (i == 19 && n > (UINT64_MAX - d) / 10)) goto bad;
    n = n * 10 + d;
  }
  *out = n;
  return true;
bad:
  errno = EINVAL;
  return false;
}

int64_t
slice_int(struct slice a)
{
  bool below = a.len && a.s[0] == '-';
  uint64_t n;

  if (!slice_u64(slice_of(a.s + below, a.len - below), &n) || n > INT64_MAX) return 0;
  return below ? -(int64_t)n : (int64_t)n;
}

struct slice
num_u64(char buf[BASE_NUM], uint64_t n)
{
  static char const pairs[] = "00010203040506070809101112131415161718192021222324"
                              "25262728293031323334353637383940414243444546474849"
                              "50515253545556575859606162636465666768697071727374"
                              "75767778798081828384858687888990919293949596979899";
  char *p = buf + BASE_NUM - 1;

  *p = 0;
  for (; n >= 10; n /= 100) {
    p -= 2;
    memcpy(p, pairs + 2 * (n % 100), 2);
  }
  if (n || !*p) *--p = (char)('0' + n);
  return (struct slice){p, (size_t)(buf + BASE_NUM - 1 - p)};
}

void
hex_put(char *to, void const *bytes, size_t n)
{
  static char const digits[] = "0123456789abcdef";
  unsigned char const *from = bytes;
  size_t i;

  for (i = 0; i < n; i++) {
    *to++ = digits[from[i] >> 4];
    *to++ = digits[from[i] & 15];
  }
}

void
hex_z(char *to, void const *bytes, size_t n)
{
  hex_put(to, bytes, n);
  to[2 * n] = 0;
}

char *
slice_dup(struct slice text)
{
  char *z = malloc(text.len + 1);

  if (!z) return NULL;
  if (text.len) memcpy(z, text.s, text.len);
  z[text.len] = 0;
  return z;
}
