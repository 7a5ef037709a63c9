#include "record/record.h"

#include "base/word.h"

#include <errno.h>
#include <string.h>

/* Give the byte that a letter behind a backslash stands for; -1: none. */
static int
escaped(char c)
{
  switch (c) {
  case '\\': return '\\';
  case 't': return '\t';
  case 'n': return '\n';
  case 'r': return '\r';
  case '0': return 0;
  default: return -1;
  }
}

static bool
escapes_hold(char const *s, size_t len)
{
  char const *end = s + len;

  while ((s = memchr(s, '\\', (size_t)(end - s)))) {
    if (end - s < 2 || escaped(s[1]) < 0) return false;
    s += 2;
  }
  return true;
}

bool
record_split(struct record *r, char *line, size_t len)
{
  char *end = line + len;

  r->n = 0;
  r->read = r->dirty = 0;
  if (memchr(line, 0, len) || memchr(line, '\r', len) || !escapes_hold(line, len)) {
    errno = EPROTO;
    return false;
  }
  for (;;) {
    char *tab = memchr(line, '\t', (size_t)(end - line));
    if (!tab) tab = end;
    if (r->n < RECORD_FIELDS_MAX) {
      r->at[r->n] = line;
      r->len[r->n++] = (size_t)(tab - line);
    }
    if (tab == end) return true;
    line = tab + 1;
  }
}

struct slice
record_get(struct record *r, unsigned int i)
{
  char *from, *to, *end;

  if (i >= r->n) return (struct slice){"", 0};
  if (!(r->read & 1u << i)) {
    r->read |= 1u << i;
    end = r->at[i] + r->len[i];
    from = to = memchr(r->at[i], '\\', r->len[i]);
    if (from) {
      r->dirty |= 1u << i;
      while (from < end) {
        char *next = memchr(from, '\\', (size_t)(end - from));
        size_t n = (size_t)((next ? next : end) - from);
        memmove(to, from, n);
        to += n;
        from += n;
        if (!next) break;
        *to++ = (char)escaped(from[1]);
        from += 2;
      }
      r->len[i] = (size_t)(to - r->at[i]);
    }
  }
  return (struct slice){r->at[i], r->len[i]};
}

struct slice
record_raw(struct record const *r, unsigned int i)
{
  if (i >= r->n || r->dirty & 1u << i) return (struct slice){"", 0};
  return (struct slice){r->at[i], r->len[i]};
}

struct slice
record_run(struct record const *r, unsigned int first, unsigned int last)
{
  if (last >= r->n || r->dirty & ((2u << last) - (1u << first))) return SLICE("");
  return slice_of(r->at[first], (size_t)(r->at[last] + r->len[last] - r->at[first]));
}

uint64_t
record_u64(struct record *r, unsigned int i)
{
  uint64_t n;

  return slice_u64(record_get(r, i), &n) ? n : 0;
}

bool
record_put_verb(stralloc *out, char const *verb)
{
  return text_cats(out, verb);
}

/* The byte that stands behind a backslash for a byte that must be escaped; 0: it stands for
 * itself. */
static char const escape_of[256] = {
  ['\\'] = '\\', ['\t'] = 't', ['\n'] = 'n', ['\r'] = 'r', [0] = '0'};

#define BLOCK 32

/* Say whether none of eight bytes is to be escaped. */
static bool
is_plain_word(char const *s)
{
  uint64_t w = word_at(s);

  return !((word_below(w, 14) | word_like(w, 0xff, '\\')) & WORD_ANY);
}

/* The bytes in front of the first block or word that has a byte to be escaped. The test is
 * written over whole blocks, so that the compiler tests many bytes at once; of text nearly every
 * block has none. Words test the end of the text, and most fields, which have less than a block; the
 * last word overlaps the one in front. */
static size_t
plain_run(char const *s, size_t len)
{
  size_t i, j;

  for (i = 0; i + BLOCK <= len; i += BLOCK) {
    unsigned char any = 0;
    for (j = 0; j < BLOCK; j++) {
      unsigned char c = (unsigned char)s[i + j];
      any |= (unsigned char)((c < 14) | (c == '\\'));
    }
    if (any) return i;
  }
  while (i + WORD_BYTES <= len && is_plain_word(s + i))
    i += WORD_BYTES;
  if (i < len && i && len - i < WORD_BYTES && is_plain_word(s + len - WORD_BYTES))
    return len;
  return i;
}

/* Each byte is written with its escape, and counted with it when it needs one: no branch, for random
 * bytes would mislead each. */
static bool
put_block(stralloc *out, char const *s, size_t len)
{
  size_t at, i;

  if (!text_room(out, 2 * BLOCK)) return false;
  at = out->len;
  for (i = 0; i < len; i++) {
    char esc = escape_of[(unsigned char)s[i]];
    out->s[at] = esc ? '\\' : s[i];
    out->s[at + 1] = esc;
    at += esc ? 2 : 1;
  }
  out->len = at;
  return true;
}

bool
record_put_more(stralloc *out, struct slice text)
{
  if (!text_room(out, text.len)) return false;
  while (text.len) {
    size_t n = plain_run(text.s, text.len), rest = text.len - n;
    size_t block = rest < BLOCK ? rest : BLOCK;
    if (n && !text_catb(out, text.s, n)) return false;
    if (!put_block(out, text.s + n, block)) return false;
    text = slice_of(text.s + n + block, rest - block);
  }
  return true;
}

bool
record_put_begin(stralloc *out)
{
  return text_catb(out, "\t", 1);
}

bool
record_put(stralloc *out, struct slice text)
{
  return record_put_begin(out) && record_put_more(out, text);
}

bool
record_put_raw(stralloc *out, struct slice raw)
{
  return record_put_begin(out) && text_catb(out, raw.s, raw.len);
}

bool
record_put_u64(stralloc *out, uint64_t n)
{
  char buf[BASE_NUM];

  return record_put_raw(out, num_u64(buf, n));
}

bool
record_put_end(stralloc *out)
{
  return text_catb(out, "\n", 1);
}
