/* Capabilities that clients show. */
#ifndef ROUTED_XEP0115_CAPS_H
#define ROUTED_XEP0115_CAPS_H

#include "sessions.h"

/* Note that s shows caps, the value of the tag caps (empty: its presence has none, which
 * changes nothing), and tell those who watch. again: its c2sd has told of them anew. */
void caps_shown(struct session *s, struct slice caps, bool again);

/* s is not available any more. */
void caps_end(struct session *s);

/* The presence p passes: if it is for an account of ours, it shows that account the
 * capabilities of its sender. */
void caps_directed(struct passing const *p);

/* The service of post begins to watch caps: tell it those of all sessions. */
void caps_tell(struct post *post);

/* Take the caps that s had in a trace. */
void caps_snapshot(struct snapshot *k, struct session *s);

#endif
