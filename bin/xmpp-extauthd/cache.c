#include "extauthd.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdlib.h>
#include <string.h>

/* Passwords that programs have found right (extauth_cache), each for some seconds from that moment. Kept is
 * an HMAC under a key that lives as long as this process, and never a no: a password that was changed
 * outside is asked for at once, and the old one stays good for these seconds. What is changed through us
 * is forgotten at once, also when an answer about the old password is still to come. */

struct known {
  struct known *older, *newer;
  char *user; /* user@host */
  uint64_t until_us;
  unsigned char mac[CACHE_MAC];
};

static struct slice
user_of(void const *item)
{
  return slice_str(((struct known const *)item)->user);
}

static struct {
  struct table by_user;
  struct known *oldest, *newest;
  size_t n;
  uint64_t changes; /* counts what was forgotten before its time */
  unsigned char key[CACHE_MAC];
  bool has_key;
} cache = {.by_user = {.key = user_of}};

static void
forget(struct known *k)
{
  table_del(&cache.by_user, slice_str(k->user));
  *(k->older ? &k->older->newer : &cache.oldest) = k->newer;
  *(k->newer ? &k->newer->older : &cache.newest) = k->older;
  cache.n--;
  free(k->user);
  OPENSSL_cleanse(k->mac, sizeof k->mac);
  free(k);
}

uint64_t
cache_changes(void)
{
  return cache.changes;
}

bool
cache_mac(struct slice password, unsigned char mac[CACHE_MAC])
{
  unsigned int len = 0;

  if (!cache.has_key) door_random(cache.key, sizeof cache.key);
  cache.has_key = true;
  return HMAC(EVP_sha256(), cache.key, sizeof cache.key,
              (unsigned char const *)password.s, password.len, mac, &len) &&
         len == CACHE_MAC;
}

bool
cache_has(char const *user, unsigned char const mac[CACHE_MAC])
{
  struct known *k = table_get(&cache.by_user, slice_str(user));

  if (k && k->until_us <= door_now()) {
    forget(k);
    return false;
  }
  return k && !CRYPTO_memcmp(k->mac, mac, CACHE_MAC);
}

void
cache_put(char const *user, unsigned char const mac[CACHE_MAC], uint64_t life_us)
{
  struct known *k = table_get(&cache.by_user, slice_str(user));

  if (k) forget(k);
  while (cache.oldest &&
         (cache.n >= EXTAUTH_CACHE_MAX || cache.oldest->until_us <= door_now()))
    forget(cache.oldest);
  k = calloc(1, sizeof *k);
  if (k) k->user = strdup(user);
  if (!k || !k->user || !table_put(&cache.by_user, k)) {
    if (k) free(k->user);
    free(k);
    return;
  }
  k->until_us = door_now() + life_us;
  memcpy(k->mac, mac, CACHE_MAC);
  k->older = cache.newest;
  *(k->older ? &k->older->newer : &cache.oldest) = k;
  cache.newest = k;
  cache.n++;
}

void
cache_forget(char const *user)
{
  struct known *k = table_get(&cache.by_user, slice_str(user));

  cache.changes++;
  if (k) forget(k);
}

void
cache_empty(void)
{
  cache.changes++;
  while (cache.oldest)
    forget(cache.oldest);
}
