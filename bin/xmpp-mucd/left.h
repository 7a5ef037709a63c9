/* Occupants who have left, until all have been told. */
#ifndef MUCD_LEFT_H
#define MUCD_LEFT_H

#include "mucd.h"

/* Note that o leaves by the change c, before c is shown. told: o's own sessions are to know, too. */
void left_note(struct occupant const *o, struct change const *c, bool told);

/* routed's link has come up: show what an earlier process has noted and may not have shown. */
void left_up(void);

/* Before the commit of a turn: forget what has been shown. */
void left_turn(void);

/* Open the table in DATA/occupants; know of nothing but what it has. */
bool left_open(void);
void left_load(void);
void left_snapshot(struct snapshot *k);

#endif
