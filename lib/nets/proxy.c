#include "nets/nets.h"

#include <arpa/inet.h>
#include <string.h>

/* The PROXY protocol of HAProxy. Nothing is guessed: a connection that does not begin with a
 * header is none of the proxy's. */

static unsigned char const signature[12] = {'\r', '\n', '\r', '\n', 0,   '\r',
                                            '\n', 'Q',  'U',  'I',  'T', '\n'};

/* A header of version 1 with its CRLF. */
#define V1_MAX 107
/* The part of a header of version 2 that is always there. */
#define V2_FIXED 16

static bool
begins(unsigned char const *s, size_t len, void const *with, size_t n)
{
  return !memcmp(s, with, len < n ? len : n);
}

/* An IPv4 address within IPv6 is the IPv4 address. */
static bool
put_ip(struct nets_client *out, int family, unsigned char const *at)
{
  static unsigned char const mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

  if (family == AF_INET6 && !memcmp(at, mapped, sizeof mapped))
    return inet_ntop(AF_INET, at + 12, out->ip, sizeof out->ip) != NULL;
  return inet_ntop(family, at, out->ip, sizeof out->ip) != NULL;
}

/* ---- version 1: PROXY TCP4 FROM TO PORT PORT ---- */

static bool
read_port(struct slice text, unsigned int *port)
{
  uint64_t n;

  if (!slice_u64(text, &n) || n > 65535) return false;
  *port = (unsigned int)n;
  return true;
}

static bool
read_ip(int family, struct slice text, unsigned char at[16])
{
  char z[INET6_ADDRSTRLEN];

  if (text.len >= sizeof z) return false;
  memcpy(z, text.s, text.len);
  z[text.len] = 0;
  return inet_pton(family, z, at) == 1;
}

static bool
read_words(struct slice line, struct nets_client *out)
{
  struct slice word[6];
  unsigned char at[16], to[16];
  unsigned int n = 0, port;
  int family;

  while (n < 6 && slice_word(&line, ' ', &word[n]))
    n++;
  if (n > 1 && slice_is(word[1], "UNKNOWN")) return true;
  if (n != 6 || line.len) return false;
  family = slice_is(word[1], "TCP6") ? AF_INET6 : AF_INET;
  return (family == AF_INET6 || slice_is(word[1], "TCP4")) &&
         read_ip(family, word[2], at) && read_ip(family, word[3], to) &&
         read_port(word[4], &out->port) && read_port(word[5], &port) &&
         put_ip(out, family, at);
}

static long
read_v1(unsigned char const *s, size_t len, struct nets_client *out)
{
  unsigned char const *nl = memchr(s, '\n', len < V1_MAX ? len : V1_MAX);
  size_t n = nl ? (size_t)(nl - s) : 0;

  if (!nl) return len < V1_MAX ? 0 : -1;
  if (n < 1 || s[n - 1] != '\r') return -1;
  return read_words(slice_of((char const *)s, n - 1), out) ? (long)n + 1 : -1;
}

/* ---- version 2 ---- */

/* Families and transports, as a byte of the header. */
enum { UNSPEC = 0x00, TCP4 = 0x11, TCP6 = 0x21, UNIX_STREAM = 0x31 };

static bool
read_addresses(unsigned char const *s, size_t len, unsigned char what,
               struct nets_client *out)
{
  size_t n = what == TCP4 ? 4 : 16;

  if (what == UNSPEC || what == UNIX_STREAM) return true;
  if ((what != TCP4 && what != TCP6) || len < 2 * n + 4) return false;
  out->port = (unsigned int)s[2 * n] << 8 | s[2 * n + 1];
  return put_ip(out, what == TCP4 ? AF_INET : AF_INET6, s);
}

static long
read_v2(unsigned char const *s, size_t len, struct nets_client *out)
{
  size_t n;

  if (len < V2_FIXED) return 0;
  n = (size_t)s[14] << 8 | s[15];
  if (s[12] >> 4 != 2 || (s[12] & 15) > 1 || V2_FIXED + n > PROXY_HEADER_MAX) return -1;
  if (len < V2_FIXED + n) return 0;
  /* LOCAL: the proxy speaks for itself. */
  if ((s[12] & 15) == 1 && !read_addresses(s + V2_FIXED, n, s[13], out)) return -1;
  return (long)(V2_FIXED + n);
}

long
nets_proxy(unsigned char const *s, size_t len, struct nets_client *out)
{
  *out = (struct nets_client){"", 0};
  if (begins(s, len, signature, sizeof signature)) return read_v2(s, len, out);
  if (begins(s, len, "PROXY ", 6)) return len < 6 ? 0 : read_v1(s, len, out);
  return -1;
}
