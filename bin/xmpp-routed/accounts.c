#include "accounts.h"
#include "watch.h"

/* authd knows the accounts, and says of each that ends so until every store has said erased. */

static struct link *
authority(void)
{
  struct link *l;

  for (l = link_next(NULL); l; l = link_next(l))
    if (l->up && l->roles & ROLE_AUTHORITY) return l;
  return NULL;
}

void
accounts_watched(struct post *p)
{
  (void)p;
  watch_ask(authority(), WATCH_ACCOUNTS); /* or authd says all when its link comes up */
}

void
accounts_erased(struct link *l, struct record *r)
{
  l = authority();
  if (!l) return;
  link_begin(l, VERB_ERASED);
  link_raw(l, record_raw(r, 1));
  link_raw(l, record_raw(r, 2));
  link_end(l);
}
