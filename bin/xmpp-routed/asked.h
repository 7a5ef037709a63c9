/* Requests that a service answers later. */
#ifndef ROUTED_ASKED_H
#define ROUTED_ASKED_H

#include "routed.h"

/* The services some of whose requests are noted. */
#define PROGRAMS_ASKED (MAMD | USERD | HOSTD | REGISTERD)

/* Note the request p of s, which is the newest letter of post; of ROUTED_ASKED_MAX requests that
 * wait the oldest is forgotten. */
void asked_add(struct session *s, struct passing const *p, struct post const *post);

/* Forget the request that st answers, if st is an iq; forget all requests of s, which is
 * over. */
void asked_answered(struct session *s, struct stanza const *st);
void asked_free(struct session *s);

/* Forget the requests of s that the service of post had acknowledged before its restart; each
 * is passed to lost, without its payload. */
void asked_restarted(struct session *s, struct post const *post,
                     void (*lost)(struct passing const *p));

/* Say whether the service of post may answer the request p later than it acknowledges p: userd a
 * search, hostd a command, registerd a form, and those that ask xmpp-pubsubd first. A note of any other
 * request could outlive its answer: a service answers once what a c2sd says again to a new routed. */
bool asked_later(struct post const *post, struct passing const *p, bool to_domain);

#endif
