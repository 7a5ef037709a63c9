#include "load.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SASL from the client's side: PLAIN and the SCRAMs, without channel binding. */

struct scram_client {
  enum scram_hash hash;
  char nonce[24];
  char first_bare[256];
};

static EVP_MD const *
md_of(enum scram_hash h)
{
  if (h == SCRAM_SHA1) return EVP_sha1();
  return h == SCRAM_SHA256 ? EVP_sha256() : EVP_sha512();
}

static bool
put_base64(stralloc *out, void const *s, size_t len)
{
  struct arena a = ARENA_ZERO;
  struct slice b64 = scram_encode(&a, slice_of(s, len));
  bool ok = b64.s && stralloc_catb(out, b64.s, b64.len);

  arena_wipe(&a);
  return ok;
}

bool
login_first(struct client *c, stralloc *out)
{
  char text[512];
  unsigned int h;
  int n;

  if (!strcmp(opt.mechanism, "PLAIN")) {
    n = snprintf(text, sizeof text, "%c%s%llu%c%s", 0, opt.user, (unsigned long long)c->n,
                 0, opt.password);
    return put_base64(out, text, (size_t)n);
  }
  c->scram = calloc(1, sizeof *c->scram);
  if (!c->scram) return false;
  for (h = 0; h < SCRAM_HASHES; h++)
    if (!strcmp(opt.mechanism + 6, scram_hash_name((enum scram_hash)h)))
      c->scram->hash = (enum scram_hash)h;
  door_random_id(c->scram->nonce, sizeof c->scram->nonce - 1);
  snprintf(c->scram->first_bare, sizeof c->scram->first_bare, "n=%s%llu,r=%s", opt.user,
           (unsigned long long)c->n, c->scram->nonce);
  n = snprintf(text, sizeof text, "n,,%s", c->scram->first_bare);
  return put_base64(out, text, (size_t)n);
}

/* The value of attribute letter in a server's message. */
static struct slice
attr_of(struct slice message, char letter)
{
  struct slice word;

  while (slice_word(&message, ',', &word))
    if (word.len > 2 && word.s[0] == letter && word.s[1] == '=')
      return slice_of(word.s + 2, word.len - 2);
  return SLICE("");
}

/* Salting takes most of a login's time here; all users have the same password, but each a
 * salt of its own. */
static bool
prove(struct scram_client *x, struct slice server_first, struct slice salt, uint64_t i,
      char const *without, unsigned char proof[SCRAM_KEY_MAX])
{
  unsigned char salted[SCRAM_KEY_MAX], key[SCRAM_KEY_MAX], stored[SCRAM_KEY_MAX],
    sig[SCRAM_KEY_MAX];
  EVP_MD const *md = md_of(x->hash);
  int len = (int)scram_hash_len(x->hash), n, k;
  char all[2048];

  n = snprintf(all, sizeof all, "%s,%.*s,%s", x->first_bare, (int)server_first.len,
               server_first.s, without);
  if (!PKCS5_PBKDF2_HMAC(opt.password, (int)strlen(opt.password),
                         (unsigned char const *)salt.s, (int)salt.len, (int)i, md, len,
                         salted) ||
      !HMAC(md, salted, len, (unsigned char const *)"Client Key", 10, key, NULL) ||
      !EVP_Digest(key, (size_t)len, stored, NULL, md, NULL) ||
      !HMAC(md, stored, len, (unsigned char const *)all, (size_t)n, sig, NULL))
    return false;
  for (k = 0; k < len; k++)
    proof[k] = key[k] ^ sig[k];
  return true;
}

bool
login_challenge(struct client *c, struct slice base64, stralloc *out)
{
  struct arena a = ARENA_ZERO;
  struct slice message = scram_decode(&a, base64), salt, b64;
  unsigned char proof[SCRAM_KEY_MAX];
  char without[512], final[1024];
  uint64_t i;
  bool ok = false;
  int n;

  if (!c->scram || !message.s) goto done;
  salt = scram_decode(&a, attr_of(message, 's'));
  if (!salt.s || !slice_u64(attr_of(message, 'i'), &i)) goto done;
  snprintf(without, sizeof without, "c=biws,r=%.*s", (int)attr_of(message, 'r').len,
           attr_of(message, 'r').s);
  if (!prove(c->scram, message, salt, i, without, proof)) goto done;
  b64 = scram_encode(&a, slice_of((char const *)proof, scram_hash_len(c->scram->hash)));
  if (!b64.s) goto done;
  n = snprintf(final, sizeof final, "%s,p=%.*s", without, (int)b64.len, b64.s);
  ok = put_base64(out, final, (size_t)n);
done:
  arena_wipe(&a);
  return ok;
}

void
login_forget(struct client *c)
{
  free(c->scram);
  c->scram = NULL;
}
