/* The presence that contacts see of a session that is kept for push alone (push_presence). */
#ifndef C2SD_VEIL_H
#define C2SD_VEIL_H

#include "c2sd.h"

/* The usual time of s, which is away, is over, and push keeps it: show its contacts what the host's
 * push_presence says. */
void veil_put(struct stream *s);

/* The client of s is coming back: show its contacts the client's presence again. */
void veil_lift(struct stream *s);

/* Put the last fields of the record shown of s, which shows presence: what contacts see. */
void veil_put_shown(struct link *l, struct stream const *s);

/* Say whether the stanza with these fields, for s, is what veil_put has shown: the client, which has
 * not said that, does not get it. */
bool veil_is_own(struct stream const *s, struct slice raw);

#endif
