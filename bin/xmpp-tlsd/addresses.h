/* The addresses of clients: which are shut out, and how many connections each has. */
#ifndef TLSD_ADDRESSES_H
#define TLSD_ADDRESSES_H

#include "conn.h"

/* Say whether a connection from ip to the listener is taken: a client's address is not shut out, and
 * has fewer connections than one may have. false: counted, and perhaps logged. */
bool address_admits(struct listener const *ln, struct slice ip);

/* Count the connection c, which was taken, until address_leave. Loopback is not counted. */
void address_enter(struct conn *c);
void address_leave(struct conn *c);

/* The most connections of an address; half of the files that this process may open are enough. */
void addresses_set(uint64_t most);

/* The record ban. No xmpp-c2sd, or no xmpp-compd, is left, which would tell of changes: nobody that it
 * has named is shut out. */
void addresses_ban(struct link *l, struct record *r);
void addresses_forget_bans(enum program of);

struct address_totals {
  uint64_t banned, crowded; /* connections that were refused */
};

extern struct address_totals address_totals;

#endif
