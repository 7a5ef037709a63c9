#include "link/snapshot.h"

#include "link/link_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A record is the line "state KIND FIELD...". Lines are written to text, or cut from it. */

struct later {
  struct event_timer *timer;
  event_timer_fn *fn;
  void *cookie;
  uint64_t rank, at_ms; /* rank: among all, as they fire, from 1 on */
};

struct snapshot {
  bool restores, failed;
  stralloc text;
  size_t at;            /* of text: the line behind the one that is read */
  struct slice rest;    /* of the line that is read */
  struct later *timers; /* written: all that wait, by address; made: to be started */
  size_t timers_n, timers_size;
};

static char const prefix[] = "state";

bool
snapshot_restores(struct snapshot const *k)
{
  return k->restores;
}

void
snapshot_fail(struct snapshot *k, char const *why)
{
  if (!k->failed) log_event(LOG_WARN, "trace-incomplete", "why", why, NULL);
  k->failed = true;
}

void *
snapshot_new(struct snapshot *k, size_t size)
{
  void *p = calloc(1, size);

  if (!p) snapshot_fail(k, "out of memory");
  return p;
}

/* ---- records ---- */

static void
wrote(struct snapshot *k, bool ok)
{
  if (!ok) snapshot_fail(k, "out of memory");
}

/* The line at k->at, without its first word. */
static bool
next_line(struct snapshot const *k, struct slice *line, size_t *len)
{
  char const *s = k->text.s + k->at, *nl;
  struct slice word;

  if (k->at >= k->text.len) return false;
  nl = memchr(s, '\n', k->text.len - k->at);
  *len = nl ? (size_t)(nl - s) : k->text.len - k->at;
  *line = slice_of(s, *len);
  return slice_word(line, '\t', &word);
}

static bool
take_record(struct snapshot *k, char const *kind)
{
  struct slice line, word = {0};
  size_t len;

  if (k->failed || !next_line(k, &line, &len)) return false;
  slice_word(&line, '\t', &word);
  if (!slice_is(word, kind)) return false;
  k->rest = line;
  k->at += len + 1;
  return true;
}

bool
snapshot_record(struct snapshot *k, char const *kind, bool more)
{
  if (k->restores) return take_record(k, kind);
  if (!more || k->failed) return false;
  wrote(k, (!k->text.len || record_put_end(&k->text)) &&
             record_put_verb(&k->text, prefix) && record_put(&k->text, slice_str(kind)));
  return !k->failed;
}

/* The next field, unescaped where it stands. */
static struct slice
take_field(struct snapshot *k)
{
  struct slice word = {"", 0};
  struct record r;

  if (k->failed) return word;
  slice_word(&k->rest, '\t', &word);
  if (!word.len) return SLICE("");
  if (!record_split(&r, k->text.s + (word.s - k->text.s), word.len)) {
    snapshot_fail(k, "a field is malformed");
    return SLICE("");
  }
  return record_get(&r, 0);
}

static uint64_t
take_number(struct snapshot *k)
{
  struct slice text = take_field(k);
  uint64_t n = 0;

  if (!k->failed && !slice_u64(text, &n)) snapshot_fail(k, "a number is missing");
  return n;
}

static void
put_number(struct snapshot *k, uint64_t n)
{
  wrote(k, record_put_u64(&k->text, n));
}

/* ---- fields ---- */

void
snapshot_int(struct snapshot *k, void *p, size_t size)
{
  uint64_t n = 0, n8;
  uint32_t n4;
  uint16_t n2;
  uint8_t n1;

  if (k->restores) n = take_number(k);
  switch (size) {
  case 1:
    n1 = (uint8_t)n;
    memcpy(k->restores ? p : &n1, k->restores ? &n1 : p, 1);
    n = n1;
    break;
  case 2:
    n2 = (uint16_t)n;
    memcpy(k->restores ? p : &n2, k->restores ? &n2 : p, 2);
    n = n2;
    break;
  case 4:
    n4 = (uint32_t)n;
    memcpy(k->restores ? p : &n4, k->restores ? &n4 : p, 4);
    n = n4;
    break;
  default:
    n8 = n;
    memcpy(k->restores ? p : &n8, k->restores ? &n8 : p, 8);
    n = n8;
  }
  if (!k->restores) put_number(k, n);
}

/* "=" stands before a string that is there. */
void
snapshot_text(struct snapshot *k, char **z)
{
  if (k->restores) {
    struct slice text = take_field(k);
    *z = text.len ? slice_dup(slice_of(text.s + 1, text.len - 1)) : NULL;
    if (text.len && !*z) snapshot_fail(k, "out of memory");
    return;
  }
  wrote(k, record_put_begin(&k->text) &&
             (!*z || (record_put_more(&k->text, SLICE("=")) &&
                      record_put_more(&k->text, slice_str(*z)))));
}

void
snapshot_bytes(struct snapshot *k, stralloc *sa)
{
  if (!k->restores) {
    wrote(k, record_put(&k->text, slice_of(sa->s, sa->len)));
    return;
  }
  struct slice text = take_field(k);
  sa->len = 0;
  if (text.len && !stralloc_catb(sa, text.s, text.len)) snapshot_fail(k, "out of memory");
}

void
snapshot_begun(struct snapshot *k, struct link const *l, uint64_t id, stralloc *sa)
{
  if (!k->restores && l) secrets_began(l->name, id, slice_of(sa->s, sa->len));
  snapshot_bytes(k, sa);
}

void
snapshot_secret(struct snapshot *k, char **z)
{
  char *text = *z, *stars = k->restores || !text ? NULL : slice_dup(slice_str(text));

  if (stars) memset(stars, '*', strlen(stars));
  if (!k->restores) *z = stars;
  snapshot_text(k, z);
  if (!k->restores) *z = text;
  free(stars);
}

void
snapshot_name(struct snapshot *k, char *buf, size_t size)
{
  struct slice text;

  if (!k->restores) {
    wrote(k, record_put(&k->text, slice_str(buf)));
    return;
  }
  text = take_field(k);
  memset(buf, 0, size);
  if (text.len < size)
    memcpy(buf, text.s, text.len);
  else
    snapshot_fail(k, "a name is too long");
}

void
snapshot_block(struct snapshot *k, void *p, size_t size)
{
  struct slice text;

  if (!k->restores) {
    wrote(k, record_put(&k->text, slice_of(p, size)));
    return;
  }
  text = take_field(k);
  if (text.len == size)
    memcpy(p, text.s, size);
  else
    snapshot_fail(k, "a field has another size");
}

void
snapshot_slice(struct snapshot *k, struct arena *a, struct slice *text)
{
  struct slice in;

  if (!k->restores) {
    wrote(k, record_put_begin(&k->text) &&
               (!text->s || (record_put_more(&k->text, SLICE("=")) &&
                             record_put_more(&k->text, *text))));
    return;
  }
  in = take_field(k);
  *text = (struct slice){NULL, 0};
  if (!in.len) return;
  *text = arena_copy(a, slice_of(in.s + 1, in.len - 1));
  if (!text->s) snapshot_fail(k, "out of memory");
}

void
snapshot_link(struct snapshot *k, struct link **l)
{
  struct slice name;
  struct link *x;

  if (!k->restores) {
    wrote(k, record_put(&k->text, slice_str(*l ? (*l)->name : NULL)));
    return;
  }
  name = take_field(k);
  *l = NULL;
  if (!name.len) return;
  for (x = links.first; x && !slice_is(name, x->name); x = x->next) {
  }
  *l = x;
  if (!x) snapshot_fail(k, "a link is missing");
}

/* A slot of a free id has the id that was given last. */
void
snapshot_ids(struct snapshot *k, struct ids *t)
{
  uint32_t used = t->used, free_n = t->free_n, i;

  if (!snapshot_record(k, "ids", true)) return;
  SNAPSHOT_INT(k, used);
  SNAPSHOT_INT(k, free_n);
  if (k->restores && !ids_size(t, used, free_n)) {
    snapshot_fail(k, "ids without room");
    return;
  }
  for (i = 0; i < used; i++)
    SNAPSHOT_INT(k, t->v[i].id);
  for (i = 0; i < free_n; i++)
    SNAPSHOT_INT(k, t->free[i]);
}

/* ---- timers ---- */

static int
by_address(void const *a, void const *b)
{
  struct later const *x = a, *y = b;

  return x->timer < y->timer ? -1 : x->timer > y->timer;
}

static int
by_rank(void const *a, void const *b)
{
  struct later const *x = a, *y = b;

  return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static void
add_timer(struct snapshot *k, struct later t)
{
  size_t size = k->timers_size ? 2 * k->timers_size : 64;
  struct later *v;

  if (k->timers_n == k->timers_size) {
    v = realloc(k->timers, size * sizeof *v);
    if (!v) {
      snapshot_fail(k, "out of memory");
      return;
    }
    k->timers = v;
    k->timers_size = size;
  }
  k->timers[k->timers_n++] = t;
}

static void
found_timer(void *cookie, struct event_timer *t)
{
  struct snapshot *k = cookie;

  add_timer(k, (struct later){.timer = t, .rank = k->timers_n + 1});
}

static void
put_timer(struct snapshot *k, struct event_timer *t)
{
  struct later wanted = {.timer = t}, *found = NULL;

  if (event_timer_on(t) && k->timers_n)
    found = bsearch(&wanted, k->timers, k->timers_n, sizeof wanted, by_address);
  put_number(k, found ? found->rank : 0);
  put_number(k, found ? t->at_ms : 0);
}

void
snapshot_timer(struct snapshot *k, struct event_timer *t, event_timer_fn *fn,
               void *cookie)
{
  struct later l = {.timer = t, .fn = fn, .cookie = cookie};

  if (!k->restores) {
    put_timer(k, t);
    return;
  }
  event_timer_cancel(t);
  l.rank = take_number(k);
  l.at_ms = take_number(k);
  if (l.rank) add_timer(k, l);
}

static void
start_timers(struct snapshot *k)
{
  size_t i;

  if (k->timers_n) qsort(k->timers, k->timers_n, sizeof *k->timers, by_rank);
  for (i = 0; i < k->timers_n; i++) {
    struct later const *l = &k->timers[i];
    event_timer_start(l->timer, l->at_ms * 1000, l->fn, l->cookie);
  }
}

/* ---- links ---- */

/* Name the lines that were put while the link was down, which are the last of out: a
 * trace says them when the link comes up. */
static void
late_lines(struct snapshot *k, struct link *l)
{
  stralloc late = STRALLOC_ZERO;
  size_t from = l->out.len, lines = l->put_while_down;

  if (k->restores) {
    snapshot_bytes(k, &l->out);
    return;
  }
  while (lines && from) {
    from--;
    if (l->out.s[from] == '\n' && from + 1 < l->out.len && !--lines) from++;
    if (!lines) break;
  }
  wrote(k, stralloc_catb(&late, l->out.s + from, l->out.len - from));
  snapshot_bytes(k, &late);
  stralloc_free(&late);
}

static bool
is_traced(struct link const *l)
{
  return l->program != CTL && (l->path || l->up);
}

static struct link *
next_traced(struct link *l)
{
  do
    l = l ? l->next : links.first;
  while (l && !is_traced(l));
  return l;
}

/* Say the name of l, or give the link that has the name which was said: NULL when none has. */
static struct link *
named_link(struct snapshot *k, struct link *l)
{
  char *name = l ? l->name : NULL;

  if (!k->restores) {
    snapshot_text(k, &name);
    return l;
  }
  name = NULL;
  snapshot_text(k, &name);
  l = name ? pipe_link(slice_str(name)) : NULL;
  free(name);
  if (!l) snapshot_fail(k, "no such link");
  return l;
}

/* In the order in which they stand, for that is the order in which they are told things. */
static void
each_link(struct snapshot *k)
{
  struct link *l = k->restores ? NULL : next_traced(NULL);

  for (; snapshot_record(k, "link", l != NULL); l = k->restores ? l : next_traced(l)) {
    l = named_link(k, l);
    if (!l) return;
    SNAPSHOT_INT(k, l->up);
    SNAPSHOT_INT(k, l->epoch);
    SNAPSHOT_INT(k, l->came);
    SNAPSHOT_INT(k, l->stanzas);
    SNAPSHOT_INT(k, l->received);
    SNAPSHOT_INT(k, l->receipt);
    SNAPSHOT_INT(k, l->full);
    SNAPSHOT_INT(k, l->full_us);
    SNAPSHOT_INT(k, l->behind);
    SNAPSHOT_INT(k, l->put_while_down);
    late_lines(k, l);
    if (k->restores) l->acked = l->up ? l->stanzas : 0;
  }
  if (!snapshot_record(k, "links", true)) return;
  SNAPSHOT_INT(k, links.came);
  SNAPSHOT_INT(k, links.epoch);
}

/* ---- the whole ---- */

static void
all(struct snapshot *k)
{
  each_link(k);
  if (links.owner->snapshot) links.owner->snapshot(k);
}

static void
done(struct snapshot *k)
{
  stralloc_free(&k->text);
  free(k->timers);
}

static void
mask_lines(struct snapshot *k)
{
  char *s = k->text.s, *end = s + k->text.len, *nl;

  for (; s < end && (nl = memchr(s, '\n', (size_t)(end - s))); s = nl + 1)
    secrets_mask("", '<', s, (size_t)(nl - s));
}

bool
snapshot_write(stralloc *out)
{
  struct snapshot k = {.text = STRALLOC_ZERO};
  bool ok;

  event_timers_each(found_timer, &k);
  if (k.timers_n) qsort(k.timers, k.timers_n, sizeof *k.timers, by_address);
  all(&k);
  if (k.text.len) wrote(&k, record_put_end(&k.text));
  mask_lines(&k);
  ok = !k.failed && stralloc_catb(out, k.text.s, k.text.len);
  done(&k);
  return ok;
}

void
snapshot_read(stralloc *text)
{
  struct snapshot k = {.restores = true, .text = *text};
  struct slice line;
  size_t len;

  *text = stralloc_zero;
  all(&k);
  start_timers(&k);
  if (!k.failed && next_line(&k, &line, &len)) snapshot_fail(&k, log_text(line));
  done(&k);
}
