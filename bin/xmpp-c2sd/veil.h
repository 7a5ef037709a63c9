/* The presence that contacts see of a session that is kept for push alone (push_presence). */
#ifndef C2SD_VEIL_H
#define C2SD_VEIL_H

#include "c2sd.h"

/* Show the contacts of s, which is away for longer than usual and which push keeps, the presence
 * that the host's push_presence says. */
void veil_put(struct stream *s);

/* Show the contacts of s, whose client is coming back, the client's presence again. */
void veil_lift(struct stream *s);

/* Put the last fields of the record shown of s, which shows presence: the presence that contacts
 * see. */
void veil_put_shown(struct link *l, struct stream const *s);

/* Say whether the stanza with these fields, for s, is the presence that veil_put has shown: the
 * client, which has not sent it, does not get it. */
bool veil_is_own(struct stream const *s, struct slice raw);

#endif
