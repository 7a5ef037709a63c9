/* Stanzas that go back to their senders. */
#ifndef S2SD_RETURNS_H
#define S2SD_RETURNS_H

#include "verdict.h"

/* Send the stanza, the fields of a record from TO on, back to its sender as the verdict says; a
 * stanza of a kind that nobody misses is forgotten. Says whether the stanza went back. */
bool return_stanza(struct slice raw, struct verdict const *v);

/* Say whether the stanza is a request (iq get or set), which may not be sent twice. */
bool return_is_request(struct slice raw);

/* Say whether a stanza answers one of the peer's: an error, or the result of a request. */
bool return_is_answer(struct slice raw);

#endif
