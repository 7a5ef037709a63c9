/* Acknowledgements of routed, and streams that wait for them. */
#ifndef C2SD_ACKS_H
#define C2SD_ACKS_H

#include "c2sd.h"

/* Streams, by sid, that wait until routed has acknowledged the stanza with number n, in the
 * order of the numbers. All zero is an empty line. */
struct acks_wait {
  uint64_t n, sid;
};

struct acks_line {
  struct acks_wait *v;
  size_t head, n, size; /* size is a power of two */
};

/* Put w at the end. false: ENOMEM. */
bool acks_push(struct acks_line *q, struct acks_wait w);

/* Take the first of the line out, if what it waits for is acknowledged. false: it waits on, or
 * the line is empty. */
bool acks_pop(struct acks_line *q, struct acks_wait *w);

/* Give the number of the latest stanza for which routed has taken responsibility. */
uint64_t acks_taken(void);

void acks_on_ack(struct link *l, struct record *r);

/* The state of a line, under the name of its owner's record. */
void acks_line_snapshot(struct snapshot *k, char const *name, struct acks_line *q);

#endif
