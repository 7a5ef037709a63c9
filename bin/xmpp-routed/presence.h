/* Facts about sessions for those who watch them. */
#ifndef ROUTED_PRESENCE_H
#define ROUTED_PRESENCE_H

#include "sessions.h"

struct passing;

/* The presence p of s that is for nobody in particular. */
void presence_own(struct session *s, struct passing const *p);

/* Records of c2sds. */
void presence_directed(struct link *l, struct record *r);
void presence_shown(struct link *l, struct record *r);
void presence_recalled(struct link *l, struct record *r);
void presence_mark(struct link *l, struct record *r);

/* A c2sd that has told of an available session again, or has told what its client wants: tell
 * those who watch sessions, or presence. */
void presence_still_online(struct session *s, struct slice caps);
void presence_wants(struct session *s, struct slice words);

/* Tell those who watch sessions, if one of them knows s, that s is not available any more: it
 * is leaving, or over as session_over has it. */
void presence_leaves(struct session *s);
void presence_ends(struct session *s, enum session_end how, uint64_t upto);

/* Tell those who watch presence that the session is over; directed as in unbind. */
void presence_gone(struct session *s, struct slice directed);

/* The service of p begins to watch sessions: tell it of all that are available. It begins to
 * watch presence: have all c2sds tell again. */
void presence_tell_sessions(struct post *p);
void presence_recall(struct post *p);

/* All c2sds that are expected have told their sessions, or are waited for no more. */
void presence_all_there(void);

/* A c2sd is gone: its sessions are known no more, and it need not answer. */
void presence_c2sd_gone(void);

#endif
