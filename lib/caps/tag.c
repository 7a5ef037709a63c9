#include "caps/caps.h"

#include <openssl/evp.h>

static int
digit(char c)
{
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/* Copy text into the arena with each %xx as the byte that it stands for. false: ENOMEM, or such a
 * code is not whole. */
static bool
decode(struct arena *a, struct slice text, struct slice *out)
{
  char *to = arena_alloc(a, text.len + 1);
  size_t i;

  if (!to) return false;
  *out = slice_of(to, 0);
  for (i = 0; i < text.len; i++) {
    int high, low;
    if (text.s[i] != '%') {
      to[out->len++] = text.s[i];
      continue;
    }
    if (text.len - i < 3) return false;
    high = digit(text.s[i + 1]);
    low = digit(text.s[i + 2]);
    if (high < 0 || low < 0) return false;
    to[out->len++] = (char)(high << 4 | low);
    i += 2;
  }
  return true;
}

bool
caps_tag_read(struct arena *a, struct slice text, struct caps_tag *out)
{
  struct slice hash, ver, rest = text;

  *out = (struct caps_tag){SLICE(""), SLICE(""), SLICE("")};
  if (!slice_word(&rest, ',', &hash) || !slice_word(&rest, ',', &ver) || !rest.len)
    return true;
  out->hash = arena_copy(a, hash);
  if (!out->hash.s) return false;
  if (decode(a, ver, &out->ver) && decode(a, rest, &out->node)) return true;
  *out = (struct caps_tag){SLICE(""), SLICE(""), SLICE("")};
  return true;
}

static size_t
algorithm(struct slice hash, unsigned char *number)
{
  static struct {
    char const *name;
    size_t len;
  } const known[] = {
    {"sha-1",   20},
    {"sha-256", 32},
    {"sha-512", 64}
  };

  for (*number = 1; *number <= 3; (*number)++)
    if (slice_is(hash, known[*number - 1].name)) return known[*number - 1].len;
  return 0;
}

/* A text is compared with what its bytes encode to, for EVP_DecodeBlock forgives blanks and bits
 * behind the last byte. */
bool
caps_tag_digest(struct caps_tag const *tag, struct caps_digest *out)
{
  unsigned char bytes[3 * (CAPS_DIGEST_MAX / 3 + 1)],
    again[4 * (CAPS_DIGEST_MAX / 3 + 1) + 1];
  size_t len = algorithm(tag->hash, &out->algorithm);

  if (!len || tag->ver.len != 4 * ((len + 2) / 3)) return false;
  if (EVP_DecodeBlock(bytes, (unsigned char const *)tag->ver.s, (int)tag->ver.len) < 0)
    return false;
  EVP_EncodeBlock(again, bytes, (int)len);
  if (memcmp(again, tag->ver.s, tag->ver.len) != 0) return false;
  out->len = len;
  memcpy(out->bytes, bytes, len);
  return true;
}
