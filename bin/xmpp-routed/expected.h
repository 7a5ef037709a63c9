/* Neighbours expected after a start. */
#ifndef ROUTED_EXPECTED_H
#define ROUTED_EXPECTED_H

#include "routed.h"

/* At the start: gave_up is called if EXPECT_US passes; an instance that the settings name is
 * waited for. */
void expected_start(void (*gave_up)(void));
void expected_add(struct slice name);

/* The instance l has said one thing that it is for, and says more now, or within EXPECT_MORE_US. */
void expected_announces(struct link *l);

/* The instance l has said all that it is for (forget old), or all its sessions. */
void expected_announced(struct link *l);

/* Say whether all that are expected have announced themselves, or are waited for no more. */
bool expected_all_there(void);

/* Say whether each expected c2sd has told all its sessions, or is waited for no more. */
bool expected_sessions_known(void);

/* Say whether the edge l must not be read yet, because an expected neighbour has not
 * announced itself. */
bool expected_holds(struct link const *l);

/* The stanza of a service is kept for a later turn, because of the same: expected_turn, at the
 * end of each turn, passes it to take once all are there. */
bool expected_keeps(struct link *l, struct record *r);
void expected_turn(service_fn *take);

/* The link is down: what is kept of it will be said again. */
void expected_gone(struct link const *l);

#endif
