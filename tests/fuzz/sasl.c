/* sasl: whatever a client says, SCRAM refuses it or answers; only a proof of the password
 * ends well, and nothing of the parts it gives is longer than what was said. */
#include "fuzz.h"

#include "scram/scram.h"

#include <skalibs/strerr.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

char const *PROG = "fuzz";

/* An exact copy, so that one byte too far is seen. */
static struct slice
own(struct slice s)
{
  char *p = malloc(s.len + !s.len);

  must(p);
  if (s.len) memcpy(p, s.s, s.len);
  return slice_of(p, s.len);
}

static void
exchange(unsigned int flags, struct slice first, struct slice final)
{
  struct scram x = {.hash = (enum scram_hash)(flags % SCRAM_HASHES),
                    .plus = flags & 4,
                    .plus_offered = flags & 8,
                    .nonce = SLICE("server")};
  struct scram_keys keys = {.iterations = 1, .salt_len = 4, .salt = "salt"};
  struct slice binding = flags & 16 ? SLICE("binding") : SLICE(""), verifier = {NULL, 0};

  memset(keys.stored, 's', sizeof keys.stored);
  memset(keys.server, 'k', sizeof keys.server);
  if (!scram_client_first(&x, first)) {
    must(x.user.len && x.user.len <= first.len && x.authzid.len <= first.len);
    must(!x.plus || x.binding_type.len);
    must(!scram_server_first(&x, &keys));
    must(scram_client_final(&x, final, &keys, binding, &verifier) != SCRAM_OK);
    must(!verifier.s);
  }
  scram_wipe(&x);
}

static void
base64(struct slice text)
{
  struct arena a = ARENA_ZERO;
  struct slice bytes = scram_decode(&a, text), again;

  if (bytes.s) {
    must(bytes.len <= text.len);
    again = scram_encode(&a, bytes);
    must(again.len == text.len);
    must(slice_eq(scram_decode(&a, again), bytes));
  }
  again = scram_encode(&a, text);
  must(slice_eq(scram_decode(&a, again), text));
  arena_wipe(&a);
}

static void
password(struct slice text)
{
  struct arena a = ARENA_ZERO;
  struct slice once = scram_password(&a, text), twice;

  if (once.s) {
    must(once.len);
    twice = scram_password(&a, once);
    must(!twice.s || slice_eq(once, twice));
  }
  arena_wipe(&a);
}

/* A byte of flags, the first message, a newline, the final one. */
int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t len)
{
  struct slice rest, first = SLICE(""), final;

  if (!len) return 0;
  rest = slice_of((char const *)data + 1, len - 1);
  slice_word(&rest, '\n', &first);
  first = own(first);
  final = own(rest);
  exchange(data[0], first, final);
  base64(final);
  password(final);
  free((char *)(uintptr_t)first.s);
  free((char *)(uintptr_t) final.s);
  return 0;
}
