/* Stanzas of clients. */
#ifndef C2SD_INBOUND_H
#define C2SD_INBOUND_H

#include "c2sd.h"
#include "stream.h"

/* A stanza on its way in. */
struct inbound {
  struct stream *s;
  struct edge_stanza st;
};

/* Check and stamp a stanza of a bound stream and pass it to routed. */
enum state inbound_stanza(struct stream *s, struct xml_node const *e, struct slice bytes);

/* Answer a stanza of this stream with an error, as its server. */
void inbound_error(struct stream *s, struct xml_node const *e, enum stanza_error err,
                   char const *text);

#endif
