/* Eight bytes of a text in a word, which are tested at once. Of each test the highest bit of a byte
 * tells its result: WORD_ANY of the results, ORed together, is 0 when no byte fits. */
#ifndef BASE_WORD_H
#define BASE_WORD_H

#include <stdint.h>
#include <string.h>

#define WORD_BYTES sizeof(uint64_t)
#define WORD_EACH(byte) (UINT64_MAX / 255 * (byte))
#define WORD_ANY WORD_EACH(0x80)

static inline uint64_t
word_at(char const *s)
{
  uint64_t w;

  memcpy(&w, s, sizeof w);
  return w;
}

/* Bytes below n, which is at most 128. Behind one that fits, others may seem to. */
static inline uint64_t
word_below(uint64_t w, unsigned char n)
{
  return (w - WORD_EACH(n)) & ~w;
}

/* Bytes that are this one when the bits of mask alone are looked at. */
static inline uint64_t
word_like(uint64_t w, unsigned char mask, unsigned char byte)
{
  return word_below((w & WORD_EACH(mask)) ^ WORD_EACH(byte), 1);
}

#endif
