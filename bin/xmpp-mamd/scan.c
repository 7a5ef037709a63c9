#include "mamd.h"

#include <stdlib.h>

/* Work that looks at many envelopes of one archive: a query by a full address, a retraction.
 * mamd looks at SCAN_TURN envelopes in a turn, for all scans together, and goes on in the next.
 * Accounts stand in one line and have their turns, SCAN_STEP envelopes each; the scans of one
 * account are done one after the other. A scan that its first step ends is done at once if
 * nobody waits.
 *
 * A scan that has ended is freed at the end of the turn. When the store does not take the turn,
 * scans that were begun in it are forgotten, for their stanzas come again, and those that ended
 * in it begin anew. */

/* Pause before scans go on while routed takes no answers. */
#define FULL_US 10000u

static struct scan *line, **line_end = &line; /* each the oldest of its account */
static struct scan *ended;
static unsigned int scans;
static uint64_t spent; /* envelopes that were looked at in this turn */
static struct event_timer timer;

/* A limit, or the value that a test has set instead. */
static uint64_t
limit(char const *name, uint64_t usual)
{
  return settings_limit(mamd.settings, name, usual);
}

static uint64_t
left(void)
{
  uint64_t n = limit("scan_turn", SCAN_TURN);

  return spent < n ? n - spent : 0;
}

/* ---- the line ---- */

static void
append(struct scan *s)
{
  s->next = NULL;
  *line_end = s;
  line_end = &s->next;
}

static struct scan *
shift(void)
{
  struct scan *s = line;

  line = s->next;
  if (!line) line_end = &line;
  return s;
}

/* Put s behind the scans of its account. false: the account has too many. */
static bool
queue(struct scan *s)
{
  struct scan *first = line, **at;
  unsigned int n = 0;

  s->behind = NULL;
  while (first && first->owner != s->owner)
    first = first->next;
  if (!first) {
    append(s);
    return true;
  }
  for (at = &first->behind; *at; at = &(*at)->behind)
    n++;
  if (n + 1 >= SCANS_OF_ONE_MAX) return false;
  *at = s;
  return true;
}

static void
step(struct link *routed, struct scan *s)
{
  uint64_t n = limit("scan_step", SCAN_STEP), most = left();

  spent += s->kind->step(s, n < most ? n : most);
  if (!s->ended) return;
  s->kind->done(routed, s);
  s->next = ended;
  ended = s;
}

static void
go_on(void *cookie)
{
  struct link *routed = link_find(ROUTED);
  struct scan *s, *behind;

  (void)cookie;
  while (line && routed && !routed->full && left()) {
    s = shift();
    behind = s->behind;
    step(routed, s);
    if (!s->ended)
      append(s);
    else if (behind)
      append(behind);
  }
  if (line)
    event_timer_start(&timer, door_now() + (routed && !routed->full ? 0 : FULL_US), go_on,
                      NULL);
}

static void
free_one(struct scan *s)
{
  scans--;
  s->kind->free(s);
}

bool
scan_begin(struct link *routed, struct scan *s)
{
  if (scans == SCANS_MAX) return false;
  s->born = true;
  if (!line && left() && routed && !routed->full) {
    scans++;
    step(routed, s);
    if (!s->ended) queue(s);
  } else {
    if (!queue(s)) return false;
    scans++;
  }
  if (line && !event_timer_on(&timer)) event_timer_start(&timer, door_now(), go_on, NULL);
  return true;
}

bool
scan_find(scan_match_fn *is_it, void const *cookie)
{
  struct scan *first, *s;

  for (first = line; first; first = first->next)
    for (s = first; s; s = s->behind)
      if (is_it(s, cookie)) return true;
  return false;
}

/* ---- the end of a turn ---- */

/* Put all scans in line anew, without those that were begun in this turn. */
static void
forget_born(void)
{
  struct scan *all = line, *s, *behind;

  line = NULL;
  line_end = &line;
  while ((s = all)) {
    all = s->next;
    for (; s; s = behind) {
      behind = s->behind;
      if (s->born)
        free_one(s);
      else
        queue(s);
    }
  }
}

void
scan_turn(bool kept)
{
  struct scan *s, *next, *first;

  spent = 0;
  if (!kept) forget_born();
  for (s = ended; s; s = next) {
    next = s->next;
    if (kept || s->born) {
      free_one(s);
      continue;
    }
    s->kind->again(s);
    s->ended = false;
    queue(s);
  }
  ended = NULL;
  for (first = line; first; first = first->next)
    for (s = first; s; s = s->behind)
      s->born = false;
  if (line && !event_timer_on(&timer)) event_timer_start(&timer, door_now(), go_on, NULL);
}

/* ---- the state for a trace: between turns none has ended ---- */

static struct scan_kind const *const kinds[] = {&query_scan, &retract_scan};

static void
fields(struct snapshot *k, struct scan *s)
{
  SNAPSHOT_INT(k, s->owner);
  s->kind->snapshot(k, s);
}

static void
put_all(struct snapshot *k)
{
  struct scan *first, *s;
  unsigned int i;

  for (first = line; first; first = first->next)
    for (s = first; s; s = s->behind) {
      i = s->kind == kinds[1];
      if (!snapshot_record(k, "scan", true)) return;
      SNAPSHOT_INT(k, i);
      fields(k, s);
    }
}

static void
make_all(struct snapshot *k)
{
  unsigned int i = 0;
  struct scan *s;

  while (snapshot_record(k, "scan", true)) {
    SNAPSHOT_INT(k, i);
    s = i < sizeof kinds / sizeof *kinds ? snapshot_new(k, kinds[i]->size) : NULL;
    if (!s) {
      snapshot_fail(k, "a scan has no known kind");
      return;
    }
    s->kind = kinds[i];
    fields(k, s);
    queue(s);
    scans++;
  }
}

void
scan_snapshot(struct snapshot *k)
{
  if (snapshot_restores(k))
    make_all(k);
  else
    put_all(k);
  if (snapshot_record(k, "scanning", true)) snapshot_timer(k, &timer, go_on, NULL);
}
