#include "pep.h"

#include <stdlib.h>

/* The sessions that are available, as routed tells of them (lib/online). */

struct who {
  struct online online;
  struct who *next; /* of the account */
  struct account *account;
  uint8_t show; /* bit of pubsub#show-values; 0: not known */
  bool comes;   /* it gets last items when it is known what it shows */
  size_t len;
  char full[];
};

struct account {
  struct account *next, **prev;
  struct who *sessions;
  bool old; /* known since before a restart */
  size_t len;
  char bare[];
};

static struct slice
account_key(void const *item)
{
  struct account const *a = item;

  return slice_of(a->bare, a->len);
}

static struct slice
who_key(void const *item)
{
  struct who const *w = item;

  return slice_of(w->full, w->len);
}

static struct table sessions = {.key = who_key}, accounts = {.key = account_key};
static struct account *first, **last = &first;

static struct account *
account_make(struct slice bare)
{
  struct account *a = table_get(&accounts, bare);

  if (a) return a;
  a = calloc(1, sizeof *a + bare.len);
  if (!a) return NULL;
  a->len = bare.len;
  memcpy(a->bare, bare.s, bare.len);
  if (!table_put(&accounts, a)) {
    free(a);
    return NULL;
  }
  a->prev = last;
  *last = a;
  last = &a->next;
  return a;
}

static void
account_free_if_idle(struct account *a)
{
  if (a->sessions) return;
  *a->prev = a->next;
  if (a->next)
    a->next->prev = a->prev;
  else
    last = a->prev;
  table_del(&accounts, account_key(a));
  free(a);
}

static void
who_free(struct who *w, struct online_mirror *m)
{
  struct account *a = w->account;
  struct who **at = &a->sessions;

  while (*at && *at != w)
    at = &(*at)->next;
  if (*at) *at = w->next;
  online_del(m, &w->online);
  table_del(&sessions, who_key(w));
  free(w);
  account_free_if_idle(a);
}

static void ended(struct online *o);
static void on_due(void);

static struct online_mirror mirror = ONLINE_MIRROR(ended, on_due, WHO_US);

/* Of the session nothing is known any more when its subscriptions end. */
static void
end(struct who *w)
{
  struct slice key = who_key(w);
  char *copy = slice_dup(key);
  bool last_one = !w->account->sessions->next;

  if (!copy)
    log_event(LOG_WARN, "session-not-noted", "jid", log_text(key), "why", "out of memory",
              NULL);
  key.s = copy;
  who_free(w, &mirror);
  if (copy) pep_session_goes(key, last_one);
  free(copy);
}

static void
ended(struct online *o)
{
  end((struct who *)o);
}

static bool complete;

static void
on_due(void)
{
  online_compare(&mirror);
  complete = true;
}

static struct who *
who_make(struct slice full)
{
  struct account *a = account_make(jid_cut(full).bare);
  struct who *w = a ? calloc(1, sizeof *w + full.len) : NULL, **at;

  if (!w) {
    if (a) account_free_if_idle(a);
    return NULL;
  }
  w->len = full.len;
  memcpy(w->full, full.s, full.len);
  w->account = a;
  if (!table_put(&sessions, w)) {
    free(w);
    account_free_if_idle(a);
    return NULL;
  }
  for (at = &a->sessions; *at; at = &(*at)->next) {
  }
  *at = w;
  online_add(&mirror, &w->online);
  return w;
}

void
who_online(struct link *l, struct record *r)
{
  struct slice full = record_get(r, 1);
  bool again = slice_is(record_get(r, 3), "again");
  struct who *known = table_get(&sessions, full), *w = known ? known : who_make(full);

  (void)l;
  if (!w) {
    log_event(LOG_WARN, "session-not-noted", "jid", log_text(full), "why",
              "out of memory", NULL);
    return;
  }
  online_confirm(&mirror, &w->online);
  if (again) w->account->old = true;
  if (known || again) return;
  if (!w->next && w->account->sessions == w) pep_account_comes(jid_cut(full).bare);
  if (shows_are_known())
    w->comes = true;
  else
    pep_session_comes(full);
}

void
who_show(struct slice full, uint8_t show)
{
  struct who *w = table_get(&sessions, full);
  bool comes = w && w->comes;

  if (!w) return;
  w->show = show;
  w->comes = false;
  if (comes) pep_session_comes(full);
}

uint8_t
who_shows(struct slice full)
{
  struct who const *w = table_get(&sessions, full);

  return w ? w->show : 0;
}

void
who_offline(struct link *l, struct record *r)
{
  struct who *w = table_get(&sessions, record_get(r, 1));

  (void)l;
  if (w) end(w);
  if (!slice_is(record_get(r, 2), "away"))
    ends_of_session(record_get(r, 1), record_u64(r, 3));
}

void
who_up(void)
{
  online_up(&mirror);
  complete = false;
}

bool
who_is_complete(void)
{
  return complete;
}

bool
who_has(struct slice bare)
{
  return table_get(&accounts, bare) != NULL;
}

bool
who_is(struct slice full)
{
  return table_get(&sessions, full) != NULL;
}

void
who_each(struct slice bare, who_fn *fn, void *cookie)
{
  struct account const *a = table_get(&accounts, bare);
  struct who const *w;

  for (w = a ? a->sessions : NULL; w; w = w->next)
    fn(cookie, who_key(w));
}

void
who_accounts(who_account_fn *fn, void *cookie)
{
  struct account const *a;

  for (a = first; a; a = a->next)
    if (a->old && !fn(cookie, account_key(a))) return;
}

uint64_t
who_sessions(void)
{
  return sessions.n;
}

void
who_snapshot(struct snapshot *k)
{
  struct arena arena = ARENA_ZERO;
  struct online *o = mirror.first;
  struct slice full;
  struct who *w;

  online_snapshot(k, &mirror);
  if (snapshot_record(k, "whole", true)) SNAPSHOT_INT(k, complete);
  for (; snapshot_record(k, "who", o != NULL); o = o ? o->next : NULL) {
    full = o ? who_key((struct who *)o) : SLICE("");
    snapshot_slice(k, &arena, &full);
    w = snapshot_restores(k) ? who_make(full) : (struct who *)o;
    if (!w) {
      snapshot_fail(k, "out of memory");
      break;
    }
    online_snapshot_session(k, &w->online);
    SNAPSHOT_INT(k, w->show);
    SNAPSHOT_INT(k, w->comes);
  }
  arena_wipe(&arena);
}
