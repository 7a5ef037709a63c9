/* interest: the clients that want events of nodes (XEP-0163 s4.2.1), for a program that serves
 * the nodes of accounts. A client shows itself to an account, with capabilities; a set is what
 * all clients with the same capabilities want; a pair is a client and an account to which it shows
 * itself: the client's own account (own), or another one's. A contact of the same server is in no
 * pair: the roster says who it is, and its own pair what it wants.
 *
 * A pair takes 16 bytes, and at most as much again of tables and room for more. Orders do not
 * depend on hashes: pairs of an account come in the order in which they were made. */
#ifndef INTEREST_H
#define INTEREST_H

#include "link/snapshot.h"

struct interest_wait;

/* A set is known when its names are. */
struct interest_set {
  uint32_t index, users; /* users: pairs, and waiting pairs that had it before */
  uint32_t names_n;
  uint32_t *names; /* ids, rising */
  uint32_t tested; /* the id that the last look was for, and its result */
  bool wanted, known;
  struct interest_wait *waiting;
  uint32_t waiting_n, waiting_size;
  size_t len;
  char key[]; /* len bytes */
};

/* A client as it is seen. account: a bare JID; the client's own when full begins with it. key:
 * names the set. again: the client has been there before, and its last items are not due. */
struct interest_seen {
  struct slice full, account, key;
  bool again;
};

/* A client that is to get last items of what it wants by set, but not by before (NULL: it had
 * nothing before). Slices live for the call. */
struct interest_due {
  struct slice full, account;
  bool own;
  struct interest_set *set, *before;
};

enum interest_news {
  INTEREST_SAME,  /* nothing is new */
  INTEREST_NEW,   /* the set is known, and due was called unless again is set */
  INTEREST_WAITS, /* the set is not known yet: due is called when it is */
  INTEREST_FULL,  /* the account has INTEREST_PAIRS_MAX pairs, or the client
                     INTEREST_DIRECTED_MAX accounts that are not its own */
  INTEREST_NO_MEMORY
};

typedef void interest_due_fn(struct interest_due const *d);

/* Give the function that is called when last items are due. It must not show or hide. */
void interest_start(interest_due_fn *due);

/* Note that a client shows itself. *set, unless it is NULL, is its set, also when nothing is new.
 * local: the client is one of this server, which has a pair of its own too. */
enum interest_news interest_show(struct interest_seen const *seen, bool local,
                                 struct interest_set **set);

/* Note that the client full shows itself to account no more; account empty: to nobody. */
void interest_hide(struct slice full, struct slice account);

/* ---- sets ---- */

/* The set of a key, or NULL. */
struct interest_set *interest_set(struct slice key);

/* Make the set s known: it has these n names, sorted by octets, each once. due is called for each
 * pair that waits. false: ENOMEM, and the set is as before. */
bool interest_known(struct interest_set *s, struct slice const *names, size_t n);

/* Name i of the set, or an empty one behind the last. */
struct slice interest_set_name(struct interest_set const *s, uint32_t i);

/* Say whether s has the name. s may be NULL. */
bool interest_set_has(struct interest_set *s, struct slice name);

/* Give a client that shows the set, and the account that sees it: the nth of the pairs that wait
 * for the set, from 0. false: there are no more. */
bool interest_holder(struct interest_set const *s, uint32_t n, struct slice *full,
                     struct slice *account);

/* ---- events ---- */

/* Call fn for each client in the account's pairs, its own or the others, that wants name by a
 * known set. fn must not show or hide. */
typedef void interest_fn(void *cookie, struct slice full);
void interest_each(struct slice account, bool own, struct slice name, interest_fn *fn,
                   void *cookie);

/* Say whether any client wants the name. */
bool interest_any(struct slice name);

/* Call fn for each client in the account's pairs, its own or the others, whose set is known. fn must
 * not show; it may hide the pair of the client that it is given. */
typedef void interest_client_fn(void *cookie, struct slice full,
                                struct interest_set *set);
void interest_clients(struct slice account, bool own, interest_client_fn *fn,
                      void *cookie);

/* Say whether the client wants the name, by the pair with its own account. */
bool interest_wants(struct slice full, struct slice name);

/* Say whether the client is in one of the account's pairs. */
bool interest_has(struct slice full, struct slice account);

/* Say whether a client of this bare address is in one of the account's pairs that are not its
 * own. */
bool interest_has_bare(struct slice bare, struct slice account);

/* ---- restarts ---- */

/* interest_doubt doubts all pairs; a pair that is shown from then on is not doubted. interest_sweep
 * hides the pairs that are doubted still. */
void interest_doubt(void);
void interest_sweep(void);

struct interest_totals {
  uint64_t pairs, clients, accounts, sets, names;
  uint64_t pair_bytes; /* memory of pairs and their index */
};

extern struct interest_totals interest_totals;

/* The state for a trace. */
void interest_snapshot(struct snapshot *k);

#endif
