#include "unasked.h"
#include "passing.h"
#include "snapshot.h"
#include "sources.h"

#include <string.h>

/* A source is acknowledged in order. A stanza that the file of copies has taken over may stand behind
 * one that another program has yet to take over, so its source goes on holding it. When routed is killed
 * then, both have the stanza:
 *
 *   1. The file keeps a copy until its source has been told, delivered as the stanza may be.
 *   2. The next routed delivers what the file has, and drops what a source sends of it. A service that
 *      has the stanza already knows the copy by its id (tag was). */

/* The ORIGINs, a line each, of what an earlier run has left. */
static stralloc left = STRALLOC_ZERO;

bool
unasked_is(struct slice tags)
{
  return slice_has_word(tags, SLICE("unasked"));
}

void
unasked_earlier(struct slice fields)
{
  struct slice origin = stanza_raw_field(fields, STANZA_ORIGIN);
  size_t before = left.len;

  if (!origin.len || !unasked_is(stanza_raw_field(fields, STANZA_TAGS))) return;
  if (!stralloc_catb(&left, origin.s, origin.len) || !stralloc_catb(&left, "\n", 1))
    left.len = before;
}

bool
unasked_has(struct slice origin)
{
  struct slice rest = slice_of(left.s, left.len), line;

  while (rest.len && slice_word(&rest, '\n', &line)) {
    if (!slice_eq(line, origin)) continue;
    memmove(left.s + (line.s - left.s), rest.s, rest.len);
    left.len -= line.len + 1;
    return true;
  }
  return false;
}

bool
unasked_is_told(struct slice fields)
{
  return !unasked_is(stanza_raw_field(fields, STANZA_TAGS)) ||
         source_told(stanza_raw_field(fields, STANZA_ORIGIN));
}

void
unasked_snapshot(struct snapshot *k)
{
  snapshot_bytes(k, &left);
}
