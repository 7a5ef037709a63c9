/* Capabilities of hosts. */
#ifndef C2SD_XEP0115_CAPS_H
#define C2SD_XEP0115_CAPS_H

#include "c2sd.h"

/* XEP-0115: take the record caps of hostd, the capabilities of a host. */
void caps_on_caps(struct link *l, struct record *r);

#endif
