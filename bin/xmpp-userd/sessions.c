#include "userd.h"

#include <stdlib.h>
#include <string.h>

/* Sessions by full JID, accounts that have some by bare JID: one lookup each. A session that
 * has said nothing is not here. */

static struct slice
user_key(void const *item)
{
  return slice_str(((struct user const *)item)->bare);
}

static struct slice
session_key(void const *item)
{
  return slice_str(((struct session const *)item)->full);
}

static struct slice
directed_key(void const *item)
{
  struct directed const *d = item;

  return slice_of(d->to, d->len);
}

static struct table users = {.key = user_key}, sessions = {.key = session_key};

struct session_totals session_totals;

struct user *
user_find(struct slice bare)
{
  return table_get(&users, bare);
}

struct session *
session_find(struct slice full)
{
  return table_get(&sessions, full);
}

static void
user_free_if_empty(struct user *u)
{
  if (u->sessions) return;
  table_del(&users, slice_str(u->bare));
  free(u->bare);
  free(u);
  session_totals.users--;
}

static struct user *
user_make(struct slice bare)
{
  struct user *u = user_find(bare);

  if (u) return u;
  u = calloc(1, sizeof *u);
  if (!u) return NULL;
  u->bare = slice_dup(bare);
  if (!u->bare || !table_put(&users, u)) {
    free(u->bare);
    free(u);
    return NULL;
  }
  session_totals.users++;
  return u;
}

static void
put_in_lists(struct session *s)
{
  struct session **at;

  for (at = &s->user->sessions; *at; at = &(*at)->next) {
  }
  *at = s;
  online_add(&mirror, &s->online);
  session_totals.sessions++;
}

static struct session *
session_new(struct slice full, struct slice bare)
{
  struct user *u = user_make(bare);
  struct session *s = u ? calloc(1, sizeof *s) : NULL;

  if (!s) goto fail;
  s->user = u;
  s->directed.key = directed_key;
  s->directed_last = &s->directed_first;
  s->full = slice_dup(full);
  if (!s->full || !table_put(&sessions, s)) goto fail;
  put_in_lists(s);
  return s;
fail:
  if (s) free(s->full);
  free(s);
  if (u) user_free_if_empty(u);
  return NULL;
}

struct session *
session_make(struct slice full)
{
  struct session *s = session_find(full);
  struct jid j;

  if (!s) {
    j = jid_cut(full);
    s = j.local.len && j.resource.len ? session_new(full, j.bare) : NULL;
  }
  if (s) online_confirm(&mirror, &s->online);
  return s;
}

void
session_free(struct session *s)
{
  struct session **at;

  table_del(&sessions, slice_str(s->full));
  for (at = &s->user->sessions; *at != s; at = &(*at)->next) {
  }
  *at = s->next;
  online_del(&mirror, &s->online);
  session_totals.sessions--;
  user_free_if_empty(s->user);
  stralloc_free(&s->shown);
  session_direct_none(s);
  free(s->full);
  free(s);
}

void
session_free_if_idle(struct session *s)
{
  if (!s->shown.len && !s->directed.n && !s->wants_roster && !s->wants_blocklist)
    session_free(s);
}

bool
session_show(struct session *s, struct slice xml)
{
  if (!xml.len) {
    stralloc_free(&s->shown);
    return true;
  }
  return stralloc_copyb(&s->shown, xml.s, xml.len);
}

static bool
direct_more(struct session *s, struct slice to)
{
  struct directed *d;

  if (!to.len || s->directed_bytes + to.len > DIRECTED_BYTES) return false;
  d = malloc(sizeof *d + to.len);
  if (!d) return false;
  d->len = to.len;
  memcpy(d->to, to.s, to.len);
  if (!table_put(&s->directed, d)) {
    free(d);
    return false;
  }
  d->next = NULL;
  d->prev = s->directed_last;
  *s->directed_last = d;
  s->directed_last = &d->next;
  s->directed_bytes += to.len;
  return true;
}

static void
direct_less(struct session *s, struct directed *d)
{
  table_del(&s->directed, directed_key(d));
  *d->prev = d->next;
  if (d->next)
    d->next->prev = d->prev;
  else
    s->directed_last = d->prev;
  s->directed_bytes -= d->len;
  free(d);
}

void
session_direct(struct session *s, struct slice to, bool available)
{
  struct directed *d = table_get(&s->directed, to);

  if (!available && d) direct_less(s, d);
  if (!available || d || direct_more(s, to) || s->directed_full) return;
  s->directed_full = true;
  log_event(LOG_WARN, "directed-presence-not-noted", "jid", s->full, "why",
            "too many addresses have it", NULL);
}

void
session_direct_none(struct session *s)
{
  while (s->directed_first)
    direct_less(s, s->directed_first);
  table_wipe(&s->directed);
}

/* ---- a turn that is lost ---- */

/* The presence of a session that ended in this turn. */
struct ended {
  struct ended *next;
  uint8_t instance;
  stralloc shown, directed; /* addresses, each with a newline behind */
  char full[];
};

static struct ended *ended;
static uint64_t turns = 1;

void
session_ends(struct session *s)
{
  struct ended *e = calloc(1, sizeof *e + strlen(s->full) + 1);
  struct directed const *d;

  if (!e) return;
  strcpy(e->full, s->full);
  e->instance = s->online.instance;
  if (!stralloc_copy(&e->shown, &s->shown)) e->shown.len = 0;
  for (d = s->directed_first; d; d = d->next)
    if (stralloc_readyplus(&e->directed, d->len + 1)) {
      stralloc_catb(&e->directed, d->to, d->len);
      stralloc_catb(&e->directed, "\n", 1);
    }
  e->next = ended;
  ended = e;
}

void
session_told(struct session *s)
{
  s->told = turns;
  s->untold = false;
}

static void
ended_again(struct ended const *e)
{
  struct session *s = session_make(slice_str(e->full));
  struct slice rest = slice_of(e->directed.s, e->directed.len), line;

  if (!s || s->shown.len) return;
  s->online.instance = e->instance;
  session_show(s, slice_of(e->shown.s, e->shown.len));
  while (slice_word(&rest, '\n', &line))
    session_direct(s, line, true);
}

void
sessions_turn(bool kept)
{
  struct online *o;
  struct ended *e;

  for (o = kept ? NULL : mirror.first; o; o = o->next) {
    struct session *s = (struct session *)o;
    if (s->told == turns) s->untold = true;
    s->pictured = false;
  }
  turns++;
  while ((e = ended)) {
    ended = e->next;
    if (!kept) ended_again(e);
    stralloc_free(&e->shown);
    stralloc_free(&e->directed);
    free(e);
  }
}

void
sessions_wants(struct link *l, struct record *r)
{
  struct session *s = session_make(record_get(r, 1));
  struct slice words = record_get(r, 2);

  (void)l;
  if (!s) return;
  s->wants_roster = slice_has_word(words, SLICE("roster"));
  s->wants_blocklist = slice_has_word(words, SLICE("blocklist"));
  session_free_if_idle(s);
}

void
sessions_directed(struct link *l, struct record *r)
{
  struct session *s = session_make(record_get(r, 1));

  (void)l;
  if (!s) return;
  session_direct(s, record_get(r, 2), !slice_is(record_get(r, 3), "unavailable"));
  session_free_if_idle(s);
}

/* ---- the state for a trace ---- */

static struct session *
session_named(struct snapshot *k, struct session *s)
{
  char *full = s ? s->full : NULL;

  snapshot_text(k, &full);
  if (!snapshot_restores(k)) return s;
  s = full ? session_new(slice_str(full), jid_cut(slice_str(full)).bare) : NULL;
  if (!s) snapshot_fail(k, "a session is lost");
  free(full);
  return s;
}

static void
directed_fields(struct snapshot *k, struct session *s)
{
  struct directed const *d = s->directed_first;
  uint64_t n = s->directed.n, i;

  SNAPSHOT_INT(k, n);
  for (i = 0; i < n; i++) {
    struct arena a = ARENA_ZERO;
    struct slice to = d ? slice_of(d->to, d->len) : SLICE("");
    bool ok = true;
    snapshot_slice(k, &a, &to);
    if (snapshot_restores(k)) ok = to.len && direct_more(s, to);
    if (d) d = d->next;
    arena_wipe(&a);
    if (ok) continue;
    snapshot_fail(k, "directed presence is lost");
    return;
  }
}

/* Sessions of an account are in the order of all. Between turns none has just ended. */
void
sessions_snapshot(struct snapshot *k)
{
  struct online *next = mirror.first;
  struct session *s;

  online_snapshot(k, &mirror);
  if (!snapshot_record(k, "turns", true)) return;
  SNAPSHOT_INT(k, turns);
  for (; snapshot_record(k, "session", next != NULL); next = s->online.next) {
    s = session_named(k, (struct session *)next);
    if (!s) return;
    online_snapshot_session(k, &s->online);
    snapshot_bytes(k, &s->shown);
    directed_fields(k, s);
    SNAPSHOT_INT(k, s->left_us);
    SNAPSHOT_INT(k, s->told);
    SNAPSHOT_INT(k, s->untold);
    SNAPSHOT_INT(k, s->hidden);
    SNAPSHOT_INT(k, s->wants_roster);
    SNAPSHOT_INT(k, s->wants_blocklist);
    SNAPSHOT_INT(k, s->pictured);
    SNAPSHOT_INT(k, s->directed_full);
    SNAPSHOT_INT(k, s->user->account);
  }
}
