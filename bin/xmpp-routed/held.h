/* Copies of sessions that ended with their c2sd. */
#ifndef ROUTED_HELD_H
#define ROUTED_HELD_H

#include "routed.h"

/* A copy of a stanza that a session had when it ended. fields are those of the stanza's delivery
 * (passing_cat). until_us: the account may come back until then; 0: it is not waited for.
 * held: 1 when nobody was there for the stanza when the session ended. */
struct held_copy {
  uint64_t number; /* of the session */
  uint64_t id, until_us, held;
  struct slice fields;
};

/* held_cat appends c to a text of copies; false: ENOMEM. held_next reads the copy at *at, and steps
 * over it; c->fields then points into the text; false: there is none. */
bool held_cat(stralloc *copies, struct held_copy const *c);
bool held_next(stralloc const *copies, size_t *at, struct held_copy *c);

/* Take c, which is read as p, and return true, if nobody can take the message now and its
 * account is waited for. */
bool held_takes(struct held_copy *c, struct passing const *p);

/* Hold p, an error of routed, of a service or of another server, that tells a sender whose session
 * is gone that a message was returned. p is held for the account until it has a new session, or one
 * that takes messages from now on; an error of routed itself is held only until the end of this
 * turn, if the account has a session. Nothing happens when routed keeps nothing, when the account
 * has HELD_ERRORS_MAX bytes already, or when HELD_ERRORS_ALL_MAX are held. */
void held_error(struct passing const *p);

/* held_back notes that the account bare has a new session, or one that takes messages from now on;
 * held_back_all that this may be so of all accounts. held_due appends their copies to out, and
 * those of accounts that are waited for no longer. */
void held_back(struct slice bare);
void held_back_all(void);
void held_due(stralloc *out);

/* Give the copies up to id of session number, of the account bare, to nobody: its c2sd returns
 * those stanzas itself. */
void held_returned(struct slice bare, uint64_t number, uint64_t id);

/* Pass the copies of each account to fn, and the copies that are due. */
void held_each(void (*fn)(stralloc const *copies));

uint64_t held_bytes(void);

#endif
