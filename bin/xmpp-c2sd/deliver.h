/* Stanzas for clients. */
#ifndef C2SD_DELIVER_H
#define C2SD_DELIVER_H

#include "c2sd.h"

void deliver_stanza(struct link *l, struct record *r);

#endif
