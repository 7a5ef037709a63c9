/* Accounts that a program outside may have, and that nobody has logged in to yet. */
#ifndef ROUTED_EXISTS_H
#define ROUTED_EXISTS_H

#include "passing.h"

/* As deliver_and_keep; but p waits here first if its addressee, an account without sessions on a host
 * with extauth_program, may be one that authd has not heard of yet. */
void exists_deliver(struct passing *p, bool of_a_client);

/* Say whether p is a copy of a stanza that waited in an earlier run, and deliver it. */
bool exists_copy(struct passing *p);

/* The record known of authd; its link is up, and all that was asked is asked again. */
void exists_known(struct link *l, struct record *r);
void exists_up(struct link *authd);

/* The account of a name was made: what waits for it goes on. It has ended: nothing is known of the
 * name. */
void exists_made(struct slice bare);
void exists_ended(struct slice bare);

void exists_snapshot(struct snapshot *k);

#endif
