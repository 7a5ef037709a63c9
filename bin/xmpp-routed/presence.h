/* Facts about sessions for userd and hostd. */
#ifndef ROUTED_PRESENCE_H
#define ROUTED_PRESENCE_H

#include "sessions.h"

struct passing;

void presence_own(struct session *s, struct passing const *p);

/* Tell mamd again that the session may have what waits: who told it before, or mamd itself,
 * was restarted. */
void presence_still_online(struct session *s);
void presence_directed(struct link *l, struct record *r);
void presence_wants(struct session *s, struct slice words);
void presence_shown(struct link *l, struct record *r);
void presence_recalled(struct link *l, struct record *r);

/* Tell userd that the session is over; directed as in unbind. */
void presence_gone(struct session *s, struct slice directed);

/* Tell mamd, if mamd knows s, that s takes no waiting messages any more: it is leaving, or
 * over as session_over has it. */
void presence_leaves(struct session *s);
void presence_ends(struct session *s, enum session_end how, uint64_t upto);

/* Up to where its client has what was archived. */
void presence_mark(struct link *l, struct record *r);

/* userd asked to be told: have all c2sds tell again. */
void presence_recall(void);

/* All c2sds that are expected have told their sessions, or are waited for no more. */
void presence_all_there(void);

/* Its sessions are known no more; it need not answer. */
void presence_c2sd_gone(void);

#endif
