/* erase: the data of accounts that have ended goes from a store, in steps. xmpp-authd says of each
 * account that ends so until the writer of each store on disk has said erased (xmpp-restarts(7));
 * a program has one struct eraser a store that it writes. */
#ifndef ERASE_H
#define ERASE_H

#include "link/link.h"
#include "link/snapshot.h"

/* Accounts that are to be erased, in the order in which xmpp-routed has said their ends. store,
 * steps and erase are the program's; erase deletes at most `most` entries of the account
 * and adds their number to *done: fewer than most, and nothing is left. false, having logged why:
 * erase is called again later. bare lives for the call. Nothing else needs to be set. */
struct eraser {
  char const *store;  /* a name in STORE_TABLE; NULL: of no account, so nobody is told */
  unsigned int steps; /* most, for each call of erase: a tick */
  bool (*erase)(uint64_t number, struct slice bare, unsigned int most,
                unsigned int *done);

  struct event_timer timer;

  struct {
    uint64_t number;
    char *bare;
  } queue[ERASE_QUEUE_MAX];

  size_t n;
  bool more; /* the queue had no room for all: erase.c asks for the rest again */
};

/* Ask routed to tell of accounts, when its link comes up. */
void erase_watch(struct link *routed);

/* A record ending. Accounts that e's store has erased are not erased again. */
void erase_ending(struct eraser *e, struct record *r);

/* Put bare into the queue, under a number that no other account has in it. When the queue is full a
 * line is logged, and nothing is erased. */
void erase_add(struct eraser *e, uint64_t number, struct slice bare);

/* Tell routed that the store has nothing of the account any more, on disk at the end of the
 * turn. */
void erase_done(char const *store, uint64_t number);

void erase_snapshot(struct eraser *e, struct snapshot *k);

#endif
