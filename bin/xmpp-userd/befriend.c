#include "userd.h"

#include <errno.h>

/* The record befriend of xmpp-registerd: two accounts of ours become contacts, because one has made its
 * account with an invitation of the other (XEP-0401 s4). Both halves are changed in one turn; the record
 * comes again until befriended has left, and a second time has no effect. */

/* The half of own: contact is listed, with the subscription in both directions. false: the store
 * refuses. *was is the state before. */
static bool
put_half(struct jid const *own, uint64_t account, struct jid const *contact,
         struct slice groups, enum roster_state *was)
{
  static stralloc packed = STRALLOC_ZERO;
  struct roster_item item;
  struct slice group;

  if (!roster_item_get(userd.roster, account, contact->bare, &item) && errno != ENOENT)
    return false;
  *was = item.state;
  if (item.listed && item.state == ROSTER_BOTH) return true;
  packed.len = 0;
  while (slice_word(&groups, '\n', &group))
    if (group.len && group.len <= ROSTER_GROUP_MAX && !roster_cat_group(&packed, group))
      return false;
  if (!item.listed) item.name = contact->local;
  if (packed.len) item.groups = slice_of(packed.s, packed.len);
  item.listed = true;
  item.approved = false;
  item.state = ROSTER_BOTH;
  if (!roster_item_put(userd.roster, account, &item) ||
      !roster_request_del(userd.roster, account, contact->bare))
    return false;
  watch_roster(own->bare, contact->bare, *was, ROSTER_BOTH);
  roster_push(own->bare, account, contact->bare);
  return true;
}

/* Presence, when both halves hold. */
static void
tell(struct jid const *from, struct jid const *to, enum roster_state was)
{
  if (!roster_gives(was)) presence_tell(from->bare, to->bare, true);
}

/* false: the store has failed. A full roster is as it is. */
static bool
make(struct jid const *a, struct jid const *b, struct slice groups)
{
  uint64_t na = userd_number_with(a->bare, "mod_roster");
  uint64_t nb = userd_number_with(b->bare, "mod_roster");
  enum roster_state was_a, was_b;

  if (!na || !nb || na == nb) return true;
  if (!put_half(a, na, b, groups, &was_a) || !put_half(b, nb, a, SLICE(""), &was_b)) {
    userd_failed("make contacts", a->bare);
    return errno == EDQUOT || errno == ENAMETOOLONG;
  }
  tell(a, b, was_a);
  tell(b, a, was_b);
  return true;
}

void
befriend_on_befriend(struct link *l, struct record *r)
{
  struct jid a = jid_cut(record_get(r, 2)), b = jid_cut(record_get(r, 3));

  userd_accounts();
  ends_look();
  if (store_is_full(userd.store) || !make(&a, &b, record_get(r, 4))) {
    link_discard(l, "the store failed");
    return;
  }
  link_begin(l, VERB_BEFRIENDED);
  link_text(l, record_get(r, 1));
  link_end(l);
}
