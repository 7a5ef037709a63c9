#include "userd.h"

/* Changes of rosters, for those who watch them (xmpp-records(7), watch). routed has a change when
 * the store has taken the turn. A change that is lost, for userd or routed was killed behind the
 * commit, is covered by the record without fields, which userd says whenever it is asked. */

static bool tells; /* routed has said that somebody watches rosters */

static char const *
word(enum roster_state s)
{
  if (roster_gives(s)) return roster_takes(s) ? "both" : "from";
  return roster_takes(s) ? "to" : "none";
}

void
watch_begin(struct link *l, struct record *r)
{
  if (!slice_is(record_get(r, 1), "roster")) return;
  tells = true;
  link_begin(l, VERB_ROSTER);
  link_end(l);
}

void
watch_end(void)
{
  tells = false;
}

void
watch_roster(struct slice bare, struct slice contact, enum roster_state before,
             enum roster_state now)
{
  struct link *routed = tells ? link_find(ROUTED) : NULL;

  if (!routed || (!roster_gives(before) && !roster_gives(now))) return;
  link_begin(routed, VERB_ROSTER);
  link_text(routed, bare);
  link_text(routed, contact);
  link_str(routed, word(before));
  link_str(routed, word(now));
  link_end(routed);
}

void
watch_snapshot(struct snapshot *k)
{
  if (snapshot_record(k, "watch", true)) SNAPSHOT_INT(k, tells);
}
