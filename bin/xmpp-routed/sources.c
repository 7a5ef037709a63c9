#include "expected.h"
#include "passing.h"
#include "snapshot.h"
#include "sources.h"

#include <stdlib.h>
#include <string.h>

/* How far each edge or service has been taken over, by its ORIGIN numbers. What it sends again
 * after a reconnect is known by them; what other services have not taken over yet is not
 * acknowledged to it. Kept over the life of its link.
 *
 * A source is a run of the neighbour. When the neighbour is started again, its last run is over, and
 * stays: stanzas of that run are still being taken over, and the new run may ask about them. */

/* Sources of one neighbour; the oldest one that is over is used for the next run. */
#define RUNS_MAX 4u

struct source {
  struct source *next;
  struct link *link; /* NULL: not connected now */
  char name[LINK_NAME_MAX + 1];
  uint64_t epoch;
  uint64_t over;    /* 0: the neighbour's present run; runs are numbered as they end */
  bool asked;       /* over: the next run waits for the answer */
  uint64_t last;    /* the newest that came */
  uint64_t done;    /* all up to here are taken over */
  uint64_t acked;   /* and it was told so */
  uint64_t told;    /* and the socket has that */
  uint64_t gone_us; /* since when it is not connected */
  uint32_t *open;   /* how many services hold each of done + 1 ... last: a ring */
  size_t size;
  uint64_t crossed; /* first stanza that the socket of another c2sd may lack; 0: none */
  uint64_t crossed_now; /* the same of this turn */
};

static struct source *sources;
static uint64_t over_n;
static struct event_timer soon;

static struct source *
known(char const *name)
{
  struct source *s = sources;

  while (s && (s->over || strcmp(s->name, name) != 0))
    s = s->next;
  return s;
}

/* The run of this epoch, or NULL. */
static struct source *
run_of(char const *name, uint64_t epoch)
{
  struct source *s = sources;

  while (s && (s->epoch != epoch || strcmp(s->name, name) != 0))
    s = s->next;
  return s;
}

/* The oldest run of the neighbour that is over, if there are as many as may be. */
static struct source *
spare(char const *name)
{
  struct source *s, *oldest = NULL;
  unsigned int n = 0;

  for (s = sources; s; s = s->next) {
    if (strcmp(s->name, name) != 0) continue;
    n++;
    if (s->over && (!oldest || s->over < oldest->over)) oldest = s;
  }
  return n < RUNS_MAX ? NULL : oldest;
}

static struct source *
make(char const *name)
{
  struct source *s = calloc(1, sizeof *s);

  if (!s) return NULL;
  strcpy(s->name, name);
  s->next = sources;
  sources = s;
  return s;
}

static struct source *
find(char const *name)
{
  struct source *s = known(name);

  return s ? s : make(name);
}

/* Copies and letters that point to a spare run know it by its epoch, and release nothing of the new one. */
static struct source *
begin_run(char const *name)
{
  struct source *s = spare(name);

  if (!s) return make(name);
  s->over = s->last = s->done = s->acked = s->told = s->crossed = s->crossed_now = 0;
  s->asked = false;
  return s;
}

static struct source *
source_of(struct link *l)
{
  struct source *s = find(l->name), *was = s;

  if (s && s->epoch != l->epoch && s->last) {
    s = begin_run(l->name);
    if (!s) return NULL;
    was->over = ++over_n;
    was->link = NULL;
  }
  if (!s) return NULL;
  s->epoch = l->epoch;
  s->link = l;
  return s;
}

static bool
make_room(struct source *s)
{
  size_t size = s->size ? 2 * s->size : 1024;
  uint32_t *open;
  uint64_t n;

  if (s->last - s->done < s->size) return true;
  open = calloc(size, sizeof *open);
  if (!open) return false;
  for (n = s->done + 1; s->size && n <= s->last; n++)
    open[n % size] = s->open[n % s->size];
  free(s->open);
  s->open = open;
  s->size = size;
  return true;
}

/* The receiver of the stanza compares numbers of the same epoch only; the link's hello names
 * the epoch. */
static struct slice
origin_with_epoch(struct link const *l, uint64_t n)
{
  static char buf[LINK_NAME_MAX + 2 * BASE_NUM + 3];
  char number[BASE_NUM];
  struct slice part = slice_str(l->name);
  char *at = buf;

  memcpy(at, part.s, part.len);
  at += part.len;
  *at++ = ':';
  part = num_u64(number, l->epoch);
  memcpy(at, part.s, part.len);
  at += part.len;
  *at++ = ':';
  part = num_u64(number, n);
  memcpy(at, part.s, part.len);
  return slice_of(buf, (size_t)(at - buf) + part.len);
}

/* Give n, which is above all that came of s, a place in the ring. */
static bool
number(struct source *s, uint64_t n, struct passing *p)
{
  if (n != s->last + 1) s->done = n - 1;
  s->last = n - 1;
  if (!make_room(s)) return false;
  s->last = n;
  s->open[n % s->size] = 0;
  p->source = s;
  p->number = n;
  return true;
}

/* Copies that an ended session had (kept.c) are sent anew by routed itself. No neighbour has
 * this name. */
#define OWN "(own)"

bool
source_own(struct passing *p)
{
  struct source *s = find(OWN);

  return s && number(s, s->last + 1, p);
}

uint64_t
source_own_done(void)
{
  struct source const *s = known(OWN);

  return s ? s->done : 0;
}

/* The first number that comes of a source may be any; the others follow one by one. */
bool
source_take(struct link *l, struct passing *p)
{
  struct source *s = source_of(l);
  struct stanza_source from;
  uint64_t n;

  if (!s || !stanza_source(p->st.origin, &from)) return true;
  n = from.number;
  if (link_started(l)) p->st.origin = origin_with_epoch(l, n);
  if (n <= s->last) {
    if (s->done && s->acked == s->done) s->acked--; /* say it again */
    return false;
  }
  number(s, n, p);
  return true;
}

uint64_t
source_hold(struct source *s, uint64_t n)
{
  if (s && n > s->done && n <= s->last) s->open[n % s->size]++;
  return s ? s->epoch : 0;
}

/* Numbers of an earlier run are not those of this one. */
void
source_release(struct source *s, uint64_t epoch, uint64_t n)
{
  if (!s || s->epoch != epoch || n <= s->done || n > s->last) return;
  if (s->open[n % s->size]) s->open[n % s->size]--;
}

/* A stanza that goes to the c2sd of its source stands in front of the acknowledgement, on the
 * same link. Another c2sd must have it in its socket before, which outlives this program. */
void
source_crosses(struct source *s, uint64_t n, struct link const *to)
{
  if (!s || s->link == to || n <= s->done) return;
  if (!s->crossed) s->crossed = n;
  if (!s->crossed_now) s->crossed_now = n;
}

static void
put_earlier(struct link *l, uint64_t epoch, uint64_t n)
{
  link_begin(l, VERB_EARLIER);
  link_num(l, epoch);
  link_num(l, n);
  link_end(l);
}

/* Look at the links to all c2sds. *all_written: no output waits. *earlier_written: no
 * output of an earlier turn waits. */
static void
look_at_links(bool *all_written, bool *earlier_written)
{
  struct link const *l;

  *all_written = *earlier_written = true;
  for (l = link_next(NULL); l; l = link_next(l)) {
    if (l->program != C2SD) continue;
    if (link_waiting(l)) *all_written = false;
    if (link_is_behind(l)) *earlier_written = false;
  }
}

/* The timer alone makes another turn. */
static void
look_again(void *cookie)
{
  (void)cookie;
}

/* Look again in the next turn: the output of this turn leaves at its end. A link that is
 * behind makes a turn when it has room. */
static void
wait_for_links(void)
{
  event_timer_start(&soon, door_now(), look_again, NULL);
}

/* A neighbour that has gone asks again when it is back. */
static void
tell_earlier(struct source *s)
{
  struct source const *now = known(s->name);

  if (s->done < s->last || !now || !now->link || !now->link->up) return;
  s->asked = false;
  put_earlier(now->link, s->epoch, s->last);
}

void
sources_earlier(struct link *l, struct record *r)
{
  uint64_t epoch = record_u64(r, 1);
  struct source *s;

  source_of(l); /* the run is over, though the next one has sent nothing yet */
  s = run_of(l->name, epoch);
  if (s && s->over)
    s->asked = true;
  else
    put_earlier(l, epoch, 0);
}

void
sources_turn(void)
{
  struct source *s;
  bool all_written, earlier_written;

  look_at_links(&all_written, &earlier_written);
  for (s = sources; s; s = s->next) {
    if (earlier_written) s->crossed = s->crossed_now;
    if (all_written) s->crossed = 0;
    s->crossed_now = 0;
    while (s->done < s->last && s->done + 1 != s->crossed &&
           !s->open[(s->done + 1) % s->size])
      s->done++;
    if (s->crossed && s->done + 1 == s->crossed && earlier_written) wait_for_links();
    if (s->asked) tell_earlier(s);
    if (s->link && !link_is_behind(s->link)) s->told = s->acked;
    if (s->acked == s->done || !s->link || !s->link->up) continue;
    s->acked = s->done;
    link_ack(s->link, s->done);
  }
}

bool
source_told(struct slice origin)
{
  char name[LINK_NAME_MAX + 1];
  struct stanza_source from;
  struct source *s;

  if (!stanza_source(origin, &from) || !from.epoch || from.name.len > LINK_NAME_MAX)
    return true;
  memcpy(name, from.name.s, from.name.len);
  name[from.name.len] = '\0';
  s = run_of(name, from.epoch);
  if (!s) return expected_all_there();
  if (s->over || s->told >= from.number) return true;
  if (!s->link) return door_now() - s->gone_us >= KEPT_ABSENT_US;
  if (s->acked >= from.number && !link_is_behind(s->link)) wait_for_links();
  return false;
}

void
sources_gone(struct link const *l)
{
  struct source *s;

  for (s = sources; s; s = s->next) {
    if (s->link != l) continue;
    s->link = NULL;
    s->gone_us = door_now();
  }
}

/* ---- the state for a trace ---- */

void
snapshot_source(struct snapshot *k, struct source **source, uint64_t *epoch)
{
  char *name = *source && !snapshot_restores(k) ? (*source)->name : NULL;

  snapshot_text(k, &name);
  SNAPSHOT_INT(k, *epoch);
  if (!snapshot_restores(k)) return;
  *source = name ? run_of(name, *epoch) : NULL;
  free(name);
}

static void
snapshot_open(struct snapshot *k, struct source *s)
{
  uint64_t n;

  SNAPSHOT_INT(k, s->size);
  if (snapshot_restores(k) && s->size)
    s->open =
      s->last - s->done <= s->size ? snapshot_new(k, s->size * sizeof *s->open) : NULL;
  for (n = s->done + 1; s->open && s->size && n <= s->last; n++)
    SNAPSHOT_INT(k, s->open[n % s->size]);
}

void
sources_snapshot(struct snapshot *k)
{
  struct source **at = &sources, *s;

  for (; snapshot_record(k, "source", *at != NULL); at = &s->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof *s);
    s = *at;
    if (!s) return;
    snapshot_name(k, s->name, sizeof s->name);
    snapshot_link(k, &s->link);
    SNAPSHOT_INT(k, s->epoch);
    SNAPSHOT_INT(k, s->over);
    SNAPSHOT_INT(k, s->asked);
    if (over_n < s->over) over_n = s->over;
    SNAPSHOT_INT(k, s->last);
    SNAPSHOT_INT(k, s->done);
    SNAPSHOT_INT(k, s->acked);
    SNAPSHOT_INT(k, s->told);
    SNAPSHOT_INT(k, s->gone_us);
    SNAPSHOT_INT(k, s->crossed);
    snapshot_open(k, s);
  }
  if (snapshot_record(k, "soon", true)) snapshot_timer(k, &soon, look_again, NULL);
}
