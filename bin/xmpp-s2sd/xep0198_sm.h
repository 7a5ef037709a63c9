/* Stream management with servers (XEP-0198). */
#ifndef S2SD_XEP0198_SM_H
#define S2SD_XEP0198_SM_H

#include "stream.h"

#include "sm/sm.h"

struct left;

/* Stream management of a stream. */
struct sm {
  struct sm_in in;
  bool counts;    /* the peer's stanzas are counted */
  bool acks;      /* the peer acknowledges ours, or has not refused to yet */
  bool asks;      /* the peer's answer to enable is awaited: no stanza of ours leaves */
  bool resumed;   /* the stream goes on from another one */
  bool may_go_on; /* another one may go on from this, though we end it */
  uint32_t told;  /* the count that the peer was told last */
  struct left *left; /* the part that outlives the stream; NULL: it cannot be resumed */
  struct event_timer timer;
};

/* Give the stream management of s, made if there is none. NULL: ENOMEM, and the conduit is
 * marked. */
struct sm *sm_new(struct stream *s);

/* sm_fail says failed with the condition of a stanza error and a count h, which may be empty;
 * sm_too_high ends the stream for an acknowledgement h of more than was sent. */
void sm_fail(struct stream *s, char const *condition, struct slice h);
void sm_too_high(struct stream *s, uint32_t h, uint32_t sent);

/* sm_is says whether e is an element of stream management; sm_element handles one on an open
 * stream. */
bool sm_is(struct xml_node const *e);
void sm_element(struct stream *s, struct xml_node const *e);

/* Ask the peer, which offers stream management on a stream that we have opened, for it, or for
 * another stream to go on here. true: the answer is awaited before the stream is open. */
bool sm_wish(struct stream *s);

/* sm_count notes that a stanza of the peer has gone to routed, or was answered; sm_acked that
 * routed has acknowledged stanzas. */
void sm_count(struct stream *s);
void sm_acked(void);

/* Say whether the peer acknowledges what it gets, or may yet say so. */
bool sm_acks_come(struct stream const *s);

/* Say whether stanzas wait for the answer to enable: without the id in it they could not be
 * resumed. */
bool sm_asks(struct stream const *s);

/* Say whether the peer's stanzas are counted and routed has not acknowledged them all yet. */
bool sm_is_behind(struct stream const *s);

/* Say, before the last words to the peer, the count of its stanzas that were handled (s4), if it
 * was not said yet, so that the peer does not send them again on the next stream. */
void sm_last_count(struct stream *s);

/* Ask for an acknowledgement of stanzas that were written. */
void sm_ask(struct stream *s);

/* The stream is over. */
void sm_free(struct stream *s);

/* sm_snapshot names the fields of the stream's record, sm_line_snapshot the stanzas that wait for
 * routed. */
void sm_snapshot(struct snapshot *k, struct stream *s);
void sm_line_snapshot(struct snapshot *k);

#endif
