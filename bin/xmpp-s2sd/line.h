/* Dials that wait for their turn: so many connections are made at once. */
#ifndef S2SD_LINE_H
#define S2SD_LINE_H

#include "dial.h"

/* The line of a new dial. Have a dial stand in its line. */
enum dial_line line_of(struct dial const *d);
void line_join(struct dial *d);

/* Take the dial whose turn it is out of its line, and count it as one that is under way, until line_leave.
 * NULL: none may begin now. */
struct dial *line_next(void);
void line_leave(struct dial const *d);

/* Count a dial as under way that is made anew from a snapshot. */
void line_restored(struct dial const *d);

/* No dial's turn comes any more. */
void line_stop(void);

#endif
