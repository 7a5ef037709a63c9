/* Copies until a client has its stanzas. */
#ifndef ROUTED_KEPT_H
#define ROUTED_KEPT_H

#include "routed.h"

/* Take the limits in bytes: KEPT_MAX and KEPT_ACCOUNT_MAX, unless the settings have others. */
void kept_take(uint64_t of_all, uint64_t of_an_account);

/* Say whether a new stanza for s may be kept. While more than the half of KEPT_MAX is kept, an
 * account that has KEPT_ACCOUNT_MAX gets no more, so that accounts whose clients acknowledge nothing
 * leave room for the others. */
bool kept_has_room(struct session const *s);

/* Log that a stanza is not kept for s: the first of its account since a stanza was kept for it. */
void kept_say_full(struct session *s);

/* Keep a stanza, whose fields are those of its delivery (passing_cat), for s under id; be it new, or
 * one that an earlier run of routed has kept. false: ENOMEM, or KEPT_MAX bytes are kept already. */
bool kept_add(struct session *s, uint64_t id, struct slice fields);

/* Free the copies of s up to id: the client has those stanzas. */
void kept_through(struct session *s, uint64_t id);

/* The c2sd of s returns the stanza id, which is read as p: free the copies before it, and take the
 * copy of p along until p is taken over. p is a stanza of routed's own then. */
void kept_returned(struct session *s, uint64_t id, struct passing *p);

/* Take p, whose fields these are, over from its source: the file has p until a service has it, and p is
 * a stanza of routed's own then. If p is one already, these fields replace those that the file has. false:
 * there is no such file, and p is as it was. */
bool kept_along(struct slice fields, struct passing *p);

/* The session is over: what it still has is treated as returned at the end of the turn. lost: its
 * c2sd is gone; what cannot wait is held KEPT_ABSENT_US for the account to come back.
 * kept_turn passes each copy that is returned, and the number of its session, to give_back, and each
 * copy that an earlier run kept for s and that the c2sd of s never had to give_again. kept_write, when
 * the turn has nothing more to say, writes all that is kept now into the file, before any neighbour
 * is told. */
typedef void kept_fn(struct passing *p, uint64_t of);
typedef void kept_again_fn(struct session *s, struct passing *p);

void kept_over(struct session *s, bool lost);
void kept_turn(kept_fn *give_back, kept_again_fn *give_again);
void kept_write(void);

/* Read the copies that an earlier run of routed left in the file at path, and keep all copies
 * there too. NULL: there is no such file. */
void kept_start(char const *path);

/* Keep the stanza that a c2sd says, after a restart of routed, that a session holds. */
void kept_holds(struct link *l, struct record *r);

extern uint64_t kept_bytes;

#endif
