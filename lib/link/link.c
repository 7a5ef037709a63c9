#include "link/link_internal.h"

#include <skalibs/stralloc.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Common to both drivers: links by name, building records, keeping records until they are
 * acknowledged.
 *
 * out holds what was put, in order. [0, kept_from) needs nothing more and goes at the next
 * trim; [kept_from, sent) was written and waits for acknowledgement; the rest is unsent.
 * kept_from is the beginning of a line, sent may be in the middle of one. Only stanzas that
 * were numbered here (link_origin) are acknowledged, so kept_from stands at the line of the
 * first that is not. When the link breaks, those lines alone remain, and
 * leave again behind the announcements of up(); the receiver knows by ORIGIN what
 * it had already. */

struct links links;

/* Records of the verbs that are numbered (verb_is_numbered) begin so. */
static char const numbered_starts[][8] = {"stanza\t", "fanout\t"};

struct link *
link_new(enum program p, unsigned int roles, struct slice name)
{
  struct link *l = calloc(1, sizeof *l), **at;

  if (!l) return NULL;
  l->program = p;
  l->roles = roles;
  l->io = (struct event_io)EVENT_IO_ZERO;
  if (name.len > LINK_NAME_MAX) name.len = LINK_NAME_MAX;
  memcpy(l->name, name.s, name.len);
  for (at = &links.first; *at; at = &(*at)->next) {
  }
  *at = l;
  return l;
}

struct link *
link_find(enum program p)
{
  struct link *l, *first = NULL;

  for (l = links.first; l; l = l->next)
    if (l->program == p && l->up && (!first || l->came < first->came)) first = l;
  return first;
}

struct link *
link_next(struct link const *l)
{
  return l ? l->next : links.first;
}

uint64_t
link_started(struct link const *l)
{
  return (l->epoch >> EPOCH_SHIFT) * 1000000;
}

uint64_t
link_own_epoch(void)
{
  return links.epoch;
}

/* Numbers are compared within an epoch only. A neighbour of an older version knows none and
 * compares those of all runs, so they begin at the time of the start, in microseconds. */
uint64_t
link_first_number(uint64_t epoch)
{
  return (epoch >> EPOCH_SHIFT) * 1000000;
}

void
link_mark_dirty(struct link *l)
{
  if (l->dirty) return;
  l->dirty = true;
  l->next_dirty = links.dirty;
  links.dirty = l;
}

void
link_begin(struct link *l, enum verb v)
{
  l->begin = l->out.len;
  l->verb = v;
  l->numbered = false;
  if (!record_put_verb(&l->out, verb_rows[v].word)) l->failed = true;
}

void
link_text(struct link *l, struct slice text)
{
  if (!record_put(&l->out, text)) l->failed = true;
}

void
link_str(struct link *l, char const *z)
{
  link_text(l, slice_str(z));
}

void
link_raw(struct link *l, struct slice raw)
{
  if (!record_put_raw(&l->out, raw)) l->failed = true;
}

void
link_num(struct link *l, uint64_t n)
{
  if (!record_put_u64(&l->out, n)) l->failed = true;
}

void
link_field(struct link *l)
{
  if (!record_put_begin(&l->out)) l->failed = true;
}

void
link_more(struct link *l, struct slice text)
{
  if (!record_put_more(&l->out, text)) l->failed = true;
}

void
link_more_raw(struct link *l, struct slice raw)
{
  if (!text_catb(&l->out, raw.s, raw.len)) l->failed = true;
}

void
link_origin(struct link *l)
{
  char buf[BASE_NUM];

  l->numbered = true;
  link_field(l);
  link_more(l, slice_str(links.owner->instance));
  link_more(l, SLICE(":"));
  link_more(l, num_u64(buf, ++l->stanzas));
}

/* A longer record would end the link, and again each time it is sent again. */
static bool
too_long(struct link const *l)
{
  if (l->out.len - l->begin <= RECORD_MAX) return false;
  log_event(LOG_WARN, "record-not-sent", "link", l->name, "verb", verb_rows[l->verb].word,
            "why", "longer than RECORD_MAX", NULL);
  return true;
}

bool
link_fits(struct link const *l, size_t more)
{
  return !l->failed && l->out.len - l->begin + more < RECORD_MAX;
}

void
link_cancel(struct link *l)
{
  l->out.len = l->begin;
  if (l->numbered) l->stanzas--;
  l->numbered = false;
}

void
link_capture(struct link *l, stralloc *into)
{
  l->captured = into;
}

bool
link_end(struct link *l)
{
  bool is_long;

  if (!record_put_end(&l->out)) l->failed = true;
  is_long = !l->failed && too_long(l);
  if (l->failed || is_long || (!l->up && !verb_is_numbered(l->verb))) {
    link_cancel(l);
    return !l->failed && !is_long;
  }
  if (l->captured && verb_is_numbered(l->verb)) {
    if (!text_catb(l->captured, l->out.s + l->begin, l->out.len - l->begin))
      l->failed = true;
    link_cancel(l);
    return !l->failed;
  }
  if (!l->up)
    l->put_while_down++;
  else if (l->program != CTL && trace_on())
    trace_out(l, slice_of(l->out.s + l->begin, l->out.len - l->begin));
  if (links.pipe && l->up) {
    pipe_take(l);
    return true;
  }
  if (l->program != CTL) links.put += l->out.len - l->begin;
  link_mark_dirty(l);
  if (!l->up && !l->full) link_look_if_full(l);
  return true;
}

bool
link_awaits_acks(struct link const *l)
{
  return l->acked < l->stanzas;
}

/* Let the link keep LINK_KEPT_MAX more: no acknowledgement has come for LINK_LATE_US. The
 * peer's acknowledgement may wait for this very program, when a service's stanza has to
 * be stored by that service; so a program that has stopped reading goes on. */
static void
on_late(void *cookie)
{
  struct link *l = cookie;

  l->kept_max += LINK_KEPT_MAX;
  link_mark_dirty(l);
  event_timer_start(&l->late, door_now() + LINK_LATE_US, on_late, l);
}

static void
watch_acks(struct link *l)
{
  if (l->full && link_awaits_acks(l))
    event_timer_start(&l->late, door_now() + LINK_LATE_US, on_late, l);
  else
    event_timer_cancel(&l->late);
}

void
link_set_full(struct link *l, bool full)
{
  if (l->full == full) return;
  l->full = full;
  if (full) l->full_us = door_now();
  if (trace_on() && !links.pipe && l->program != CTL)
    trace_in(l, full ? SLICE("full") : SLICE("drained"));
  links.owner->full(l, full);
}

void
link_set_behind(struct link *l, bool behind)
{
  if (l->behind == behind) return;
  l->behind = behind;
  if (trace_on() && !links.pipe && l->program != CTL)
    trace_in(l, behind ? SLICE("behind") : SLICE("caught"));
}

bool
link_is_behind(struct link const *l)
{
  return l->up && l->behind;
}

/* Under -p nothing waits in out; of a trace it is known what did. */
size_t
link_waiting(struct link const *l)
{
  if (links.pipe && l->up) return pipe_has_state() && (l->behind || l->said);
  return l->up ? l->out.len - l->sent : 0;
}

/* Under -p the lines full and drained say how the output of a link that is up stands. */
void
link_look_if_full(struct link *l)
{
  size_t unsent = l->out.len - l->sent;
  size_t kept = link_awaits_acks(l) ? l->out.len - l->kept_from : 0;

  if (links.pipe && l->up) return;
  if (!l->kept_max || kept < LINK_KEPT_MAX / 2) l->kept_max = LINK_KEPT_MAX;
  if (l->full ? unsent < LINK_LOW_WATER && kept < l->kept_max - LINK_KEPT_MAX / 2
              : unsent > LINK_HIGH_WATER || kept > l->kept_max) {
    link_set_full(l, !l->full);
    watch_acks(l);
  }
}

/* Put the acknowledgement to a service in front of the output that waits: a service whose
 * output is full reads nothing but acknowledgements until one comes. To an edge the
 * records stay in order, for an ack tells the edge that all records before the ack have
 * left. */
static void
move_ahead(struct link *l, size_t len)
{
  char ack[sizeof "ack\t\n" + BASE_NUM];
  size_t end = l->out.len - len, at = l->sent;
  char const *nl;

  if (at && l->out.s[at - 1] != '\n') { /* a part of this line has left */
    nl = memchr(l->out.s + at, '\n', end - at);
    at = nl ? (size_t)(nl - l->out.s) + 1 : end;
  }
  if (at >= end || len > sizeof ack) return;
  memcpy(ack, l->out.s + end, len);
  memmove(l->out.s + at + len, l->out.s + at, end - at);
  memcpy(l->out.s + at, ack, len);
  fds_moved(l, at, len, true);
  if (at < l->settled) l->settled += len;
}

void
link_ack(struct link *l, uint64_t n)
{
  size_t before = l->out.len;

  link_begin(l, VERB_ACK);
  link_num(l, n);
  link_end(l);
  if (l->out.len > before && l->roles & ROLE_SERVICE && l->sent < before)
    move_ahead(l, l->out.len - before);
}

void
link_receipts(enum program p)
{
  struct link *l;

  for (l = links.first; l; l = l->next) {
    if (l->program != p || !l->up || l->received == l->receipt) continue;
    l->receipt = l->received;
    link_ack(l, l->received);
  }
}

/* The line at offset i of out, newline included; 0 at the end. */
static size_t
line_at(struct link const *l, size_t i)
{
  char const *end;

  if (i >= l->out.len) return 0;
  end = memchr(l->out.s + i, '\n', l->out.len - i);
  return end ? (size_t)(end - l->out.s) + 1 - i : 0;
}

static bool
is_numbered(struct link const *l, size_t i)
{
  size_t n = sizeof numbered_starts[0] - 1;

  return l->out.len - i >= n && (!memcmp(l->out.s + i, numbered_starts[0], n) ||
                                 !memcmp(l->out.s + i, numbered_starts[1], n));
}

static void
acked_up_to(struct link *l, uint64_t n)
{
  size_t len;

  if (n > l->stanzas) n = l->stanzas;
  while (l->acked < n && (len = line_at(l, l->kept_from))) {
    if (is_numbered(l, l->kept_from)) l->acked++;
    l->kept_from += len;
  }
}

/* The end of the lines that were written whole. */
static size_t
whole_lines(struct link const *l)
{
  char const *end = memrchr(l->out.s + l->kept_from, '\n', l->sent - l->kept_from);

  return end ? (size_t)(end - l->out.s) + 1 : l->kept_from;
}

void
link_trim(struct link *l)
{
  size_t drop;

  if (l->acked >= l->stanzas && l->kept_from < l->sent) l->kept_from = whole_lines(l);
  drop = l->kept_from < l->sent ? l->kept_from : l->sent;
  if (drop < l->out.len && drop < l->out.len / 2) return;
  memmove(l->out.s, l->out.s + drop, l->out.len - drop);
  l->out.len -= drop;
  fds_moved(l, drop, drop, false);
  l->sent -= drop;
  l->kept_from -= drop;
  if (l->out.a <= LINK_LOW_WATER) return;
  if (!l->out.len)
    stralloc_free(&l->out);
  else if (l->out.len < l->out.a / 8)
    stralloc_shrink(&l->out);
}

/* Leave only the stanzas that are numbered and not acknowledged. */
static void
keep_stanzas(struct link *l)
{
  size_t from, to = 0, len;

  if (l->acked >= l->stanzas) l->kept_from = l->out.len;
  for (from = l->kept_from; (len = line_at(l, from)); from += len) {
    if (!is_numbered(l, from)) continue;
    memmove(l->out.s + to, l->out.s + from, len);
    to += len;
  }
  l->out.len = to;
  l->sent = l->kept_from = 0;
}

bool
link_hello(stralloc *out)
{
  return record_put_verb(out, "hello") &&
         record_put(out, slice_str(links.owner->program)) &&
         record_put(out, SLICE(TABBER_VERSION)) &&
         record_put(out, slice_str(links.owner->instance)) &&
         record_put_u64(out, links.epoch) && record_put_end(out);
}

/* Lines that were put while the link was down leave now, and a trace shows them now;
 * lines that are sent again it has shown before. */
static void
trace_late(struct link *l, stralloc const *again)
{
  struct slice rest = slice_of(again->s, again->len), line;
  size_t lines = 0, i;

  for (i = 0; i < again->len; i++)
    lines += again->s[i] == '\n';
  while (slice_word(&rest, '\n', &line))
    if (lines-- <= l->put_while_down) trace_out(l, line);
}

/* An accepted link stands behind all that came before it, whenever it was made: a replay makes
 * it at its hello, and once for all that have its name. */
static void
move_last(struct link *l)
{
  struct link **at = &links.first;

  while (*at != l)
    at = &(*at)->next;
  *at = l->next;
  l->next = NULL;
  while (*at)
    at = &(*at)->next;
  *at = l;
}

void
link_came_up(struct link *l, uint64_t epoch)
{
  stralloc again = l->out;

  if (!l->path) move_last(l);
  l->out = stralloc_zero;
  l->sent = l->kept_from = 0;
  l->epoch = epoch;
  l->up = true;
  l->came = ++links.came;
  l->received = l->receipt = 0;
  l->settled = l->backlog = l->ahead = 0;
  l->settled_stanzas = l->stanzas;
  l->retry_us = 0;
  links.owner->up(l);
  if (again.len) {
    if (trace_on()) trace_late(l, &again);
    if (!stralloc_cat(&l->out, &again)) l->failed = true;
    l->backlog = again.len;
    link_mark_dirty(l);
  }
  l->put_while_down = 0;
  stralloc_free(&again);
}

void
link_went_down(struct link *l)
{
  bool was_up = l->up;

  l->up = false;
  fds_wipe(l);
  keep_stanzas(l);
  l->in.len = 0;
  l->failed = false;
  if (was_up) links.owner->down(l);
  if (!l->path) l->stanzas = l->acked = 0; /* in a replay it comes back */
  link_set_full(l, false);
  l->behind = l->said = false;
}

static bool
bad_record(struct link const *l, char const *why, struct slice word)
{
  log_event(LOG_WARN, "bad-record", "link", l->name, "why", why, "verb", log_text(word),
            NULL);
  return false;
}

/* A verb that only a newer version knows is in the log once, not once a record. */
static void
log_unknown(struct link const *l, struct slice word)
{
  static char known[LINK_UNKNOWN_MAX][LINK_UNKNOWN_BYTES];
  static size_t known_n;
  struct slice begin =
    slice_of(word.s, word.len < LINK_UNKNOWN_BYTES ? word.len : LINK_UNKNOWN_BYTES - 1);
  size_t i;

  for (i = 0; i < known_n; i++)
    if (slice_is(begin, known[i])) return;
  if (known_n == LINK_UNKNOWN_MAX) return;
  memcpy(known[known_n++], begin.s, begin.len);
  bad_record(l,
             known_n == LINK_UNKNOWN_MAX
               ? "unknown verb, ignored; further ones are not logged"
               : "unknown verb, ignored from now on",
             begin);
}

bool
link_line(struct link *l, char *line, size_t len)
{
  struct record r;
  struct slice word;
  enum verb v;

  if (!record_split(&r, line, len)) return bad_record(l, "not a record", SLICE(""));
  word = record_get(&r, 0);
  v = verb_find(word);
  if (v == VERBS_N) {
    log_unknown(l, word);
    return true;
  }
  if (!(verb_rows[v].from & l->roles) || !(verb_rows[v].to & links.roles))
    return bad_record(l, "a verb that the sender may not say", word);
  if (r.n - 1 < verb_rows[v].least) return bad_record(l, "fields are missing", word);
  if (verb_is_kept(v)) l->received++;
  if (v == VERB_ACK) {
    acked_up_to(l, record_u64(&r, 1));
    if (l->out.a > LINK_LOW_WATER || l->full) link_mark_dirty(l);
    if (l->full) watch_acks(l);
  }
  fds_begin(l, v, &r);
  links.owner->record(l, v, &r);
  fds_end(l);
  return true;
}
