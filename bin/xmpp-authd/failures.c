#include "bans.h"
#include "failures.h"

#include <stdlib.h>
#include <string.h>

/* An address that guesses is shut out after some failures (mod_fail2ban). Many addresses that guess
 * one account's password each stay below that: so answers about the account are delayed, to addresses
 * from which nobody has logged in to it. Nobody is locked out: the owner's addresses are known, and a
 * right password is accepted late. Names that no account has are treated alike.
 *
 * Both tables are memory: a restart forgives. */

#define NAME_MAX_BYTES JID_MAX

struct entry {
  struct entry *older, *newer;
  char *name;
};

/* Entries in the order of their last use. */
struct list {
  struct table by_name;
  struct entry *oldest, *newest;
  size_t n, most, size;
  void (*wipe)(
    struct entry *e); /* frees what an entry has besides its name; NULL: nothing */
};

/* Failures of an address: n since the last pause that was longer than the life of a count. Of
 * these, failures for each account, told apart by a hash. */
struct address {
  struct entry entry;
  uint32_t n;
  uint64_t until_us;

  struct {
    uint64_t account;
    uint32_t n;
  } apart[FAILURES_APART_MAX];
};

/* An address from which somebody has logged in, by its hash. */
struct known {
  uint64_t address, until_us;
};

/* Of most accounts one address or two are known: each gets its room when it comes. */
struct account {
  struct entry entry;
  struct known *known;
  uint32_t known_n;
  uint32_t failures, waiting;
  uint64_t until_us; /* the failures are forgotten then */
};

static void
free_account(struct entry *e)
{
  free(((struct account *)e)->known);
}

static struct slice
name_of(void const *item)
{
  return slice_str(((struct entry const *)item)->name);
}

static struct list addresses = {.by_name = {.key = name_of},
                                .most = FAILURES_ADDRESSES_MAX,
                                .size = sizeof(struct address)};
static struct list accounts = {.by_name = {.key = name_of},
                               .most = FAILURES_ACCOUNTS_MAX,
                               .size = sizeof(struct account),
                               .wipe = free_account};

/* ---- lists ---- */

static void
leave(struct list *l, struct entry *e)
{
  *(e->older ? &e->older->newer : &l->oldest) = e->newer;
  *(e->newer ? &e->newer->older : &l->newest) = e->older;
}

static void
join(struct list *l, struct entry *e)
{
  e->newer = NULL;
  e->older = l->newest;
  *(e->older ? &e->older->newer : &l->oldest) = e;
  l->newest = e;
}

static void
forget(struct list *l, struct entry *e)
{
  table_del(&l->by_name, name_of(e));
  leave(l, e);
  l->n--;
  if (l->wipe) l->wipe(e);
  free(e->name);
  free(e);
}

/* The entry of this name, which is the newest from now on; made if it is not there. NULL:
 * ENOMEM. */
static void *
touch(struct list *l, struct slice name)
{
  struct entry *e = table_get(&l->by_name, name);

  if (e) {
    leave(l, e);
    join(l, e);
    return e;
  }
  if (l->n == l->most) forget(l, l->oldest);
  e = calloc(1, l->size);
  if (e) e->name = slice_dup(name);
  if (!e || !e->name || !table_put(&l->by_name, e)) {
    if (e) free(e->name);
    free(e);
    return NULL;
  }
  join(l, e);
  l->n++;
  return e;
}

static uint64_t
hash(struct slice text)
{
  static uint64_t const key[2] = {0x666169, 0x6c7572};

  return hash_keyed(key, 0, text);
}

/* ---- addresses ---- */

static void
count_apart(struct address *a, struct slice bare)
{
  uint64_t account = hash(bare);
  size_t i;

  for (i = 0; i < FAILURES_APART_MAX; i++) {
    if (a->apart[i].n && a->apart[i].account != account) continue;
    a->apart[i].account = account;
    a->apart[i].n++;
    return;
  }
}

static bool
is_counted(struct host const *h, struct slice ip)
{
  struct access_who who = {.domain = slice_str(h->name), .ip = ip};

  if (!h->most_failures || ban_is_shared(ip)) return false;
  if (ban_until(&authd.trusted, ip, 0)) return false;
  return !access_allows(authd.access, slice_str(h->exempt), slice_str(h->name), &who);
}

static void
count_address(struct host const *h, struct slice ip, struct slice bare)
{
  struct address *a;
  char name[BAN_TEXT];

  if (!is_counted(h, ip) || !ban_name(ip, name)) return;
  a = touch(&addresses, slice_str(name));
  if (!a) return;
  if (a->until_us <= door_now()) {
    a->n = 0;
    memset(a->apart, 0, sizeof a->apart);
  }
  a->until_us = door_now() + h->ban_life_us;
  a->n++;
  count_apart(a, bare);
  if (a->n < h->most_failures) return;
  forget(&addresses, &a->entry);
  bans_add(slice_str(name), h->ban_life_us / 1000000, "too many failed logins");
}

static void
forgive_address(struct slice ip, struct slice bare)
{
  uint64_t account = hash(bare);
  struct address *a;
  char name[BAN_TEXT];
  size_t i;

  a = ban_name(ip, name) ? table_get(&addresses.by_name, slice_str(name)) : NULL;
  for (i = 0; a && i < FAILURES_APART_MAX; i++) {
    if (a->apart[i].account != account) continue;
    a->n -= a->apart[i].n;
    a->apart[i].n = 0;
  }
  if (a && !a->n) forget(&addresses, &a->entry);
}

/* ---- accounts ---- */

static uint64_t
address_hash(struct slice ip)
{
  char name[BAN_TEXT];

  return hash(ban_name(ip, name) ? slice_str(name) : ip);
}

/* Loopback (a proxy, an onion service) is everybody's address: no answer to it is delayed. */
static bool
is_known(struct account const *a, struct slice ip)
{
  uint64_t address = address_hash(ip);
  size_t i;

  if (ban_is_shared(ip)) return true;
  for (i = 0; i < a->known_n; i++)
    if (a->known[i].address == address && a->known[i].until_us > door_now()) return true;
  return false;
}

static void
count_account(struct slice ip, struct slice bare)
{
  struct account *a = touch(&accounts, bare);

  if (!a || is_known(a, ip)) return;
  if (a->until_us <= door_now()) a->failures = 0;
  a->until_us = door_now() + FAILURES_LIFE_US;
  if (a->failures < UINT32_MAX) a->failures++;
}

/* Room for one address more, up to FAILURES_KNOWN_MAX. false: there is none. */
static bool
grow(struct account *a)
{
  struct known *v = a->known_n < FAILURES_KNOWN_MAX
                      ? realloc(a->known, (a->known_n + 1) * sizeof *v)
                      : NULL;

  if (!v) return false;
  a->known = v;
  v[a->known_n++] = (struct known){0, 0};
  return true;
}

/* The address takes the place of itself, or a new one, or that of the one that is forgotten first. */
static void
know(struct account *a, struct slice ip)
{
  uint64_t address = address_hash(ip);
  size_t i, at = 0;

  for (i = 0; i < a->known_n && a->known[i].address != address; i++)
    if (a->known[i].until_us < a->known[at].until_us) at = i;
  if (i < a->known_n || grow(a)) at = i;
  if (!a->known_n) return;
  a->known[at] = (struct known){address, door_now() + FAILURES_KNOWN_US};
}

uint64_t
failure_delay(struct slice ip, struct slice bare)
{
  struct account *a = table_get(&accounts.by_name, bare);
  uint64_t us = FAILURES_DELAY_US;
  uint32_t n;

  if (!a || a->until_us <= door_now() || a->failures < FAILURES_FREE) return 0;
  if (is_known(a, ip)) return 0;
  if (a->waiting == FAILURES_DELAYED_MAX) return UINT64_MAX;
  for (n = FAILURES_FREE; n < a->failures && us < FAILURES_DELAY_MAX_US; n++)
    us *= 2;
  a->waiting++;
  return us < FAILURES_DELAY_MAX_US ? us : FAILURES_DELAY_MAX_US;
}

void
failure_waited(struct slice bare)
{
  struct account *a = table_get(&accounts.by_name, bare);

  if (a && a->waiting) a->waiting--;
}

/* ---- both ---- */

void
failure_count(struct host const *h, struct slice ip, struct slice bare)
{
  if (bare.len > NAME_MAX_BYTES) bare.len = NAME_MAX_BYTES;
  count_account(ip, bare);
  if (h) count_address(h, ip, bare);
}

void
failure_count_guess(struct host const *h, struct slice ip)
{
  if (h) count_address(h, ip, SLICE(""));
}

void
failure_forgive(struct slice ip, struct slice bare)
{
  struct account *a = touch(&accounts, bare);

  forgive_address(ip, bare);
  if (a) know(a, ip);
}

/* ---- the state for a trace, the oldest first ---- */

static void
address_fields(struct snapshot *k, struct address *a)
{
  SNAPSHOT_INT(k, a->n);
  SNAPSHOT_INT(k, a->until_us);
  snapshot_block(k, a->apart, sizeof a->apart);
}

static void
account_fields(struct snapshot *k, struct account *a)
{
  SNAPSHOT_INT(k, a->failures);
  SNAPSHOT_INT(k, a->waiting);
  SNAPSHOT_INT(k, a->until_us);
  SNAPSHOT_INT(k, a->known_n);
  if (a->known_n && snapshot_restores(k))
    a->known = snapshot_new(k, a->known_n * sizeof *a->known);
  if (a->known) snapshot_block(k, a->known, a->known_n * sizeof *a->known);
}

static void
snapshot_list(struct snapshot *k, struct list *l, char const *kind)
{
  struct entry *e = l->oldest;
  char *name = NULL;

  while (snapshot_record(k, kind, e != NULL)) {
    if (e) name = e->name;
    snapshot_text(k, &name);
    if (snapshot_restores(k)) e = name ? touch(l, slice_str(name)) : NULL;
    if (snapshot_restores(k)) free(name);
    if (!e) snapshot_fail(k, "out of memory");
    if (e && l == &addresses) address_fields(k, (struct address *)e);
    if (e && l == &accounts) account_fields(k, (struct account *)e);
    e = !e || snapshot_restores(k) ? NULL : e->newer;
  }
}

void
failures_snapshot(struct snapshot *k)
{
  snapshot_list(k, &addresses, "failures-address");
  snapshot_list(k, &accounts, "failures-account");
}
