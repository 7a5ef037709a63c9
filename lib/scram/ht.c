#include "scram/scram.h"

#include <string.h>

/* HT-SHA-256 (draft-schmaus-kitten-sasl-ht-09 s3): both sides show that they know a token by an
 * HMAC of a word and of the channel binding. */

#define TEXT_MAX 512

bool
scram_ht(struct slice token, char const *who, struct slice binding,
         unsigned char out[SCRAM_HT])
{
  char text[TEXT_MAX];
  size_t n = strlen(who);

  if (n + binding.len > sizeof text) return false;
  memcpy(text, who, n);
  if (binding.len) memcpy(text + n, binding.s, binding.len);
  return scram_hmac(SCRAM_SHA256, token, slice_of(text, n + binding.len), out);
}
