/* Requests on their way. */
#ifndef C2SD_REQUESTS_H
#define C2SD_REQUESTS_H

#include "c2sd.h"

/* Note that s has passed a request to routed, as the stanza with the latest number. When
 * REQUESTS_MAX of s are not acknowledged, the input of s waits from now on. */
void requests_passed(struct stream *s, struct link const *routed);

/* Go on with the streams whose requests are all acknowledged. */
void requests_acked(void);

void requests_snapshot(struct snapshot *k);

#endif
