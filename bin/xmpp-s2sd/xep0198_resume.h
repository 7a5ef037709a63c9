/* Streams of stream management that go on as others (XEP-0198 s5). */
#ifndef S2SD_XEP0198_RESUME_H
#define S2SD_XEP0198_RESUME_H

#include "stream.h"

#include "sm/sm.h"

/* The part of a stream that outlives it: the id, and the counts of the peer's stanzas. */
struct left;

/* In: give the stream an id, under which the peer may resume it for S2S_LEFT_US. NULL: ENOMEM. */
char const *resume_grant(struct stream *s);

/* Out: note the id and the time that the peer's enabled names, if it does. */
void resume_note(struct stream *s, struct xml_node const *enabled);

/* Keep of s, which is over, the part that can be resumed, and the counts of a stream that cannot.
 * Give the number under which the part is kept, that of the stream; 0: the stream cannot be
 * resumed. */
uint64_t resume_leave(struct stream *s);

/* Out, at the end of s: say whether the peer may have sent stanzas a short time ago without having
 * heard that they are here, and would send them again unless the stream is resumed soon. */
bool resume_owes(struct stream const *s);

/* Say whether the peer is to be asked for the stream on which stanzas of p may have arrived. */
bool resume_is_due(struct pair const *p);

/* Note that routed has acknowledged a stanza of the stream with this number, which is over. */
void resume_acked(uint64_t number);

/* resume_routed_is_up asks routed, which is up, for the stanzas that it has of an earlier run of
 * s2sd; resume_on_earlier takes the answer, which says how many of the peers' were handled. */
void resume_routed_is_up(struct link *routed);
void resume_on_earlier(struct link *l, struct record *r);

/* The number of the stream in the file (kept.h); 0: it is not there. */
uint64_t resume_kept(struct stream const *s);

/* In: take e, by which the peer asks to resume a stream. */
void resume_asked(struct stream *s, struct xml_node const *e);

/* Out: ask the peer to resume the stream whose stanzas p does not know to have arrived. false:
 * there is none, and the stream is to be enabled anew. */
bool resume_ask(struct stream *s, struct pair const *p);

/* Out, RESUMING: take e, by which the peer has resumed the stream, or not. true: the stanzas of
 * that stream go on here; false: enable anew, unless the conduit is marked to end. */
bool resume_answered(struct stream *s, struct pair *p, struct xml_node const *e);

/* Forget the part that s has, and would leave. */
void resume_free(struct stream *s);

/* Fields of the record of a stream; records of those that are over. */
void resume_snapshot(struct snapshot *k, struct stream *s);
void resume_left_snapshot(struct snapshot *k);

#endif
