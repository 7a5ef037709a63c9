#include "behind.h"
#include "posts.h"
#include "settings.h"
#include "snapshot.h"

/* RFC 6120 s10.1: stanzas of another server reach a client in their order. A contact that grants a
 * subscription sends its presence right behind (RFC 6121 s3.1.5), but clients hear of the subscription from
 * xmpp-userd, when its roster has changed (s3.1.6). Until xmpp-userd has acknowledged the last such stanza
 * of the contact, the contact's presence therefore goes the same way, and xmpp-userd gives it back in its
 * turn. Contacts share BEHIND_BUCKETS numbers, so that a stranger cannot make a list long; presence of
 * another contact that has the same number makes a detour of one turn. Presence is delivered at
 * once when the post has no room. */

/* The number of the last letter in xmpp-userd's post that others stay behind, by the sender's bare JID.
 * Numbers above all of the post's are of an earlier post, and mean nothing. */
static uint64_t last[BEHIND_BUCKETS];

static uint64_t *
last_of(struct passing const *p)
{
  static uint64_t const key[2];

  return &last[hash_keyed(key, 0, jid_cut(p->st.from).bare) % BEHIND_BUCKETS];
}

static bool
is_awaited(struct post const *userd, uint64_t letter)
{
  return letter > userd->released && letter <= userd->put;
}

/* The sender is no account here: xmpp-userd itself keeps the order of what our accounts send. */
static bool
is_elsewhere(struct passing const *p)
{
  return !routed_host(jid_cut(p->st.from).domain);
}

void
behind_subscription(struct post const *userd, struct passing const *p)
{
  if (is_elsewhere(p) && !slice_is(p->st.type, "probe")) *last_of(p) = userd->put;
}

bool
behind_takes(struct passing const *p)
{
  struct post *userd = post_find(USERD);

  if (!userd || userd->released == userd->put || !is_elsewhere(p) ||
      slice_has_word(p->st.tags, SLICE("behind")) || !is_awaited(userd, *last_of(p)) ||
      !post_has_room(userd) || !post_put(userd, p))
    return false;
  *last_of(p) = userd->put;
  return true;
}

/* The first bucket from i on that presence stays behind. */
static unsigned int
next_awaited(struct post const *userd, unsigned int i)
{
  while (i < BEHIND_BUCKETS && !(userd && is_awaited(userd, last[i])))
    i++;
  return i;
}

void
behind_snapshot(struct snapshot *k)
{
  struct post const *userd = post_find(USERD);
  unsigned int i = next_awaited(userd, 0);
  uint64_t letter = 0;

  for (; snapshot_record(k, "behind", i < BEHIND_BUCKETS);
       i = next_awaited(userd, i + 1)) {
    if (!snapshot_restores(k)) letter = last[i];
    SNAPSHOT_INT(k, i);
    SNAPSHOT_INT(k, letter);
    if (snapshot_restores(k)) last[i % BEHIND_BUCKETS] = letter;
  }
}
