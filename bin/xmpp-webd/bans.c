#include "webd.h"

#include "ban/ban.h"

/* Addresses of clients that xmpp-authd has shut out (mod_fail2ban), as xmpp-c2sd tells them. They
 * are looked for behind trusted proxies: the address of a proxy is no client's. */

static struct bans bans = BANS_ZERO;

static uint64_t
now_s(void)
{
  return door_wall() / 1000000;
}

void
bans_on_ban(struct link *l, struct record *r)
{
  (void)l;
  ban_put(&bans, record_get(r, 1), record_u64(r, 2), now_s());
}

bool
bans_have(struct slice ip)
{
  return ban_until(&bans, ip, now_s()) != 0;
}

/* Another xmpp-c2sd would tell of changes. */
void
bans_link_gone(struct link const *gone)
{
  struct link const *l;

  for (l = link_next(NULL); l; l = link_next(l))
    if (l != gone && l->up && l->program == C2SD) return;
  ban_wipe(&bans);
}
