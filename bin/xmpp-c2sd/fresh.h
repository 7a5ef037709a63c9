/* Sessions whose clients may yet enable stream management. */
#ifndef C2SD_FRESH_H
#define C2SD_FRESH_H

#include "c2sd.h"

/* The session s has been bound, and its client has had no chance yet to send <enable/>. */
void fresh_begin(struct stream *s);

/* Keep the stanza in raw, whose element begins at offset xml, if it has a mark and the client of s
 * may still enable stream management. false: the stanza is to be sent now. */
bool fresh_holds(struct stream *s, struct slice raw, size_t xml, struct slice tags);

/* The client of s sends the first-level element e: unless e leaves the choice open, send what was
 * kept. <enable/> does so with fresh_enabled, behind its answer. */
void fresh_element(struct stream *s, struct xml_node const *e);

/* The answer to <enable/> is written: send what was kept, under stream management if s has it. */
void fresh_enabled(struct stream *s);

void fresh_snapshot(struct snapshot *k);

#endif
