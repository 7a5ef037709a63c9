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

/* The ORIGINs, a line each, of what an earlier run has left. A source sends again at once when it is back, in
 * its order: a line is of no use when a later stanza of its source has come, or another run of the source,
 * or KEPT_ABSENT_US after the first stanza of all. */
static stralloc left = STRALLOC_ZERO;
static uint64_t until_us;

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

/* Say whether the line is of no use when the stanza of this origin has come. */
static bool
is_past(struct slice line, struct stanza_source const *came)
{
  struct stanza_source of;

  return !stanza_source(line, &of) ||
         (slice_eq(of.name, came->name) &&
          (of.epoch != came->epoch || of.number <= came->number));
}

bool
unasked_has(struct slice origin)
{
  struct slice rest = slice_of(left.s, left.len), line;
  struct stanza_source came;
  bool found = false;
  size_t len = 0;

  if (!left.len || !stanza_source(origin, &came)) return false;
  if (!until_us) until_us = door_now() + KEPT_ABSENT_US;
  if (door_now() >= until_us) {
    stralloc_free(&left);
    return false;
  }
  while (slice_word(&rest, '\n', &line)) {
    found |= slice_eq(line, origin);
    if (is_past(line, &came)) continue;
    memmove(left.s + len, line.s, line.len + 1);
    len += line.len + 1;
  }
  left.len = len;
  return found;
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
  SNAPSHOT_INT(k, until_us);
}
