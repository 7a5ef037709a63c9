/* Requests on their way. */
#ifndef C2SD_REQUESTS_H
#define C2SD_REQUESTS_H

#include "c2sd.h"

/* Note that s has passed a request to routed, as the stanza with the latest number. When
 * REQUESTS_MAX of s are not acknowledged, the input of s waits from now on (is_behind). */
void requests_passed(struct stream *s, struct link const *routed);

/* Tell the front of s to stop reading the client when much input waits behind requests. */
void requests_held(struct stream *s);

/* Read what waits of s, whose client is gone: messages are passed on, requests of type get
 * are not, for nobody hears the answers. */
void requests_leave(struct stream *s);

/* Forget that the input of s waits: its conduit is gone. */
void requests_forget(struct stream *s);

/* Go on with the streams whose requests are all acknowledged (acks.c). */
void requests_acked(void);

void requests_snapshot(struct snapshot *k);

#endif
