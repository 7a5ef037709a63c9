#include "keys/keys_internal.h"

#include <skalibs/uint32.h>
#include <skalibs/uint64.h>

#include <openssl/crypto.h>

#include <errno.h>
#include <string.h>

#define ENTRY_MAX (5 + SCRAM_SALT_MAX + 2 * SCRAM_KEY_MAX)

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

bool
keys_get(struct keys *k, uint64_t number, enum scram_hash h, struct scram_keys *out)
{
  struct slice v;
  char key[9];

  if (!store_get(k->store, k->scram, key_of(key, number, h), &v)) return false;
  if (unpack(v, h, out)) return true;
  errno = EIO;
  return false;
}

bool
keys_has(struct keys *k, uint64_t number, enum scram_hash h)
{
  struct slice v;
  char key[9];

  return store_get(k->store, k->scram, key_of(key, number, h), &v);
}

bool
keys_has_any(struct keys *k, uint64_t number)
{
  unsigned int h = 0;

  while (h < SCRAM_HASHES && !keys_has(k, number, (enum scram_hash)h))
    h++;
  return h < SCRAM_HASHES;
}

/* ---- writing ---- */

static struct slice
host_of(struct slice bare)
{
  struct slice local;

  slice_word(&bare, '@', &local);
  return bare;
}

static bool
put_entry(struct keys *k, uint64_t number, enum scram_hash h,
          struct scram_keys const *keys)
{
  char entry[ENTRY_MAX], key[9];
  bool ok = store_put(k->store, k->scram, key_of(key, number, h),
                      slice_of(entry, pack(entry, h, keys)));

  OPENSSL_cleanse(entry, sizeof entry);
  return ok;
}

/* Put the keys, if they have iterations. had_any: the account has keys, and is counted for each hash
 * that it lacks. */
static bool
put_one(struct keys *k, struct slice bare, uint64_t number, enum scram_hash h,
        struct scram_keys const *keys, bool had_any)
{
  bool had = keys_has(k, number, h), lacked = had_any && !had;

  if (!keys->iterations)
    return had || lacked || keys_lacks_add(k, host_of(bare), h, true);
  return put_entry(k, number, h, keys) &&
         (!lacked || keys_lacks_add(k, host_of(bare), h, false));
}

static bool
give_up(struct keys *k)
{
  store_abandon(k->store);
  errno = EIO;
  return false;
}

bool
keys_put(struct keys *k, struct slice bare, uint64_t number,
         struct scram_keys const keys[SCRAM_HASHES])
{
  bool ok = keys_recount(k, host_of(bare), number, keys[KEYS_COUNTED_HASH].iterations);
  bool had_any = keys_has_any(k, number);
  unsigned int h;

  for (h = 0; ok && h < SCRAM_HASHES; h++)
    ok = put_one(k, bare, number, (enum scram_hash)h, &keys[h], had_any);
  return ok || give_up(k);
}

bool
keys_fill(struct keys *k, struct slice bare, uint64_t number,
          struct scram_keys const keys[SCRAM_HASHES])
{
  bool ok = true;
  unsigned int h;

  for (h = 0; ok && h < SCRAM_HASHES; h++) {
    if (!keys[h].iterations || keys_has(k, number, (enum scram_hash)h)) continue;
    ok = (h != KEYS_COUNTED_HASH ||
          keys_recount(k, host_of(bare), number, keys[h].iterations)) &&
         put_one(k, bare, number, (enum scram_hash)h, &keys[h], true);
  }
  return ok || give_up(k);
}

bool
keys_del(struct keys *k, struct slice bare, uint64_t number)
{
  bool had_any = keys_has_any(k, number);
  unsigned int h;
  char key[9];

  if (!keys_recount(k, host_of(bare), number, 0)) return false;
  for (h = 0; h < SCRAM_HASHES; h++) {
    if (store_del(k->store, k->scram, key_of(key, number, (enum scram_hash)h))) continue;
    if (errno != ENOENT ||
        (had_any && !keys_lacks_add(k, host_of(bare), (enum scram_hash)h, false)))
      return false;
  }
  return true;
}
