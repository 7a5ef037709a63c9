#include "hostd.h"

#include "accounts/accounts.h"
#include "roster/roster.h"

/* The rosters that xmpp-userd writes, read to know who may see an account's presence. */

static struct accounts *accounts;
static struct store *users;
static struct roster *roster;

/* Open what the writers have made by now. */
static void
open_stores(void)
{
  if (!accounts) accounts = accounts_open_reader(service_data());
  if (!roster) roster = roster_open_reader(service_data(), &users);
}

bool
contacts_sees(struct slice account, struct jid const *who)
{
  struct slice host = jid_cut(account).domain;
  struct roster_item item;
  uint64_t number;

  if (!settings_has(hostd_settings(), "module", host, "mod_roster")) return false;
  open_stores();
  number = accounts && roster ? accounts_number(accounts, account) : 0;
  return number && roster_item_get(roster, number, who->bare, &item) &&
         roster_gives(item.state);
}

void
contacts_turn(void)
{
  if (accounts) accounts_commit(accounts);
  if (users) store_commit(users);
}
