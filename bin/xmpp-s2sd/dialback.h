/* Dialback (XEP-0220), in all its roles. */
#ifndef S2SD_DIALBACK_H
#define S2SD_DIALBACK_H

#include "dial.h"

/* Say whether e is an element of dialback. */
bool dialback_is(struct xml_node const *e);

/* Take an element of dialback: dialback_in on an incoming stream, dialback_out on one that we have
 * opened. */
void dialback_in(struct stream *s, struct xml_node const *e);
void dialback_out(struct stream *s, struct xml_node const *e);

/* Say db:result for the stream's own pair. */
void dialback_send_key(struct stream *s);

/* dialback_ready says the questions that wait for s, on which db:verify may be said now.
 * dialback_lost, when s is over, and dialback_failed, when the dial d is, fail the questions that
 * were asked there, or ask them elsewhere. */
void dialback_ready(struct stream *s);
void dialback_lost(struct stream *s);
void dialback_failed(struct dial const *d, struct verdict const *v);

/* dialback_begins lets time run for the questions that wait for d, a dial that has its turn.
 * dialback_abandoned makes another dial for the questions of one between the two domains that has
 * gone before its turn. */
void dialback_begins(struct dial const *d);
void dialback_abandoned(char const *local, char const *remote);

/* Say whether a question is open that was asked on this stream. */
bool dialback_waits_for(struct stream const *s);

/* Forget the keys that were said on the incoming stream s, and the questions about them. A stream
 * of ours that is for nothing else closes. */
void dialback_forget(struct stream *s);

void dialback_snapshot(struct snapshot *k);

#endif
