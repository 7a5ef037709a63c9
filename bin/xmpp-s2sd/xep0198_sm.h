/* Stream management with servers (XEP-0198). */
#ifndef S2SD_XEP0198_SM_H
#define S2SD_XEP0198_SM_H

#include "stream.h"

#include "sm/sm.h"

/* Say whether e is an element of stream management; handle one on an open stream. */
bool sm_is(struct xml_node const *e);
void sm_element(struct stream *s, struct xml_node const *e);

/* We have opened the stream, and the peer offers stream management: ask for it. */
void sm_wish(struct stream *s);

/* A stanza of the peer has gone to routed, or was answered. routed has acknowledged stanzas. */
void sm_count(struct stream *s);
void sm_acked(void);

/* Say whether the peer acknowledges what it gets, or may yet say so. */
bool sm_acks_come(struct stream const *s);

/* Stanzas were written: ask for an acknowledgement. */
void sm_ask(struct stream *s);

/* The stream is over. */
void sm_free(struct stream *s);

/* Fields of the stream's record; what waits for routed. */
void sm_snapshot(struct snapshot *k, struct stream *s);
void sm_line_snapshot(struct snapshot *k);

#endif
