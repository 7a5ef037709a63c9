#include "mamd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* XEP-0160: what waits for an account is a set of ids into the log. It goes to the first
 * session that is there for it, oldest first, and is taken from the set when that session's
 * client has it (mark). What becomes of a session:
 *
 *   online    it has what waits, in steps of FLOOD_STEP; its mark is set: from here on it
 *             has what comes.
 *   mark      its client has all up to LIVE, and of what waited all up to WAITED.
 *   offline   what it did not acknowledge comes back through routed, one by one; when its c2sd
 *             was killed, LOST, nobody can say what that was: then all behind its mark
 *             waits, unless another session of the account is there.
 *   restarts  RECALL_US after routed's link comes up the sessions that it knows are compared
 *             with the marks; one that is not there was lost. */

#define FLOOD_STEP 100
#define RECALL_US 5000000
#define LOST_MAX 10000

struct session {
  struct session *next, **prev; /* of the account */
  struct account *account;
  uint64_t number; /* routed's; 0: not told */
  uint64_t epoch;  /* of the routed that told it; 0: none, or in a turn that was lost */
  uint64_t turn;   /* in which it was told */
  char *resource;
  bool seen;  /* routed has named it */
  bool takes; /* what waits: it is available, with no negative priority */
};

/* An account that has sessions which may have what waits. */
struct account {
  struct account *next, **prev; /* of those that are being flooded */
  struct account *all_next, **all_prev;
  char *bare;
  uint64_t owner;
  struct session *sessions;
  struct session *taker; /* what waits is for this one; NULL: nothing is under way */
  uint64_t given;        /* it has been sent what waited up to this id */
  uint64_t turn, before; /* in this turn given was first moved, from there */
};

static struct slice
account_key(void const *item)
{
  return slice_str(((struct account const *)item)->bare);
}

static struct table accounts = {.key = account_key};
static struct account *all;
static struct account *flooding; /* there may be more to give */
static uint64_t turns = 1;
static struct event_timer flood_timer, recall_timer;

/* ---- sessions ---- */

static struct session *
find(struct account const *a, struct slice resource)
{
  struct session *s;

  for (s = a ? a->sessions : NULL; s; s = s->next)
    if (slice_is(resource, s->resource)) return s;
  return NULL;
}

static struct account *
account_make(struct slice bare)
{
  struct account *a = table_get(&accounts, bare);
  uint64_t owner = a ? 0 : mamd_number(bare);

  if (a || !owner) return a;
  a = calloc(1, sizeof *a);
  if (!a) return NULL;
  a->owner = owner;
  a->bare = strndup(bare.s, bare.len);
  if (!a->bare || !table_put(&accounts, a)) {
    free(a->bare);
    free(a);
    return NULL;
  }
  a->all_next = all;
  if (all) all->all_prev = &a->all_next;
  a->all_prev = &all;
  all = a;
  return a;
}

static void
flood_stop(struct account *a)
{
  if (a->prev) *a->prev = a->next;
  if (a->prev && a->next) a->next->prev = a->prev;
  a->prev = NULL;
}

static void
account_free_if_empty(struct account *a)
{
  if (a->sessions) return;
  flood_stop(a);
  *a->all_prev = a->all_next;
  if (a->all_next) a->all_next->all_prev = a->all_prev;
  table_del(&accounts, slice_str(a->bare));
  free(a->bare);
  free(a);
}

static struct session *
session_make(struct slice full)
{
  struct jid j = jid_cut(full);
  struct account *a = account_make(j.bare);
  struct session *s = find(a, j.resource);

  if (s || !a) return s;
  s = calloc(1, sizeof *s);
  if (s) s->resource = strndup(j.resource.s, j.resource.len);
  if (!s || !s->resource) {
    free(s);
    account_free_if_empty(a);
    return NULL;
  }
  s->account = a;
  s->next = a->sessions;
  s->prev = &a->sessions;
  if (s->next) s->next->prev = &s->next;
  a->sessions = s;
  return s;
}

/* ---- what waits goes to its taker ---- */

static void
give(struct link *l, struct account const *a, struct archive_message const *m)
{
  struct slice bare = slice_str(a->bare);

  link_begin(l, VERB_STANZA);
  link_field(l);
  link_more(l, bare);
  link_more(l, SLICE("/"));
  link_more(l, slice_str(a->taker->resource));
  delayed_put(l, bare, a->taker->number, m);
  link_end(l);
}

/* Give the next FLOOD_STEP. false: there are no more for now. */
static bool
flood_some(struct link *l, struct account *a)
{
  struct archive_message m;
  unsigned int i;
  uint64_t id;

  if (a->turn != turns) a->before = a->given;
  a->turn = turns;
  for (i = 0; i < FLOOD_STEP; i++) {
    if (!archive_waiting_next(mamd.archive, a->owner, a->given, &id)) return false;
    if (archive_get(mamd.archive, a->owner, id, &m)) give(l, a, &m);
    a->given = id;
  }
  return true;
}

static void
flood_all(void *cookie)
{
  struct link *l = link_find(ROUTED);
  struct account *a, *next;

  (void)cookie;
  if (!l) return; /* waiting_routed_up goes on */
  for (a = flooding; a; a = next) {
    next = a->next;
    if (!a->taker || !flood_some(l, a)) flood_stop(a);
  }
  if (flooding) event_timer_start(&flood_timer, door_now(), flood_all, NULL);
}

static void
flood_start(struct account *a)
{
  if (!a->prev) {
    a->next = flooding;
    if (flooding) flooding->prev = &a->next;
    a->prev = &flooding;
    flooding = a;
  }
  if (!event_timer_on(&flood_timer))
    event_timer_start(&flood_timer, door_now(), flood_all, NULL);
}

/* It was told in a turn that was lost, and will be again. */
static void
untell(struct session *s)
{
  s->epoch = 0;
  s->takes = false;
  if (s->account->taker != s) return;
  s->account->taker = NULL;
  flood_stop(s->account);
}

void
waiting_turn(bool lost_turn)
{
  struct account *a;
  struct session *s;

  for (a = lost_turn ? all : NULL; a; a = a->all_next) {
    for (s = a->sessions; s; s = s->next)
      if (s->turn == turns) untell(s);
    if (a->turn != turns || !a->taker) continue;
    a->given = a->before;
    flood_start(a);
  }
  turns++;
}

static struct session *
who_takes(struct account const *a)
{
  struct session *s = a->sessions;

  while (s && !s->takes)
    s = s->next;
  return s;
}

/* Somebody takes what waits, if anything does. */
static void
flood_to(struct account *a, struct session *s)
{
  uint64_t n;

  if (!s || a->taker || !archive_waiting_count(mamd.archive, a->owner, &n) || !n) return;
  a->taker = s;
  a->given = 0;
  flood_start(a);
}

/* A message waits only when routed sees nobody who would take it: sessions that are known to
 * take have ended unsaid, and another of the same name may not be available yet. */
void
waiting_again(struct slice bare, uint64_t owner, uint64_t id)
{
  struct account *a = table_get(&accounts, bare);
  struct session *s;

  if (!archive_waiting_add(mamd.archive, owner, id)) {
    if (errno != ENOENT) mamd_failed("have a message wait", bare);
    return;
  }
  for (s = a ? a->sessions : NULL; s; s = s->next)
    s->takes = false;
  if (!a) return;
  a->taker = NULL;
  flood_stop(a);
}

bool
waiting_is_full(struct slice bare, uint64_t owner)
{
  struct jid j = jid_cut(bare);
  struct slice rule =
    settings_get(mamd.settings, "mod_offline.access_max_user_messages", j.domain);
  struct access_who who = {.local = j.local, .domain = j.domain};
  uint64_t most = UINT64_MAX, n = 0;

  if (rule.len && !slice_is(rule, "infinity") && !slice_u64(rule, &most))
    most = access_number(mamd.access, rule, j.domain, &who, UINT64_MAX);
  return !archive_waiting_count(mamd.archive, owner, &n) || n >= most;
}

/* Whether the account sent it: addresses of messages are as they stand in records. */
static bool
is_own(struct slice bare, struct archive_message const *m)
{
  static stralloc raw = STRALLOC_ZERO;

  raw.len = 0;
  return record_put_more(&raw, bare) &&
         slice_eq(jid_cut(m->text.from).bare, slice_of(raw.s, raw.len));
}

/* All that came to the account behind the mark waits, unless its clients are taken to look
 * into the archive by themselves. */
static void
lost(struct slice bare, uint64_t owner, uint64_t mark)
{
  struct archive_range range;
  struct archive_message m;
  uint64_t place;
  unsigned int n = 0;

  if (settings_bool(mamd.settings, "mod_mam.assume_mam_usage", jid_cut(bare).domain))
    return;
  if (!archive_range_open(mamd.archive, owner, SLICE(""), &range) ||
      !archive_range_find(mamd.archive, &range, mark + 1, &place))
    return;
  log_event(LOG_INFO, "session-lost", "account", log_text(bare), "messages",
            log_num(range.to - place), NULL);
  for (; place < range.to && n < LOST_MAX; place++) {
    if (!archive_range_get(mamd.archive, &range, place, &m)) return;
    if (m.tombstone || is_own(bare, &m)) continue;
    n++;
    waiting_again(bare, owner, m.id);
    /* The range is good until the next write: begin again behind what was done. */
    if (!archive_range_open(mamd.archive, owner, SLICE(""), &range)) return;
  }
}

static void
end_mark(struct slice bare, uint64_t owner, struct slice resource, bool is_lost)
{
  uint64_t mark;

  if (!archive_mark_get(mamd.archive, owner, resource, &mark)) return;
  if (!archive_mark_del(mamd.archive, owner, resource)) mamd_failed("end a mark", bare);
  if (is_lost) lost(bare, owner, mark);
}

/* ---- what routed tells of sessions ---- */

/* Nobody could say how one of the same name was over: perhaps routed was away, too. What it
 * was given it may not have. */
static void
begin_anew(struct session *s)
{
  struct account *a = s->account;

  if (a->taker == s) a->taker = NULL;
  end_mark(slice_str(a->bare), a->owner, slice_str(s->resource),
           a->sessions == s && !s->next);
}

/* It may be written later, but for a session that something waits for: that one must not come
 * again, unacknowledged, when it has been given some of it. */
static void
first_mark(struct session *s)
{
  uint64_t owner = s->account->owner, id;
  bool later = !archive_waiting_next(mamd.archive, owner, 0, &id);

  if (!archive_mark_get(mamd.archive, owner, slice_str(s->resource), &id) &&
      !archive_mark_set(mamd.archive, owner, slice_str(s->resource),
                        archive_last_id(mamd.archive), later))
    mamd_failed("set a mark", slice_str(s->account->bare));
}

/* One run of routed says the end of a session before another has its name: told twice, it has
 * not heard that it was told. */
static bool
is_told(struct session const *s, struct link const *l, uint64_t number)
{
  return number && s->number == number && s->epoch == l->epoch;
}

void
waiting_online(struct link *l, struct record *r)
{
  struct slice priority = record_get(r, 2);
  bool again = slice_is(record_get(r, 3), "again");
  uint64_t number = record_u64(r, 4);
  struct session *s;

  if (priority.len && priority.s[0] == '-') return;
  s = session_make(record_get(r, 1));
  if (!s) return;
  if (!is_told(s, l, number)) {
    if (!again) begin_anew(s);
    s->number = number;
    s->epoch = l->epoch;
    s->turn = turns;
  }
  s->seen = s->takes = true;
  first_mark(s);
  flood_to(s->account, s);
}

/* The client of the taker has what waited up to this id; only what was given counts. */
static void
have(struct account *a, uint64_t waited)
{
  uint64_t id;

  while (archive_waiting_next(mamd.archive, a->owner, 0, &id) && id <= waited)
    if (!archive_waiting_del(mamd.archive, a->owner, id)) {
      mamd_failed("end waiting", slice_str(a->bare));
      return;
    }
}

void
waiting_mark(struct link *l, struct record *r)
{
  struct session *s = session_make(record_get(r, 1)); /* we may have been restarted */
  uint64_t live = record_u64(r, 2), waited = record_u64(r, 3);

  (void)l;
  if (!s) return;
  if (live && !archive_mark_set(mamd.archive, s->account->owner, slice_str(s->resource),
                                live, false))
    mamd_failed("set a mark", slice_str(s->account->bare));
  if (!waited) return;
  have(s->account, waited);
  if (s->account->taker == s && waited >= s->account->given && !s->account->prev)
    s->account->taker = NULL;
}

static struct session *dead; /* freed when nobody walks over sessions */

static void
free_dead(void)
{
  while (dead) {
    struct session *s = dead;
    dead = s->next;
    free(s->resource);
    free(s);
  }
}

/* What it had not taken in full is for another one. */
static void
session_end(struct session *s, bool is_lost)
{
  struct account *a = s->account;
  bool others;

  *s->prev = s->next;
  if (s->next) s->next->prev = s->prev;
  if (a->taker == s) a->taker = NULL;
  others = a->sessions != NULL;
  end_mark(slice_str(a->bare), a->owner, slice_str(s->resource), is_lost && !others);
  s->next = dead;
  dead = s;
  if (others && !a->taker) flood_to(a, who_takes(a));
  account_free_if_empty(a);
}

void
waiting_offline(struct link *l, struct record *r)
{
  struct session *s = session_make(record_get(r, 1)); /* we may have been restarted */

  (void)l;
  if (s) session_end(s, record_u64(r, 2) != 0);
  free_dead();
}

/* ---- after a restart ---- */

struct stale {
  stralloc text; /* records: OWNER RESOURCE */
};

static bool
note_stale(void *cookie, uint64_t owner, struct slice resource, uint64_t id)
{
  struct stale *st = cookie;
  char buf[BASE_NUM];

  (void)id;
  return stralloc_cats(&st->text, num_u64(buf, owner).s) &&
         record_put(&st->text, resource) && record_put_end(&st->text);
}

static bool
is_known(uint64_t owner, struct slice resource, struct slice *bare)
{
  struct account *a;

  if (!mamd_jid_of(owner, bare)) return false;
  a = table_get(&accounts, *bare);
  return find(a, resource) != NULL;
}

static void
compare(void)
{
  struct stale st = {STRALLOC_ZERO};
  struct slice rest, line, bare;
  struct record r;

  archive_marks_each(mamd.archive, 0, note_stale, &st);
  rest = slice_of(st.text.s, st.text.len);
  while (slice_word(&rest, '\n', &line)) {
    uint64_t owner;
    if (!record_split(&r, st.text.s + (line.s - st.text.s), line.len)) continue;
    owner = record_u64(&r, 0);
    if (is_known(owner, record_get(&r, 1), &bare)) continue;
    if (bare.len)
      end_mark(bare, owner, record_get(&r, 1), !table_get(&accounts, bare));
    else
      archive_mark_del(mamd.archive, owner, record_get(&r, 1));
  }
  stralloc_free(&st.text);
}

static void
recall(void *cookie)
{
  struct link *l = link_find(ROUTED);

  (void)cookie;
  if (!l) return;
  link_begin(l, VERB_SESSIONS);
  link_end(l);
}

/* Another routed may not know the sessions that the one before told of. */
void
waiting_routed_up(void)
{
  struct account *a;
  struct session *s;

  for (a = all; a; a = a->all_next)
    for (s = a->sessions; s; s = s->next)
      s->seen = false;
  if (flooding && !event_timer_on(&flood_timer))
    event_timer_start(&flood_timer, door_now(), flood_all, NULL);
  event_timer_start(&recall_timer, door_now() + RECALL_US, recall, NULL);
}

/* FULLJID IP PRIORITY ...; a session that is not available, or negative, takes nothing. */
void
waiting_row(struct link *l, struct record *r)
{
  struct slice priority = record_get(r, 3);
  struct session *s;

  (void)l;
  if (!priority.len || priority.s[0] == '-') return;
  s = session_make(record_get(r, 1));
  if (s) s->seen = s->takes = true;
}

/* The first that routed has not named; NULL: none. */
static struct session *
unseen(struct account const *a)
{
  struct session *s;

  for (s = a->sessions; s && s->seen; s = s->next) {
  }
  return s;
}

static void
take_stock(struct account *a)
{
  struct session *s;
  bool last;

  while ((s = unseen(a))) {
    last = !a->sessions->next;
    session_end(s, true); /* and with the last one the account */
    if (last) return;
  }
  for (s = a->sessions; s; s = s->next)
    s->seen = false;
  flood_to(a, who_takes(a));
}

/* The list is whole. What is not in it is over; what is begins with seen false again. */
void
waiting_done(struct link *l, struct record *r)
{
  struct account *a, *next;

  (void)l;
  (void)r;
  for (a = all; a; a = next) {
    next = a->all_next;
    take_stock(a);
  }
  free_dead();
  compare();
}
