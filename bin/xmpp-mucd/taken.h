/* Stanzas that an earlier mucd has taken. */
#ifndef MUCD_TAKEN_H
#define MUCD_TAKEN_H

#include "mucd.h"

/* Note the stanza of this ORIGIN. true: an earlier process has noted the stanza, or a newer one of the
 * same run of its source. */
bool taken_before(struct slice origin);

/* Before the commit of a turn: write what was noted into DATA/occupants. */
void taken_turn(void);

/* The turn is lost: what it has noted was not taken. */
void taken_lost(void);

/* Open the table in DATA/occupants. */
bool taken_open(void);

#endif
