/* Records of an administrator. */
#ifndef S2SD_CTL_H
#define S2SD_CTL_H

#include "service/service.h"

void ctl_on_s2s(struct link *l, struct record *r);
void ctl_stats(struct link *ctl);

#endif
