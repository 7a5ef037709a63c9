/* The work for a first-level element in each state. */
#ifndef C2SD_STATES_H
#define C2SD_STATES_H

#include "c2sd.h"

/* Handle one: e is its tree, bytes its text. */
void states_element(struct stream *s, struct xml_node const *e, struct slice bytes);

/* The client's header; its answer and features. */
void states_header(struct stream *s, struct xml_node const *root);

#endif
