#include "authd.h"

#include <errno.h>

/* Accounts that are made and end, for those who keep data of accounts. routed passes made and
 * ending to all who watch accounts, and carries their erased back. An account is ending until
 * each store (secrets_erased) has said so: what routed loses is asked again when its link comes
 * up, or when a program begins to watch. */

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

static void
tell(struct link *routed, uint64_t number, struct slice bare, struct slice erased)
{
  link_begin(routed, VERB_ENDING);
  link_num(routed, number);
  link_text(routed, bare);
  if (erased.len) link_text(routed, erased);
  link_end(routed);
}

void
ends_begun(uint64_t number, struct slice bare)
{
  struct link *routed = link_find(ROUTED);

  if (routed) tell(routed, number, bare, SLICE(""));
}

void
ends_announce(struct link *routed)
{
  uint64_t number = 0;
  struct slice bare, erased;

  while (secrets_ending(&number, &bare, &erased))
    tell(routed, number, bare, erased);
}

void
ends_watched(struct link *l, struct record *r)
{
  if (slice_is(record_get(r, 1), "accounts")) ends_announce(l);
}

void
ends_erased(struct link *l, struct record *r)
{
  uint64_t number = record_u64(r, 1);

  (void)l;
  if (!secrets_erased(number, record_get(r, 2)) && errno != ENOENT)
    log_event(LOG_WARN, "end-not-noted", "number", log_num(number), "why",
              "the store failed", NULL);
}
