#include "profile.h"

#include "erase/erase.h"

#include <skalibs/uint64.h>

#include <errno.h>
#include <string.h>

/* Ends of accounts: the data and subscriptions of deleted accounts go. xmpp-authd counts
 * the ends of accounts in DATA/accounts; userd keeps in table ended of DATA/users the
 * count of the last end that it has dealt with:
 *
 *   1. userd sees an end before it handles anything else of the turn. routed gets the
 *      block list of the account that has the name now; contacts are told unsubscribe and
 *      unsubscribed (XEP-0077 s3.2, RFC 6121 s3.3), and the rosters of contacts of ours
 *      are changed in the same turn, so that an account that takes the name gets nothing
 *      that was meant for the one before.
 *   2. In later turns, when the stanzas of step 1 have left, userd deletes the data of
 *      the account, PURGED_A_TICK entries each. Then it stores the count and looks for
 *      the next end.
 *
 * Killed in between, userd begins this end again: all that is told twice is true. A slow
 * walk over all account numbers in the store finds accounts that were deleted before ends
 * were counted, or more than ACCOUNTS_ENDED_MAX ends ago: their names are known no more,
 * and userd deletes their data. */

#define PURGED_A_TICK 500u
#define LOOKED_AT_A_TICK 100u
#define TICK_US 100000
#define REST_US 60000000
#define RETRY_US 1000000

static struct event_timer purge_timer, walk_timer;
static MDB_dbi table;
static bool open, looked, begun; /* begun: an end was begun in this turn */
static uint64_t seen;            /* accounts_changes at the last look */
static uint64_t count;           /* of the end that is dealt with, or was */
static uint64_t before;          /* count, before the end that this turn has begun */
static uint64_t number;          /* of its account; 0: none is */
static uint64_t walked_to;       /* the number that was looked at last */

/* ---- 1: contacts and routed are told ---- */

static bool
keep_item(void *cookie, struct roster_item const *item)
{
  stralloc *kept = cookie;
  char state = (char)item->state;

  return stralloc_catb(kept, &state, 1) && roster_cat_group(kept, item->jid);
}

static bool
tell_contacts(struct slice bare)
{
  stralloc kept = STRALLOC_ZERO;
  struct roster_item item = {.listed = true};
  struct slice rest;
  bool ok = roster_item_each(userd.roster, number, keep_item, &kept);

  rest = slice_of(kept.s, kept.len);
  while (ok && rest.len) {
    item.state = (enum roster_state)rest.s[0];
    rest = slice_of(rest.s + 1, rest.len - 1);
    ok = roster_group(&rest, &item.jid);
    if (ok) subscription_end(bare, &item);
  }
  stralloc_free(&kept);
  return ok;
}

static void purge(void *cookie);

static void
begin(uint64_t ended_count, uint64_t ended_number, struct slice jid)
{
  char bare[JID_MAX];

  if (jid.len > sizeof bare) return;
  memcpy(bare, jid.s, jid.len); /* jid lies in the map */
  number = ended_number;
  begun = true;
  log_event(LOG_INFO, "account-ended", "account", log_text(jid), "number",
            log_num(number), NULL);
  blocking_tell(slice_of(bare, jid.len));
  if (!tell_contacts(slice_of(bare, jid.len)))
    userd_failed("tell contacts of a deleted account", slice_of(bare, jid.len));
  before = count;
  count = ended_count;
  event_timer_start(&purge_timer, door_now(), purge, NULL);
}

/* ---- 2: the data is deleted ---- */

static bool
put_down(void)
{
  char value[8];

  uint64_pack_big(value, count);
  return store_put(userd.store, table, SLICE("count"), slice_of(value, 8));
}

static void
purge(void *cookie)
{
  unsigned int done = 0;
  bool ok;

  (void)cookie;
  ok = store_erase_begin(userd.store) &&
       roster_purge(userd.roster, number, PURGED_A_TICK, &done) &&
       profile_purge(userd.profile, number, PURGED_A_TICK, &done) &&
       (done == PURGED_A_TICK || put_down());
  store_erase_end(userd.store);
  if (!ok || done == PURGED_A_TICK) {
    event_timer_start(&purge_timer, door_now() + (ok ? 0 : RETRY_US), purge, NULL);
    return;
  }
  log_event(LOG_INFO, "account-purged", "number", log_num(number), NULL);
  erase_done("users", number);
  number = 0;
  seen = 0;
}

static bool
open_table(void)
{
  struct slice v;

  if (open) return true;
  open = store_table(userd.store, "ended", &table);
  if (open && store_get(userd.store, table, SLICE("count"), &v) && v.len == 8)
    uint64_unpack_big(v.s, &count);
  return open;
}

void
ends_look(void)
{
  uint64_t now, next = count, n;
  struct slice bare;

  if (looked || !userd.accounts) return;
  looked = true;
  now = accounts_changes(userd.accounts);
  if (number || now == seen || store_is_full(userd.store)) return;
  accounts_commit(userd.accounts); /* a read that began before does not see it */
  seen = now;
  if (accounts_ended(userd.accounts, &next, &n, &bare)) begin(next, n, bare);
}

void
ends_turn(bool kept)
{
  if (!kept && begun) {
    event_timer_cancel(&purge_timer);
    number = seen = 0;
    count = before;
  }
  looked = begun = false;
}

/* ---- accounts whose end was not counted ---- */

static bool
is_deleted(uint64_t n)
{
  struct slice bare;

  if (!userd.accounts || n >= accounts_next(userd.accounts)) return false;
  return !accounts_jid(userd.accounts, n, &bare) && errno == ENOENT;
}

static bool
next_number(uint64_t *out)
{
  uint64_t a, b;
  bool has_a = roster_next(userd.roster, walked_to, &a);
  bool has_b = profile_next(userd.profile, walked_to, &b);

  *out = has_a && (!has_b || a < b) ? a : b;
  return has_a || has_b;
}

static bool
has_data(uint64_t n)
{
  uint64_t next;

  return (roster_next(userd.roster, n - 1, &next) && next == n) ||
         (profile_next(userd.profile, n - 1, &next) && next == n);
}

/* NUMBER JID ERASED. An end that waits for the one that is dealt with is dealt with in its
 * turn, or found by the walk. */
void
ends_ending(struct link *l, struct record *r)
{
  uint64_t n = record_u64(r, 1);

  (void)l;
  userd_accounts();
  if (!n || !userd.accounts || slice_has_word(record_get(r, 3), SLICE("users"))) return;
  looked = false;
  seen = 0;
  ends_look();
  if (n != number && is_deleted(n) && !has_data(n)) erase_done("users", n);
}

static void
walk(void *cookie)
{
  uint64_t wait = TICK_US, n;
  unsigned int i;

  (void)cookie;
  looked = false;
  seen = 0;
  ends_look(); /* an end that was counted is told, not only walked upon */
  for (i = 0; i < LOOKED_AT_A_TICK && !number && !store_is_full(userd.store); i++) {
    if (!next_number(&n)) {
      walked_to = 0;
      wait = REST_US;
      break;
    }
    walked_to = n;
    if (!is_deleted(n)) continue;
    number = n;
    event_timer_start(&purge_timer, door_now(), purge, NULL);
  }
  event_timer_start(&walk_timer, door_now() + wait, walk, NULL);
}

void
ends_start(void)
{
  if (open_table() && !event_timer_on(&walk_timer))
    event_timer_start(&walk_timer, door_now() + TICK_US, walk, NULL);
}

void
ends_snapshot(struct snapshot *k)
{
  if (!snapshot_record(k, "ends", true)) return;
  snapshot_timer(k, &purge_timer, purge, NULL);
  snapshot_timer(k, &walk_timer, walk, NULL);
  SNAPSHOT_INT(k, seen);
  SNAPSHOT_INT(k, count);
  SNAPSHOT_INT(k, before);
  SNAPSHOT_INT(k, number);
  SNAPSHOT_INT(k, walked_to);
}
