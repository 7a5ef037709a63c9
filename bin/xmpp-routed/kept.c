#include "expected.h"
#include "held.h"
#include "journal.h"
#include "kept.h"
#include "number.h"
#include "passing.h"
#include "sessions.h"
#include "snapshot.h"
#include "sources.h"
#include "unasked.h"

#include <stdlib.h>
#include <string.h>

/* Copies of stanzas that clients may not have yet. A stanza that its sender saw
 * acknowledged is in the memory of two programs, or on disk (xmpp-restarts(7)): routed
 * keeps a stanza that is not in the log for its recipient here, for each session that is
 * given the stanza, until the mark of the session passes it. When the session ends
 * before, routed treats the copy as a stanza that its c2sd has returned. All copies are
 * in the journal too, those that are held (held.c) among them. */

/* The head of each entry in text, before the fields of the stanza. */
struct entry {
  uint64_t id;
  size_t len;
};

struct kept {
  struct kept *next, *prev; /* of all sessions that have copies */
  uint64_t number;          /* of the session */
  stralloc text;
  size_t head; /* the oldest entry */
};

static struct kept *keepers;

static stralloc ended = STRALLOC_ZERO;   /* copies of sessions that ended in this turn */
static stralloc earlier = STRALLOC_ZERO; /* copies of an earlier run of routed */

/* Copies that were returned, and are on their way again: routed alone has them until a service
 * has taken them over. until_us is the number of each as a stanza of routed's own; numbers rise. */
static struct {
  stralloc copies;
  size_t head; /* the oldest */
  size_t seen; /* behind the copy that was replaced last */
} again;

/* Value of held: another copy stands for this one, which is in the file no more. */
#define REPLACED 2

uint64_t kept_bytes;
static uint64_t all_max = KEPT_MAX, account_max = KEPT_ACCOUNT_MAX;

void
kept_take(uint64_t of_all, uint64_t of_an_account)
{
  all_max = of_all;
  account_max = of_an_account;
}

/* ---- one session's ---- */

static bool
kept_make(struct session *s)
{
  struct kept *k = s->kept ? s->kept : calloc(1, sizeof *k);

  if (!k) return false;
  if (s->kept) return true;
  k->number = s->number;
  k->next = keepers;
  if (keepers) keepers->prev = k;
  keepers = s->kept = k;
  return true;
}

static void
kept_free(struct session *s)
{
  struct kept *k = s->kept;

  if (k->next) k->next->prev = k->prev;
  if (k->prev)
    k->prev->next = k->next;
  else
    keepers = k->next;
  stralloc_free(&k->text);
  free(k);
  s->kept = NULL;
}

bool
kept_has_room(struct session const *s)
{
  return kept_bytes < all_max / 2 ||
         (kept_bytes < all_max && s->user->kept_bytes < account_max);
}

void
kept_say_full(struct session *s)
{
  if (!s->user->kept_is_full)
    log_event(LOG_WARN, "stanza-not-kept", "jid", s->user->bare, "sid", log_num(s->sid),
              "why", "no room", NULL);
  s->user->kept_is_full = true;
}

/* Count bytes of copies for s that came, or (negative) that are let go. */
static void
count(struct session *s, int64_t n)
{
  kept_bytes += (uint64_t)n;
  s->user->kept_bytes += (uint64_t)n;
  if (n > 0) s->user->kept_is_full = false;
}

bool
kept_add(struct session *s, uint64_t id, struct slice fields)
{
  struct entry e = {id, fields.len};
  stralloc *t;

  if (kept_bytes >= all_max) return false;
  if (!kept_make(s)) return false;
  t = &s->kept->text;
  if (!stralloc_readyplus(t, sizeof e + fields.len)) return false;
  memcpy(t->s + t->len, &e, sizeof e);
  memcpy(t->s + t->len + sizeof e, fields.s, fields.len);
  t->len += sizeof e + fields.len;
  count(s, (int64_t)(sizeof e + fields.len));
  journal_kept(s->number, id, fields);
  return true;
}

/* Step over copies, the oldest first, up to the id. */
static void
step(struct session *s, uint64_t id)
{
  struct kept *k = s->kept;
  size_t head = k->head;
  struct entry e;

  while (k->head < k->text.len) {
    memcpy(&e, k->text.s + k->head, sizeof e);
    if (e.id > id) break;
    k->head += sizeof e + e.len;
    count(s, -(int64_t)(sizeof e + e.len));
  }
  if (k->head > head) journal_through(s->number, id);
}

static void
trim(struct session *s)
{
  struct kept *k = s->kept;

  if (k->head == k->text.len) {
    kept_free(s);
  } else if (k->head >= k->text.len / 2) {
    memmove(k->text.s, k->text.s + k->head, k->text.len - k->head);
    k->text.len -= k->head;
    k->head = 0;
  }
}

void
kept_through(struct session *s, uint64_t id)
{
  if (!s->kept) return;
  step(s, id);
  trim(s);
}

/* The copy of p goes on its way with p. */
static void
go_again(struct held_copy *c, struct passing *p)
{
  bool own = source_own(p);

  c->until_us = p->number;
  if (!own || !held_cat(&again.copies, c)) journal_gone(c->number, c->id);
}

/* The mark of the session may pass the copy in the file, so it gets a name of its own. */
static void
take_along(struct slice fields, struct passing *p)
{
  struct held_copy c = {.id = number_next(), .fields = fields};

  journal_kept(c.number, c.id, c.fields);
  go_again(&c, p);
}

/* Take the copy with this number of ours out of the file. Copies of a name are replaced in their order,
 * so the search goes on where the last one ended. */
static void
replace(uint64_t number)
{
  stralloc *t = &again.copies;
  size_t at = again.seen > again.head ? again.seen : again.head, here = at;
  struct held_copy c;

  if (!held_next(t, &at, &c) || c.until_us > number) here = again.head;
  for (at = here; held_next(t, &at, &c) && c.until_us <= number; here = at) {
    if (c.until_us < number) continue;
    journal_gone(c.number, c.id);
    c.held = REPLACED;
    c.fields.s = NULL;
    memcpy(t->s + here, &c, sizeof c);
    again.seen = at;
  }
}

bool
kept_along(struct slice fields, struct passing *p)
{
  struct passing const before = *p;

  if (!journal_stands()) return false;
  take_along(fields, p);
  if (p->source == before.source && p->number == before.number) return false;
  if (p->source == before.source) replace(before.number);
  return true;
}

/* Without the file the c2sd goes on holding p, until p is taken over. */
void
kept_returned(struct session *s, uint64_t id, struct passing *p)
{
  struct kept *k = s->kept;
  struct entry e;

  if (!k || !id) return;
  step(s, id - 1);
  if (k->head < k->text.len && journal_stands()) {
    memcpy(&e, k->text.s + k->head, sizeof e);
    if (e.id == id) take_along(slice_of(k->text.s + k->head + sizeof e, e.len), p);
  }
  step(s, id);
  trim(s);
}

/* ---- the end of a session ---- */

static void
add_ended(struct held_copy const *c)
{
  if (held_cat(&ended, c)) return;
  log_event(LOG_WARN, "stanza-lost", "number", log_num(c->number), "why", "out of memory",
            NULL);
}

void
kept_over(struct session *s, bool lost)
{
  struct kept *k = s->kept;
  struct entry e;
  size_t i;

  for (i = k ? k->head : 0; k && i < k->text.len; i += sizeof e + e.len) {
    memcpy(&e, k->text.s + i, sizeof e);
    count(s, -(int64_t)(sizeof e + e.len));
    add_ended(&(struct held_copy){.number = s->number,
                                  .id = e.id,
                                  .until_us = lost ? door_now() + KEPT_ABSENT_US : 0,
                                  .fields = slice_of(k->text.s + i + sizeof e, e.len)});
  }
  if (k) kept_free(s);
}

/* Copies are known by the ids of their stanzas. */
static struct slice
id_key(void const *id)
{
  return slice_of(id, sizeof(uint64_t));
}

static void
return_or_hold(struct held_copy *c, kept_fn *give_back)
{
  struct passing_line line = {.text = STRALLOC_ZERO};
  struct passing p = {.held = c->held != 0};

  if (passing_read(&p, &line, c->fields) &&
      (unasked_is(p.st.tags) || !held_takes(c, &p))) {
    if (c->until_us && slice_is(p.st.type, "error")) p.held = true;
    go_again(c, &p);
    give_back(&p, c->number);
  }
  stralloc_free(&line.text);
}

/* A copy that was returned is given to sessions, which keep it, or is taken over. One that waited for a
 * name stays until its source has been told. */
static void
forget_again(void)
{
  uint64_t done = source_own_done();
  stralloc *t = &again.copies;
  size_t at = again.head;
  struct held_copy c;

  while (held_next(t, &at, &c) && c.until_us <= done) {
    if (c.held != REPLACED) {
      if (!unasked_is_told(c.fields)) break;
      journal_gone(c.number, c.id);
    }
    again.head = at;
  }
  if (again.head == t->len) {
    stralloc_free(t);
    again.head = again.seen = 0;
  } else if (again.head >= t->len / 2) {
    memmove(t->s, t->s + again.head, t->len - again.head);
    t->len -= again.head;
    again.head = again.seen = 0;
  }
}

/* A copy for a session that is there. Its c2sd has said what its queues hold, and the newest id
 * that came for the session: what is behind that id was in the memory of the earlier run alone. */
static void
give_earlier(struct session *s, struct held_copy const *c, struct passing *p,
             kept_again_fn *give_again)
{
  if (c->id > s->come)
    give_again(s, p);
  else if (c->id > s->own)
    kept_add(s, c->id, c->fields);
}

static void
take_copy(struct held_copy *c, kept_again_fn *give_again)
{
  struct passing_line line = {.text = STRALLOC_ZERO};
  struct passing p = {.own = false};
  struct session *s = passing_read(&p, &line, c->fields)
                        ? session_numbered(user_find(jid_cut(p.st.to).bare), c->number)
                        : NULL;

  c->until_us = door_now() + KEPT_ABSENT_US;
  if (s)
    give_earlier(s, c, &p, give_again);
  else
    add_ended(c);
  stralloc_free(&line.text);
}

/* All sessions have been told: what an earlier run kept for a session that is not among
 * them is a copy of a session that is lost. */
static void
take_earlier(kept_again_fn *give_again)
{
  stralloc all = earlier;
  struct held_copy c;
  size_t at = 0;

  earlier = stralloc_zero;
  while (held_next(&all, &at, &c))
    take_copy(&c, give_again);
  stralloc_free(&all);
  journal_renew();
}

/* Return the copies of sessions that are over, and what was held. All sessions that ended in
 * this turn are gone by now, so none of them is given a stanza again. A message that several of them had
 * is returned once. */
void
kept_turn(kept_fn *give_back, kept_again_fn *give_again)
{
  struct table seen = {.key = id_key};
  struct arena ids = ARENA_ZERO;
  struct held_copy c;
  stralloc all;
  size_t at = 0;

  if (earlier.len && expected_sessions_known()) take_earlier(give_again);
  held_due(&ended);
  all = ended;
  ended = stralloc_zero;
  while (held_next(&all, &at, &c)) {
    uint64_t *id = arena_alloc(&ids, sizeof *id);
    if (id) *id = c.id;
    if (table_get(&seen, id_key(&c.id))) {
      journal_gone(c.number, c.id);
      continue;
    }
    if (id) table_put(&seen, id);
    return_or_hold(&c, give_back);
  }
  table_wipe(&seen);
  arena_wipe(&ids);
  stralloc_free(&all);
}

void
kept_write(void)
{
  forget_again();
  journal_turn(kept_bytes + held_bytes() + earlier.len + ended.len + again.copies.len);
}

/* ---- after a restart of ours ---- */

void
kept_holds(struct link *l, struct record *r)
{
  struct session *s = session_by_sid(l, record_u64(r, 1));
  struct slice tags = record_raw(r, 1 + STANZA_TAGS), text = stanza_tag(tags, "late");
  struct slice xml = record_raw(r, 1 + STANZA_XML);
  uint64_t id;

  if (!text.len) text = stanza_tag(tags, "id");
  if (!s || !slice_u64(text, &id)) return;
  number_above(id);
  if (!kept_add(s, id, slice_of(r->at[2], (size_t)(xml.s + xml.len - r->at[2]))))
    kept_say_full(s);
}

static void
take_earlier_copy(uint64_t number, uint64_t id, struct slice fields)
{
  number_above(id);
  unasked_earlier(fields);
  held_cat(&earlier, &(struct held_copy){.number = number, .id = id, .fields = fields});
}

static void
journal_keeper(struct kept const *k)
{
  struct entry e;
  size_t i;

  for (i = k->head; i < k->text.len; i += sizeof e + e.len) {
    memcpy(&e, k->text.s + i, sizeof e);
    journal_kept(k->number, e.id, slice_of(k->text.s + i + sizeof e, e.len));
  }
}

static void
journal_copies_from(stralloc const *copies, size_t at)
{
  struct held_copy c;

  while (held_next(copies, &at, &c))
    if (c.held != REPLACED) journal_kept(c.number, c.id, c.fields);
}

static void
journal_copies(stralloc const *copies)
{
  journal_copies_from(copies, 0);
}

static void
journal_all(void)
{
  struct kept const *k;

  for (k = keepers; k; k = k->next)
    journal_keeper(k);
  held_each(journal_copies);
  journal_copies(&earlier);
  journal_copies(&ended);
  journal_copies_from(&again.copies, again.head);
}

void
kept_start(char const *path)
{
  journal_open(path, journal_all, take_earlier_copy);
}

/* ---- the state for a trace ---- */

static void
make_kept(struct snapshot *k, struct session *s)
{
  stralloc text = STRALLOC_ZERO;
  uint64_t id = 0;

  while (snapshot_record(k, "kept", true)) {
    SNAPSHOT_INT(k, id);
    snapshot_bytes(k, &text);
    if (!kept_add(s, id, slice_of(text.s, text.len)))
      snapshot_fail(k, "a kept stanza is lost");
  }
  stralloc_free(&text);
}

void
kept_snapshot_earlier(struct snapshot *k)
{
  journal_snapshot(k);
  if (snapshot_record(k, "earlier", earlier.len > 0)) snapshot_bytes(k, &earlier);
  if (!snapshot_record(k, "again", again.copies.len > 0)) return;
  snapshot_bytes(k, &again.copies);
  SNAPSHOT_INT(k, again.head);
}

void
kept_snapshot(struct snapshot *k, struct session *s)
{
  struct entry e;
  size_t i;

  if (snapshot_restores(k)) make_kept(k, s);
  for (i = s->kept && !snapshot_restores(k) ? s->kept->head : SIZE_MAX;
       i != SIZE_MAX && i < s->kept->text.len; i += sizeof e + e.len) {
    stralloc text = {.s = s->kept->text.s + i + sizeof e};
    memcpy(&e, s->kept->text.s + i, sizeof e);
    text.len = e.len;
    if (!snapshot_record(k, "kept", true)) return;
    SNAPSHOT_INT(k, e.id);
    snapshot_bytes(k, &text);
  }
}
