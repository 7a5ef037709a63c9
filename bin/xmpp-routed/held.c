#include "archive.h"
#include "held.h"
#include "journal.h"
#include "number.h"
#include "passing.h"
#include "posts.h"
#include "sessions.h"
#include "settings.h"
#include "snapshot.h"

#include <stdlib.h>

/* When a c2sd is killed, the clients of its sessions are coming back. A message that cannot
 * wait in mamd is held for its account until a session of the account takes messages, and one
 * that can until mamd is there, KEPT_ABSENT_US at most. An error that returns a message is held
 * like a message: its sender has seen the message acknowledged. */

/* A session whose c2sd returns itself what the session had, up to this id. */
struct returned {
  uint64_t number, id;
};

/* An account that is waited for. */
struct account {
  char *bare;
  stralloc copies;
  stralloc returned; /* struct returned */
  uint64_t until_us; /* of its oldest copy */
  struct account *next;
};

/* The accounts in the order in which they came to be waited for. */
static struct account *first, **last = &first;
static struct event_timer timer;
static bool look; /* the timer has fired */
/* The copies whose account is back, or is waited for no longer. */
static stralloc due = STRALLOC_ZERO;
static uint64_t bytes;

static struct slice
bare_key(void const *account)
{
  struct account const *a = account;

  return slice_str(a->bare);
}

static struct table accounts = {.key = bare_key};

bool
held_cat(stralloc *copies, struct held_copy const *c)
{
  struct held_copy head = *c;

  if (!stralloc_readyplus(copies, sizeof head + c->fields.len)) return false;
  head.fields.s = NULL;
  stralloc_catb(copies, (char const *)&head, sizeof head);
  stralloc_catb(copies, c->fields.s, c->fields.len);
  return true;
}

bool
held_next(stralloc const *copies, size_t *at, struct held_copy *c)
{
  if (*at >= copies->len) return false;
  memcpy(c, copies->s + *at, sizeof *c);
  c->fields.s = copies->s + *at + sizeof *c;
  *at += sizeof *c + c->fields.len;
  return true;
}

static void
look_again(void *cookie)
{
  (void)cookie;
  look = true;
}

static void
watch_time(void)
{
  event_timer_cancel(&timer);
  if (first) event_timer_start(&timer, first->until_us, look_again, NULL);
}

static struct account *
account_make(struct slice bare, uint64_t until_us)
{
  struct account *a = table_get(&accounts, bare);

  if (a) return a;
  a = calloc(1, sizeof *a);
  if (!a || !(a->bare = slice_dup(bare)) || !table_put(&accounts, a)) {
    if (a) free(a->bare);
    free(a);
    return NULL;
  }
  a->until_us = until_us;
  *last = a;
  last = &a->next;
  if (a == first) watch_time();
  return a;
}

static void
account_free(struct account *a)
{
  table_del(&accounts, slice_str(a->bare));
  stralloc_free(&a->returned);
  free(a->bare);
  free(a);
}

/* ---- what is held ---- */

static bool
has_session(struct slice bare)
{
  struct user const *u = user_find(bare);

  return u && u->sessions;
}

/* A message that can wait is for mamd, be its recipient there or not. */
static bool
can_go(struct passing const *p, struct jid const *to)
{
  if (!slice_is(p->st.type, "error") && archive_could_wait(p, to))
    return link_find(MAMD) != NULL;
  if (session_of(p->st.to)) return true;
  return slice_is(p->st.type, "error") ? has_session(to->bare)
                                       : session_takes_messages(user_find(to->bare));
}

static bool
hold(struct slice bare, struct held_copy const *c)
{
  struct account *a = account_make(bare, c->until_us);

  if (!a || !held_cat(&a->copies, c)) return false;
  bytes += sizeof *c + c->fields.len;
  return true;
}

bool
held_takes(struct held_copy *c, struct passing const *p)
{
  struct jid to = jid_cut(p->st.to);

  if (c->until_us <= door_now() || !slice_is(p->st.kind, "message") ||
      bytes >= KEPT_MAX || can_go(p, &to))
    return false;
  c->held = 1;
  return hold(to.bare, c);
}

void
held_error(struct passing const *p)
{
  static stralloc fields = STRALLOC_ZERO;
  struct slice bare = jid_cut(p->st.to).bare;
  struct account *a = table_get(&accounts, bare);
  struct held_copy c = {
    .id = number_next(), .until_us = door_now() + KEPT_ABSENT_US, .held = 1};

  if (!routed_keeps || bytes >= HELD_ERRORS_ALL_MAX ||
      (a && a->copies.len >= HELD_ERRORS_MAX))
    return;
  fields.len = 0;
  if (!passing_cat(&fields, p)) return;
  c.fields = slice_of(fields.s, fields.len);
  if (!hold(bare, &c)) return;
  journal_kept(c.number, c.id, c.fields);
  if (p->own && has_session(bare)) held_back(bare);
}

static bool
is_returned(struct account const *a, struct held_copy const *c)
{
  struct returned r;
  size_t i;

  for (i = 0; i < a->returned.len; i += sizeof r) {
    memcpy(&r, a->returned.s + i, sizeof r);
    if (r.number == c->number) return c->id <= r.id;
  }
  return false;
}

/* The account stays in the list, with no copies, until its time is over. */
static void
make_due(struct account *a)
{
  struct held_copy c;
  size_t at = 0, len = due.len;

  if (!stralloc_readyplus(&due, a->copies.len)) return;
  while (held_next(&a->copies, &at, &c))
    if (!is_returned(a, &c))
      held_cat(&due, &c);
    else
      journal_gone(c.number, c.id);
  bytes = bytes - a->copies.len + due.len - len;
  stralloc_free(&a->copies);
  stralloc_free(&a->returned);
}

void
held_back(struct slice bare)
{
  struct account *a = first ? table_get(&accounts, bare) : NULL;

  if (a) make_due(a);
}

void
held_back_all(void)
{
  struct account *a;

  for (a = first; a; a = a->next)
    make_due(a);
}

void
held_due(stralloc *out)
{
  struct account *a;

  if (look) {
    look = false;
    while ((a = first) && a->until_us <= door_now()) {
      make_due(a);
      if (a->copies.len) break;
      first = a->next;
      if (!first) last = &first;
      account_free(a);
    }
    watch_time();
  }
  if (!due.len || !stralloc_catb(out, due.s, due.len)) return;
  bytes -= due.len;
  stralloc_free(&due);
}

/* Copies behind the id crossed the end of their session on the way to its c2sd, which does not have
 * them. */
void
held_returned(struct slice bare, uint64_t number, uint64_t id)
{
  struct account *a = first ? table_get(&accounts, bare) : NULL;
  struct returned r;
  size_t i;

  if (!a || !a->copies.len) return;
  for (i = 0; i < a->returned.len; i += sizeof r) {
    memcpy(&r, a->returned.s + i, sizeof r);
    if (r.number == number) break;
  }
  r = (struct returned){number, id};
  if (i < a->returned.len)
    memcpy(a->returned.s + i, &r, sizeof r);
  else
    stralloc_catb(&a->returned, (char const *)&r, sizeof r);
}

void
held_each(void (*fn)(stralloc const *copies))
{
  struct account const *a;

  for (a = first; a; a = a->next)
    fn(&a->copies);
  fn(&due);
}

uint64_t
held_bytes(void)
{
  return bytes;
}

/* ---- the state for a trace ---- */

void
held_snapshot(struct snapshot *k)
{
  struct account *a = first;

  for (; snapshot_record(k, "held", a != NULL); a = a->next) {
    char *bare = a ? a->bare : NULL;
    uint64_t until_us = a ? a->until_us : 0;
    snapshot_text(k, &bare);
    SNAPSHOT_INT(k, until_us);
    if (snapshot_restores(k)) a = bare ? account_make(slice_str(bare), until_us) : NULL;
    if (snapshot_restores(k)) free(bare);
    if (!a) {
      snapshot_fail(k, "the held stanzas of an account are lost");
      return;
    }
    snapshot_bytes(k, &a->copies);
    snapshot_bytes(k, &a->returned);
    bytes += snapshot_restores(k) ? a->copies.len : 0;
  }
  if (snapshot_record(k, "held-timer", first != NULL))
    snapshot_timer(k, &timer, look_again, NULL);
}
