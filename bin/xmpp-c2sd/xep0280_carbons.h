/* Carbons. */
#ifndef C2SD_XEP0280_CARBONS_H
#define C2SD_XEP0280_CARBONS_H

#include "c2sd.h"

/* XEP-0280 s4: say whether the stanza asks for carbons, and has been answered. */
bool carbons_request(struct inbound const *in);

#endif
