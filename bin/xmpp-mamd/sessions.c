#include "mamd.h"

#include <stdlib.h>
#include <string.h>

/* Sessions that routed has told of: takers of waiting messages, and sessions that were
 * given a message or asked for their archive. A session is known by its number, over
 * restarts of all programs. Marks alone, which are on disk (marks.c), decide which
 * session holds a message. */

static struct slice
account_key(void const *item)
{
  return slice_str(((struct account const *)item)->bare);
}

static struct slice
session_key(void const *item)
{
  struct session const *s = item;

  return slice_of((char const *)&s->number, sizeof s->number);
}

static struct table accounts = {.key = account_key};
static struct table sessions = {.key = session_key};
static struct account *all;
uint64_t mamd_turn = 1;

struct account *
account_find(struct slice bare)
{
  return table_get(&accounts, bare);
}

struct account *
account_next(struct account const *a)
{
  return a ? a->next : all;
}

struct session *
session_numbered(uint64_t number)
{
  return table_get(&sessions, slice_of((char const *)&number, sizeof number));
}

/* ---- making and freeing ---- */

static struct account *
account_make(struct slice bare)
{
  struct account *a = account_find(bare);
  uint64_t owner = a ? 0 : mamd_number(bare);

  if (a || !owner) return a;
  a = calloc(1, sizeof *a);
  if (!a) return NULL;
  a->owner = owner;
  a->bare = slice_dup(bare);
  if (!a->bare || !table_put(&accounts, a)) {
    free(a->bare);
    free(a);
    return NULL;
  }
  a->next = all;
  if (all) all->prev = &a->next;
  a->prev = &all;
  all = a;
  return a;
}

static void
account_free_if_empty(struct account *a)
{
  if (a->sessions) return;
  *a->prev = a->next;
  if (a->next) a->next->prev = a->prev;
  table_del(&accounts, slice_str(a->bare));
  free(a->bare);
  free(a);
}

static struct session *
session_new(struct account *a, uint64_t number)
{
  struct session *s = calloc(1, sizeof *s);

  if (s) s->number = number;
  if (!s || !table_put(&sessions, s)) {
    free(s);
    account_free_if_empty(a);
    return NULL;
  }
  s->account = a;
  online_add(&mirror, &s->online);
  s->next = a->sessions;
  s->prev = &a->sessions;
  if (s->next) s->next->prev = &s->next;
  a->sessions = s;
  return s;
}

struct session *
session_make(struct slice bare, struct slice resource, uint64_t number)
{
  struct session *s = session_numbered(number);
  struct account *a = s || !number ? NULL : account_make(bare);

  if (!s && a) s = session_new(a, number);
  if (s && !s->resource && resource.len) s->resource = slice_dup(resource);
  return s;
}

void
session_free(struct session *s)
{
  struct account *a = s->account;

  session_events.ends(s);
  online_del(&mirror, &s->online);
  *s->prev = s->next;
  if (s->next) s->next->prev = s->prev;
  table_del(&sessions, session_key(s));
  free(s->resource);
  free(s);
  account_free_if_empty(a);
}

/* ---- the end of a turn ---- */

void
sessions_turn(bool lost_turn)
{
  struct account *a;
  struct session *s;

  for (a = lost_turn ? all : NULL; a; a = a->next)
    for (s = a->sessions; s; s = s->next)
      s->marked = false; /* marks_given looks */
  mamd_turn++;
}

/* ---- the state for a trace ---- */

static void
session_fields(struct snapshot *k, struct account *a, struct session *s)
{
  bool is_taker = s == a->taker;

  s->account = a;
  SNAPSHOT_INT(k, s->number);
  snapshot_text(k, &s->resource);
  SNAPSHOT_INT(k, s->takes);
  SNAPSHOT_INT(k, s->pages_upto);
  if (snapshot_restores(k)) online_add(&mirror, &s->online);
  online_snapshot_session(k, &s->online);
  SNAPSHOT_INT(k, s->marked);
  SNAPSHOT_INT(k, is_taker);
  if (is_taker) a->taker = s;
  if (snapshot_restores(k) && !table_put(&sessions, s)) snapshot_fail(k, "out of memory");
  session_events.state(k, s);
}

static void
account_fields(struct snapshot *k, struct account *a)
{
  struct session **at = &a->sessions, *s;

  snapshot_text(k, &a->bare);
  SNAPSHOT_INT(k, a->owner);
  SNAPSHOT_INT(k, a->behind);
  SNAPSHOT_INT(k, a->gave);
  if (snapshot_restores(k) && !(a->bare && table_put(&accounts, a)))
    snapshot_fail(k, "an account is lost");
  for (; snapshot_record(k, "session", *at != NULL); at = &s->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof *s);
    s = *at;
    if (!s) return;
    s->prev = at;
    session_fields(k, a, s);
  }
}

void
sessions_snapshot(struct snapshot *k)
{
  struct account **at = &all, *a;

  online_snapshot(k, &mirror);
  if (!snapshot_record(k, "turn", true)) return;
  SNAPSHOT_INT(k, mamd_turn);
  for (; snapshot_record(k, "account", *at != NULL); at = &a->next) {
    if (snapshot_restores(k)) *at = snapshot_new(k, sizeof *a);
    a = *at;
    if (!a) return;
    a->prev = at;
    account_fields(k, a);
  }
}
