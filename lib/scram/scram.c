#include "scram/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <stringprep.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
  char const *name;
  size_t len;
  char const *openssl;
} const hashes[SCRAM_HASHES] = {
  [SCRAM_SHA1] = {"SHA-1",   20, "SHA1"    },
  [SCRAM_SHA256] = {"SHA-256", 32, "SHA2-256"},
  [SCRAM_SHA512] = {"SHA-512", 64, "SHA2-512"},
};

char const *
scram_hash_name(enum scram_hash h)
{
  return hashes[h].name;
}

size_t
scram_hash_len(enum scram_hash h)
{
  return hashes[h].len;
}

/* OpenSSL 3 looks an algorithm up by its name whenever one is used that was not fetched: a
 * login would do that five times, so each is fetched once. NULL: OpenSSL failed. */
static EVP_MD const *
md_of(enum scram_hash h)
{
  static EVP_MD *fetched[SCRAM_HASHES];

  if (!fetched[h]) fetched[h] = EVP_MD_fetch(NULL, hashes[h].openssl, NULL);
  return fetched[h];
}

/* HMAC with this hash and no key: what is copied for each use. NULL: OpenSSL failed. */
static EVP_MAC_CTX *
hmac_of(enum scram_hash h)
{
  static EVP_MAC_CTX *made[SCRAM_HASHES];
  OSSL_PARAM params[] = {
    OSSL_PARAM_construct_utf8_string("digest", (char *)(uintptr_t)hashes[h].openssl, 0),
    OSSL_PARAM_construct_end()};
  EVP_MAC *mac;

  if (made[h]) return made[h];
  mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
  made[h] = mac ? EVP_MAC_CTX_new(mac) : NULL;
  EVP_MAC_free(mac);
  if (made[h] && !EVP_MAC_CTX_set_params(made[h], params)) {
    EVP_MAC_CTX_free(made[h]);
    made[h] = NULL;
  }
  return made[h];
}

/* HMAC of text by a copy of this one, which has its key already, or gets this one. The copy goes at
 * once, and what the key left in it is wiped with it. */
static bool
by_copy(EVP_MAC_CTX *of, struct slice key, struct slice text, size_t room,
        unsigned char *out)
{
  EVP_MAC_CTX *c = of ? EVP_MAC_CTX_dup(of) : NULL;
  size_t len;
  bool ok =
    c && (!key.s || EVP_MAC_init(c, (unsigned char const *)key.s, key.len, NULL) == 1) &&
    EVP_MAC_update(c, (unsigned char const *)text.s, text.len) == 1 &&
    EVP_MAC_final(c, out, &len, room) == 1;

  EVP_MAC_CTX_free(c);
  return ok;
}

bool
scram_hmac(enum scram_hash h, struct slice key, struct slice text, unsigned char *out)
{
  return by_copy(hmac_of(h), key, text, hashes[h].len, out);
}

struct scram_mac {
  EVP_MAC_CTX *keyed;
  size_t len;
};

struct scram_mac *
scram_mac_new(enum scram_hash h, struct slice key)
{
  EVP_MAC_CTX *of = hmac_of(h);
  struct scram_mac *m = of ? calloc(1, sizeof *m) : NULL;

  if (!m) return NULL;
  m->len = hashes[h].len;
  m->keyed = EVP_MAC_CTX_dup(of);
  if (m->keyed &&
      EVP_MAC_init(m->keyed, (unsigned char const *)key.s, key.len, NULL) == 1)
    return m;
  EVP_MAC_CTX_free(m->keyed);
  free(m);
  return NULL;
}

bool
scram_mac(struct scram_mac const *m, struct slice text, unsigned char *out)
{
  return by_copy(m->keyed, (struct slice){NULL, 0}, text, m->len, out);
}

static bool
hmac(enum scram_hash h, unsigned char const *key, struct slice text, unsigned char *out)
{
  return scram_hmac(h, slice_of((char const *)key, hashes[h].len), text, out);
}

bool
scram_digest(enum scram_hash h, struct slice text, unsigned char *out)
{
  EVP_MD const *md = md_of(h);

  return md && EVP_Digest(text.s ? text.s : "", text.len, out, NULL, md, NULL) == 1;
}

static bool
digest(enum scram_hash h, unsigned char const *in, unsigned char *out)
{
  return scram_digest(h, slice_of((char const *)in, hashes[h].len), out);
}

/* ---- keys ---- */

/* No character becomes more than eleven times as long (U+FDFA). stringprep_profile would begin
 * with a small buffer, and again with one that is 50 bytes longer, until the text fits. */
struct slice
scram_password(struct arena *a, struct slice password)
{
  char buf[12 * SCRAM_PASSWORD_MAX + 1];
  struct slice copy = {NULL, 0};

  errno = EINVAL;
  if (!password.len || password.len > SCRAM_PASSWORD_MAX) return copy;
  if (memchr(password.s, 0, password.len)) return copy;
  memcpy(buf, password.s, password.len);
  buf[password.len] = 0;
  if (stringprep(buf, sizeof buf, 0, stringprep_saslprep) == STRINGPREP_OK && *buf) {
    copy = arena_copy(a, slice_str(buf));
    if (!copy.s) errno = ENOMEM;
  } else
    errno = EINVAL;
  OPENSSL_cleanse(buf, sizeof buf);
  return copy;
}

bool
scram_is_void(struct slice password)
{
  char buf[12 * SCRAM_PASSWORD_MAX + 1];
  bool is_void;

  if (password.len > SCRAM_PASSWORD_MAX || memchr(password.s, 0, password.len))
    return false;
  memcpy(buf, password.s, password.len);
  buf[password.len] = 0;
  is_void = stringprep(buf, sizeof buf, 0, stringprep_saslprep) == STRINGPREP_OK && !*buf;
  OPENSSL_cleanse(buf, sizeof buf);
  return is_void;
}

/* s3: SaltedPassword := Hi(password, salt, i); ClientKey := HMAC(SaltedPassword, "Client
 * Key"); StoredKey := H(ClientKey); ServerKey := HMAC(SaltedPassword, "Server Key"). */
bool
scram_from_salted(enum scram_hash h, unsigned char const *salted, struct scram_keys *k)
{
  unsigned char client[SCRAM_KEY_MAX];
  bool ok = hmac(h, salted, SLICE("Client Key"), client) &&
            digest(h, client, k->stored) &&
            hmac(h, salted, SLICE("Server Key"), k->server);

  OPENSSL_cleanse(client, sizeof client);
  return ok;
}

bool
scram_derive(enum scram_hash h, struct slice password, struct scram_keys *k)
{
  unsigned char salted[SCRAM_KEY_MAX];
  EVP_MD const *md = md_of(h);
  bool ok = md &&
            PKCS5_PBKDF2_HMAC(password.s, (int)password.len, k->salt, (int)k->salt_len,
                              (int)k->iterations, md, (int)hashes[h].len, salted) == 1 &&
            scram_from_salted(h, salted, k);

  OPENSSL_cleanse(salted, sizeof salted);
  return ok;
}

bool
scram_matches(enum scram_hash h, struct slice password, struct scram_keys const *k)
{
  struct scram_keys own = {.iterations = k->iterations, .salt_len = k->salt_len};
  bool same;

  memcpy(own.salt, k->salt, k->salt_len);
  same = scram_derive(h, password, &own) &&
         !CRYPTO_memcmp(own.stored, k->stored, hashes[h].len);
  OPENSSL_cleanse(&own, sizeof own);
  return same;
}

/* ---- base64 ---- */

struct slice
scram_encode(struct arena *a, struct slice bytes)
{
  char *out = arena_alloc(a, 4 * ((bytes.len + 2) / 3) + 1);
  int n;

  if (!out) return (struct slice){NULL, 0};
  n =
    EVP_EncodeBlock((unsigned char *)out, (unsigned char const *)bytes.s, (int)bytes.len);
  return slice_of(out, (size_t)n);
}

/* EVP_DecodeBlock takes blanks and gives zeros for padding; both are settled here. */
struct slice
scram_decode(struct arena *a, struct slice text)
{
  size_t pad = 0, i;
  char *out;
  int n;

  errno = EINVAL;
  if (text.len % 4) goto none;
  while (pad < 2 && pad < text.len && text.s[text.len - 1 - pad] == '=')
    pad++;
  for (i = 0; i < text.len - pad; i++) {
    unsigned char c = (unsigned char)text.s[i];
    if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
          c == '+' || c == '/'))
      goto none;
  }
  out = arena_alloc(a, 3 * (text.len / 4) + 1);
  if (!out) {
    errno = ENOMEM;
    goto none;
  }
  n = text.len ? EVP_DecodeBlock((unsigned char *)out, (unsigned char const *)text.s,
                                 (int)text.len)
               : 0;
  if (n < 0) goto none;
  out[(size_t)n - pad] = 0;
  return slice_of(out, (size_t)n - pad);
none:
  return (struct slice){NULL, 0};
}

/* ---- messages (s5.1, s7) ---- */

/* The attribute that text begins with: letter = value, up to a comma, which is dropped.
 */
static bool
take_attr(struct slice *text, char letter, struct slice *value)
{
  if (text->len < 2 || text->s[0] != letter || text->s[1] != '=') return false;
  *text = slice_of(text->s + 2, text->len - 2);
  if (!slice_word(text, ',', value)) *value = slice_of(text->s, 0);
  return true;
}

/* saslname: "=2C" is a comma, "=3D" an equals sign, no other "=" is there (s5.1). */
static bool
unescape_name(struct arena *a, struct slice in, struct slice *out)
{
  char *s = arena_alloc(a, in.len + 1);
  size_t i, n = 0;

  if (!s) return false;
  for (i = 0; i < in.len; i++) {
    if (in.s[i] != '=') {
      s[n++] = in.s[i];
    } else if (in.len - i >= 3 && !memcmp(in.s + i, "=2C", 3)) {
      s[n++] = ',';
      i += 2;
    } else if (in.len - i >= 3 && !memcmp(in.s + i, "=3D", 3)) {
      s[n++] = '=';
      i += 2;
    } else
      return false;
  }
  s[n] = 0;
  *out = slice_of(s, n);
  return true;
}

static bool
nonce_holds(struct slice n)
{
  size_t i;

  for (i = 0; i < n.len; i++)
    if (n.s[i] < 0x21 || n.s[i] > 0x7e || n.s[i] == ',') return false;
  return n.len && n.len <= SCRAM_NONCE_MAX;
}

/* gs2-header: n, y or p=type; an authzid or nothing. */
static enum scram_result
take_gs2(struct scram *x, struct slice *text)
{
  char const *start = text->s;
  struct slice flag, authzid;

  if (!slice_word(text, ',', &flag)) return SCRAM_MALFORMED;
  if (slice_starts(flag, "p=") && flag.len > 2) {
    if (!x->plus) return SCRAM_MALFORMED;
    x->binding_type = slice_of(flag.s + 2, flag.len - 2);
  } else if (slice_is(flag, "y")) {
    /* The client could, and thinks that we cannot: somebody in between has cut our offer.
     */
    if (x->plus || x->plus_offered) return SCRAM_UNBOUND;
  } else if (!slice_is(flag, "n") || x->plus)
    return SCRAM_MALFORMED;
  if (text->len && text->s[0] == 'a') {
    if (!take_attr(text, 'a', &authzid) ||
        !unescape_name(&x->arena, authzid, &x->authzid))
      return SCRAM_MALFORMED;
  } else if (!slice_word(text, ',', &authzid) || authzid.len)
    return SCRAM_MALFORMED;
  x->gs2 = slice_of(start, (size_t)(text->s - start));
  return SCRAM_OK;
}

enum scram_result
scram_client_first(struct scram *x, struct slice message)
{
  struct slice text, name, nonce;
  enum scram_result rc;
  char *both;

  if (!message.len || message.len > SCRAM_MESSAGE_MAX ||
      memchr(message.s, 0, message.len))
    return SCRAM_MALFORMED;
  text = arena_copy(&x->arena, message);
  if (!text.s) return SCRAM_NO_MEMORY;
  rc = take_gs2(x, &text);
  if (rc) return rc;
  x->first_bare = text;
  if (text.len && text.s[0] == 'm') return SCRAM_MALFORMED; /* extensions: we know none */
  if (!take_attr(&text, 'n', &name) || !unescape_name(&x->arena, name, &x->user) ||
      !x->user.len || !take_attr(&text, 'r', &nonce) || !nonce_holds(nonce))
    return SCRAM_MALFORMED;
  both = arena_alloc(&x->arena, nonce.len + x->nonce.len);
  if (!both) return SCRAM_NO_MEMORY;
  memcpy(both, nonce.s, nonce.len);
  memcpy(both + nonce.len, x->nonce.s, x->nonce.len);
  x->both_nonces = slice_of(both, nonce.len + x->nonce.len);
  return SCRAM_OK;
}

enum scram_result
scram_server_first(struct scram *x, struct scram_keys const *k)
{
  struct slice salt =
    scram_encode(&x->arena, slice_of((char const *)k->salt, k->salt_len));
  size_t room = x->both_nonces.len + salt.len + x->offered.len + 32;
  char *s = salt.s ? arena_alloc(&x->arena, room) : NULL;
  int n;

  if (!s) return SCRAM_NO_MEMORY;
  n = snprintf(s, room, "r=%.*s,s=%.*s,i=%u%s%.*s", (int)x->both_nonces.len,
               x->both_nonces.s, (int)salt.len, salt.s, k->iterations,
               x->offered.len ? ",h=" : "", (int)x->offered.len,
               x->offered.len ? x->offered.s : "");
  x->server_first = slice_of(s, (size_t)n);
  return SCRAM_OK;
}

/* c= repeats the gs2 header and adds the channel binding (s5.1). */
static bool
binding_holds(struct scram *x, struct slice c, struct slice binding)
{
  struct slice got = scram_decode(&x->arena, c);
  size_t with = x->binding_type.len ? binding.len : 0;

  if (!got.s || got.len != x->gs2.len + with) return false;
  if (x->binding_type.len && !binding.len) return false;
  return !memcmp(got.s, x->gs2.s, x->gs2.len) &&
         (!with || !CRYPTO_memcmp(got.s + x->gs2.len, binding.s, with));
}

static struct slice
auth_message(struct scram *x, struct slice without_proof)
{
  size_t len = x->first_bare.len + x->server_first.len + without_proof.len + 2;
  char *s = arena_alloc(&x->arena, len + 1);

  if (!s) return (struct slice){NULL, 0};
  snprintf(s, len + 1, "%.*s,%.*s,%.*s", (int)x->first_bare.len, x->first_bare.s,
           (int)x->server_first.len, x->server_first.s, (int)without_proof.len,
           without_proof.s);
  return slice_of(s, len);
}

/* s3: ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage); H of it must be
 * StoredKey. */
static bool
proof_holds(enum scram_hash h, struct scram_keys const *k, struct slice message,
            struct slice proof)
{
  unsigned char key[SCRAM_KEY_MAX], check[SCRAM_KEY_MAX];
  size_t i;
  bool ok;

  if (proof.len != hashes[h].len || !hmac(h, k->stored, message, key)) return false;
  for (i = 0; i < proof.len; i++)
    key[i] ^= (unsigned char)proof.s[i];
  ok = digest(h, key, check) && !CRYPTO_memcmp(check, k->stored, hashes[h].len);
  OPENSSL_cleanse(key, sizeof key);
  return ok;
}

static bool
sign(struct scram *x, struct scram_keys const *k, struct slice message, struct slice *out)
{
  unsigned char sig[SCRAM_KEY_MAX];
  struct slice b64;
  char *s;

  if (!hmac(x->hash, k->server, message, sig)) return false;
  b64 = scram_encode(&x->arena, slice_of((char const *)sig, hashes[x->hash].len));
  s = b64.s ? arena_alloc(&x->arena, b64.len + 2) : NULL;
  if (!s) return false;
  memcpy(s, "v=", 2);
  memcpy(s + 2, b64.s, b64.len);
  *out = slice_of(s, b64.len + 2);
  return true;
}

enum scram_result
scram_client_final(struct scram *x, struct slice message, struct scram_keys const *k,
                   struct slice binding, struct slice *verifier)
{
  struct slice text, c, r, word, proof, without, all;

  if (message.len > SCRAM_MESSAGE_MAX || memchr(message.s, 0, message.len))
    return SCRAM_MALFORMED;
  text = arena_copy(&x->arena, message);
  if (!text.s) return SCRAM_NO_MEMORY;
  without = text;
  if (!take_attr(&text, 'c', &c) || !take_attr(&text, 'r', &r)) return SCRAM_MALFORMED;
  while (text.len > 2 && !slice_starts(text, "p="))
    if (!slice_word(&text, ',', &word)) return SCRAM_MALFORMED;
  if (!slice_starts(text, "p=")) return SCRAM_MALFORMED;
  without.len = (size_t)(text.s - without.s) - 1;
  proof = scram_decode(&x->arena, slice_of(text.s + 2, text.len - 2));
  if (!proof.s) return SCRAM_MALFORMED;
  all = auth_message(x, without);
  if (!all.s) return SCRAM_NO_MEMORY;
  if (!slice_eq(r, x->both_nonces)) return SCRAM_WRONG_NONCE;
  if (!binding_holds(x, c, binding)) return SCRAM_WRONG_BINDING;
  if (!proof_holds(x->hash, k, all, proof)) return SCRAM_NOT_AUTHORIZED;
  return sign(x, k, all, verifier) ? SCRAM_OK : SCRAM_NO_MEMORY;
}

void
scram_wipe(struct scram *x)
{
  arena_wipe(&x->arena);
  memset(x, 0, sizeof *x);
}
