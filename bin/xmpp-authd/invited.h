/* Private to xmpp-authd: tokens of invitations that have made an account. */
#ifndef AUTHD_INVITED_H
#define AUTHD_INVITED_H

#include "authd.h"

#define INVITED_TOKEN_MAX 100

/* Open the table, behind secrets_open. false, having logged why. */
bool invited_open(void);

/* Say whether the token may make an account; an empty one may. false with errno ESTALE (it has made
 * one, or is too long) or EIO. */
bool invited_holds(struct slice token);

/* Note in this turn that the token has made the account bare. */
bool invited_take(struct slice token, struct slice bare);

/* Give the account that the token has made; bare lives as a value of store_get. false with errno
 * ENOENT or EIO. */
bool invited_of(struct slice token, struct slice *bare);

/* Forget the token: xmpp-registerd knows that it was used. false: the store failed. */
bool invited_settle(struct slice token);

#endif
