/* XEP-0198. */
#ifndef C2SD_XEP0198_SM_H
#define C2SD_XEP0198_SM_H

#include "c2sd.h"
#include "sm/sm.h"
#include "stream.h"

struct sm {
  struct sm_in in;
  struct sm_out out;
  struct event_timer
    timer;            /* of out.phase; while the stream is away: the end of waiting */
  uint64_t max_us;    /* how long the session may be away; 0: not at all */
  uint64_t yield_sid; /* the stream of another c2sd that is to have the session */
  char *yield_to;     /* and its name; NULL: none */
  bool old_ns;
  char random[16]; /* of its token */
};

enum state sm_enable(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sm_early(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sm_asks(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sm_acks(struct stream *s, struct xml_node const *e, struct slice bytes);
enum state sm_resume(struct stream *s, struct xml_node const *e, struct slice bytes);

/* routed is back: ask again for a stream that is RESUMING; who was to have a session that
 * yielded asks again too. */
void sm_ask_again(struct stream *s);
void sm_unyield(struct stream *s);

/* A stanza of the client was handled here or went to routed as its newest. */
void sm_count(struct stream *s);

/* Count the stanzas that routed has taken now (acks.c), and answer each r that waits for them. */
void sm_acked(void);

/* Mark the stream to end when q, which is to be acknowledged, has more than the stanzas
 * (max_ack_queue) or the bytes that one session may have. */
void sm_limit(struct stream *s, struct sm_queue const *q);

/* Put a stanza into the queue, and write what waits in it if the client reads. */
void sm_send(struct stream *s, struct slice raw, size_t xml);
void sm_flush(struct stream *s);

/* The client acknowledges h; false: it cannot have had so many. */
bool sm_take_h(struct stream *s, uint32_t h);

/* The session goes away, with a timer; is over: what was not acknowledged goes to routed. */
void sm_away(struct stream *s);
void sm_over(struct stream *s);

/* Forget the stream management of s, which ends, and whose client has not had the answer to its
 * enable: what the client does not have is in the log or kept by routed, and returned by mamd
 * or routed, the stanzas of the buffer among it. */
void sm_forsake(struct stream *s);

/* routed was restarted: tell it again of the stanzas of which it kept copies. */
void sm_hold_again(struct stream const *s);

/* Return to routed the stanza e, raw, that the client of a session has not acknowledged: jid is
 * the session's, number and host as in struct stream; a message says when it came
 * (XEP-0203). */
void sm_give_back(struct link *l, char const *jid, uint64_t number, struct host const *h,
                  struct sm_entry const *e, struct slice raw);

/* The session s was handed to routed for another c2sd: keep copies of its stanzas that are in no
 * log. A routed is up: return those that an earlier one was handed (xep0198_left.c). */
void left_keep(struct stream const *s, struct link const *routed);
void left_routed_is_up(struct link *routed);
void left_snapshot(struct snapshot *k);

/* Memory of sessions that are over (xep0198_ended.c): how many stanzas each had
 * handled. */
void ended_note(struct stream const *s);
bool ended_find(struct slice token, struct host const *host, char const *bare,
                uint32_t *h);
void sm_free(struct sm *sm);

/* All that the client sent is taken over: go on with what waited for that. */
void sm_step(struct stream *s);

/* Say whether a stream that is RESUMING has its session whole: of a session that
 * another c2sd hands over, the parts come before handed. */
bool sm_is_here(struct stream const *s);

/* A stream ends that is RESUMING: what was delivered meanwhile joins what is unacknowledged. */
void sm_part(struct stream *s);

/* Forget what s, a stream that is RESUMING, was handed by an old place that has not handed all:
 * the old place returns it (left_routed_is_up). The resumption of s has failed: return what
 * routed has delivered to s meanwhile too. */
void sm_drop_parts(struct stream *s);
void sm_unpart(struct stream *s);

/* The session's token: its secret, a dot, its resource. */
bool sm_cat_token(stralloc *out, struct stream const *s);

void sm_failed(struct stream *s, bool old_ns, char const *condition, struct slice h);

void sm_on_yield(struct link *l, struct record *r);
void sm_on_leave(struct link *l, struct record *r);
void sm_on_queued(struct link *l, struct record *r);
void sm_on_handed(struct link *l, struct record *r);
void sm_on_unyielded(struct link *l, struct record *r);

#endif
