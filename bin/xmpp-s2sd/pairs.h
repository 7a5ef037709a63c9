/* Pairs of domains: the stanzas from one of ours to one of others, in their order. */
#ifndef S2SD_PAIRS_H
#define S2SD_PAIRS_H

#include "kept.h"
#include "sm/sm.h"
#include "stream.h"

/* A field that is added is added in pairs_snapshot too, but kept: a replay has no file. The queue
 * has the stanzas that the peer does not have for sure: those in front of its mark unwritten have
 * left on stream. */
struct pair {
  struct pair *next, *prev, *next_dirty;
  char *key;       /* FROM/TO */
  char *from, *to; /* ours; theirs */
  struct sm_out out;
  stralloc marks;        /* struct pair_mark: how far the stanzas in the stream reach */
  uint64_t last_n;       /* the newest number of the pair's (tag pair=) that came */
  uint64_t settled_n;    /* routed was told that all up to this are done */
  struct stream *stream; /* that takes the stanzas; NULL: none */
  uint64_t dial;         /* the dial that makes one, or 0 */
  uint64_t left;         /* the lost stream on which stanzas may have arrived, or 0 */
  uint64_t hold_us;      /* until then the peer may resume that one: no dial is made */
  bool resumes;          /* out goes on from the lost stream */
  bool revives;          /* it is resumed though nothing waits, for the peer's stanzas */
  uint64_t lost_us;      /* when that stream was lost */
  bool unreached;        /* since then a dial has failed before the peer was there */
  uint32_t suspects; /* stanzas at the head, one of which made the peer end the stream */
  unsigned char faults;  /* streams in a row that ended so; no stanza was had meanwhile */
  unsigned int failures; /* attempts that have failed one after the other */
  uint64_t failed_us, next_us; /* when the last did; no dial before this */
  uint64_t idle_us;            /* since when there was nothing to remember */
  struct verdict verdict;      /* of the last attempt */
  struct event_timer timer;
  uint64_t kept;       /* the stream in the file that has the counts of out; 0: none */
  stralloc earlier;    /* what an earlier run had sent (earlier.c) */
  size_t earlier_at;   /* where the next of these is looked for */
  uint64_t earlier_us; /* until then routed sends these again */
  size_t counted;      /* bytes of the queue in the sum of all */
  bool dirty, restart;
};

/* Put the stanza of the record into the queue of its pair, or send it back. */
void pairs_on_stanza(struct link *l, struct record *r);

/* End the turn: stanzas that wait leave, and routed hears which are settled. */
void pairs_turn(void);

/* Note that routed is up: numbers of an earlier run of it mean nothing, and a new run is told which
 * stanzas wait here. */
void pairs_routed_is_up(struct link *routed);

/* The pair, or NULL. */
struct pair *pair_find(struct slice from, struct slice to);
struct pair *pairs_first(void);

/* pair_touch has the pair looked at when the turn ends, for its queue or its way has changed.
 * pair_drop forgets a pair that has nothing to remember. pair_is_idle says whether the pair has
 * neither stanzas nor a way. */
void pair_touch(struct pair *p);
void pair_drop(struct pair *p);
bool pair_is_idle(struct pair const *p);

uint64_t pairs_count(void);

/* The number of a stanza within its pair (tag pair=); 0: it has none. */
uint64_t pair_number(struct slice raw);

/* pair_attach has the stream s take the stanzas of the pair from now on. pair_lost notes that the
 * stream is over, for the reason why. steady: its end says nothing against the next try. left: the
 * number under which the stream may be resumed, or 0. */
void pair_attach(struct pair *p, struct stream *s);
void pair_lost(struct pair *p, struct verdict const *why, bool steady, uint64_t left);

/* Make the pair of k, a stream in the file on which an earlier run had sent k->sent stanzas, of
 * which k->acked are acknowledged. The stream may be resumed under the number left; left 0, or a
 * later stream of the pair in the file: the pair stays as it is. revives: the peer is asked at
 * once. NULL: there is no room. */
struct pair *pair_restore(struct kept_stream const *k, uint64_t left, bool revives);

/* Note that the attempt of the pair's dial has failed. */
void pair_failed(struct pair *p, struct verdict const *why);

/* Note that an incoming stream has proven remote: stanzas that wait for local's stream to it need
 * wait no more. */
void pairs_heard(struct slice local, struct slice remote);

/* pair_retry tries again at once. pair_go_on writes on, for the stream can take more. pair_has
 * notes that the peer has n stanzas more; pair_written that n bytes of the stream have been
 * written. */
void pair_retry(struct pair *p);
void pair_go_on(struct pair *p);
void pair_has(struct pair *p, uint32_t n);
void pair_written(struct pair *p, uint64_t n);

/* Let the stanzas that have left count as had by the peer once they are written. */
void pair_trust_writes(struct pair *p);

/* Send the error that answers a stanza of a peer, which did not get as far as routed. */
void pairs_answer(struct stanza const *st, enum stanza_error error, char const *text);

/* Forget the failures of the pair: stanzas that wait are tried at once. */
void pair_forget(struct pair *p);

/* Give the bytes of the stanzas that wait, or the time at which the oldest came; 0: none waits. */
size_t pair_bytes(struct pair const *p);
uint64_t pair_oldest_us(struct pair const *p);

/* Give the bare address of the sender of the oldest stanza; empty: none waits; ?: the stanza is an
 * answer. */
struct slice pair_sender(struct pair const *p);

/* Figures of all pairs. */
struct pairs_totals {
  uint64_t queued, bytes, returned;
};

extern struct pairs_totals pairs_totals;

/* Say whether the peers have all that has left to them. */
bool pairs_done(void);

void pairs_snapshot(struct snapshot *k);

#endif
