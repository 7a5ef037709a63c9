/* The common parts of all targets: a check that ends the program, and owners of links that do nothing. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct link;

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t len);

static inline void
must(bool b)
{
  if (!b) abort();
}

static inline void
no_link(struct link *l)
{
  (void)l;
}

static inline void
no_full(struct link *l, bool is_full)
{
  (void)l;
  (void)is_full;
}

static inline void
no_turn(void)
{
}

#endif
