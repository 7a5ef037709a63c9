#include "passing.h"
#include "snapshot.h"
#include "xep0191_blocking.h"

#include <stdlib.h>
#include <string.h>

/* XEP-0191: no stanza passes between an account and an address on its block list. userd stores
 * the lists and tells them here; they hold while userd is away. A stanza costs one look-up for
 * each form of an address, however long the list is. */

struct blocklist {
  char *account;
  struct jid_set jids;
};

static struct slice
list_key(void const *item)
{
  return slice_str(((struct blocklist const *)item)->account);
}

static struct table lists = {.key = list_key};

static void
list_free(struct blocklist *b)
{
  if (!b) return;
  jid_set_wipe(&b->jids);
  free(b->account);
  free(b);
}

static struct blocklist *
list_make(struct slice account)
{
  struct blocklist *b = table_get(&lists, account);

  if (b) return b;
  b = calloc(1, sizeof *b);
  if (!b) return NULL;
  b->account = slice_dup(account);
  if (b->account && table_put(&lists, b)) return b;
  list_free(b);
  return NULL;
}

static bool
change(struct blocklist *b, struct slice jids, bool add)
{
  struct slice jid;

  while (slice_word(&jids, '\n', &jid)) {
    if (!jid.len) continue;
    if (!add)
      jid_set_del(&b->jids, jid);
    else if (!jid_set_add(&b->jids, jid))
      return false;
  }
  return true;
}

void
blocking_list(struct link *l, struct record *r)
{
  struct slice account = record_get(r, 1), jids = record_get(r, 2);
  struct slice how = record_get(r, 3);
  struct blocklist *b;

  (void)l;
  if (!how.len) list_free(table_del(&lists, account));
  b = list_make(account);
  if (!b || !change(b, jids, !slice_is(how, "remove")))
    log_event(LOG_WARN, "blocklist-lost", "account", log_text(account), "why",
              "out of memory", NULL);
  if (b && !b->jids.table.n) list_free(table_del(&lists, account));
}

/* An account is never blocked by itself (s4). */
static bool
is_listed(struct jid const *owner, struct slice address)
{
  struct blocklist const *b;
  struct jid j;

  b = owner->local.len ? table_get(&lists, owner->bare) : NULL;
  if (!b) return false;
  j = jid_cut(address);
  return !slice_eq(j.bare, owner->bare) && jid_set_matches(&b->jids, &j);
}

enum blocked
blocking_of(struct passing const *p)
{
  struct jid a;

  if (!lists.n || !p->st.to.len) return BLOCKED_NOT;
  a = jid_cut(p->st.from);
  if (is_listed(&a, p->st.to)) return BLOCKED_BY_OWN;
  a = jid_cut(p->st.to);
  if (!is_listed(&a, p->st.from)) return BLOCKED_NOT;
  return slice_is(p->st.kind, "presence") ? BLOCKED_SILENT : BLOCKED_AWAY;
}

/* ---- the state for a trace ---- */

static void
list_put(struct snapshot *k, struct blocklist *b)
{
  struct table const *t = &b->jids.table;
  struct arena a = ARENA_ZERO;
  uint64_t n = t->n;
  size_t i;

  snapshot_text(k, &b->account);
  SNAPSHOT_INT(k, n);
  for (i = 0; t->slots && i <= t->mask; i++) {
    struct slice jid = t->slots[i].item ? t->key(t->slots[i].item) : SLICE("");
    if (jid.len) snapshot_slice(k, &a, &jid);
  }
}

static void
list_read(struct snapshot *k)
{
  char *account = NULL;
  struct blocklist *b;
  uint64_t n = 0;

  snapshot_text(k, &account);
  SNAPSHOT_INT(k, n);
  b = account ? list_make(slice_str(account)) : NULL;
  free(account);
  for (; b && n; n--) {
    struct arena a = ARENA_ZERO;
    struct slice jid;
    snapshot_slice(k, &a, &jid);
    if (jid.len && jid_set_add(&b->jids, jid)) {
      arena_wipe(&a);
      continue;
    }
    arena_wipe(&a);
    snapshot_fail(k, "a block list is lost");
    return;
  }
}

void
blocking_snapshot(struct snapshot *k)
{
  size_t i;

  for (i = 0; lists.slots && i <= lists.mask && !snapshot_restores(k); i++)
    if (lists.slots[i].item && snapshot_record(k, "blocks", true))
      list_put(k, lists.slots[i].item);
  while (snapshot_restores(k) && snapshot_record(k, "blocks", true))
    list_read(k);
}
