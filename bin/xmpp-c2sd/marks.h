/* Messages that a client has. */
#ifndef C2SD_MARKS_H
#define C2SD_MARKS_H

#include "c2sd.h"

/* marks_note notes that the client has the stanza of these tags; marks_note_sent that it will, once
 * it has fetched all that was sent so far; marks_note_blocked that it will, once all blocked output
 * has left, which marks_unblocked notes. marks_blocked says whether the client still lacks a stanza
 * that was noted in one of the last two ways. */
void marks_note(struct stream *s, struct slice tags);
void marks_note_sent(struct stream *s, struct slice tags);
void marks_note_blocked(struct stream *s, struct slice tags);
void marks_unblocked(struct stream *s);
bool marks_blocked(struct stream const *s);

/* Take the record taken of a front: the client has fetched its first N data records. */
void marks_on_taken(struct link *l, struct record *r);

/* Tell routed the marks of s at once, if they have moved since routed was last told. */
void marks_end(struct stream *s);

/* Tell routed the marks of s again: an earlier run of routed may have ended before it
 * passed them on. */
void marks_again(struct stream *s);

/* Give the highest id for which this holds: each message of the session up to the id is
 * marked, or stands in the session's queue of stream management, which returns it. */
uint64_t marks_upto(struct stream const *s);

/* Give the highest id of all messages that have come for the session. */
uint64_t marks_come(struct stream const *s);

#endif
