/* Stanzas and requests that did not get to where they went. */
#ifndef ROUTED_RETURNS_H
#define ROUTED_RETURNS_H

#include "sessions.h"

/* Tell the sender of p, which waited in post for a service that is gone. */
void returns_stanza(struct post const *post, struct passing const *p);

/* Keep the messages that mamd has not acknowledged for the sessions that were given them, for the
 * archive of mamd has become full: mamd refuses the messages that are to wait, and drops the
 * others. */
void returns_not_logged(struct link *mamd);

/* Answer the requests that the service of post, which was restarted or is given up, had
 * acknowledged before. */
void returns_asked(struct post *post);

/* Return, at the end of the turn, the stanzas behind upto that the client of s, which is over, does
 * not have. Nobody awaits the answers to the requests of s. */
void returns_session(struct session *s, enum session_end how, uint64_t upto);

#endif
