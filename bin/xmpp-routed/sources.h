/* Acknowledgements that edges are owed. */
#ifndef ROUTED_SOURCES_H
#define ROUTED_SOURCES_H

#include "routed.h"

/* Note that the stanza came: false when it had come before. The rest of *p is set. */
bool source_take(struct link *l, struct passing *p);

/* Hold the acknowledgement of stanza n back until a service has acknowledged n: source_hold
 * counts a service more and gives the epoch of the source, source_release a service less, if
 * the source has that epoch still. */
uint64_t source_hold(struct source *s, uint64_t n);
void source_release(struct source *s, uint64_t epoch, uint64_t n);

/* Note that the stanza n of s goes to a session behind the link `to`: see sources.c. */
void source_crosses(struct source *s, uint64_t n, struct link const *to);

/* Number p as the next stanza of routed itself. All up to source_own_done have been taken over by
 * services, and are in the sockets of c2sds. false: ENOMEM, and p is what it was. */
bool source_own(struct passing *p);
uint64_t source_own_done(void);

/* Say whether the source of this ORIGIN does not send the stanza again: it has been told that the stanza
 * is taken over, in an earlier turn, or its run is over, or it has been away for KEPT_ABSENT_US. */
bool source_told(struct slice origin);

/* An edge asks about its earlier run (VERB_EARLIER), and hears of it at the end of a turn. */
void sources_earlier(struct link *l, struct record *r);

/* At the end of a turn: acknowledge what has been taken over. A link is gone: its source
 * stays, for it may come back and send again. */
void sources_turn(void);
void sources_gone(struct link const *l);

#endif
