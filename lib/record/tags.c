#include "record/tags.h"

#include <string.h>

struct tag_row const tag_rows[TAGS_N] = {
#define T(code, word, from, text) [TAG_##code] = {word, from, text},
  TAG_TABLE(T)
#undef T
};

enum tag
tag_find(struct slice word)
{
  char const *equals = memchr(word.s, '=', word.len);
  unsigned int i;

  if (equals) word.len = (size_t)(equals - word.s) + 1;
  for (i = 0; i < TAGS_N; i++)
    if (slice_is(word, tag_rows[i].word)) break;
  return (enum tag)i;
}
