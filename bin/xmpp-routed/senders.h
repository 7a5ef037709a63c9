/* Senders of the stanzas in the queues for other servers. */
#ifndef ROUTED_SENDERS_H
#define ROUTED_SENDERS_H

#include "routed.h"

/* The bytes that one sender may have in all queues together. */
void senders_take(uint64_t max);

/* Count bytes more for the bare address sender, as it stands in a record; or bytes less. false:
 * the sender would have too many, which is logged once, or ENOMEM; nothing is counted. */
bool senders_add(struct slice sender, uint64_t bytes);
void senders_sub(struct slice sender, uint64_t bytes);

#endif
