/* Requests that a service answers later. */
#ifndef C2SD_ASKED_H
#define C2SD_ASKED_H

#include "c2sd.h"

/* Note in, which routed has been passed as its newest stanza, if in is such a request; a session
 * has ASKED_MAX of them at most. */
void asked_note(struct inbound const *in, struct link const *routed);

/* Forget the request that the iq of the deliver record r answers. false: s is not to have r, an
 * answer to the question about a request that has been answered. */
bool asked_takes(struct stream *s, struct record *r);

/* A new routed is up, and the link has sent again what it keeps: ask about the requests of s that
 * the old one had acknowledged. */
void asked_again(struct stream *s);

/* The memory that a list takes; 0 for NULL. */
size_t asked_bytes(struct asked const *a);
void asked_free(struct asked *a);

/* Name the list of s for a trace, in the record of the stream, which is open. */
void asked_snapshot(struct snapshot *k, struct stream *s);

#endif
