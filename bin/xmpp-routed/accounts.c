#include "accounts.h"
#include "exists.h"
#include "sessions.h"
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* authd knows the accounts, and says of each that ends so until every store has said erased. */

/* A name of an account that has ended: the last ENDED_NAMES_MAX, oldest first. */
struct name {
  struct name *next;
  uint64_t until_us;
  char *bare;
};

static struct slice
name_of(void const *item)
{
  struct name const *n = item;

  return slice_str(n->bare);
}

static struct table ended = {.key = name_of};
static struct name *oldest, **newest = &oldest;
static size_t ended_n;

/* ---- names ---- */

static void
forget(struct slice bare)
{
  struct name **at, *n = table_del(&ended, bare);

  if (!n) return;
  for (at = &oldest; *at != n; at = &(*at)->next) {
  }
  *at = n->next;
  if (newest == &n->next) newest = at;
  free(n->bare);
  free(n);
  ended_n--;
}

static bool
add(struct slice bare, uint64_t until_us)
{
  struct name *n;

  forget(bare);
  if (ended_n == ENDED_NAMES_MAX) forget(name_of(oldest));
  n = calloc(1, sizeof *n);
  if (n) n->bare = slice_dup(bare);
  if (!n || !n->bare || !table_put(&ended, n)) {
    if (n) free(n->bare);
    free(n);
    return false;
  }
  n->until_us = until_us;
  *newest = n;
  newest = &n->next;
  ended_n++;
  return true;
}

bool
accounts_has_ended(struct slice bare)
{
  while (oldest && oldest->until_us <= door_now())
    forget(name_of(oldest));
  return table_get(&ended, bare) != NULL;
}

/* ---- records ---- */

void
accounts_made(struct link *l, struct record *r)
{
  watch_pass(l, r);
  forget(record_get(r, 2));
  exists_made(record_get(r, 2));
}

/* NUMBER JID ERASED. Reading a field unescapes it where it is, so the fields that are passed on are
 * copied before. */
void
accounts_ending(struct link *l, struct record *r)
{
  static stralloc fields = STRALLOC_ZERO;
  struct slice first = record_raw(r, 1), last = record_raw(r, r->n - 1), bare;

  (void)l;
  fields.len = 0;
  if (!stralloc_catb(&fields, first.s, (size_t)(last.s + last.len - first.s))) return;
  bare = record_get(r, 2);
  add(bare, door_now() + ENDED_NAMES_US);
  session_kick_all(bare, NULL, "not-authorized");
  exists_ended(bare);
  watch_say(WATCH_ACCOUNTS, VERB_ENDING, slice_of(fields.s, fields.len));
}

/* JID OPEN */
void
accounts_shut(struct link *l, struct record *r)
{
  struct slice bare = record_get(r, 1);

  (void)l;
  if (record_get(r, 2).len) {
    forget(bare);
    return;
  }
  add(bare, door_now() + ENDED_NAMES_US);
  session_kick_all(bare, NULL, "not-authorized");
}

static struct link *
authority(void)
{
  struct link *l;

  for (l = link_next(NULL); l; l = link_next(l))
    if (l->up && l->roles & ROLE_AUTHORITY) return l;
  return NULL;
}

void
accounts_watched(struct post *p)
{
  (void)p;
  watch_ask(authority(), WATCH_ACCOUNTS); /* or authd says all when its link comes up */
}

void
accounts_erased(struct link *l, struct record *r)
{
  l = authority();
  if (!l) return;
  link_begin(l, VERB_ERASED);
  link_raw(l, record_raw(r, 1));
  link_raw(l, record_raw(r, 2));
  link_end(l);
}

/* ---- the state for a trace ---- */

void
accounts_snapshot(struct snapshot *k)
{
  struct name *n = oldest;
  char bare[JID_MAX + 1];
  uint64_t until_us;

  while (snapshot_record(k, "ended", n != NULL)) {
    if (n) snprintf(bare, sizeof bare, "%s", n->bare);
    until_us = n ? n->until_us : 0;
    snapshot_name(k, bare, sizeof bare);
    SNAPSHOT_INT(k, until_us);
    if (snapshot_restores(k) && !add(slice_str(bare), until_us))
      snapshot_fail(k, "out of memory");
    if (n) n = n->next;
  }
}
