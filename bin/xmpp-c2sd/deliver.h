/* Stanzas for clients. */
#ifndef C2SD_DELIVER_H
#define C2SD_DELIVER_H

#include "c2sd.h"

/* Field i (enum stanza_field) of a stanza's fields from TO on, as they stand. */
struct slice deliver_field(struct slice raw, unsigned int i);

void deliver_stanza(struct link *l, struct record *r);

#endif
