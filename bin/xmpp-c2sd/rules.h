/* Access and shaping. */
#ifndef C2SD_RULES_H
#define C2SD_RULES_H

#include "c2sd.h"

/* Say whether the session of s has no account (XEP-0175). */
bool rules_is_anonymous(struct stream const *s);

/* Say whether the access rule of s's listener lets s be the session of its account with
 * this resource. bind asks, and each resumption. */
bool rules_may_bind(struct stream const *s, struct slice resource);

/* Give the parser of s the limits of its listener: those of strangers, or of those who have
 * authenticated. */
void rules_limit(struct stream *s);

/* Have the front read no faster than the shaper rule of the listener gives to the present client of
 * s. */
void rules_shape(struct stream *s);

#endif
