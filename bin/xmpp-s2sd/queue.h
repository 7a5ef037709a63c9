/* The queue of a pair of domains. */
#ifndef S2SD_QUEUE_H
#define S2SD_QUEUE_H

#include "pairs.h"

/* queue_return_all sends back all stanzas that wait, and gives the number of those that somebody
 * misses; queue_return_one sends back one that is in no queue. */
uint64_t queue_return_all(struct pair *p, struct verdict const *v);
void queue_return_one(struct slice raw, struct verdict const *v);

/* Give the number of stanzas that have left on the stream, and that the peer does not have for
 * sure. */
uint32_t queue_sent(struct pair const *p);

/* Send one of the suspects back, because of one of which the peer ends each stream: the largest if
 * it is so large that the peer need not take it, else the oldest. */
void queue_return_suspect(struct pair *p);

/* Note that the stream is lost: requests that had left go back, for nobody knows whether they have
 * arrived; the other stanzas wait for the next stream. */
void queue_lost(struct pair *p);

/* queue_may_have says whether the peer can have h stanzas of the stream. queue_has notes that it
 * has them. queue_resume notes this too, and lets the others leave again on the stream that goes
 * on; false: the peer cannot have so many. */
bool queue_may_have(struct pair const *p, uint32_t h);
void queue_has(struct pair *p, uint32_t h);
bool queue_resume(struct pair *p, uint32_t h);

/* Let a new stream begin with all stanzas that wait. */
void queue_rewind(struct pair *p);

/* Number the stanzas that wait from 1 on (tag pair=); give the last number, 0 when none waits. A stanza
 * for which there is no memory is lost. */
uint64_t queue_renumber(struct pair *p);

/* Note that the stream of the pair is in the file from now on, with the stanzas that have left on
 * it. */
void queue_is_kept(struct pair *p, uint64_t kept);

/* Write the stanzas that wait, if the stream takes them. */
void queue_flush(struct pair *p);

#endif
