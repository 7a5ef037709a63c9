/* Between the files of this area. */
#ifndef STREAM_INTERNAL_H
#define STREAM_INTERNAL_H

#include "stream/stream.h"

#define NS_FRAMING "urn:ietf:params:xml:ns:xmpp-framing"
#define NS_STREAM_ERRORS "urn:ietf:params:xml:ns:xmpp-streams"

extern struct conduit_owner const *stream_owner;

/* A row for each framing.
 * cat_header: append our header.
 * end: our last element.
 * feed: read the len bytes at s; give how many were read or thrown away, the rest waits.
 * hold: append bytes that wait to those that wait already. false: ENOMEM.
 * alone: elements say their namespaces, and each is one record. */
struct framing_row {
  bool (*cat_header)(stralloc *out, struct stream_header const *h);
  char const *end;
  size_t (*feed)(struct conduit *c, char const *s, size_t len);
  bool (*hold)(stralloc *held, struct slice bytes);
  bool alone;
};

extern struct framing_row const framing_rows[];

static inline struct framing_row const *
framing_of(struct conduit const *c)
{
  return &framing_rows[c->framing];
}

/* Input and output of a conduit that wait: few conduits have any. */
struct conduit_waiting {
  stralloc held; /* input, from held_at on */
  size_t held_at;
  stralloc blocked;   /* output, escaped as in a record */
  uint64_t blocked_n; /* stanzas in blocked */
};

/* Give c->waiting, which is made when c has none. NULL: ENOMEM. */
struct conduit_waiting *stream_waiting(struct conduit *c);

/* Free c->waiting when nothing waits. */
void stream_waiting_trim(struct conduit *c);

/* Mark the conduit for an error of the parser. */
void stream_xml_failed(struct conduit *c, enum xml_error e);

/* Say whether the next element of the same bytes may be read. */
bool stream_goes_on(struct conduit const *c);

/* Take bytes of the peer: read them, or hold them. */
void stream_take(struct conduit *c, struct slice bytes);

/* Send the blocked output to the front; from now on writes go there at once. */
void stream_unblock(struct conduit *c);

/* Put an id and a verb on the link of c. */
void stream_tell(struct conduit *c, enum verb v);

/* Append the element, text or as in a record, with the namespaces that its start tag does not
 * say: that of the content, and that of the prefix stream. */
bool stream_cat_alone(stralloc *out, struct slice element, char const *ns);

#endif
