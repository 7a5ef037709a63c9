/* XEP-0357: what xmpp-pushd is told. */
#ifndef ROUTED_XEP0357_PUSH_H
#define ROUTED_XEP0357_PUSH_H

#include "passing.h"

/* Records: clients that have registrations; sessions that are away, and back; how long one may be
 * away. */
void push_registered(struct link *l, struct record *r);
void push_away(struct link *l, struct record *r);
void push_back(struct link *l, struct record *r);
void push_keep(struct link *l, struct record *r);

/* Note that p, a message or request, was given to the sessions of u (NULL: there are none) that `to`
 * names. */
void push_given(struct passing const *p, struct user const *u,
                struct receivers const *to);

/* Note that p waits for the account bare, in xmpp-mamd or, a request for a subscription, in
 * xmpp-userd. */
void push_waits(struct passing const *p, struct slice bare);

/* Note that the sender of p, a message that no session takes and that does not wait, was told so:
 * it may be in the archive of the account bare all the same, or be a call. */
void push_untaken(struct passing const *p, struct slice bare);

/* Note that the stanza p, no message of somebody's but perhaps a room's, was given to session s; to
 * all available ones of u. */
void push_queued(struct session const *s, struct passing const *p);
void push_queued_all(struct user const *u, struct passing const *p);

/* push_bound notes that session s has come; push_announced that its edge has told of it after a
 * reconnect; push_over that it is over, but still among those of its user. */
void push_bound(struct session const *s);
void push_announced(struct session const *s);
void push_over(struct session const *s);

/* Note that a client may have missed a notification. push_unsaid takes a record of this verb, with
 * these fields, which xmpp-pushd did not get because its post was given up; push_waiting takes the
 * record waiting of mamd, which counts while xmpp-pushd has no post. */
void push_unsaid(enum verb v, struct slice fields);
void push_waiting(struct record *r);

/* At the end of a turn: tell what was put off. */
void push_turn(void);

void push_snapshot(struct snapshot *k);
void push_snapshot_session(struct snapshot *k, struct session *s);

#endif
