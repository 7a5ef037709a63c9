#include "convert/convert.h"

/* The headers of pictures, as far as they say how large the picture is. */

static uint64_t
big(struct slice b, size_t at, size_t n)
{
  uint64_t v = 0;

  for (; n; n--)
    v = v << 8 | (unsigned char)b.s[at++];
  return v;
}

static uint64_t
little16(struct slice b, size_t at)
{
  return (uint64_t)(unsigned char)b.s[at] | (uint64_t)(unsigned char)b.s[at + 1] << 8;
}

static bool
has(struct slice b, size_t at, char const *text, size_t n)
{
  return b.len >= at + n && !memcmp(b.s + at, text, n);
}

/* The segments up to the frame header (SOF), which has the size. */
static void
jpeg_size(struct slice b, struct avatar_info *out)
{
  size_t at = 2;

  while (b.len >= at + 9 && (unsigned char)b.s[at] == 0xff) {
    unsigned int marker = (unsigned char)b.s[at + 1];
    if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
        marker != 0xcc) {
      out->height = big(b, at + 5, 2);
      out->width = big(b, at + 7, 2);
      return;
    }
    at += marker == 0xff ? 1 : 2 + (size_t)big(b, at + 2, 2);
  }
}

bool
avatar_measure(struct slice b, struct avatar_info *out)
{
  if (has(b, 0, "\x89PNG\r\n\x1a\n", 8)) {
    out->type = SLICE("image/png");
    if (!has(b, 12, "IHDR", 4) || b.len < 24) return true;
    out->width = big(b, 16, 4);
    out->height = big(b, 20, 4);
  } else if (has(b, 0, "\xff\xd8\xff", 3)) {
    out->type = SLICE("image/jpeg");
    jpeg_size(b, out);
  } else if (has(b, 0, "GIF87a", 6) || has(b, 0, "GIF89a", 6)) {
    out->type = SLICE("image/gif");
    if (b.len < 10) return true;
    out->width = little16(b, 6);
    out->height = little16(b, 8);
  } else if (has(b, 0, "RIFF", 4) && has(b, 8, "WEBP", 4))
    out->type = SLICE("image/webp");
  else
    return false;
  return true;
}
