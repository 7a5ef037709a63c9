/* Dialback (XEP-0220), in all its roles. */
#ifndef S2SD_DIALBACK_H
#define S2SD_DIALBACK_H

#include "dial.h"

/* Say whether e is an element of dialback. */
bool dialback_is(struct xml_node const *e);

/* An element of dialback on an incoming stream, or on one that we have opened. */
void dialback_in(struct stream *s, struct xml_node const *e);
void dialback_out(struct stream *s, struct xml_node const *e);

/* Say db:result for the stream's own pair. */
void dialback_send_key(struct stream *s);

/* db:verify may be said on this stream: say what waits for it. The stream, or a dial, is over:
 * what was asked there fails, or is asked elsewhere. */
void dialback_ready(struct stream *s);
void dialback_lost(struct stream *s);
void dialback_failed(struct dial const *d, struct verdict const *v);

/* The dial has its turn: time runs for the questions that wait for it. A dial between the two domains has
 * gone before its turn: another one is made for its questions. */
void dialback_begins(struct dial const *d);
void dialback_abandoned(char const *local, char const *remote);

/* Say whether a question is open that was asked on this stream. */
bool dialback_waits_for(struct stream const *s);

/* Forget the keys that were said on the incoming stream s, and what was asked about them. A stream of ours
 * that is for nothing else closes. */
void dialback_forget(struct stream *s);

void dialback_snapshot(struct snapshot *k);

#endif
