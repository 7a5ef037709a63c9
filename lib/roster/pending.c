#include "roster/roster_internal.h"

#include <errno.h>

bool
roster_request_put(struct roster *r, uint64_t account, struct slice contact,
                   struct slice xml)
{
  char buf[KEY_MAX];
  struct slice key = roster_key(buf, account, contact), old = SLICE("");
  size_t bytes = contact.len + xml.len, had = 0;
  struct roster_counts c;

  if (!key.len || !roster_counts_measured(r, account, &c)) return false;
  if (store_get(r->store, r->pending, key, &old))
    had = contact.len + old.len;
  else if (errno != ENOENT)
    return false;
  if ((!had && c.requests >= ROSTER_REQUESTS_MAX) ||
      (bytes > had && c.request_bytes - had + bytes > ACCOUNT_REQUESTS_BYTES)) {
    errno = EDQUOT;
    return false;
  }
  c.requests += !had;
  c.request_bytes += (uint32_t)bytes - (uint32_t)had;
  return roster_counts_put(r, account, &c) && store_put(r->store, r->pending, key, xml);
}

bool
roster_request_del(struct roster *r, uint64_t account, struct slice contact)
{
  char buf[KEY_MAX];
  struct slice key = roster_key(buf, account, contact), old;
  struct roster_counts c;

  if (!store_get(r->store, r->pending, key, &old)) return errno == ENOENT;
  if (!roster_counts_measured(r, account, &c)) return false;
  c.requests--;
  c.request_bytes -= (uint32_t)(contact.len + old.len);
  return store_del(r->store, r->pending, key) && roster_counts_put(r, account, &c);
}

bool
roster_request_each(struct roster *r, uint64_t account, roster_text_fn *fn, void *cookie)
{
  return roster_each_of(r, r->pending, account, fn, cookie);
}
