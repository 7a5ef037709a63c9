#include "uploadd.h"

#include <openssl/evp.h>

#include <ctype.h>
#include <string.h>

/* Names of files, and the three segments of a URL: the folder of the owner, a secret, the name. */

#define EXTENSION_MAX 16
#define SEGMENT_MAX 255

/* ---- characters ---- */

struct range {
  uint32_t from, to;
};

/* Controls, blanks, format and bidi characters, private use and noncharacters above U+007F, but for
 * the last two of each plane. They are invisible, or make a name look like another one. */
static struct range const bad[] = {
  {0x80,    0xa0    },
  {0xad,    0xad    },
  {0x600,   0x605   },
  {0x61c,   0x61c   },
  {0x6dd,   0x6dd   },
  {0x70f,   0x70f   },
  {0x890,   0x891   },
  {0x8e2,   0x8e2   },
  {0x1680,  0x1680  },
  {0x180e,  0x180e  },
  {0x2000,  0x200f  },
  {0x2028,  0x202f  },
  {0x205f,  0x206f  },
  {0x3000,  0x3000  },
  {0xd800,  0xf8ff  },
  {0xfdd0,  0xfdef  },
  {0xfeff,  0xfeff  },
  {0xfff9,  0xfffb  },
  {0x110bd, 0x110bd },
  {0x110cd, 0x110cd },
  {0x13430, 0x1343f },
  {0x1bca0, 0x1bca3 },
  {0x1d173, 0x1d17a },
  {0xe0000, 0xe007f },
  {0xf0000, 0x10ffff},
};

static bool
is_bad(uint32_t c)
{
  size_t i;

  if ((c & 0xfffe) == 0xfffe) return true;
  for (i = 0; i < sizeof bad / sizeof *bad; i++)
    if (c >= bad[i].from && c <= bad[i].to) return true;
  return false;
}

/* The bytes of the character at s, at least 1, and its number. XML has checked the UTF-8. */
static size_t
character(struct slice s, uint32_t *c)
{
  unsigned char b = (unsigned char)s.s[0];
  size_t n = b < 0xc0 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4, i;

  if (n > s.len) n = 1;
  *c = n == 1 ? b : b & (0x7f >> n);
  for (i = 1; i < n; i++)
    *c = *c << 6 | ((unsigned char)s.s[i] & 0x3f);
  return n;
}

static bool
is_kept(uint32_t c)
{
  if (c < 0x80) return isalnum((int)c) || strchr("_.-", (int)c);
  return !is_bad(c);
}

/* Each character that is not kept becomes _, and so does a dot at the start. */
static struct slice
cleaned(struct arena *a, struct slice name)
{
  char *out = arena_alloc(a, name.len + 1);
  size_t n = 0, i = 0;
  uint32_t c;

  if (!out) return (struct slice){NULL, 0};
  while (i < name.len) {
    size_t len = character(slice_of(name.s + i, name.len - i), &c);
    if (is_kept(c) && !(c == '.' && !i)) {
      memcpy(out + n, name.s + i, len);
      n += len;
    } else
      out[n++] = '_';
    i += len;
  }
  return slice_of(out, n);
}

/* ---- names ---- */

struct slice
name_extension(struct slice name)
{
  size_t i = name.len;

  while (i && name.s[i - 1] != '.')
    i--;
  if (i < 2 || name.len - i > EXTENSION_MAX) return SLICE("");
  return slice_of(name.s + i, name.len - i);
}

/* At most max bytes of s, of whole characters. */
static struct slice
cut(struct slice s, size_t max)
{
  if (s.len <= max) return s;
  while (max && ((unsigned char)s.s[max] & 0xc0) == 0x80)
    max--;
  return slice_of(s.s, max);
}

struct slice
name_clean(struct arena *a, struct slice name)
{
  struct slice all = cleaned(a, name), ext, head;
  char *out;

  if (!all.s || !all.len) return all.s ? SLICE("_") : all;
  if (all.len <= UPLOAD_NAME_MAX) return all;
  ext = name_extension(all);
  if (!ext.len) return cut(all, UPLOAD_NAME_MAX);
  head = cut(all, UPLOAD_NAME_MAX - 1 - ext.len);
  out = arena_alloc(a, UPLOAD_NAME_MAX);
  if (!out) return (struct slice){NULL, 0};
  memcpy(out, head.s, head.len);
  out[head.len] = '.';
  memcpy(out + head.len + 1, ext.s, ext.len);
  return slice_of(out, head.len + 1 + ext.len);
}

static void
sha1_hex(struct slice text, char out[40])
{
  unsigned char md[EVP_MAX_MD_SIZE];
  size_t n = 0;

  if (!EVP_Q_digest(NULL, "SHA1", NULL, text.s, text.len, md, &n)) memset(md, 0, 20);
  hex_put(out, md, 20);
}

static bool
is_sha1_hex(struct slice s)
{
  size_t i;

  for (i = 0; i < s.len; i++)
    if (!(s.s[i] >= '0' && s.s[i] <= '9') && !(s.s[i] >= 'a' && s.s[i] <= 'f'))
      return false;
  return s.len == 40;
}

/* Say whether a name is that of a folder which is not a user's of this name: a digest, a name with a
 * digest behind it, or the folder of xmpp-ctl upload check. */
static bool
is_taken(struct slice name)
{
  size_t n = name.len;

  return slice_is(name, CHECK_FOLDER) || is_sha1_hex(name) ||
         (n > 41 && name.s[n - 41] == '-' && is_sha1_hex(slice_of(name.s + n - 40, 40)));
}

/* The name of a user, with a digest behind it if the name has other characters, or if the folder may
 * be another's: two users never share a folder. */
static struct slice
node_folder(struct arena *a, struct slice local)
{
  struct slice all = cut(cleaned(a, local), UPLOAD_NAME_MAX);
  char *out = arena_alloc(a, UPLOAD_NAME_MAX + 1 + 40);

  if (!out || !all.s || (slice_eq(all, local) && !is_taken(local)))
    return out ? all : slice_of(NULL, 0);
  memcpy(out, all.s, all.len);
  out[all.len] = '-';
  sha1_hex(local, out + all.len + 1);
  return slice_of(out, all.len + 41);
}

struct slice
name_folder(struct arena *a, struct vhost const *v, struct jid const *owner)
{
  char hex[40];

  if (v->node && owner->local.len && slice_eq(owner->domain, v->host))
    return node_folder(a, owner->local);
  sha1_hex(owner->bare, hex);
  return arena_copy(a, slice_of(hex, 40));
}

/* ---- URLs ---- */

static bool
cat_segment(stralloc *out, struct slice s)
{
  static char const hex[] = "0123456789ABCDEF";
  bool ok = stralloc_catb(out, "/", 1);
  size_t i;

  for (i = 0; ok && i < s.len; i++) {
    unsigned char c = (unsigned char)s.s[i];
    char code[3] = {'%', hex[c >> 4], hex[c & 15]};
    ok = c < 0x80 && (isalnum(c) || strchr("-._~", c)) ? stralloc_catb(out, s.s + i, 1)
                                                       : stralloc_catb(out, code, 3);
  }
  return ok;
}

bool
name_url(stralloc *out, struct slice url, struct slots_place const *p)
{
  return stralloc_catb(out, url.s, url.len) && cat_segment(out, p->folder) &&
         cat_segment(out, p->secret) && cat_segment(out, p->name);
}

static int
hex_digit(char c)
{
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* Each segment is decoded once. No name has a slash or NUL in it, or begins with a dot. */
static struct slice
decoded(struct arena *a, struct slice s)
{
  char *out = arena_alloc(a, s.len + 1);
  size_t n = 0, i;

  for (i = 0; out && i < s.len; i++) {
    char c = s.s[i];
    if (c == '%') {
      int high = i + 2 < s.len ? hex_digit(s.s[i + 1]) : -1;
      int low = high < 0 ? -1 : hex_digit(s.s[i + 2]);
      if (low < 0) return (struct slice){NULL, 0};
      c = (char)(high << 4 | low);
      i += 2;
    }
    if (!c || c == '/') return (struct slice){NULL, 0};
    out[n++] = c;
  }
  if (!out || !n || n > SEGMENT_MAX || out[0] == '.') return (struct slice){NULL, 0};
  out[n] = 0;
  return slice_of(out, n);
}

/* Cut the last segment that is not empty off *path. */
static struct slice
last_segment(struct slice *path)
{
  struct slice s;

  while (path->len && path->s[path->len - 1] == '/')
    path->len--;
  s = slice_of(path->s + path->len, 0);
  while (path->len && path->s[path->len - 1] != '/') {
    path->len--;
    s.s--;
    s.len++;
  }
  return s;
}

bool
name_place(struct arena *a, struct slice path, struct slots_place *out)
{
  out->name = decoded(a, last_segment(&path));
  out->secret = decoded(a, last_segment(&path));
  out->folder = decoded(a, last_segment(&path));
  return out->name.s && out->secret.s && out->folder.s;
}
