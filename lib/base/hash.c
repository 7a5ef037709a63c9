#include "base/base.h"

#include <endian.h>
#include <string.h>

static uint64_t
rotl(uint64_t x, int b)
{
  return (x << b) | (x >> (64 - b));
}

static inline void
sip_round(uint64_t v[4])
{
  v[0] += v[1];
  v[2] += v[3];
  v[1] = rotl(v[1], 13) ^ v[0];
  v[3] = rotl(v[3], 16) ^ v[2];
  v[0] = rotl(v[0], 32) + v[3];
  v[2] += v[1];
  v[3] = rotl(v[3], 21) ^ v[0];
  v[1] = rotl(v[1], 17) ^ v[2];
  v[2] = rotl(v[2], 32);
}

static inline void
absorb(uint64_t v[4], uint64_t m)
{
  v[3] ^= m;
  sip_round(v);
  v[0] ^= m;
}

uint64_t
hash_keyed(uint64_t const key[2], uint64_t number, struct slice text)
{
  uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                   key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
  uint64_t m;
  size_t i;

  absorb(v, number);
  for (i = 0; i + 8 <= text.len; i += 8) {
    memcpy(&m, text.s + i, 8);
    absorb(v, le64toh(m));
  }
  m = 0;
  if (text.len > i) memcpy(&m, text.s + i, text.len - i);
  absorb(v, le64toh(m) | (uint64_t)text.len << 56);
  v[2] ^= 0xff;
  sip_round(v);
  sip_round(v);
  sip_round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}
