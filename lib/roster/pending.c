#include "roster/roster_internal.h"

#include <errno.h>

bool
roster_request_put(struct roster *r, uint64_t account, struct slice contact,
                   struct slice xml)
{
  char buf[KEY_MAX];
  struct slice key = roster_key(buf, account, contact), old;
  struct roster_counts c;

  if (!key.len) return false;
  if (!store_get(r->store, r->pending, key, &old)) {
    if (errno != ENOENT || !roster_counts(r, account, &c)) return false;
    if (c.requests >= ROSTER_REQUESTS_MAX) {
      errno = EDQUOT;
      return false;
    }
    c.requests++;
    if (!roster_counts_put(r, account, &c)) return false;
  }
  return store_put(r->store, r->pending, key, xml);
}

bool
roster_request_del(struct roster *r, uint64_t account, struct slice contact)
{
  char buf[KEY_MAX];
  struct roster_counts c;

  if (!store_del(r->store, r->pending, roster_key(buf, account, contact)))
    return errno == ENOENT;
  if (!roster_counts(r, account, &c)) return false;
  c.requests--;
  return roster_counts_put(r, account, &c);
}

bool
roster_request_each(struct roster *r, uint64_t account, roster_text_fn *fn, void *cookie)
{
  return roster_each_of(r, r->pending, account, fn, cookie);
}
