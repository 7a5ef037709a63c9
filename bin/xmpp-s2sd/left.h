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

/* Make the part of s that outlives it, under this id; s may be resumed for max_us. NULL: ENOMEM. */
struct left *left_new(struct stream *s, struct slice id, uint64_t max_us);
void left_free(struct left *l);

/* left_of_id gives the part of an incoming stream with this id, left_find that of a stream with
 * this number that is over. NULL: there is none. */
struct left *left_of_id(struct slice id);
struct left *left_find(uint64_t number);

/* left_stand puts l behind the other parts, for its stream is over, and its number is set; false:
 * ENOMEM. left_take takes l out again: its stream goes on. */
bool left_stand(struct left *l);
void left_take(struct left *l);

/* Forget the parts that are too many or too old. */
void left_forget_old(void);

uint64_t left_count(void);

/* Make the part of k, a stream of an earlier run that is over, under a number that no stream of
 * this run has. NULL: ENOMEM. */
struct left *left_restore(struct kept_stream const *k);

/* Note that the earlier run of this epoch has passed the stanza at this place on, as number n, and
 * that nobody knows whether it came. false: ENOMEM. */
bool left_doubt(struct left *l, uint64_t epoch, uint64_t n, uint32_t at);

/* Note that the stanzas up to n of the run of this epoch came. Give a part whose count is known by
 * this; call again for the next; NULL: there is no other one. */
struct left *left_learns(uint64_t epoch, uint64_t n);

/* Say whether there are stanzas of earlier runs of which nobody knows whether they came; *epoch, if
 * epoch is not NULL, becomes the lowest epoch of such a run, or of left_unsure_behind the lowest
 * above *epoch. */
bool left_unsure(uint64_t *epoch);
bool left_unsure_behind(uint64_t *epoch);

/* left_snapshot_of names the part of a stream in the record of the stream; left_snapshot the parts
 * of streams that are over, in records of their own. */
void left_snapshot_of(struct snapshot *k, struct left **l);
void left_snapshot(struct snapshot *k);

#endif
