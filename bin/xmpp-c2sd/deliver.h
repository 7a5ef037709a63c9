/* Stanzas for clients. */
#ifndef C2SD_DELIVER_H
#define C2SD_DELIVER_H

#include "c2sd.h"

/* A line of routed: the stanza goes to each session that it names. */
void deliver_stanza(struct link *l, struct record *r);

/* A stanza of our own, as text. */
void deliver_own(struct stream *s, struct slice markup);

#endif
