/* Accounts that a program outside may have, and that nobody has logged in to yet. */
#ifndef ROUTED_EXISTS_H
#define ROUTED_EXISTS_H

#include "passing.h"

/* Deliver p as deliver_and_keep does; but p waits here first if its addressee, an account without
 * sessions on a host with extauth_program, may be one that authd has not heard of yet. */
void exists_deliver(struct passing *p, bool of_a_client);

/* Say whether p is a copy of a stanza that waited in an earlier run, and deliver it. */
bool exists_copy(struct passing *p);

/* exists_known takes the record known of authd; exists_up asks authd, whose link is up, again about
 * all names that were asked about. */
void exists_known(struct link *l, struct record *r);
void exists_up(struct link *authd);

/* exists_made goes on with the stanzas that wait for the account bare, which was made; exists_ended
 * forgets all that is known of the name of an account that has ended. */
void exists_made(struct slice bare);
void exists_ended(struct slice bare);

void exists_snapshot(struct snapshot *k);

#endif
