/* Delivery. */
#ifndef ROUTED_DELIVER_H
#define ROUTED_DELIVER_H

#include "passing.h"

/* A stanza arrives from a neighbour; the same for several. */
void deliver_record(struct link *l, struct record *r);
void deliver_fanout(struct link *l, struct record *r);

/* Send it to where its to says. */
void deliver_route(struct passing const *p);

/* As archive_begin and archive_wait, but p has been refused when mamd has no room for it. */
bool deliver_begin(struct passing *p);
bool deliver_to_wait(struct passing const *p, struct jid const *to);

/* Decide on a stanza that the client of session number `of` (0: not known), which has
 * ended, may not have: p, whose to is the full JID of the session, and which its c2sd has
 * returned; p, a copy of a delivered stanza; or such a copy in r whose fields begin
 * behind at (unacked.c). */
void unacked_route(struct passing *p, uint64_t of);
void unacked_copy(struct passing *p, uint64_t of);
void unacked_record(struct record *r, unsigned int at);

/* To one session. */
void deliver_to_session(struct session const *s, struct passing const *p);

/* Answer it with an error, if it may be answered; more is put behind the condition. */
void deliver_bounce(struct passing const *p, enum stanza_error e, char const *more);

extern uint64_t deliver_total;

#endif
