#include "record/verbs.h"

#include <string.h>

struct verb_row const verb_rows[VERBS_N] = {
#define V(code, word, fields, least, from, to, text)                                     \
  [VERB_##code] = {word, fields, least, from, to, text},
  VERB_TABLE(V)
#undef V
};

/* Rows by length and first letter would be a perfect hash but for a few; the short chains
 * are made once. */
#define BUCKETS 64

static unsigned char chain[BUCKETS], next_in_chain[VERBS_N];

static unsigned int
bucket_of(struct slice word)
{
  return ((unsigned int)word.len * 7 + (unsigned char)word.s[0]) % BUCKETS;
}

static void
make_chains(void)
{
  unsigned int i;

  for (i = 0; i < BUCKETS; i++)
    chain[i] = VERBS_N;
  for (i = VERBS_N; i-- > 0;) {
    unsigned int b = bucket_of(slice_str(verb_rows[i].word));
    next_in_chain[i] = chain[b];
    chain[b] = (unsigned char)i;
  }
}

enum verb
verb_find(struct slice word)
{
  static bool made;
  unsigned int i;

  if (!made) make_chains();
  made = true;
  if (!word.len) return VERBS_N;
  for (i = chain[bucket_of(word)]; i < VERBS_N; i = next_in_chain[i])
    if (slice_is(word, verb_rows[i].word)) break;
  return (enum verb)i;
}

static bool const kept[VERBS_N] = {
  [VERB_STANZA] = true,  [VERB_GONE] = true,   [VERB_ONLINE] = true,
  [VERB_OFFLINE] = true, [VERB_MARK] = true,   [VERB_SEEN] = true,
  [VERB_WAITING] = true, [VERB_MADE] = true,   [VERB_ENDING] = true,
  [VERB_ROSTER] = true,  [VERB_AVATAR] = true, [VERB_NOTIFY] = true,
};

bool
verb_is_kept(enum verb v)
{
  return v < VERBS_N && kept[v];
}

bool
verb_is_numbered(enum verb v)
{
  return v == VERB_STANZA || v == VERB_FANOUT;
}
