#include "lacks.h"
#include "tokens.h"

#include <skalibs/uint32.h>

#include <openssl/crypto.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Environment DATA/secrets, read and written by this program alone: the keys of accounts (lib/keys),
 * the tables of tokens.c, bans.c and invited.c, and in table meta
 *          "pepper" -> 32 bytes, drawn once: what the salts of unknown names are made from
 *
 * RFC 5802 s9: a stranger cannot tell accounts from names that nobody has. Salt and iteration
 * count of such a name follow from the name and the pepper. Accounts keep the count that was
 * set when their passwords were; so a name gets one of the counts that accounts of its host
 * have, each count the share of names that it has of the accounts. As accounts move to a new
 * count so do names, and their salts change with it, as an account's does. */

#define PEPPER_LEN 32

static struct {
  struct accounts *accounts;
  struct store *store;
  struct keys keys;
  unsigned char pepper[PEPPER_LEN];
  struct scram_mac *by_pepper, *by_pepper_short; /* HMAC with SHA-512, SHA-256 */
} secrets;

static bool
read_pepper(void)
{
  struct slice v;

  if (store_get(secrets.store, secrets.keys.meta, SLICE("pepper"), &v) &&
      v.len == PEPPER_LEN) {
    memcpy(secrets.pepper, v.s, PEPPER_LEN);
    return true;
  }
  door_secret(secrets.pepper, PEPPER_LEN);
  return store_put(secrets.store, secrets.keys.meta, SLICE("pepper"),
                   slice_of((char const *)secrets.pepper, PEPPER_LEN)) &&
         store_commit(secrets.store);
}

static bool
use_pepper(void)
{
  struct slice pepper = slice_of((char const *)secrets.pepper, PEPPER_LEN);

  secrets.by_pepper = scram_mac_new(SCRAM_SHA512, pepper);
  secrets.by_pepper_short = scram_mac_new(SCRAM_SHA256, pepper);
  return secrets.by_pepper && secrets.by_pepper_short;
}

/* ---- opening ---- */

bool
secrets_open(char const *data)
{
  char path[512];

  secrets.accounts = accounts_open(data, true);
  if (!secrets.accounts) return false;
  snprintf(path, sizeof path, "%s/secrets", data);
  secrets.store = store_open(path, true, true, KEYS_MAP_BYTES);
  if (secrets.store) store_refuse_when_full(secrets.store);
  return secrets.store && keys_open(&secrets.keys, secrets.store) &&
         tokens_open(secrets.store) && read_pepper() && use_pepper() &&
         keys_count_all(&secrets.keys, secrets.accounts);
}

struct keys *
secrets_keys(void)
{
  return &secrets.keys;
}

struct store *
secrets_store(void)
{
  return secrets.store;
}

/* ---- keys ---- */

/* HMAC with the pepper of a name, and what it is for, in four bytes and one. */
static bool
from_name(struct slice bare, char what, uint32_t iterations, unsigned char *block)
{
  char text[JID_MAX + 5];

  if (bare.len > JID_MAX) bare.len = JID_MAX;
  memcpy(text, bare.s, bare.len);
  text[bare.len] = what;
  uint32_pack_big(text + bare.len + 1, iterations);
  return scram_mac(secrets.by_pepper, slice_of(text, bare.len + 5), block);
}

bool
secrets_hmac(struct slice text, unsigned char *out)
{
  return scram_mac(secrets.by_pepper_short, text, out);
}

/* Iteration count, salt and keys of a name: nobody can tell them from an account's. */
static bool
invent(struct slice host, struct slice bare, enum scram_hash h, struct scram_keys *k)
{
  unsigned char block[SCRAM_KEY_MAX];
  uint32_t place;

  memset(k, 0, sizeof *k);
  if (!from_name(bare, 'i', 0, block)) return false;
  uint32_unpack_big((char const *)block, &place);
  k->iterations = authd.iterations;
  if (!keys_choose_iterations(&secrets.keys, host, place / 4294967296.0,
                              &k->iterations) ||
      !from_name(bare, (char)('0' + (int)h), k->iterations, block))
    return false;
  k->salt_len = SCRAM_SALT;
  memcpy(k->salt, block, SCRAM_SALT);
  door_random(k->stored, sizeof k->stored);
  door_random(k->server, sizeof k->server);
  return true;
}

bool
secrets_resource(struct slice bare, struct slice agent, char out[SECRETS_RESOURCE])
{
  static char const base32[] = "abcdefghijklmnopqrstuvwxyz234567";
  struct arena a = ARENA_ZERO;
  char *text = arena_alloc(&a, bare.len + 1 + agent.len);
  unsigned char block[SCRAM_KEY_MAX];
  bool ok = text != NULL;
  unsigned int i;

  if (ok) {
    memcpy(text, bare.s, bare.len);
    text[bare.len] = '/';
    memcpy(text + bare.len + 1, agent.s, agent.len);
    ok = scram_mac(secrets.by_pepper, slice_of(text, bare.len + 1 + agent.len), block);
  }
  for (i = 0; ok && i < SECRETS_RESOURCE; i++)
    out[i] = base32[block[i] % 32];
  arena_wipe(&a);
  return ok;
}

/* Every login looks for a removal of its account, so that all take the same time. */
uint64_t
secrets_open_number(struct slice bare)
{
  uint64_t n = accounts_number(secrets.accounts, bare);
  int error = errno;

  if (accounts_due(secrets.accounts, n)) {
    errno = ENOENT;
    return 0;
  }
  if (errno != ENOENT) return 0;
  errno = error;
  return n;
}

bool
secrets_get(struct slice host, struct slice bare, enum scram_hash h, struct scram_keys *k,
            bool *real)
{
  uint64_t n = secrets_open_number(bare);
  bool failed = !n && errno != ENOENT;
  struct scram_keys there;

  *real = false;
  /* Invented, and looked for, for everybody, so that it takes the same time for all. */
  if (failed || !invent(host, bare, h, k)) return false;
  *real = keys_get(&secrets.keys, n, h, &there);
  if (!*real) return errno == ENOENT;
  *k = there;
  OPENSSL_cleanse(&there, sizeof there);
  return true;
}

/* All hashes are looked for, for everybody, so that it takes the same time for all. */
bool
secrets_get_any(struct slice host, struct slice bare, enum scram_hash *h,
                struct scram_keys *k, bool *real)
{
  uint64_t n = secrets_open_number(bare);
  struct scram_keys there;
  unsigned int i;

  *h = SCRAM_SHA256;
  if (!secrets_get(host, bare, *h, k, real)) return false;
  for (i = 0; i < SCRAM_HASHES; i++) {
    enum scram_hash other = (enum scram_hash)i;
    if (other == SCRAM_SHA256 || !keys_get(&secrets.keys, n, other, &there) || *real)
      continue;
    *h = other;
    *k = there;
    *real = true;
  }
  OPENSSL_cleanse(&there, sizeof there);
  return true;
}

bool
secrets_has_keys(uint64_t number)
{
  return keys_has_any(&secrets.keys, number);
}

bool
secrets_is_free(struct slice bare)
{
  if (bare.len > ACCOUNTS_JID_MAX) {
    errno = ENAMETOOLONG;
    return false;
  }
  if (accounts_number(secrets.accounts, bare)) errno = EEXIST;
  if (errno != ENOENT) return false;
  if (accounts_taken(secrets.accounts, bare)) errno = EBUSY;
  return errno == ENOENT;
}

bool
secrets_add_keys(struct slice bare, struct scram_keys const k[SCRAM_HASHES])
{
  uint64_t n;

  if (!secrets_is_free(bare)) return false;
  n = accounts_next(secrets.accounts);
  if (!n || !keys_put(&secrets.keys, bare, n, k)) return false;
  if (accounts_add(secrets.accounts, bare)) return true;
  store_abandon(secrets.store); /* no keys stay behind under the next number */
  return false;
}

bool
secrets_is_there(struct slice bare)
{
  return accounts_number(secrets.accounts, bare) != 0;
}

bool
secrets_new_keys(struct slice bare, struct scram_keys const k[SCRAM_HASHES])
{
  uint64_t n = accounts_number(secrets.accounts, bare);

  if (!n || !keys_put(&secrets.keys, bare, n, k)) return false;
  if (tokens_end(n)) return true;
  store_abandon(secrets.store); /* an old token is not to live longer than the password */
  errno = EIO;
  return false;
}

bool
secrets_lacks(struct slice bare, enum scram_hash h)
{
  uint64_t n = accounts_number(secrets.accounts, bare);

  return n && secrets_has_keys(n) && !keys_has(&secrets.keys, n, h);
}

bool
secrets_are_still(uint64_t number, enum scram_hash h, struct scram_keys const *k)
{
  struct scram_keys now;
  bool same = keys_get(&secrets.keys, number, h, &now) &&
              !memcmp(now.stored, k->stored, scram_hash_len(h));

  OPENSSL_cleanse(&now, sizeof now);
  return same;
}

bool
secrets_fill(struct slice bare, enum scram_hash proven, struct scram_keys const *keys,
             struct scram_keys const k[SCRAM_HASHES])
{
  uint64_t n = accounts_number(secrets.accounts, bare);

  return !n || !secrets_are_still(n, proven, keys) ||
         keys_fill(&secrets.keys, bare, n, k);
}

static bool added_outside; /* in this turn */

bool
secrets_added_outside(void)
{
  bool was = added_outside;

  added_outside = false;
  return was;
}

bool
secrets_add_outside(struct slice bare)
{
  if (secrets_number(bare)) return secrets_open_number(bare) != 0;
  added_outside = true;
  return accounts_add(secrets.accounts, bare);
}

bool
secrets_del(struct slice bare)
{
  uint64_t n = accounts_number(secrets.accounts, bare);
  bool ok = n && store_erase_begin(secrets.store) &&
            accounts_del(secrets.accounts, bare) && keys_del(&secrets.keys, bare, n) &&
            tokens_erase(n);

  store_erase_end(secrets.store);
  return ok;
}

bool
secrets_ending(uint64_t *number, struct slice *bare, struct slice *erased)
{
  return accounts_ending(secrets.accounts, number, bare, erased);
}

bool
secrets_erased(uint64_t number, struct slice store, struct slice all)
{
  return accounts_erased(secrets.accounts, number, store, all);
}

uint64_t
secrets_taken(struct slice bare)
{
  return accounts_taken(secrets.accounts, bare);
}

uint64_t
secrets_number(struct slice bare)
{
  return accounts_number(secrets.accounts, bare);
}

bool
secrets_jid(uint64_t number, struct slice *bare)
{
  return accounts_jid(secrets.accounts, number, bare);
}

bool
secrets_remove(struct slice bare, uint64_t due_us)
{
  return accounts_remove(secrets.accounts, bare, due_us);
}

bool
secrets_restore(struct slice bare)
{
  return accounts_restore(secrets.accounts, bare);
}

uint64_t
secrets_due(uint64_t number)
{
  return accounts_due(secrets.accounts, number);
}

bool
secrets_next_due(uint64_t *due_us, uint64_t *number, struct slice *bare)
{
  return accounts_next_due(secrets.accounts, due_us, number, bare);
}

uint64_t
secrets_count(void)
{
  return accounts_count(secrets.accounts);
}

bool
secrets_each(accounts_fn *fn, void *cookie)
{
  return accounts_each(secrets.accounts, fn, cookie);
}

bool
secrets_commit(void)
{
  bool kept = store_commit(secrets.store);

  if (!kept) accounts_abandon(secrets.accounts); /* no name without its keys */
  return accounts_commit(secrets.accounts) && kept;
}
