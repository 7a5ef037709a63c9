/* Stanzas that leave for clients. */
#ifndef C2SD_OUTPUT_H
#define C2SD_OUTPUT_H

#include "c2sd.h"

/* Send a stanza whose XML begins at offset xml of raw, in its order; tags are those of its envelope.
 * Once stream management is on the stanza is kept until it is acknowledged. */
void output_send(struct stream *s, struct slice raw, size_t xml, struct slice tags);

#endif
