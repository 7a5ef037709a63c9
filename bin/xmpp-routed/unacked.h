/* Stanzas that a client did not get. */
#ifndef ROUTED_UNACKED_H
#define ROUTED_UNACKED_H

#include "passing.h"

/* Decide on a stanza that the client of session number `of` (0: not known), which has
 * ended, may not have: p, whose to is the full JID of the session, and which its c2sd has
 * returned; p, a copy of a delivered stanza; or such a copy in r whose fields begin
 * behind at (unacked.c). */
void unacked_route(struct passing *p, uint64_t of);
void unacked_copy(struct passing *p, uint64_t of);
void unacked_record(struct record *r, unsigned int at);

#endif
