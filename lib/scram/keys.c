#include "scram/scram.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool
scram_derive_all(struct slice password, uint32_t iterations,
                 struct scram_keys k[SCRAM_HASHES])
{
  struct arena a = ARENA_ZERO;
  struct slice prepared = scram_password(&a, password);
  bool ok = prepared.s != NULL;
  unsigned int h;

  for (h = 0; ok && h < SCRAM_HASHES; h++) {
    k[h] = (struct scram_keys){.iterations = iterations, .salt_len = SCRAM_SALT};
    door_random(k[h].salt, SCRAM_SALT);
    ok = scram_derive((enum scram_hash)h, prepared, &k[h]);
    if (!ok) errno = EIO;
  }
  if (prepared.s) OPENSSL_cleanse((void *)(uintptr_t)prepared.s, prepared.len);
  arena_wipe(&a);
  return ok;
}

/* ---- as text ---- */

static bool
cat_bytes(stralloc *out, unsigned char const *bytes, size_t len)
{
  struct arena a = ARENA_ZERO;
  struct slice text = scram_encode(&a, slice_of((char const *)bytes, len));
  bool ok = text.s && stralloc_catb(out, ":", 1) && stralloc_catb(out, text.s, text.len);

  arena_wipe(&a);
  return ok;
}

bool
scram_keys_cat(stralloc *out, struct scram_keys const k[SCRAM_HASHES])
{
  unsigned int h;
  char head[32];
  bool ok = true;

  for (h = 0; ok && h < SCRAM_HASHES; h++) {
    size_t len = scram_hash_len((enum scram_hash)h);
    int n = snprintf(head, sizeof head, "%s%s:%u", h ? " " : "",
                     scram_hash_name((enum scram_hash)h), k[h].iterations);
    ok = stralloc_catb(out, head, (size_t)n) &&
         cat_bytes(out, k[h].salt, k[h].salt_len) && cat_bytes(out, k[h].stored, len) &&
         cat_bytes(out, k[h].server, len);
  }
  return ok;
}

/* The bytes of a word in base64, from least to most of them. */
static bool
read_bytes(struct slice *rest, unsigned char *out, size_t least, size_t most, size_t *len)
{
  struct arena a = ARENA_ZERO;
  struct slice word, bytes = {NULL, 0};
  bool ok = slice_word(rest, ':', &word);

  errno = EINVAL;
  if (ok) bytes = scram_decode(&a, word);
  ok = ok && bytes.s;
  if (ok && (bytes.len < least || bytes.len > most)) {
    errno = EINVAL;
    ok = false;
  }
  if (ok) {
    memcpy(out, bytes.s, bytes.len);
    *len = bytes.len;
  }
  arena_wipe(&a);
  return ok;
}

static bool
read_one(struct slice word, struct scram_keys k[SCRAM_HASHES])
{
  struct slice name, number;
  uint64_t iterations;
  size_t len, n;
  unsigned int h = 0;

  errno = EINVAL;
  if (!slice_word(&word, ':', &name) || !slice_word(&word, ':', &number)) return false;
  while (h < SCRAM_HASHES && !slice_is(name, scram_hash_name((enum scram_hash)h)))
    h++;
  if (h == SCRAM_HASHES || k[h].iterations || !slice_u64(number, &iterations) ||
      iterations < SCRAM_ITERATIONS_MIN || iterations > SCRAM_ITERATIONS_MAX)
    return false;
  len = scram_hash_len((enum scram_hash)h);
  k[h].iterations = (uint32_t)iterations;
  return read_bytes(&word, k[h].salt, 1, SCRAM_SALT_MAX, &k[h].salt_len) &&
         read_bytes(&word, k[h].stored, len, len, &n) &&
         read_bytes(&word, k[h].server, len, len, &n) && !word.len;
}

bool
scram_keys_read(struct slice text, struct scram_keys k[SCRAM_HASHES])
{
  struct slice word;
  unsigned int n = 0;

  memset(k, 0, SCRAM_HASHES * sizeof *k);
  for (; slice_word(&text, ' ', &word); n++)
    if (!read_one(word, k)) return false;
  errno = EINVAL;
  return n > 0;
}
