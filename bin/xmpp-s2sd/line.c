#include "line.h"
#include "domains.h"

#include <stdlib.h>
#include <string.h>

/* Dials of three kinds stand in lines of their own: to domains that were here within a day, and those of
 * administrators; for db:verify, which strangers cause; and to domains that were not here, which anybody
 * may write to. Domains that take connections and say nothing must not hold up the others: of
 * S2S_DIALS a quarter is for the first kind alone, and a half is the most of the third.
 *
 * In a line the senders of stanzas take turns, each with its oldest dial. A sender who writes to ever
 * new dead domains would have all places of the third kind all the same, one after the other: so a
 * sender has fewer of them than are free. One alone has a half of the places, the next a quarter, and a
 * newcomer finds one. In the same way senders share the places in the lines; and all places, where
 * domains are known: one sender has KNOWN_SHARE for each that is free, for nearly all connect at once.
 */

#define KNOWN_SHARE 4u

struct dial_sender {
  struct dial_sender *next, *prev; /* of those that wait in the line */
  struct dial *first, *last;       /* that wait, the oldest first */
  uint64_t waiting, under_way;
  enum dial_line line;
  bool stands;
  char key
    []; /* a digit for the line, the bare address; administrators and strangers: none */
};

static struct line {
  struct dial_sender *first, *last;
  uint64_t under_way;
} lines[LINES_N];

static uint64_t waiting_n, joined_n;
static bool stopped;

static struct slice
key_of(void const *item)
{
  return slice_str(((struct dial_sender const *)item)->key);
}

static struct table senders = {.key = key_of};

/* ---- senders ---- */

static struct dial_sender *
sender_find(enum dial_line line, struct slice name)
{
  static stralloc key = STRALLOC_ZERO;
  char digit = (char)('0' + line);

  key.len = 0;
  if (!stralloc_catb(&key, &digit, 1) || !stralloc_catb(&key, name.s, name.len))
    return NULL;
  return table_get(&senders, slice_of(key.s, key.len));
}

static struct dial_sender *
sender_make(enum dial_line line, struct slice name)
{
  struct dial_sender *s = sender_find(line, name);

  if (s) return s;
  s = calloc(1, sizeof *s + name.len + 2);
  if (!s) return NULL;
  s->line = line;
  s->key[0] = (char)('0' + line);
  if (name.len) memcpy(s->key + 1, name.s, name.len);
  if (table_put(&senders, s)) return s;
  free(s);
  return NULL;
}

static void
free_if_idle(struct dial_sender *s)
{
  if (!s->waiting && !s->under_way && !s->stands) free(table_del(&senders, key_of(s)));
}

static void
stand(struct dial_sender *s)
{
  struct line *l = &lines[s->line];

  if (s->stands) return;
  s->stands = true;
  s->next = NULL;
  s->prev = l->last;
  if (l->last)
    l->last->next = s;
  else
    l->first = s;
  l->last = s;
}

static void
step_out(struct dial_sender *s)
{
  struct line *l = &lines[s->line];

  if (!s->stands) return;
  s->stands = false;
  if (s->prev)
    s->prev->next = s->next;
  else
    l->first = s->next;
  if (s->next)
    s->next->prev = s->prev;
  else
    l->last = s->prev;
}

/* ---- dials of a sender ---- */

/* The dials of a snapshot come in another order. */
static void
put(struct dial *d, struct dial_sender *s)
{
  struct dial *ahead = s->last;

  while (ahead && ahead->joined > d->joined)
    ahead = ahead->ahead;
  d->sender = s;
  d->ahead = ahead;
  d->behind = ahead ? ahead->behind : s->first;
  if (ahead)
    ahead->behind = d;
  else
    s->first = d;
  if (d->behind)
    d->behind->ahead = d;
  else
    s->last = d;
  s->waiting++;
  waiting_n++;
  stand(s);
}

static void
take(struct dial *d)
{
  struct dial_sender *s = d->sender;

  if (d->ahead)
    d->ahead->behind = d->behind;
  else
    s->first = d->behind;
  if (d->behind)
    d->behind->ahead = d->ahead;
  else
    s->last = d->ahead;
  d->ahead = d->behind = NULL;
  s->waiting--;
  waiting_n--;
  if (!s->waiting) step_out(s);
}

enum dial_line
line_of(struct dial const *d)
{
  if (d->kind == DIAL_VERIFY) return LINE_VERIFY;
  return d->kind == DIAL_TRY || domain_known_us(slice_str(d->to)) ? LINE_KNOWN
                                                                  : LINE_UNKNOWN;
}

bool
line_join(struct dial *d, struct slice sender)
{
  struct dial_sender *s = sender_make(d->line, sender);

  if (!s) return false;
  if (s->waiting >= s2sd->dials_waiting - waiting_n) {
    free_if_idle(s);
    return false;
  }
  d->joined = ++joined_n;
  put(d, s);
  return true;
}

void
line_move(struct dial *d, struct slice sender)
{
  struct dial_sender *was = d->sender, *s = sender_find(d->line, sender);

  if (s == was || (s ? s->waiting : 0) + 1 >= was->waiting) return;
  s = sender_make(d->line, sender);
  if (!s) return;
  take(d);
  free_if_idle(was);
  d->joined = ++joined_n;
  put(d, s);
}

void
line_quit(struct dial *d)
{
  struct dial_sender *s = d->sender;

  take(d);
  free_if_idle(s);
}

/* ---- turns ---- */

static uint64_t
all_under_way(void)
{
  return lines[LINE_KNOWN].under_way + lines[LINE_VERIFY].under_way +
         lines[LINE_UNKNOWN].under_way;
}

static bool
has_room(enum dial_line line)
{
  uint64_t most = s2sd->dials_max;
  uint64_t verify = lines[LINE_VERIFY].under_way;
  uint64_t unknown = lines[LINE_UNKNOWN].under_way;

  if (all_under_way() >= most) return false;
  if (line == LINE_KNOWN) return true;
  if (verify + unknown >= most - most / 4) return false;
  return line == LINE_VERIFY ? verify < S2S_VERIFY_DIALS : unknown < most - most / 2;
}

static bool
has_share(struct dial_sender const *s)
{
  uint64_t most = s2sd->dials_max;

  if (s->line == LINE_UNKNOWN)
    return s->under_way < most - most / 2 - lines[LINE_UNKNOWN].under_way;
  return s->line == LINE_VERIFY || s->under_way < KNOWN_SHARE * (most - all_under_way());
}

/* Senders without a share have a dial under way: no more are passed over than there are places. */
static struct dial *
next_of(struct line *l)
{
  struct dial_sender *s = l->first;
  struct dial *d;

  while (s && !has_share(s))
    s = s->next;
  if (!s) return NULL;
  d = s->first;
  take(d);
  step_out(s);
  if (s->waiting) stand(s);
  s->under_way++;
  l->under_way++;
  return d;
}

struct dial *
line_next(void)
{
  struct dial *d;
  int i;

  for (i = 0; i < LINES_N && !stopped; i++)
    if (has_room((enum dial_line)i) && (d = next_of(&lines[i]))) return d;
  return NULL;
}

void
line_leave(struct dial const *d)
{
  lines[d->line].under_way--;
  d->sender->under_way--;
  free_if_idle(d->sender);
}

void
line_stop(void)
{
  stopped = true;
}

/* ---- the state for a trace ---- */

struct slice
line_sender(struct dial const *d)
{
  return d->sender ? slice_str(d->sender->key + 1) : SLICE("");
}

bool
line_restore(struct dial *d, struct slice sender, bool waits)
{
  struct dial_sender *s = sender_make(d->line, sender);

  if (!s) return false;
  if (joined_n < d->joined) joined_n = d->joined;
  if (waits) {
    put(d, s);
  } else {
    d->sender = s;
    s->under_way++;
    lines[d->line].under_way++;
  }
  return true;
}

/* The senders whose turn comes, in their order. */
static struct dial_sender *
senders_from(int i)
{
  while (i < LINES_N && !lines[i].first)
    i++;
  return i < LINES_N ? lines[i].first : NULL;
}

static void
restore_turn(struct snapshot *k, char const *key)
{
  enum dial_line line = (enum dial_line)(key && *key ? *key - '0' : LINES_N);
  struct dial_sender *s = line < LINES_N ? sender_make(line, slice_str(key + 1)) : NULL;

  if (s)
    stand(s);
  else
    snapshot_fail(k, "a sender has no place");
}

void
lines_snapshot(struct snapshot *k)
{
  struct dial_sender *s = snapshot_restores(k) ? NULL : senders_from(0);
  char *key;

  for (; snapshot_record(k, "sender", s != NULL);
       s = s ? (s->next ? s->next : senders_from(s->line + 1)) : NULL) {
    key = s ? s->key : NULL;
    snapshot_text(k, &key);
    if (s) continue;
    restore_turn(k, key);
    free(key);
  }
}
