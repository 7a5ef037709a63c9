/* Stanzas of clients. */
#ifndef C2SD_INBOUND_H
#define C2SD_INBOUND_H

#include "c2sd.h"
#include "stream.h"

/* A stanza on its way in. */
struct inbound {
  struct stream *s;
  struct xml_node const *e;
  struct slice bytes;
  struct slice kind, type, id, from;
  struct jid to; /* all parts empty: to nobody in particular */
  bool forged;   /* a child is forged (inbound_is_forged) */
};

/* Check and stamp a stanza of a bound stream and pass it to routed. */
enum state inbound_stanza(struct stream *s, struct xml_node const *e, struct slice bytes);

/* Answer a stanza of this stream with an error, as its server. */
void inbound_error(struct stream *s, struct xml_node const *e, enum stanza_error err,
                   char const *text);

/* The full JID without its resource. */
struct slice stream_bare(struct stream const *s);

/* Say whether e is forged, since only a server may say it: a stanza-id (XEP-0359 s3) that
 * names one of our hosts or an account of one, a delay (XEP-0203 s8) from one of our
 * hosts. */
bool inbound_is_forged(struct xml_node const *e);

#endif
