/* Stanzas that arrive. */
#ifndef ROUTED_INCOMING_H
#define ROUTED_INCOMING_H

#include "routed.h"

/* Take a stanza that arrives from a neighbour, for one address or (fanout) for several. */
void incoming_record(struct link *l, struct record *r);

extern uint64_t incoming_total;

#endif
