/* Dials that wait for their turn: so many connections are made at once. */
#ifndef S2SD_LINE_H
#define S2SD_LINE_H

#include "dial.h"

/* The line of a new dial. */
enum dial_line line_of(struct dial const *d);

/* Have a dial stand in its line for sender, a bare address or empty. false: the sender, or all, have as
 * many there as they may, or ENOMEM. */
bool line_join(struct dial *d, struct slice sender);

/* Have a dial that waits, and that another sender wants too, stand where its turn comes sooner. */
void line_move(struct dial *d, struct slice sender);

/* Take a dial that waits out of its line. */
void line_quit(struct dial *d);

/* Take the dial whose turn it is out of its line, and count it as one that is under way, until line_leave.
 * NULL: none may begin now. */
struct dial *line_next(void);
void line_leave(struct dial const *d);

/* Let no dial's turn come any more. */
void line_stop(void);

/* For a snapshot: line_sender gives the sender for whom the dial stands or is under way;
 * line_restore has a restored dial do so, false: ENOMEM; lines_snapshot names the turns of senders,
 * which are restored before the dials. */
struct slice line_sender(struct dial const *d);
bool line_restore(struct dial *d, struct slice sender, bool waits);
void lines_snapshot(struct snapshot *k);

#endif
