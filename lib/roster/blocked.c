#include "roster/roster_internal.h"

#include <skalibs/uint64.h>

#include <errno.h>
#include <string.h>

bool
roster_block(struct roster *r, uint64_t account, struct slice owner, struct slice address)
{
  char buf[KEY_MAX];
  struct slice key = roster_key(buf, account, address), old;
  struct roster_counts c;

  if (!key.len) return false;
  if (store_get(r->store, r->blocked, key, &old)) {
    errno = EEXIST;
    return false;
  }
  if (errno != ENOENT || !roster_counts_measured(r, account, &c)) return false;
  if (c.blocked >= ROSTER_BLOCKED_MAX) {
    errno = EDQUOT;
    return false;
  }
  c.blocked++;
  return roster_counts_put(r, account, &c) && store_put(r->store, r->blocked, key, owner);
}

bool
roster_unblock(struct roster *r, uint64_t account, struct slice address)
{
  char buf[KEY_MAX];
  struct roster_counts c;

  if (!store_del(r->store, r->blocked, roster_key(buf, account, address))) return false;
  if (!roster_counts_measured(r, account, &c)) return false;
  c.blocked--;
  return roster_counts_put(r, account, &c);
}

static bool
has(struct roster *r, uint64_t account, struct slice address)
{
  char buf[KEY_MAX];
  struct slice v;

  return address.len &&
         store_get(r->store, r->blocked, roster_key(buf, account, address), &v);
}

/* Most accounts block nobody: one look tells. */
bool
roster_is_blocked(struct roster *r, uint64_t account, struct jid const *j)
{
  struct slice forms[JID_FORMS];
  struct roster_counts c;
  unsigned int i;

  if (!roster_counts(r, account, &c) || !c.blocked) return false;
  jid_forms(j, forms);
  for (i = 0; i < JID_FORMS; i++)
    if (has(r, account, forms[i])) return true;
  return false;
}

bool
roster_blocked_each(struct roster *r, uint64_t account, roster_text_fn *fn, void *cookie)
{
  return roster_each_of(r, r->blocked, account, fn, cookie);
}

struct each {
  roster_blocked_fn *fn;
  void *cookie;
};

static bool
on_entry(void *cookie, struct slice key, struct slice value)
{
  struct each const *e = cookie;
  uint64_t account;

  if (key.len < 8) return true;
  uint64_unpack_big(key.s, &account);
  return e->fn(e->cookie, account, slice_of(key.s + 8, key.len - 8), value);
}

bool
roster_blocked_all(struct roster *r, roster_blocked_fn *fn, void *cookie)
{
  struct each e = {fn, cookie};

  return store_each(r->store, r->blocked, SLICE(""), on_entry, &e);
}
