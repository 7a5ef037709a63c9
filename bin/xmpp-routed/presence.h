/* Facts about sessions for those who watch them. */
#ifndef ROUTED_PRESENCE_H
#define ROUTED_PRESENCE_H

#include "sessions.h"

struct passing;

/* Take the presence p of s that is for nobody in particular. */
void presence_own(struct session *s, struct passing const *p);

/* Records of c2sds. */
void presence_directed(struct link *l, struct record *r);
void presence_shown(struct link *l, struct record *r);
void presence_recalled(struct link *l, struct record *r);
void presence_mark(struct link *l, struct record *r);

/* xmpp-userd tells of the picture of a session's account: pass that on to the session's c2sd. */
void presence_picture(struct link *l, struct record *r);

/* Tell the services that watch sessions of s, an available session of which its c2sd has told again
 * (presence_still_online), or those that watch presence what its client wants (presence_wants). */
void presence_still_online(struct session *s, struct slice caps);
void presence_wants(struct session *s, struct slice words);

/* Tell the services that watch sessions, if one of them knows s, that s is not available any more:
 * presence_leaves when it is leaving, presence_ends when it is over as session_over has it. */
void presence_leaves(struct session *s);
void presence_ends(struct session *s, enum session_end how, uint64_t upto);

/* Tell those who watch presence that the session is over; directed as in unbind. */
void presence_gone(struct session *s, struct slice directed);

/* presence_tell_sessions tells the service of p, which begins to watch sessions, of all that are
 * available. presence_recall has all c2sds tell again, for the service of p begins to watch
 * presence. */
void presence_tell_sessions(struct post *p);
void presence_recall(struct post *p);

/* Note that all c2sds that are expected have told their sessions, or are waited for no more. */
void presence_all_there(void);

/* Note that a c2sd is gone: its sessions are known no more, and it need not answer. */
void presence_c2sd_gone(void);

#endif
