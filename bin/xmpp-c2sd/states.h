/* The work for a first-level element in each state. */
#ifndef C2SD_STATES_H
#define C2SD_STATES_H

#include "c2sd.h"
#include "stream/stream.h"

/* Handle an element: e is its tree, bytes its text. */
void states_element(struct conduit *c, struct xml_node const *e, struct slice bytes);

/* Answer the client's header with ours and features, or with ours and a stream error. root NULL:
 * write ours. */
void states_header(struct conduit *c, struct xml_node const *root, char const *fault);

#endif
