/* Stanzas that an earlier run of s2sd had sent. */
#ifndef S2SD_EARLIER_H
#define S2SD_EARLIER_H

#include "pairs.h"

/* The fate of a stanza. FATE_OPEN: the peer's count is awaited. */
enum fate { FATE_NEVER_SENT, FATE_OPEN, FATE_HAD, FATE_MISSING };

/* The mark of a stanza from routed, which is the same when routed sends the stanza again; 0: it has none.
 * ORIGIN is the same for a new run of routed too, the number in the pair is not. */
uint64_t earlier_mark(struct slice raw);

/* The earlier run had sent the stanza with this mark; 0: of one that is not known. Stanzas whose fate is
 * open come in their order. false: ENOMEM. */
bool earlier_add(struct pair *p, enum fate fate, uint64_t mark);

/* Give the fate of a stanza that routed hands over; of one that it does not say again: FATE_NEVER_SENT. */
enum fate earlier_fate(struct pair *p, struct slice raw);

/* Say whether there are stanzas whose fate is open. The peer has n of these: the first ones; the others are
 * missing. Nobody will know: they count as never sent. */
bool earlier_is_open(struct pair const *p);
void earlier_has(struct pair *p, uint32_t n);
void earlier_lost(struct pair *p);

#endif
