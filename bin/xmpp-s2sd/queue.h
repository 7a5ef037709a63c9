/* The queue of a pair of domains. */
#ifndef S2SD_QUEUE_H
#define S2SD_QUEUE_H

#include "pairs.h"

/* Send back all that waits; give how many stanzas somebody misses. Send one back that is in no
 * queue. */
uint64_t queue_return_all(struct pair *p, struct verdict const *v);
void queue_return_one(struct slice raw, struct verdict const *v);

/* The stream is lost: requests that had left go back, for nobody knows whether they have arrived;
 * the rest waits for the next stream. */
void queue_lost(struct pair *p);

/* A new stream begins with all that waits. */
void queue_rewind(struct pair *p);

/* Write what waits, if the stream takes it. */
void queue_flush(struct pair *p);

#endif
