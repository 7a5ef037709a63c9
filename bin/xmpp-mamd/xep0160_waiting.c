#include "mamd.h"

#include <errno.h>

/* XEP-0160: what waits for an account is a set of ids into the log. */

/* For those who watch: routed has the record when the store has taken the turn. */
static void
tell(struct slice bare, uint64_t id)
{
  struct link *routed = mamd.tells_waiting ? link_find(ROUTED) : NULL;

  if (!routed) return;
  link_begin(routed, VERB_WAITING);
  link_text(routed, bare);
  link_num(routed, id);
  link_end(routed);
}

/* XEP-0357: what the account wrote itself on another device wakes nobody. */
bool
waiting_wakes(struct slice type, struct slice tags, bool own)
{
  return !own && stanza_wakes(SLICE("message"), type, tags);
}

void
waiting_add(struct slice bare, uint64_t owner, uint64_t id, bool wakes)
{
  struct account *a = account_find(bare);

  if (!archive_waiting_add(mamd.archive, owner, id)) {
    if (errno != ENOENT) mamd_failed("store a waiting message", bare);
    return;
  }
  if (a) offer_begin(a);
  if (wakes) tell(bare, id);
}

bool
waiting_is_full(struct slice bare, uint64_t owner)
{
  struct jid j = jid_cut(bare);
  struct slice rule =
    settings_get(mamd.settings, "mod_offline.access_max_user_messages", j.domain);
  struct access_who who = {.local = j.local, .domain = j.domain};
  uint64_t most = UINT64_MAX, n = 0;

  if (rule.len && !slice_is(rule, "infinity"))
    most = access_number(mamd.access, rule, j.domain, &who, UINT64_MAX);
  return !archive_waiting_count(mamd.archive, owner, &n) || n >= most;
}
