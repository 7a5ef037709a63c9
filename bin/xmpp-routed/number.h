/* Numbers that rise for ever. */
#ifndef ROUTED_NUMBER_H
#define ROUTED_NUMBER_H

#include "routed.h"

/* Give a number above all that were given: the time in microseconds above ARCHIVE_ID_SHIFT
 * bits of counting. The ids of messages and the names of sessions are such numbers. */
uint64_t number_next(void);

/* Let new numbers be above n, which an earlier run of routed has given. */
void number_above(uint64_t n);

#endif
