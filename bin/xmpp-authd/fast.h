/* Logins by token (XEP-0484): fast.c. */
#ifndef FAST_H
#define FAST_H

#include "authd.h"

/* The mechanism of this name, HT_NOT when there is none such; the name of ht. */
enum ht fast_find(struct slice name);
char const *fast_name(enum ht ht);

/* The mechanisms that a host offers, with blanks between; those of disabled, names with blanks
 * between, are left out. NULL: ENOMEM. */
char *fast_mechanisms(struct slice disabled);

/* Read what x->asks and x->agent say of tokens into x->fast. Only under TLS, which secure says, is a
 * token issued. */
void fast_read(struct exchange *x, bool secure);

/* Take the mechanism name for x, a login by token. false: the exchange has failed. */
bool fast_take(struct exchange *x, struct slice name);

/* Take the client's message: the exchange ends. */
void fast_step(struct exchange *x, struct slice message);

/* Issue the token that the client of x, which has passed, has asked for; x->fast.text is the token,
 * or empty: then there is none. Called once, before success is said. */
void fast_issue(struct exchange *x);

void fast_snapshot(struct snapshot *k, struct exchange *x);

#endif
