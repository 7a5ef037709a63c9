/* Private to lib/interest. */
#ifndef INTEREST_INTERNAL_H
#define INTEREST_INTERNAL_H

#include "interest/interest.h"

/* ---- things with numbers, from 1, which are given again (numbers.c) ---- */

struct numbers {
  void **v; /* by number; NULL: nothing has it */
  uint32_t *free;
  uint32_t size, used, free_n;
};

/* Give item a number; 0: ENOMEM. Take the number i back. */
uint32_t number_take(struct numbers *t, void *item);
void number_give(struct numbers *t, uint32_t i);

/* A pair that waits for set to be known: before is the index of the set that its client had. */
#define WAIT_NOTHING 0u        /* it had none */
#define WAIT_SILENT UINT32_MAX /* no last items are due */

struct interest_wait {
  uint32_t pair, before;
};

/* ---- names.c ---- */

/* The set of a key, made when it is not there; the set of an index. One more user; one less: a
 * set without users is freed. NULL: ENOMEM. */
struct interest_set *set_make(struct slice key);
struct interest_set *set_at(uint32_t index);
void set_use(struct interest_set *s);
void set_drop(struct interest_set *s);

/* The id of a name that a known set has; 0: none has. */
uint32_t name_id(struct slice name);
bool set_has_id(struct interest_set *s, uint32_t id);

/* Add to the pairs that wait for s. false: ENOMEM. */
bool set_wait(struct interest_set *s, uint32_t pair, uint32_t before);

/* Name all sets that are known, or make them anew; those have a user more until the pairs that
 * use them are made too. */
void sets_snapshot(struct snapshot *k);
void sets_settled(void);

/* ---- clients and accounts, by number (clients.c) ---- */

struct client {
  uint32_t index, pairs;
  uint32_t *directed, directed_n; /* of a client of ours: pairs with other accounts */
  bool local;
  size_t len;
  char full[];
};

/* A chain of pairs. */
struct chain {
  uint32_t first, last, live, ended;
};

struct account {
  uint32_t index;
  struct chain chain[2]; /* of others; of its own clients */
  size_t len;
  char bare[];
};

struct slice client_key(void const *item);
struct slice account_key(void const *item);
struct client *client_at(uint32_t i);
struct account *account_at(uint32_t i);
struct client *client_find(struct slice full);
struct account *account_find(struct slice bare);

/* Make it when it is not there. NULL: ENOMEM. Free it when no pair has it. */
struct client *client_make(struct slice full);
struct account *account_make(struct slice bare);
void client_free_if_idle(struct client *c);
void account_free_if_idle(struct account *a);

/* The highest number that an account had. */
uint32_t accounts_used(void);

/* ---- pairs.c ---- */

/* Call due for the pair of a wait of s if it waits for s still. */
void pair_due(struct interest_set *s, struct interest_wait const *w);

/* The texts of a pair that waits for s; false: it does not any more. */
bool pair_waits(struct interest_set const *s, uint32_t pair, struct slice *full,
                struct slice *account);

#endif
