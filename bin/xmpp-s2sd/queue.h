/* The queue of a pair of domains. */
#ifndef S2SD_QUEUE_H
#define S2SD_QUEUE_H

#include "pairs.h"

/* Send back all that waits; give how many stanzas somebody misses. Send one back that is in no
 * queue. */
uint64_t queue_return_all(struct pair *p, struct verdict const *v);
void queue_return_one(struct slice raw, struct verdict const *v);

/* How many stanzas have left on the stream, and are not had by the peer for sure. */
uint32_t queue_sent(struct pair const *p);

/* The peer ends each stream because of one of the suspects: send the largest back if it is so large that the
 * peer need not take it, else the oldest. */
void queue_return_suspect(struct pair *p);

/* The stream is lost: requests that had left go back, for nobody knows whether they have arrived;
 * the rest waits for the next stream. */
void queue_lost(struct pair *p);

/* Say whether the peer can have h stanzas of the stream; it has them; it has them, and the others
 * leave again on the stream that goes on. false: it cannot. */
bool queue_may_have(struct pair const *p, uint32_t h);
void queue_has(struct pair *p, uint32_t h);
bool queue_resume(struct pair *p, uint32_t h);

/* A new stream begins with all that waits. */
void queue_rewind(struct pair *p);

/* Number the stanzas that wait from 1 on (tag pair=); give the last number, 0 when none waits. A stanza
 * for which there is no memory is lost. */
uint64_t queue_renumber(struct pair *p);

/* The stream of the pair is in the file from now on, with what has left on it. */
void queue_is_kept(struct pair *p, uint64_t kept);

/* Write what waits, if the stream takes it. */
void queue_flush(struct pair *p);

#endif
