/* sm: stream management (XEP-0198), the part that does not depend on who the peer is: counts of
 * stanzas both ways, and the queue of those that the peer has not acknowledged. The owner writes
 * what the functions say, and keeps the timers. */
#ifndef SM_H
#define SM_H

#include "link/snapshot.h"
#include "stanza/stanza.h"

#define SM_NS2 "urn:xmpp:sm:2"
#define SM_NS3 "urn:xmpp:sm:3"

/* ---- the queue (s4) ---- */

struct sm_entry {
  uint64_t at_us; /* when the stanza came, by the wall clock */
  uint32_t len;   /* of the text behind this */
  uint32_t xml;   /* offset in that text at which the element begins */
};

/* Stanzas in their order: entries, each with its text, the fields of a record from TO on. All
 * zero is an empty queue. */
struct sm_queue {
  stralloc text;
  size_t head, unwritten; /* offsets: the oldest; the first that has not left yet */
  uint32_t n;
};

/* Add a stanza, whose element begins at offset xml of raw. false: ENOMEM. */
bool sm_queue_add(struct sm_queue *q, struct slice raw, size_t xml, uint64_t at_us);

/* Take the oldest entry out. *tags are its tags, and live until an entry is added. false: the
 * queue is empty. */
bool sm_queue_drop(struct sm_queue *q, struct slice *tags);

/* Give the entry at offset *at, and move *at behind the entry. false: the end. */
bool sm_queue_next(struct sm_queue const *q, size_t *at, struct sm_entry *e,
                   struct slice *raw);

/* Say whether the queue has more than n_max stanzas, or more than bytes_max bytes. */
enum sm_full { SM_FITS, SM_TOO_MANY, SM_TOO_LONG };
enum sm_full sm_queue_full(struct sm_queue const *q, uint64_t n_max, uint64_t bytes_max);

void sm_queue_wipe(struct sm_queue *q);

/* The queue as fields of the record that is open. */
void sm_queue_snapshot(struct snapshot *k, struct sm_queue *q);

/* ---- stanzas of the peer ---- */

struct sm_in {
  uint32_t received, handled; /* of the peer's; of those, taken over by us */
  uint32_t answer_at;         /* stanzas before the oldest r that has no answer yet */
  uint32_t answer_last;       /* stanzas before the newest r */
  bool owes_a;
};

/* Count a stanza as handled. true: an a for an earlier r is to be written now. */
bool sm_in_handled(struct sm_in *in);

/* Note that the peer has sent an r. true: the a is to be written now; false: sm_in_handled says
 * when. */
bool sm_in_asked(struct sm_in *in);

/* Say whether all stanzas of the peer are handled. */
bool sm_in_is_done(struct sm_in const *in);

/* ---- stanzas for the peer ---- */

/* The phases of a request for acknowledgement: SM_IDLE, none is needed; SM_SOON, one follows after
 * SM_ASK_US, or when SM_ASK_AFTER stanzas are out; SM_ASKED, the peer has one to answer. */
#define SM_ASK_AFTER 5u
#define SM_ASK_US 500000u

/* The time (microseconds) that the answer to an r of the peer waits for stanzas that are not
 * handled yet. */
#define SM_ANSWER_US 1000000u

enum sm_phase { SM_IDLE, SM_SOON, SM_ASKED };

struct sm_out {
  struct sm_queue queue;
  uint32_t sent, acked; /* to the peer; of those, acknowledged by it */
  uint32_t unasked;     /* sent since the last r */
  enum sm_phase phase;
};

/* Give the next stanza that has not left, which counts as sent then. false: all have left. */
bool sm_out_next(struct sm_out *out, struct sm_entry *e, struct slice *raw);

/* Say what is to be done about an r behind stanzas that were written: SM_ASKED to write one now,
 * SM_SOON to start the timer; SM_IDLE nothing. phase is set for the owner who does so. */
enum sm_phase sm_out_ask(struct sm_out *out);

/* Note that an r is written now. */
void sm_out_asked(struct sm_out *out);

/* Take h, the count that the peer acknowledges (modulo 2^32, s4): fn gets the tags of each stanza
 * that leaves the queue for that. false: the peer cannot have had so many. */
typedef void sm_acked_fn(void *cookie, struct slice tags);
bool sm_out_take(struct sm_out *out, uint32_t h, sm_acked_fn *fn, void *cookie);

/* Note that the peer has answered an r, and give what sm_out_ask does. */
enum sm_phase sm_out_answered(struct sm_out *out);

/* Note that the stream is gone: for the next one, the stanzas of the queue have not left. */
void sm_out_rewind(struct sm_out *out);

/* ---- elements ---- */

/* Give the namespace of the old version (old_ns), or of the present one. */
struct slice sm_ns(bool old_ns);

/* Read the count h of an a or a resume. false: there is none, or it is above 2^32. */
bool sm_read_h(struct xml_node const *e, uint32_t *h);

/* sm_cat_a appends <a h=''/>; sm_cat_failed appends <failed/> with the condition of a stanza error,
 * and a count that may be empty; sm_cat_too_high a stream error for an acknowledgement h of more
 * than was sent (s4). Each gives false with errno ENOMEM. */
bool sm_cat_a(stralloc *out, bool old_ns, uint32_t h);
bool sm_cat_failed(stralloc *out, bool old_ns, char const *condition, struct slice h);
bool sm_cat_too_high(stralloc *out, bool old_ns, uint32_t h, uint32_t sent);

#endif
