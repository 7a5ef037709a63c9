#include "authd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Accounts that are made and end, for those who keep data of accounts. routed passes made and
 * ending to all who watch accounts, and carries their erased back. An account is ending, and its
 * name taken, until the writer of each store that is on disk has said erased: of all stores but our
 * own. What routed loses is said again when its link comes up, or when a program begins to watch.
 *
 * Whoever has deleted an account answers its client, and then ends the sessions of the account.
 * So routed, which ends all sessions that are left, hears of the end ENDING_GRACE_US later. */

#define BEGUN_MAX 256

static struct event_timer grace, walk;

static struct {
  uint64_t number, due_us;
} begun[BEGUN_MAX];

static size_t begun_n;
static uint64_t walked_to; /* the number that was told last */

void
ends_made(struct slice bare)
{
  struct link *routed = link_find(ROUTED);

  if (!routed) return;
  link_begin(routed, VERB_MADE);
  link_num(routed, secrets_number(bare));
  link_text(routed, bare);
  link_end(routed);
}

/* ---- stores ---- */

static bool
is_on_disk(char const *store)
{
  char path[512];
  struct stat st;

  snprintf(path, sizeof path, "%s/%s/data.mdb", service_data(), store);
  return !stat(path, &st);
}

struct slice
ends_awaited(struct slice erased)
{
  static char names[STORES_N * 32];
  size_t n = 0, i;

  for (i = 0; i < STORES_N; i++) {
    char const *name = store_rows[i].name;
    if (store_rows[i].writer == AUTHD || slice_has_word(erased, slice_str(name)))
      continue;
    if (is_on_disk(name))
      n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", n ? " " : "", name);
  }
  return slice_of(names, n);
}

/* ---- telling ---- */

static void
tell(uint64_t number, struct slice bare, struct slice erased)
{
  struct link *routed = link_find(ROUTED);

  if (!routed) return;
  link_begin(routed, VERB_ENDING);
  link_num(routed, number);
  link_text(routed, bare);
  if (erased.len) link_text(routed, erased);
  link_end(routed);
}

static void
note(uint64_t number, struct slice store)
{
  if (secrets_erased(number, store, ends_awaited(SLICE("")))) return;
  if (errno != ENOENT)
    log_event(LOG_WARN, "end-not-noted", "number", log_num(number), "why",
              "the store failed", NULL);
}

/* Tell of the first account that is ending behind *number, which has ended when no store is left on
 * disk. false: there is none. */
static bool
tell_next(uint64_t *number)
{
  struct slice bare, erased;

  if (!secrets_ending(number, &bare, &erased)) return false;
  tell(*number, bare, erased);
  note(*number, SLICE(""));
  return true;
}

static bool
is_ending(uint64_t number)
{
  uint64_t n = number - 1;
  struct slice bare, erased;

  return secrets_ending(&n, &bare, &erased) && n == number;
}

static void
pop_begun(void)
{
  uint64_t number = begun[0].number;

  memmove(begun, begun + 1, --begun_n * sizeof *begun);
  if (removals_tell(number) || !is_ending(number)) return; /* or restored meanwhile */
  number--;
  tell_next(&number);
}

static void
grace_over(void *cookie)
{
  (void)cookie;
  while (begun_n && begun[0].due_us <= door_now())
    pop_begun();
  if (begun_n) event_timer_start(&grace, begun[0].due_us, grace_over, NULL);
}

void
ends_begun(uint64_t number)
{
  if (begun_n == BEGUN_MAX) pop_begun();
  begun[begun_n].number = number;
  begun[begun_n++].due_us = door_now() + ENDING_GRACE_US;
  event_timer_start(&grace, begun[0].due_us, grace_over, NULL);
}

bool
ends_begin(struct slice bare)
{
  uint64_t number = secrets_number(bare);
  bool is_outside = outside_keeps(bare);

  if (!secrets_del(bare)) return false;
  ends_begun(number);
  /* xmpp-extauthd logs it when the program does not remove the user: the account has ended here. */
  if (is_outside && !outside_ask(bare, SLICE(""), "remove"))
    log_event(LOG_WARN, "checker-removes-not", "jid", log_text(bare), "why",
              "xmpp-extauthd is away", NULL);
  return true;
}

static void
walk_on(void *cookie)
{
  unsigned int i;

  (void)cookie;
  for (i = 0; i < ENDINGS_A_TICK; i++)
    if (!tell_next(&walked_to)) return;
  event_timer_start(&walk, door_now() + ENDINGS_TICK_US, walk_on, NULL);
}

void
ends_announce(void)
{
  walked_to = 0;
  walk_on(NULL);
  removals_announce();
}

/* ---- records ---- */

void
ends_watched(struct link *l, struct record *r)
{
  (void)l;
  if (slice_is(record_get(r, 1), "accounts")) ends_announce();
}

void
ends_erased(struct link *l, struct record *r)
{
  (void)l;
  if (record_get(r, 2).len) note(record_u64(r, 1), record_get(r, 2));
}

void
ends_snapshot(struct snapshot *k)
{
  size_t i;

  if (!snapshot_record(k, "ends", true)) return;
  snapshot_timer(k, &grace, grace_over, NULL);
  snapshot_timer(k, &walk, walk_on, NULL);
  SNAPSHOT_INT(k, walked_to);
  SNAPSHOT_INT(k, begun_n);
  if (begun_n > BEGUN_MAX) begun_n = 0;
  for (i = 0; i < begun_n; i++) {
    SNAPSHOT_INT(k, begun[i].number);
    SNAPSHOT_INT(k, begun[i].due_us);
  }
}
