#include "lacks.h"
#include "tokens.h"

#include <skalibs/uint32.h>
#include <skalibs/uint64.h>

#include <openssl/crypto.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Environment DATA/secrets, read and written by this program alone; tables
 *   scram  account number, 8 bytes big-endian; hash, 1 byte (enum scram_hash)
 *          -> iterations, 4 bytes big-endian; salt length, 1 byte; salt; StoredKey; ServerKey
 *   meta   "pepper" -> 32 bytes, drawn once: what the salts of unknown names are made from
 *          "iterations ", host, NUL, iterations, 4 bytes big-endian -> how many accounts of
 *          the host have keys with so many, 8 bytes big-endian; xmpp-ctl host rename knows this key
 *          "counted" -> nothing: the store has such entries for all accounts
 *
 * An account is made here first and in DATA/accounts second, under a number that is given
 * only there: a death in between leaves keys of nobody, which the next account's replace.
 *
 * RFC 5802 s9: a stranger cannot tell accounts from names that nobody has. Salt and iteration
 * count of such a name follow from the name and the pepper. Accounts keep the count that was
 * set when their passwords were; so a name gets one of the counts that accounts of its host
 * have, each count the share of names that it has of the accounts. As accounts move to a new
 * count so do names, and their salts change with it, as an account's does. */

#define MAP_BYTES (8ull << 30)
#define PEPPER_LEN 32
#define ENTRY_MAX (5 + SCRAM_SALT_MAX + 2 * SCRAM_KEY_MAX)
/* Every account has keys for this hash, so it is the one that is counted. */
#define COUNTED_HASH SCRAM_SHA256
/* Iteration counts of one host that names are shared among; a host has had fewer. */
#define COUNTS_MAX 32
#define COUNT_HOST_MAX 255
#define COUNT_KEY_MAX (11 + COUNT_HOST_MAX + 1 + 4)

static struct {
  struct accounts *accounts;
  struct store *store;
  MDB_dbi scram, meta;
  unsigned char pepper[PEPPER_LEN];
} secrets;

static bool
read_pepper(void)
{
  struct slice v;

  if (store_get(secrets.store, secrets.meta, SLICE("pepper"), &v) &&
      v.len == PEPPER_LEN) {
    memcpy(secrets.pepper, v.s, PEPPER_LEN);
    return true;
  }
  door_random(secrets.pepper, PEPPER_LEN);
  return store_put(secrets.store, secrets.meta, SLICE("pepper"),
                   slice_of((char const *)secrets.pepper, PEPPER_LEN)) &&
         store_commit(secrets.store);
}

static struct slice
key_of(char buf[9], uint64_t number, enum scram_hash h)
{
  uint64_pack_big(buf, number);
  buf[8] = (char)h;
  return slice_of(buf, 9);
}

static bool
unpack(struct slice v, enum scram_hash h, struct scram_keys *k)
{
  size_t len = scram_hash_len(h);

  if (v.len < 5) return false;
  uint32_unpack_big(v.s, &k->iterations);
  k->salt_len = (unsigned char)v.s[4];
  if (k->salt_len > SCRAM_SALT_MAX || v.len != 5 + k->salt_len + 2 * len) return false;
  memcpy(k->salt, v.s + 5, k->salt_len);
  memcpy(k->stored, v.s + 5 + k->salt_len, len);
  memcpy(k->server, v.s + 5 + k->salt_len + len, len);
  return true;
}

static size_t
pack(char buf[ENTRY_MAX], enum scram_hash h, struct scram_keys const *k)
{
  size_t len = scram_hash_len(h);

  uint32_pack_big(buf, k->iterations);
  buf[4] = (char)k->salt_len;
  memcpy(buf + 5, k->salt, k->salt_len);
  memcpy(buf + 5 + k->salt_len, k->stored, len);
  memcpy(buf + 5 + k->salt_len + len, k->server, len);
  return 5 + k->salt_len + 2 * len;
}

/* ---- how many accounts have which iteration count ---- */

static struct slice
host_of(struct slice bare)
{
  struct slice local;

  slice_word(&bare, '@', &local);
  return bare;
}

/* The key of a count, or without its last four bytes what the keys of a host begin with. */
static struct slice
count_key(char buf[COUNT_KEY_MAX], struct slice host, uint32_t iterations)
{
  int len = host.len < COUNT_HOST_MAX ? (int)host.len : COUNT_HOST_MAX;
  size_t n = (size_t)snprintf(buf, COUNT_KEY_MAX, "iterations %.*s", len, host.s) + 1;

  uint32_pack_big(buf + n, iterations);
  return slice_of(buf, n + 4);
}

static bool
count_add(struct slice host, uint32_t iterations, uint64_t more, uint64_t less)
{
  char key[COUNT_KEY_MAX], packed[8];
  struct slice k = count_key(key, host, iterations), v;
  uint64_t n = 0;

  if (store_get(secrets.store, secrets.meta, k, &v)) {
    if (v.len == 8) uint64_unpack_big(v.s, &n);
  } else if (errno != ENOENT)
    return false;
  n += more;
  n -= less < n ? less : n;
  if (!n) return store_del(secrets.store, secrets.meta, k) || errno == ENOENT;
  uint64_pack_big(packed, n);
  return store_put(secrets.store, secrets.meta, k, slice_of(packed, 8));
}

struct counts {
  struct slice prefix; /* of the keys of the host */
  uint32_t iterations[COUNTS_MAX];
  uint64_t accounts[COUNTS_MAX];
  uint64_t total;
  size_t n;
};

static bool
take_count(void *cookie, struct slice key, struct slice value)
{
  struct counts *c = cookie;

  if (c->n == COUNTS_MAX || key.len != c->prefix.len + 4 || value.len != 8 ||
      memcmp(key.s, c->prefix.s, c->prefix.len) != 0)
    return false;
  uint32_unpack_big(key.s + c->prefix.len, &c->iterations[c->n]);
  uint64_unpack_big(value.s, &c->accounts[c->n]);
  c->total += c->accounts[c->n++];
  return true;
}

/* The iteration count of a name whose place among all names of its host is 0 <= place < 1. In
 * the order of the counts, so that a name whose share shrinks moves to the next. */
static bool
choose_iterations(struct slice host, double place, uint32_t *iterations)
{
  char key[COUNT_KEY_MAX];
  struct counts c = {.prefix = count_key(key, host, 0)};
  uint64_t before = 0;
  size_t i;

  c.prefix.len -= 4;
  *iterations = authd.iterations;
  if (!store_each(secrets.store, secrets.meta, c.prefix, take_count, &c)) return false;
  for (i = 0; i < c.n; i++) {
    *iterations = c.iterations[i];
    before += c.accounts[i];
    if (place * (double)c.total < (double)before) break;
  }
  return true;
}

/* The entry of a number is about to be replaced by one with so many iterations; 0: to go. */
static bool
recount(struct slice host, uint64_t number, uint32_t iterations)
{
  struct scram_keys old;
  struct slice v;
  char key[9];
  bool was =
    store_get(secrets.store, secrets.scram, key_of(key, number, COUNTED_HASH), &v);

  if (!was && errno != ENOENT) return false;
  was = was && unpack(v, COUNTED_HASH, &old);
  if (was && old.iterations == iterations) return true;
  if (was && !count_add(host, old.iterations, 0, 1)) return false;
  return !iterations || count_add(host, iterations, 1, 0);
}

static bool
count_one(void *cookie, struct slice bare, uint64_t number)
{
  struct scram_keys k;
  struct slice v;
  char key[9];
  bool *ok = cookie;

  if (store_get(secrets.store, secrets.scram, key_of(key, number, COUNTED_HASH), &v) &&
      unpack(v, COUNTED_HASH, &k))
    *ok = count_add(host_of(bare), k.iterations, 1, 0);
  return *ok;
}

/* Once in the life of a store: those that were made before there were counts have none. */
static bool
count_all(void)
{
  struct slice v;
  bool ok = true;

  if (store_get(secrets.store, secrets.meta, SLICE("counted"), &v)) return true;
  return errno == ENOENT && accounts_each(secrets.accounts, count_one, &ok) && ok &&
         store_put(secrets.store, secrets.meta, SLICE("counted"), SLICE("")) &&
         store_commit(secrets.store);
}

/* ---- opening ---- */

bool
secrets_open(char const *data)
{
  char path[512];

  secrets.accounts = accounts_open(data, true);
  if (!secrets.accounts) return false;
  snprintf(path, sizeof path, "%s/secrets", data);
  secrets.store = store_open(path, true, true, MAP_BYTES);
  if (secrets.store) store_refuse_when_full(secrets.store);
  return secrets.store && store_table(secrets.store, "scram", &secrets.scram) &&
         store_table(secrets.store, "meta", &secrets.meta) &&
         tokens_open(secrets.store) && lacks_open(secrets.store) && read_pepper() &&
         count_all();
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
  return scram_hmac(SCRAM_SHA512, slice_of((char const *)secrets.pepper, PEPPER_LEN),
                    slice_of(text, bare.len + 5), block);
}

bool
secrets_hmac(struct slice text, unsigned char *out)
{
  return scram_hmac(SCRAM_SHA256, slice_of((char const *)secrets.pepper, PEPPER_LEN),
                    text, out);
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
  if (!choose_iterations(host, place / 4294967296.0, &k->iterations) ||
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
    ok = scram_hmac(SCRAM_SHA512, slice_of((char const *)secrets.pepper, PEPPER_LEN),
                    slice_of(text, bare.len + 1 + agent.len), block);
  }
  for (i = 0; ok && i < SECRETS_RESOURCE; i++)
    out[i] = base32[block[i] % 32];
  arena_wipe(&a);
  return ok;
}

bool
secrets_get(struct slice host, struct slice bare, enum scram_hash h, struct scram_keys *k,
            bool *real)
{
  uint64_t n = accounts_number(secrets.accounts, bare);
  bool failed = !n && errno != ENOENT;
  struct slice v;
  char key[9];

  *real = false;
  /* Invented, and looked for, for everybody, so that it takes the same time for all. */
  if (failed || !invent(host, bare, h, k)) return false;
  if (!store_get(secrets.store, secrets.scram, key_of(key, n, h), &v))
    return errno == ENOENT;
  *real = unpack(v, h, k);
  return *real;
}

/* All hashes are looked for, for everybody, so that it takes the same time for all. */
bool
secrets_get_any(struct slice host, struct slice bare, enum scram_hash *h,
                struct scram_keys *k, bool *real)
{
  uint64_t n = accounts_number(secrets.accounts, bare);
  struct slice v;
  unsigned int i;
  char key[9];

  *h = SCRAM_SHA256;
  if (!secrets_get(host, bare, *h, k, real)) return false;
  for (i = 0; i < SCRAM_HASHES; i++) {
    enum scram_hash other = (enum scram_hash)i;
    if (other == SCRAM_SHA256 ||
        !store_get(secrets.store, secrets.scram, key_of(key, n, other), &v) || *real)
      continue;
    *h = other;
    *real = unpack(v, other, k);
  }
  return true;
}

static bool
put_keys(uint64_t number, enum scram_hash h, struct scram_keys const *k)
{
  char entry[ENTRY_MAX], key[9];
  bool ok = store_put(secrets.store, secrets.scram, key_of(key, number, h),
                      slice_of(entry, pack(entry, h, k)));

  OPENSSL_cleanse(entry, sizeof entry);
  return ok;
}

static bool
has_keys(uint64_t number, enum scram_hash h)
{
  struct slice v;
  char key[9];

  return store_get(secrets.store, secrets.scram, key_of(key, number, h), &v);
}

bool
secrets_has_keys(uint64_t number)
{
  unsigned int h = 0;

  while (h < SCRAM_HASHES && !has_keys(number, (enum scram_hash)h))
    h++;
  return h < SCRAM_HASHES;
}

/* Put the keys k, if they have iterations. had_any: the account has keys, and is counted for each hash
 * that it lacks (lacks.c). */
static bool
put_one(struct slice bare, uint64_t number, enum scram_hash h, struct scram_keys const *k,
        bool had_any)
{
  bool had = has_keys(number, h), lacked = had_any && !had;

  if (!k->iterations) return had || lacked || lacks_add(host_of(bare), h, true);
  return put_keys(number, h, k) && (!lacked || lacks_add(host_of(bare), h, false));
}

/* Keys for some hashes and not for others would be two passwords: then the turn is given up. */
static bool
put_all(struct slice bare, uint64_t number, struct scram_keys const k[SCRAM_HASHES])
{
  bool ok = recount(host_of(bare), number, k[COUNTED_HASH].iterations);
  bool had_any = secrets_has_keys(number);
  unsigned int h;

  for (h = 0; ok && h < SCRAM_HASHES; h++)
    ok = put_one(bare, number, (enum scram_hash)h, &k[h], had_any);
  if (ok) return true;
  store_abandon(secrets.store);
  errno = EIO;
  return false;
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
  if (!n || !put_all(bare, n, k)) return false;
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

  if (!n || !put_all(bare, n, k)) return false;
  if (tokens_end(n)) return true;
  store_abandon(secrets.store); /* an old token is not to live longer than the password */
  errno = EIO;
  return false;
}

bool
secrets_lacks(struct slice bare, enum scram_hash h)
{
  uint64_t n = accounts_number(secrets.accounts, bare);

  return n && secrets_has_keys(n) && !has_keys(n, h);
}

/* Say whether the keys of the account for a hash are these. */
static bool
are_still(uint64_t number, enum scram_hash h, struct scram_keys const *k)
{
  struct scram_keys now;
  struct slice v;
  char key[9];

  return store_get(secrets.store, secrets.scram, key_of(key, number, h), &v) &&
         unpack(v, h, &now) && !memcmp(now.stored, k->stored, scram_hash_len(h));
}

bool
secrets_fill(struct slice bare, enum scram_hash proven, struct scram_keys const *keys,
             struct scram_keys const k[SCRAM_HASHES])
{
  uint64_t n = accounts_number(secrets.accounts, bare);
  bool ok = true;
  unsigned int h;

  if (!n || !are_still(n, proven, keys)) return true;
  for (h = 0; ok && h < SCRAM_HASHES; h++) {
    if (!k[h].iterations || has_keys(n, (enum scram_hash)h)) continue;
    ok = (h != COUNTED_HASH || recount(host_of(bare), n, k[h].iterations)) &&
         put_one(bare, n, (enum scram_hash)h, &k[h], true);
  }
  if (ok) return true;
  store_abandon(secrets.store);
  errno = EIO;
  return false;
}

bool
secrets_add_outside(struct slice bare)
{
  if (secrets_number(bare)) return true;
  return accounts_add(secrets.accounts, bare);
}

bool
secrets_del(struct slice bare)
{
  uint64_t n = accounts_number(secrets.accounts, bare);
  char key[9];
  unsigned int h;
  bool had_any;

  if (!n || !accounts_del(secrets.accounts, bare) || !recount(host_of(bare), n, 0))
    return false;
  had_any = secrets_has_keys(n);
  for (h = 0; h < SCRAM_HASHES; h++) {
    if (store_del(secrets.store, secrets.scram, key_of(key, n, (enum scram_hash)h)))
      continue;
    if (errno != ENOENT ||
        (had_any && !lacks_add(host_of(bare), (enum scram_hash)h, false)))
      return false;
  }
  return tokens_erase(n);
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

  return accounts_commit(secrets.accounts) && kept;
}
