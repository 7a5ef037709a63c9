/* Contacts that an invitation still has to make: for invites.c, and for the state of a trace. */
#ifndef REGISTERD_JOINS_H
#define REGISTERD_JOINS_H

#include "invites.h"

/* Open the table in the store of invitations. false, having logged why. */
bool joins_open(struct store *s);

/* Say whether a question of joins.c has this cookie; name the question. */
bool joins_has_ask(void const *cookie);
bool joins_snapshot_ask(struct snapshot *k, ask_fn **fn, void **cookie);

#endif
