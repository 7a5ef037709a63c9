/* The file of streams that outlives s2sd. */
#ifndef S2SD_KEPT_H
#define S2SD_KEPT_H

#include "base/base.h"

/* A stream in the file. Its number there, kept, is given once, over runs too; 0 is no stream, of which
 * nothing is noted. */
struct kept_stream {
  uint64_t kept;
  struct slice id, local, remote;
  bool out, both; /* both: stanzas may go both ways (XEP-0288) */
  bool closed;    /* the stream does not go on, but its count is said */
  bool carries;   /* the counts acked and sent are those of its pair */
  bool ended;     /* nothing goes on, and nothing is said */
  uint64_t max_us, until_us, heard_us; /* heard: the time since the peer's last stanza */
  uint32_t handled, acked, sent;
};

/* A stanza that was on its way. came: the peer's, which the run with the EPOCH mark has passed to routed as
 * number n; else ours, with this mark. */
struct kept_note {
  uint64_t kept, n, mark;
  uint32_t at; /* its place among the stanzas of that direction, from 1 on, modulo 2^32 */
  bool came;
};

/* Go on in the file at path; NULL: no stream is kept. */
void kept_start(char const *path);

/* Give the next stream, or the next note, oldest first, that an earlier run has left; *i is 0 at
 * the beginning. The names point into the file. The times of streams count the time in which s2sd
 * was not there. */
bool kept_next(size_t *i, struct kept_stream *out);
bool kept_next_note(size_t *i, struct kept_note *out);

/* The place of a stream in the file, below S2S_KEPT. */
size_t kept_place(uint64_t kept);

/* Note a stream: its names, out, both, max_us. 0: there is no room; logged once. */
uint64_t kept_new(struct kept_stream const *s);

/* kept_over notes that the stream is over, and may be resumed until until_us; kept_goes_on that it
 * goes on; kept_end that it has ended for good. */
void kept_over(uint64_t kept, bool both, bool closed, uint64_t until_us);
void kept_goes_on(uint64_t kept);
void kept_end(uint64_t kept);

/* Note that the stream has a domain that another one would have to prove again: it does not go
 * on. */
void kept_closes(uint64_t kept);

/* kept_came notes that a stanza of the peer, at this place, has gone to routed as number n;
 * kept_handled how many are handled. */
void kept_came(uint64_t kept, uint32_t at, uint64_t n);
void kept_handled(uint64_t kept, uint32_t handled);

/* Note that the counts of a pair are those of the stream from now on (carries true), or no more. */
void kept_carries(uint64_t kept, bool carries, uint32_t acked, uint32_t sent);

/* kept_left notes that a stanza of the pair leaves, at this place; kept_acked how many are
 * acknowledged; kept_rewound that only the first `sent` have left, so that the others leave
 * again. */
void kept_left(uint64_t kept, uint32_t at, uint64_t mark);
void kept_acked(uint64_t kept, uint32_t acked);
void kept_rewound(uint64_t kept, uint32_t sent);

/* Note the time at the end of a turn: the streams that are open now were so until then. */
void kept_turn(void);

#endif
