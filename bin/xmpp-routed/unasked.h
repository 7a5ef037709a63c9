/* Copies, in the file, of stanzas that wait for the name of their addressee (exists.c). */
#ifndef ROUTED_UNASKED_H
#define ROUTED_UNASKED_H

#include "routed.h"

/* Say whether the tags are those of such a copy. */
bool unasked_is(struct slice tags);

/* Note that an earlier run has left these fields of a stanza in the file, whatever stanza it is. */
void unasked_earlier(struct slice fields);

/* Say whether an earlier run has left the stanza of this ORIGIN, so that its source sends it in vain. The
 * source does so once. */
bool unasked_has(struct slice origin);

/* Say whether the file may let go of this copy, for the stanza is delivered: its source has been told, if
 * it is one of these. */
bool unasked_is_told(struct slice fields);

void unasked_snapshot(struct snapshot *k);

#endif
