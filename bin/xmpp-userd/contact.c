#include "userd.h"

/* Contacts that the administrator makes (xmpp-ctl contact). */

static char const *
add(struct jid const *own, struct jid const *contact)
{
  bool both = userd_is_local(contact->domain);

  if (!own->local.len || !userd_number(own->bare)) return "there is no such account";
  if (!userd_number_with(own->bare, "mod_roster")) return "the host has no mod_roster";
  if (slice_eq(own->bare, contact->bare)) return "an account is no contact of its own";
  if (both && contact->local.len && !userd_number(contact->bare))
    return "there is no account of the contact's address";
  if (!link_find(ROUTED)) return "xmpp-routed is away";
  if (store_is_full(userd.store)) return "the store is full";
  subscription_befriend(own->bare, contact->bare);
  if (both && contact->local.len) subscription_befriend(contact->bare, own->bare);
  return NULL;
}

void
contact_control(struct link *l, struct record *r)
{
  struct arena a = ARENA_ZERO;
  struct jid own, contact;
  char const *why = "contact knows add JID CONTACT";

  userd_accounts();
  ends_look();
  if (!slice_is(record_get(r, 1), "add")) {
  } else if (jid_parse(&a, record_get(r, 2), &own) &&
             jid_parse(&a, record_get(r, 3), &contact))
    why = add(&own, &contact);
  else
    why = "not an address";
  if (why)
    service_error(l, why);
  else
    service_done(l);
  arena_wipe(&a);
}
