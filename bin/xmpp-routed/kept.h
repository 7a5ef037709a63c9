/* Copies until a client has its stanzas. */
#ifndef ROUTED_KEPT_H
#define ROUTED_KEPT_H

#include "routed.h"

/* Keep a stanza, whose fields are those of its delivery (passing_cat), for s under id.
 * false: ENOMEM, or KEPT_MAX bytes are kept already. */
bool kept_add(struct session *s, uint64_t id, struct slice fields);

/* Free the copies of s up to id: the client has those stanzas. */
void kept_through(struct session *s, uint64_t id);

/* The c2sd of s returns the stanza id, which is read as p: free the copies before it, and take the
 * copy of p along until p is taken over. p is a stanza of routed's own then. */
void kept_returned(struct session *s, uint64_t id, struct passing *p);

/* The session is over: what it still has is treated as returned at the end of the turn. lost: its
 * c2sd is gone; what cannot wait is held KEPT_ABSENT_US for the account to come back.
 * kept_turn passes each copy that is returned, and the number of its session, to give_back; kept_write, when the turn has nothing more to say, writes what is kept now into
 * the file, before any neighbour is told. */
typedef void kept_fn(struct passing *p, uint64_t of);

void kept_over(struct session *s, bool lost);
void kept_turn(kept_fn *give_back);
void kept_write(void);

/* Read the copies that an earlier run of routed left in the file at path, and keep all copies
 * there too. NULL: there is no such file. */
void kept_start(char const *path);

/* Keep the stanza that a c2sd says, after a restart of routed, that a session holds. */
void kept_holds(struct link *l, struct record *r);

extern uint64_t kept_bytes;

#endif
