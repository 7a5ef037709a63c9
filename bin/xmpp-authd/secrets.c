#include "authd.h"

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
 *
 * An account is made here first and in DATA/accounts second, under a number that is given
 * only there: a death in between leaves keys of nobody, which the next account's replace. */

#define MAP_BYTES (8ull << 30)
#define SALT_LEN 16
#define PEPPER_LEN 32
#define ENTRY_MAX (5 + SCRAM_SALT_MAX + 2 * SCRAM_KEY_MAX)

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

bool
secrets_open(char const *data)
{
  char path[512];

  secrets.accounts = accounts_open(data, true);
  if (!secrets.accounts) return false;
  snprintf(path, sizeof path, "%s/secrets", data);
  secrets.store = store_open(path, true, true, MAP_BYTES);
  return secrets.store && store_table(secrets.store, "scram", &secrets.scram) &&
         store_table(secrets.store, "meta", &secrets.meta) && read_pepper();
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

/* Salt and keys out of the name and the pepper: nobody can tell them from chance. */
static bool
invent(struct slice bare, enum scram_hash h, struct scram_keys *k)
{
  unsigned char block[SCRAM_KEY_MAX];
  char text[JID_MAX + 2];

  if (bare.len > JID_MAX) bare.len = JID_MAX;
  memcpy(text, bare.s, bare.len);
  text[bare.len] = (char)('0' + (int)h);
  if (!scram_hmac(SCRAM_SHA512, slice_of((char const *)secrets.pepper, PEPPER_LEN),
                  slice_of(text, bare.len + 1), block))
    return false;
  memset(k, 0, sizeof *k);
  k->iterations = authd.iterations;
  k->salt_len = SALT_LEN;
  memcpy(k->salt, block, SALT_LEN);
  door_random(k->stored, sizeof k->stored);
  door_random(k->server, sizeof k->server);
  return true;
}

bool
secrets_get(struct slice bare, enum scram_hash h, struct scram_keys *k, bool *real)
{
  uint64_t n = accounts_number(secrets.accounts, bare);
  struct slice v;
  char key[9];

  *real = false;
  /* Made for everybody, so that it takes the same time for all. */
  if (!invent(bare, h, k)) return false;
  if (!n) return errno == ENOENT;
  if (!store_get(secrets.store, secrets.scram, key_of(key, n, h), &v))
    return errno == ENOENT;
  *real = unpack(v, h, k);
  return *real;
}

static bool
put_keys(uint64_t number, enum scram_hash h, struct slice prepared)
{
  struct scram_keys k = {.iterations = authd.iterations, .salt_len = SALT_LEN};
  char entry[ENTRY_MAX], key[9];
  bool ok;

  door_random(k.salt, SALT_LEN);
  ok = scram_derive(h, prepared, &k) &&
       store_put(secrets.store, secrets.scram, key_of(key, number, h),
                 slice_of(entry, pack(entry, h, &k)));
  OPENSSL_cleanse(&k, sizeof k);
  OPENSSL_cleanse(entry, sizeof entry);
  if (!ok) errno = EIO;
  return ok;
}

static bool
put_password(uint64_t number, struct slice password)
{
  struct arena a = ARENA_ZERO;
  struct slice prepared = scram_password(&a, password);
  bool ok = prepared.s != NULL;
  unsigned int h;

  for (h = 0; ok && h < SCRAM_HASHES; h++)
    ok = put_keys(number, (enum scram_hash)h, prepared);
  if (prepared.s) OPENSSL_cleanse((void *)(uintptr_t)prepared.s, prepared.len);
  arena_wipe(&a);
  return ok;
}

bool
secrets_add(struct slice bare, struct slice password)
{
  uint64_t n;

  if (accounts_number(secrets.accounts, bare)) {
    errno = EEXIST;
    return false;
  }
  n = accounts_next(secrets.accounts);
  return n && put_password(n, password) && accounts_add(secrets.accounts, bare);
}

bool
secrets_passwd(struct slice bare, struct slice password)
{
  uint64_t n = accounts_number(secrets.accounts, bare);

  return n && put_password(n, password);
}

bool
secrets_del(struct slice bare)
{
  uint64_t n = accounts_number(secrets.accounts, bare);
  char key[9];
  unsigned int h;

  if (!n || !accounts_del(secrets.accounts, bare)) return false;
  for (h = 0; h < SCRAM_HASHES; h++)
    if (!store_del(secrets.store, secrets.scram, key_of(key, n, (enum scram_hash)h)) &&
        errno != ENOENT)
      return false;
  return true;
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
