#include "line.h"
#include "domains.h"

/* Dials of three kinds stand in lines of their own, each the oldest first: to domains that were here within a
 * day, and those of administrators; for db:verify, which strangers cause; and to domains that were
 * not here, which anybody may write to. Domains that take connections and say nothing must not hold up
 * the others: of S2S_DIALS a quarter is for the first kind alone, and a half is the most of the third. */

static struct line {
  struct dial *first, *last;
  uint64_t under_way;
} lines[LINES_N];

static bool stopped;

enum dial_line
line_of(struct dial const *d)
{
  if (d->kind == DIAL_VERIFY) return LINE_VERIFY;
  return d->kind == DIAL_TRY || domain_known_us(slice_str(d->to)) ? LINE_KNOWN
                                                                  : LINE_UNKNOWN;
}

void
line_join(struct dial *d)
{
  struct line *l = &lines[d->line];

  d->behind = NULL;
  if (l->first)
    l->last->behind = d;
  else
    l->first = d;
  l->last = d;
}

static bool
has_room(enum dial_line line)
{
  uint64_t most = s2sd->dials_max;
  uint64_t verify = lines[LINE_VERIFY].under_way;
  uint64_t unknown = lines[LINE_UNKNOWN].under_way;

  if (lines[LINE_KNOWN].under_way + verify + unknown >= most) return false;
  if (line == LINE_KNOWN) return true;
  if (verify + unknown >= most - most / 4) return false;
  return line == LINE_VERIFY ? verify < S2S_VERIFY_DIALS : unknown < most - most / 2;
}

struct dial *
line_next(void)
{
  struct dial *d;
  int i;

  for (i = 0; i < LINES_N && !stopped; i++) {
    d = lines[i].first;
    if (!d || !has_room((enum dial_line)i)) continue;
    lines[i].first = d->behind;
    lines[i].under_way++;
    return d;
  }
  return NULL;
}

void
line_leave(struct dial const *d)
{
  lines[d->line].under_way--;
}

void
line_restored(struct dial const *d)
{
  lines[d->line].under_way++;
}

void
line_stop(void)
{
  stopped = true;
}
