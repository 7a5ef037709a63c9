/* Shared between the files of this area. */
#ifndef KEYS_INTERNAL_H
#define KEYS_INTERNAL_H

#include "keys/keys.h"

/* The hash whose iterations are counted: accounts that are made here have keys for it. */
#define KEYS_COUNTED_HASH SCRAM_SHA256

/* The keys of an account for KEYS_COUNTED_HASH are about to be replaced by some with so many
 * iterations; 0: to go. */
bool keys_recount(struct keys *k, struct slice host, uint64_t number,
                  uint32_t iterations);

/* Count one account more, or one less, without keys for h. */
bool keys_lacks_add(struct keys *k, struct slice host, enum scram_hash h, bool one_more);

#endif
