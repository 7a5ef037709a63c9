/* keys: the SCRAM keys of accounts, and how many accounts of a host have which. xmpp-authd writes,
 * and xmpp-ctl import as long as the server is stopped.
 *
 * Environment DATA/secrets, tables of this area
 *   scram  account number, 8 bytes big-endian; hash, 1 byte (enum scram_hash)
 *          -> iterations, 4 bytes big-endian; salt length, 1 byte; salt; StoredKey; ServerKey
 *   meta   "iterations ", host, NUL, iterations, 4 bytes big-endian -> how many accounts of
 *          the host have keys with so many, 8 bytes big-endian; xmpp-ctl host rename knows this key
 *          "counted" -> nothing: the store has such entries for all accounts
 *   lacks  host, NUL, hash, 1 byte -> the accounts of the host that have keys, but none for the
 *          hash, 8 bytes big-endian
 *
 * An account is made here first and in DATA/accounts second, under a number that is given
 * only there: a death in between leaves keys of nobody, which the next account's replace.
 * Functions that fail give false with errno EIO, having logged why, or as they say. */
#ifndef KEYS_H
#define KEYS_H

#include "accounts/accounts.h"
#include "scram/scram.h"
#include "store/store.h"

#define KEYS_MAP_BYTES (8ull << 30)

struct keys {
  struct store *store;
  MDB_dbi scram, meta, lacks;
  bool lacks_changed; /* set here, cleared by whoever looks */
};

/* The tables in the environment s, which must outlive k. */
bool keys_open(struct keys *k, struct store *s);

/* Count the keys of all accounts of a store that was made before there were counts. */
bool keys_count_all(struct keys *k, struct accounts *a);

/* Get the keys of an account for a hash. errno ENOENT. */
bool keys_get(struct keys *k, uint64_t number, enum scram_hash h, struct scram_keys *out);

/* keys_has says whether the account has keys for the hash h, keys_has_any whether it has keys for
 * any hash. */
bool keys_has(struct keys *k, uint64_t number, enum scram_hash h);
bool keys_has_any(struct keys *k, uint64_t number);

/* keys_put gives the account, whose address is bare, the keys of all hashes that have iterations in
 * `keys`, and its keys for other hashes stay; keys_fill gives it those for hashes that it has no
 * keys for. keys_del deletes all its keys. false of the first two: the turn is given up, for keys
 * of two passwords would be there. */
bool keys_put(struct keys *k, struct slice bare, uint64_t number,
              struct scram_keys const keys[SCRAM_HASHES]);
bool keys_fill(struct keys *k, struct slice bare, uint64_t number,
               struct scram_keys const keys[SCRAM_HASHES]);
bool keys_del(struct keys *k, struct slice bare, uint64_t number);

/* Give the number of accounts of host that have keys, but none for h. */
uint64_t keys_lacking(struct keys *k, struct slice host, enum scram_hash h);

/* Choose an iteration count for a name whose place among all names of its host is 0 <= place <
 * 1. Each count gets the share of names that it has of the accounts, in the order of the counts,
 * so that a name whose share shrinks moves to the next. *iterations stays when there are no
 * accounts. */
bool keys_choose_iterations(struct keys *k, struct slice host, double place,
                            uint32_t *iterations);

#endif
