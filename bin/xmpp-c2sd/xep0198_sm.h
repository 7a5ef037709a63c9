/* XEP-0198. */
#ifndef C2SD_XEP0198_SM_H
#define C2SD_XEP0198_SM_H

#include "c2sd.h"
#include "sm/sm.h"
#include "stream.h"

struct sm {
  struct sm_in in;
  struct sm_out out;
  struct event_timer timer;  /* of out.phase; while the stream is away: ends the wait */
  struct event_timer answer; /* of an r whose a waits for routed */
  uint64_t max_us;           /* how long the session may be away; 0: not at all */
  uint64_t usual_us;         /* while it is away: when max_us are over */
  uint64_t kept_us;          /* until when push keeps it longer; 0: it does not */
  uint64_t yield_sid;        /* the stream of another c2sd that is to have the session */
  char *yield_to;            /* and its name; NULL: none */
  uint32_t told; /* a count as out.acked: xmpp-pushd was told of stanzas up to this one */
  bool is_known; /* routed knows that the session is away, and tells of what comes */
  bool old_ns;
  char random[16]; /* of its token */
};

/* The wish of an element enable: to be resumable, for so many seconds (0: it does not say). */
struct sm_wish {
  bool resume;
  uint64_t max_s;
};

void sm_read_wish(struct xml_node const *e, struct sm_wish *w);

/* sm_begin begins stream management for the session s, which has none; sm_cat_enabled appends the
 * element enabled. false: ENOMEM. */
bool sm_begin(struct stream *s, bool old_ns, struct sm_wish const *w);
bool sm_cat_enabled(stralloc *out, struct stream const *s);

enum state sm_enable(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sm_early(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sm_asks(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sm_acks(struct stream *s, struct xml_node const *e, struct slice bytes);

/* Count a stanza of the client, which was handled here or went to routed as its newest. */
void sm_count(struct stream *s);

/* Count the stanzas that routed has taken now, and answer each r that waits for them; call done
 * for each stream all of whose stanzas are taken. */
typedef void sm_done_fn(struct stream *s);
void sm_acked(sm_done_fn *done);

/* Mark the stream to end when q, which is to be acknowledged, has more than the bytes that one session
 * may have or, while no client is there, than the stanzas (max_ack_queue). */
void sm_limit(struct stream *s, struct sm_queue const *q);

/* Say whether q holds half of the bytes, or of the stanzas, at which sm_limit ends the stream. */
bool sm_is_nearly_full(struct stream const *s, struct sm_queue const *q);

/* sm_flush writes the stanzas of the queue that have not left, if the client reads; sm_send puts a
 * stanza into the queue before that. */
void sm_send(struct stream *s, struct slice raw, size_t xml);
void sm_flush(struct stream *s);

/* Take h, the count that the client acknowledges. false: the client cannot have had so many. */
bool sm_take_h(struct stream *s, uint32_t h);

/* Append the session's token: its secret, a dot, its resource. false: ENOMEM. */
bool sm_cat_token(stralloc *out, struct stream const *s);

void sm_failed(struct stream *s, bool old_ns, char const *condition, struct slice h);

/* sm_away lets the session be away, with a timer; sm_over ends it, and returns to routed the
 * stanzas that its client has not acknowledged. */
void sm_away(struct stream *s);
void sm_over(struct stream *s);

/* Let s, which is away, be so for us microseconds from now on (UINT64_MAX: for ever), and as long as its
 * client was granted at least. */
void sm_keep(struct stream *s, uint64_t us);

/* Let s, which is away again because its client was cut off before it was back, be so as long as
 * sm_keep said last. */
void sm_keep_on(struct stream *s);

/* Forget the stream management of s, which ends, and whose client has not had the answer to its
 * enable. The stanzas that the client does not have, those in the output among them, are in the
 * archive or kept by routed: mamd or routed returns them. */
void sm_forsake(struct stream *s);

/* routed was restarted: tell it again of the stanzas in q, a queue of s, of which it kept copies. */
void sm_hold_again(struct stream const *s, struct sm_queue const *q);

/* sm_give_back returns to routed the stanza e, raw, that the client of a session has not acknowledged:
 * jid is the session's, number and h as in struct session; a message says when it came (XEP-0203).
 * sm_give_all_back returns all such stanzas of s. */
void sm_give_back(struct link *l, char const *jid, uint64_t number, struct host const *h,
                  struct sm_entry const *e, struct slice raw);
void sm_give_all_back(struct stream const *s);

void sm_free(struct sm *sm);

#endif
