/* Parts of streams that outlive them, for stream management (XEP-0198 s5). */
#ifndef S2SD_LEFT_H
#define S2SD_LEFT_H

#include "kept.h"
#include "stream.h"

#include "sm/sm.h"

/* A field that is added is added in the snapshot too, but kept: a replay has no file. */
struct left {
  struct left *next, *prev; /* of those whose streams are over */
  char *id;
  char *local, *remote;
  uint64_t number;             /* of the stream */
  uint64_t kept;               /* its number in the file */
  bool out, is_over, two_ways; /* two_ways, in: stanzas of ours were counted too */
  bool closed;                 /* in: it does not go on, but its count is said */
  bool refuses;                /* in: the heir hears that count, and begins anew */
  uint64_t max_us, until_us;
  struct sm_in in;
  stralloc unsure; /* stanzas that an earlier run had passed on, perhaps: struct unsure */
  uint64_t heir;   /* the stream in RESUMING, or 0 */
  uint32_t h;      /* the heir's peer has so many of our stanzas */
};

/* The part of s, whose id is given; it may be resumed for max_us. NULL: ENOMEM. */
struct left *left_new(struct stream *s, struct slice id, uint64_t max_us);
void left_free(struct left *l);

/* The part of an incoming stream with this id; of a stream with this number that is over. NULL: none. */
struct left *left_of_id(struct slice id);
struct left *left_find(uint64_t number);

/* The stream of l is over, its number is set: l stands behind the others. false: ENOMEM. Take l out
 * again: it goes on. */
bool left_stand(struct left *l);
void left_take(struct left *l);

/* Forget those that are too many or too old. */
void left_forget_old(void);

uint64_t left_count(void);

/* A stream of an earlier run, whose number no stream of this one has; it is over. NULL: ENOMEM. */
struct left *left_restore(struct kept_stream const *k);

/* The earlier run of this epoch has passed the stanza at this place on, as number n: whether it came is not
 * known. false: ENOMEM. */
bool left_doubt(struct left *l, uint64_t epoch, uint64_t n, uint32_t at);

/* The stanzas up to n of the run of this epoch came. Give a part that has heard so just now, and has its
 * count; NULL: there is no other one. */
struct left *left_learns(uint64_t epoch, uint64_t n);

/* Say whether stanzas of an earlier run are not known to have come, and of which, if epoch is not NULL: the
 * lowest epoch; the lowest above *epoch. */
bool left_unsure(uint64_t *epoch);
bool left_unsure_behind(uint64_t *epoch);

/* A field of the stream's record; records of those that are over. */
void left_snapshot_of(struct snapshot *k, struct left **l);
void left_snapshot(struct snapshot *k);

#endif
