/* Delivery. */
#ifndef ROUTED_DELIVER_H
#define ROUTED_DELIVER_H

#include "passing.h"

#include "stanza/refused.h"

/* Send p to where its to says. */
void deliver_route(struct passing const *p);

/* Send p, which may be a message to be kept, where its to says. of_a_client: other sessions of its
 * sender may have copies (XEP-0280). */
void deliver_and_keep(struct passing *p, bool of_a_client);

/* Do as archive_begin and archive_wait do, but refuse p when mamd has no room for it. */
bool deliver_begin(struct passing *p);
bool deliver_to_wait(struct passing const *p, struct jid const *to);

/* Send p to the session s, or to all available sessions of u, which may be NULL. */
void deliver_to_session(struct session const *s, struct passing const *p);
void deliver_to_available(struct user const *u, struct passing const *p);

/* Send s, and keep for s, the copy p that an earlier run kept for s and c2sd never had. p is changed. */
void deliver_again(struct session *s, struct passing *p);

/* Answer p with the error e, if p may be answered; more is put behind the condition. rule is the
 * reason, for the log. deliver_back answers a stanza that a session or a service has returned. */
void deliver_bounce(struct passing const *p, enum refusal rule, enum stanza_error e,
                    char const *more);
void deliver_back(struct passing const *p, enum refusal rule, enum stanza_error e);

/* Put p into the post of a service, or tell its sender that there is no room (false). */
bool deliver_to_post(struct post *post, struct passing const *p);

#endif
