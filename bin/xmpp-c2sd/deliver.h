/* Stanzas for clients. */
#ifndef C2SD_DELIVER_H
#define C2SD_DELIVER_H

#include "c2sd.h"

/* Take a record of routed: send the stanza to each session that the record names. */
void deliver_stanza(struct link *l, struct record *r);

/* Send s a stanza of our own, markup. */
void deliver_own(struct stream *s, struct slice markup);

#endif
