/* Neighbours expected after a start. */
#ifndef ROUTED_EXPECTED_H
#define ROUTED_EXPECTED_H

#include "routed.h"

/* expected_start begins to wait, at the start; gave_up is called if EXPECT_US passes. expected_add
 * has an instance that the settings name waited for. */
void expected_start(void (*gave_up)(void));
void expected_add(struct slice name);

/* Note that the instance l has announced one thing that it is for, and announces more now, or
 * within EXPECT_MORE_US. */
void expected_announces(struct link *l);

/* Note that the instance l has announced all that it is for (forget old), or all its sessions. */
void expected_announced(struct link *l);

/* Say whether all that are expected have announced themselves, or are waited for no more. */
bool expected_all_there(void);

/* Say whether each expected c2sd has told all its sessions, or is waited for no more. */
bool expected_sessions_known(void);

/* Say whether the edge l must not be read yet, because an expected neighbour has not
 * announced itself. */
bool expected_holds(struct link const *l);

/* expected_keeps keeps the stanza r of a service for a later turn, and gives true, if an expected
 * neighbour has not announced itself; expected_turn, at the end of each turn, passes the kept
 * stanzas to take once all are there. */
bool expected_keeps(struct link *l, struct record *r);
void expected_turn(service_fn *take);

/* Forget the stanzas that are kept of l, whose link is down: the service will say them again. */
void expected_gone(struct link const *l);

#endif
