/* jid: what jid_parse gives is prepared: parsing it again changes nothing, and its parts
 * have no delimiter that would split it elsewhere. */
#include "fuzz.h"

#include "jid/jid.h"

#include <skalibs/strerr.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

char const *PROG = "fuzz";

static bool
has_any(struct slice s, char const *bytes)
{
  size_t i;

  for (i = 0; i < s.len; i++)
    if (!s.s[i] || strchr(bytes, s.s[i])) return true;
  return false;
}

static void
is_prepared(struct arena *a, struct jid const *j)
{
  struct jid again;

  must(jid_parse(a, j->full, &again));
  must(slice_eq(again.full, j->full) && slice_eq(again.bare, j->bare));
  must(slice_eq(again.local, j->local) && slice_eq(again.domain, j->domain));
  must(slice_eq(again.resource, j->resource));
}

static void
is_whole(struct arena *a, struct jid const *j)
{
  struct jid made;

  must(j->domain.len && j->full.len <= JID_MAX);
  must(j->local.len <= JID_PART_MAX && j->domain.len <= JID_PART_MAX);
  must(j->resource.len <= JID_PART_MAX);
  must(!has_any(j->local, "\"&'/:<>@ \t\r\n") && !has_any(j->domain, "\"&'/<>@ \t\r\n"));
  must(!has_any(j->resource, "\t\r\n"));
  must(jid_make(a, j->local, j->domain, j->resource, &made));
  must(slice_eq(made.full, j->full) && slice_eq(made.bare, j->bare));
}

typedef struct slice prep_fn(struct arena *a, struct slice text);

static void
part(struct arena *a, prep_fn *prep, struct slice text)
{
  struct slice once = prep(a, text), twice;

  if (!once.s) return;
  must(once.len && once.len <= JID_PART_MAX);
  twice = prep(a, once);
  must(twice.s && slice_eq(once, twice));
}

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t len)
{
  struct arena a = ARENA_ZERO;
  char *s = malloc(len + !len);
  struct slice text;
  struct jid j;

  must(s);
  if (len) memcpy(s, data, len);
  text = slice_of(s, len);
  if (jid_parse(&a, text, &j)) {
    is_whole(&a, &j);
    is_prepared(&a, &j);
  }
  part(&a, jid_prep_local, text);
  part(&a, jid_prep_domain, text);
  part(&a, jid_prep_resource, text);
  arena_wipe(&a);
  free(s);
  return 0;
}
