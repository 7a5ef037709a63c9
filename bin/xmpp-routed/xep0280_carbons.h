/* Copies for other devices. */
#ifndef ROUTED_XEP0280_CARBONS_H
#define ROUTED_XEP0280_CARBONS_H

#include "routed.h"

/* Say whether session s of p's recipient gets a copy of p, which goes to the receivers
 * r. */
bool carbons_copies(struct passing const *p, struct session const *s,
                    struct receivers const *r);

/* Give copies of p, which goes to the receivers r among the sessions of u, to the other
 * sessions of u that want them. */
void carbons_received(struct passing const *p, struct user const *u,
                      struct receivers const *r);

/* Give s a copy of p, as received. */
void carbons_copy(struct session const *s, struct passing const *p);

/* Make p, a copy that was returned, the message that was copied; its XML lives until the
 * next call. false: p copied a message that the account had sent. */
bool carbons_unwrap(struct passing *p);

/* Say whether the account of this bare JID has more sessions than one. */
bool carbons_may_be_sent(struct slice bare);

/* The message p was sent by a session of ours. */
void carbons_sent(struct passing const *p);

#endif
