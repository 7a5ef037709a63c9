/* Stanzas and requests that did not get to where they went. */
#ifndef ROUTED_RETURNS_H
#define ROUTED_RETURNS_H

#include "sessions.h"

/* Tell the sender of p, which waited in post for a service that is gone. */
void returns_stanza(struct post const *post, struct passing const *p);

/* The archive of mamd has become full: mamd refuses the messages that are to wait, and drops the
 * others. Keep those that mamd has not acknowledged for the sessions that were given them. */
void returns_not_logged(struct link *mamd);

/* Answer the requests that the service of post, which was restarted or is given up, had
 * acknowledged before. */
void returns_asked(struct post *post);

/* The session s is over: what its client does not have behind upto comes back at the end of
 * the turn, and nobody awaits the answers to its requests. */
void returns_session(struct session *s, enum session_end how, uint64_t upto);

#endif
