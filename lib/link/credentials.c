#include "link/link_internal.h"

#include <ctype.h>
#include <string.h>

/* Passwords in what clients send as they send it: in the messages of SASL PLAIN, in the bytes of a stream
 * that hold such messages, and in web forms. The length stays, so that a replay of the stream takes
 * the same way. */

#define MESSAGE_MAX 4096u

static char const digits[] =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static unsigned int
digit(char c)
{
  char const *at = c ? strchr(digits, c) : NULL;

  return at ? (unsigned int)(at - digits) : 64;
}

/* The bytes of base64 without padding (RFC 4648 s4), which are not checked. */
static size_t
decode(char const *s, size_t len, unsigned char *out)
{
  unsigned int bits = 0, have = 0;
  size_t n = 0, i;

  for (i = 0; i < len; i++) {
    bits = bits << 6 | digit(s[i]);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out[n++] = (unsigned char)(bits >> have);
    bits &= (1u << have) - 1;
  }
  return n;
}

/* The opposite: len digits. */
static void
encode(unsigned char const *in, size_t n, char *s, size_t len)
{
  unsigned int bits = 0, have = 0;
  size_t at = 0, i;

  for (i = 0; i < len; i++) {
    if (have < 6) {
      bits = bits << 8 | (at < n ? in[at] : 0);
      at++;
      have += 8;
    }
    have -= 6;
    s[i] = digits[bits >> have & 63];
    bits &= (1u << have) - 1;
  }
}

/* RFC 4616 s2: [authzid] NUL authcid NUL passwd. Give the place of the password in a message, or 0. No
 * message of another mechanism is text with two NULs. */
static size_t
password_in(unsigned char const *s, size_t n)
{
  size_t i, at = 0, nuls = 0;

  for (i = 0; i < n; i++) {
    if (s[i] && (s[i] < ' ' || s[i] > 0xf4)) return 0;
    if (!s[i]) nuls++;
    if (!s[i]) at = i + 1;
  }
  return nuls == 2 ? at : 0;
}

char *
credentials_mask_plain(char *s, char *end, bool is_plain)
{
  unsigned char bytes[MESSAGE_MAX];
  char *stop = s;
  size_t n, at;

  while (stop < end && digit(*stop) < 64)
    stop++;
  n = stop - s > (ptrdiff_t)sizeof bytes ? 0 : decode(s, (size_t)(stop - s), bytes);
  at = password_in(bytes, n);
  if (at) {
    memset(bytes + at, '*', n - at);
    encode(bytes, n, s, (size_t)(stop - s));
  } else if (is_plain) {
    memset(s, '*', (size_t)(stop - s));
  }
  memset(bytes, 0, sizeof bytes);
  return stop;
}

/* ---- web forms ---- */

static char *
star_form_value(char *s, char const *end)
{
  for (; s < end && *s && (isalnum((unsigned char)*s) || strchr("%+-._~*", *s)); s++)
    *s = '*';
  return s;
}

void
credentials_mask(char *s, char *end)
{
  static char const *const fields[] = {"password=", "&old="};
  size_t i, n;

  while (s < end) {
    for (i = 0; i < 2; i++) {
      n = strlen(fields[i]);
      if ((size_t)(end - s) >= n && !memcmp(s, fields[i], n)) break;
    }
    if (i < 2)
      s = star_form_value(s + n, end);
    else if (*s == '>')
      s = credentials_mask_plain(s + 1, end, false);
    else
      s++;
  }
}
