/* Stanzas that an earlier run of s2sd had sent. */
#ifndef S2SD_EARLIER_H
#define S2SD_EARLIER_H

#include "pairs.h"

/* The fate of a stanza. FATE_OPEN: the peer's count is awaited. */
enum fate { FATE_NEVER_SENT, FATE_OPEN, FATE_HAD, FATE_MISSING };

/* Give the mark of a stanza from routed, which is the same when routed sends the stanza again; 0:
 * it has none. A new run of routed says the same ORIGIN, but another number in the pair. */
uint64_t earlier_mark(struct slice raw);

/* Note that the earlier run had sent the stanza with this mark (0: it is not known), and the
 * stanza's fate. Stanzas whose fate is open are noted in their order. false: ENOMEM. */
bool earlier_add(struct pair *p, enum fate fate, uint64_t mark);

/* Give the fate of a stanza that routed hands over; FATE_NEVER_SENT for one that routed does not
 * say again. */
enum fate earlier_fate(struct pair *p, struct slice raw);

/* earlier_is_open says whether there are stanzas whose fate is open. earlier_has notes that the
 * peer has the first n of these: the others are missing. earlier_lost notes that nobody will know:
 * they count as never sent. */
bool earlier_is_open(struct pair const *p);
void earlier_has(struct pair *p, uint32_t n);
void earlier_lost(struct pair *p);

#endif
