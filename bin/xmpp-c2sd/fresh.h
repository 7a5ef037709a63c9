/* Sessions whose clients may yet enable stream management. */
#ifndef C2SD_FRESH_H
#define C2SD_FRESH_H

#include "c2sd.h"

/* Begin to keep stanzas for the session s, which has been bound and whose client has had no chance
 * yet to send <enable/>. */
void fresh_begin(struct stream *s);

/* Keep the stanza in raw, whose element begins at offset xml, if it has a mark and the client of s
 * may still enable stream management. false: the stanza is to be sent now. */
bool fresh_holds(struct stream *s, struct slice raw, size_t xml, struct slice tags);

/* Note that the client of s sends the first-level element e: unless e leaves the choice open, send
 * the stanzas that were kept. For <enable/> fresh_enabled does so, behind the answer. */
void fresh_element(struct stream *s, struct xml_node const *e);

/* Send the stanzas that were kept, now that the answer to <enable/> is written: under stream
 * management if s has it. */
void fresh_enabled(struct stream *s);

void fresh_snapshot(struct snapshot *k);

#endif
