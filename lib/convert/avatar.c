#include "convert/convert.h"

#include <openssl/evp.h>

static bool
is_id(struct slice id)
{
  size_t i;

  for (i = 0; i < id.len; i++)
    if (!memchr("0123456789abcdef", id.s[i], 16)) return false;
  return id.len == AVATAR_ID;
}

static void
read_info(struct xml_node const *e, struct avatar_info *out)
{
  out->id = xml_attr(e, "id");
  out->type = xml_attr(e, "type");
  if (!slice_u64(xml_attr(e, "bytes"), &out->bytes)) out->bytes = 0;
  if (!slice_u64(xml_attr(e, "width"), &out->width)) out->width = 0;
  if (!slice_u64(xml_attr(e, "height"), &out->height)) out->height = 0;
}

bool
avatar_read(struct xml_node const *metadata, struct avatar_info *out)
{
  struct xml_node const *c, *found = NULL;

  for (c = xml_next(metadata, NULL); c; c = xml_next(metadata, c)) {
    if (!xml_is(c, NS_AVATAR_METADATA, "info") || xml_attr(c, "url").s ||
        !is_id(xml_attr(c, "id")))
      continue;
    if (!found) found = c;
    if (!slice_is(xml_attr(c, "type"), "image/png")) continue;
    found = c;
    break;
  }
  if (found) read_info(found, out);
  return found != NULL;
}

static bool
cat_number(stralloc *out, char const *name, uint64_t n)
{
  char buf[BASE_NUM];

  return !n || xml_cat_attr(out, name, num_u64(buf, n));
}

static bool
cat_info(stralloc *out, struct avatar_info const *info)
{
  return xml_cat(out, "<info") && cat_number(out, "bytes", info->bytes) &&
         xml_cat_attr(out, "id", info->id) && xml_cat_attr(out, "type", info->type) &&
         cat_number(out, "width", info->width) &&
         cat_number(out, "height", info->height) && xml_cat(out, "/>");
}

bool
avatar_cat_metadata(stralloc *out, struct avatar_info const *info)
{
  return xml_cat(out, "<metadata xmlns='" NS_AVATAR_METADATA "'>") &&
         (!info || cat_info(out, info)) && xml_cat(out, "</metadata>");
}

bool
avatar_cat_data(stralloc *out, struct slice base64)
{
  return xml_cat(out, "<data xmlns='" NS_AVATAR_DATA "'>") && xml_cat_text(out, base64) &&
         xml_cat(out, "</data>");
}

bool
avatar_cat_photo(stralloc *out, struct slice type, struct slice base64)
{
  return xml_cat(out, "<PHOTO><TYPE>") && xml_cat_text(out, type) &&
         xml_cat(out, "</TYPE><BINVAL>") && xml_cat_text(out, base64) &&
         xml_cat(out, "</BINVAL></PHOTO>");
}

static int
digit(char c)
{
  static char const digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char const *at = memchr(digits, c, sizeof digits - 1);

  return at ? (int)(at - digits) : -1;
}

bool
avatar_decode(struct slice text, char *bytes, size_t *len)
{
  size_t digits = 0, pads = 0, i;
  unsigned int bits = 0, have = 0;

  *len = 0;
  for (i = 0; i < text.len; i++) {
    int d = digit(text.s[i]);
    if (memchr(" \t\r\n", text.s[i], 4)) continue;
    if (text.s[i] == '=')
      pads++;
    else if (pads || d < 0)
      return false;
    else {
      digits++;
      bits = (bits << 6 | (unsigned int)d) & 0xffff;
      have += 6;
      if (have < 8) continue;
      have -= 8;
      bytes[(*len)++] = (char)(bits >> have);
    }
  }
  return pads <= 2 && (digits + pads) % 4 == 0;
}

/* Three bytes at a time are four characters, so that pieces join without a gap. */
bool
avatar_encode(stralloc *out, struct slice bytes)
{
  size_t const piece = 3 << 12;
  size_t at = 0, n;

  if (!stralloc_readyplus(out, bytes.len / 3 * 4 + 5)) return false;
  for (; at < bytes.len; at += n) {
    n = bytes.len - at < piece ? bytes.len - at : piece;
    out->len += (size_t)EVP_EncodeBlock((unsigned char *)out->s + out->len,
                                        (unsigned char const *)bytes.s + at, (int)n);
  }
  return true;
}

void
avatar_id(struct slice bytes, char id[AVATAR_ID])
{
  static char const hex[] = "0123456789abcdef";
  unsigned char md[EVP_MAX_MD_SIZE] = {0};
  size_t i;

  EVP_Digest(bytes.s, bytes.len, md, NULL, EVP_sha1(), NULL);
  for (i = 0; i < AVATAR_ID / 2; i++) {
    id[2 * i] = hex[md[i] >> 4];
    id[2 * i + 1] = hex[md[i] & 15];
  }
}
