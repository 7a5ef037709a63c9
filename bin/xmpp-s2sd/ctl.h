/* Records of an administrator. */
#ifndef S2SD_CTL_H
#define S2SD_CTL_H

#include "dial.h"
#include "service/service.h"

void ctl_on_s2s(struct link *l, struct record *r);
void ctl_stats(struct link *ctl);

/* Tell the administrator of a dial for one a step: a row of words, the last NULL. The
 * milliseconds since the dial's beginning stand behind them. */
void dial_tell(struct dial const *d, ...) __attribute__((sentinel));

#endif
