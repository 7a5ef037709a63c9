#include "pushd.h"

#include <stdio.h>

/* push list USER: a row SERVICE NODE CLIENT USED FAILURES for each registration; NODE is a digest,
 * for whoever knows the node may publish there. push drop USER: delete them all. */

static bool
row(void *cookie, uint64_t account, char const key[PUSH_KEY],
    struct push_service const *s)
{
  char hash[2 * 8 + 1], stamp[STAMP_SIZE];
  char client[256];

  (void)account;
  hex_z(hash, key, 8);
  stamp_s(stamp, s->used_us / 1000000);
  snprintf(client, sizeof client, "%.*s", (int)s->client.len, s->client.s);
  service_row(cookie, log_text(s->jid), hash, client, stamp, log_num(s->failures), NULL);
  return true;
}

static void
drop(struct link *l, struct slice bare)
{
  struct account *a = account_find(bare);
  unsigned int n = a ? a->n : 0;

  while (n--)
    if (!reg_del(a->regs)) {
      service_error(l, "the server has no room to store it");
      return;
    }
  account_tell(bare);
  log_event(LOG_INFO, "push-dropped", "account", log_text(bare), "why",
            "the administrator", NULL);
  service_done(l);
}

void
control_push(struct link *l, struct record *r)
{
  struct slice what = record_get(r, 1), bare = record_get(r, 2);
  struct account *a = account_find(bare);

  if (slice_is(what, "list")) {
    if (a) push_each(pushd.push, a->number, row, l);
    service_done(l);
  } else if (slice_is(what, "drop")) {
    drop(l, bare);
  } else {
    service_error(l, "unknown request");
  }
}
