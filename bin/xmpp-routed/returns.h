/* Stanzas and requests that a service has not answered. */
#ifndef ROUTED_RETURNS_H
#define ROUTED_RETURNS_H

#include "routed.h"

/* Tell the sender of p, which waited in post for a service that is gone. */
void returns_stanza(struct post const *post, struct passing const *p);

/* Answer the requests that the service of post, which was restarted or is given up, had
 * acknowledged before. */
void returns_asked(struct post const *post);

#endif
