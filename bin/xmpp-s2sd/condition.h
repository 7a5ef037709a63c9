/* Conditions of errors that peers say. */
#ifndef S2SD_CONDITION_H
#define S2SD_CONDITION_H

#include "xml/xml.h"

/* Give the condition that the error e names: one of RFC 6120 s4.9.3 (stream), of s6.5 (SASL), of s8.3.3
 * (stanza); "undefined-condition" when it names none of them, for senders are told of the condition, and
 * are not to read what a peer has made up; "error" when it has no child. */
struct slice condition_of_stream(struct xml_node const *e);
struct slice condition_of_sasl(struct xml_node const *e);
struct slice condition_of_stanza(struct xml_node const *e);

/* Give the name that a peer has made up in the place of a condition, for the log; empty: none. */
struct slice condition_made_up(struct xml_node const *e, struct slice condition);

#endif
