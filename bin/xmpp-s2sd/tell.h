/* The steps of a dial, as an administrator sees them. */
#ifndef S2SD_TELL_H
#define S2SD_TELL_H

#include "dial.h"

/* Tell the administrator who watches d, if there is one, of a step: a row of words, the last NULL. The
 * milliseconds since the dial's beginning stand behind them. */
void dial_tell(struct dial const *d, ...) __attribute__((sentinel));

#endif
