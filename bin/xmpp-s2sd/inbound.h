/* Stanzas of peers. */
#ifndef S2SD_INBOUND_H
#define S2SD_INBOUND_H

#include "stream.h"

/* Say whether e is a stanza. */
bool inbound_is(struct xml_node const *e);

/* Say whether the options of the host to which our domain to belongs let the domain from send on
 * this stream, with its TLS and its certificate. */
bool inbound_admits(struct stream *s, struct slice from, struct slice to);

/* Pass a stanza on to routed; or end the stream, if it is none that the peer may send. */
void inbound_stanza(struct stream *s, struct xml_node const *e, struct slice bytes);

#endif
