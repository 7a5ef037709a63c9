/* XEP-0480: keys for more hashes. */
#ifndef AUTHD_UPGRADE_H
#define AUTHD_UPGRADE_H

#include "authd.h"

/* Begin a task of the client of x, which has proven its password by SCRAM, if there is one that the
 * client would do and its account needs. false: there is none. */
bool upgrade_begin(struct exchange *x);

/* Records of c2sd. */
void upgrade_next(struct link *l, struct record *r);
void upgrade_task(struct link *l, struct record *r);

/* The client of x has proven its password by PLAIN, by the keys of x for the hash of x->scram: derive
 * the keys that its account lacks. */
void upgrade_from_password(struct exchange const *x, struct slice password);

#endif
