#include "password/password.h"

#include <math.h>

enum kind { LOWER, UPPER, DIGIT, PRINTABLE, OTHER, KINDS };

static enum kind
kind_of(unsigned char c)
{
  if (c >= 'a' && c <= 'z') return LOWER;
  if (c >= 'A' && c <= 'Z') return UPPER;
  if (c >= '0' && c <= '9') return DIGIT;
  return c > ' ' && c < 0x7f ? PRINTABLE : OTHER;
}

double
password_bits(struct slice password)
{
  static double const weights[KINDS] = {
    [LOWER] = 26, [UPPER] = 26, [DIGIT] = 9, [PRINTABLE] = 33, [OTHER] = 128};
  bool seen[KINDS] = {false};
  double sum = 0;
  size_t i;

  for (i = 0; i < password.len; i++) {
    enum kind k = kind_of((unsigned char)password.s[i]);
    if (!seen[k]) sum += weights[k];
    seen[k] = true;
  }
  return password.len ? (double)password.len * log2(sum) : 0;
}
