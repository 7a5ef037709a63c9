#include "scram/scram.h"

#include <string.h>

/* XEP-0474: a hash of what the server has offered is in its first message, which the proof covers:
 * whoever has cut the lists down on their way cannot make the client's and the server's agree. */

/* Names of one list at most: as many as there are mechanisms, or types, and room. */
#define NAMES_MAX 16u

/* Between names, and in front of the types: no XML has these bytes. */
#define BETWEEN "\x1e"
#define BEFORE_TYPES "\x1f"

/* By octets (RFC 4790 s9.3). */
static int
compare(struct slice a, struct slice b)
{
  size_t n = a.len < b.len ? a.len : b.len;
  int order = memcmp(a.s, b.s, n);

  return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Read a list into names, sorted; more than NAMES_MAX are left out. */
static unsigned int
sort(struct slice list, struct slice names[NAMES_MAX])
{
  unsigned int n = 0, i;
  struct slice word, name;

  while (n < NAMES_MAX && slice_word(&list, ' ', &word)) {
    if (!slice_word(&word, '=', &name) || !name.len || *name.s == '-') continue;
    for (i = n++; i && compare(names[i - 1], name) > 0; i--)
      names[i] = names[i - 1];
    names[i] = name;
  }
  return n;
}

static bool
cat(stralloc *out, struct slice list, char const *before)
{
  struct slice names[NAMES_MAX];
  unsigned int n = sort(list, names), i;
  bool ok = true;

  for (i = 0; ok && i < n; i++)
    ok = stralloc_cats(out, i ? BETWEEN : before) &&
         stralloc_catb(out, names[i].s, names[i].len);
  return ok;
}

struct slice
scram_offered(struct arena *a, enum scram_hash h, struct slice mechanisms,
              struct slice bindings)
{
  unsigned char sum[SCRAM_KEY_MAX];
  stralloc sa = STRALLOC_ZERO;
  struct slice hash = {NULL, 0};

  if (cat(&sa, mechanisms, "") && cat(&sa, bindings, BEFORE_TYPES) &&
      scram_digest(h, slice_of(sa.s, sa.len), sum))
    hash = scram_encode(a, slice_of((char const *)sum, scram_hash_len(h)));
  stralloc_free(&sa);
  return hash;
}
