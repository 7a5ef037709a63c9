/* The parcels of each pair of domains: stanzas for other servers that are kept until they are settled. */
#ifndef ROUTED_PARCELS_H
#define ROUTED_PARCELS_H

#include "passing.h"

/* The head before each line of kept. */
struct parcel {
  size_t len; /* of the line: the fields of a stanza */
  uint64_t n;
  bool left;              /* an xmpp-s2sd had it, which may be gone since */
  struct source *source;  /* NULL: acknowledged */
  uint64_t epoch, number; /* of source */
};

struct pair {
  struct pair *next, **prev;
  char *key;       /* "FROM TO" */
  size_t from_len; /* of the domain FROM in key */
  stralloc kept;   /* parcels, oldest first */
  size_t head;     /* the first that is not settled */
  size_t unacked;  /* the first that is not acknowledged since the link came up */
  uint64_t count;  /* of parcels */
  uint64_t flying; /* references in the post of xmpp-s2sd */
  bool full;       /* a stanza was refused, and that is logged */
};

/* Set the limits, in bytes, of a pair and of all pairs together. */
void parcels_limit(uint64_t of_a_pair, uint64_t of_all);

/* pair_key_of gives the key of a pair, which lives until the next call; pair_find the pair of a
 * key, or NULL; pair_make a new pair; NULL: ENOMEM. */
struct slice pair_key_of(struct slice from, struct slice to);
struct pair *pair_find(struct slice key);
struct pair *pair_make(struct slice key, size_t from_len);
struct pair *pairs_first(void);

/* Free a pair that has no parcel. */
void pair_free_if_empty(struct pair *p);

/* parcel_at gives the line of the parcel at i, and its head; parcel_set writes that head anew. */
struct slice parcel_at(struct pair const *p, size_t i, struct parcel *head);
void parcel_set(struct pair *p, size_t i, struct parcel const *head);

/* Keep s; *at is set to the place of its parcel. false: there is no room. */
bool parcel_keep(struct pair *p, struct passing const *s, size_t *at);

/* Keep a line that an earlier run has kept, in front of all that this run keeps, and behind the
 * lines that were kept in front before. The caller says parcels_fronted behind the last of several.
 * false: there is no room. */
bool parcel_keep_front(struct pair *p, uint64_t n, struct slice line);
void parcels_fronted(void);

/* Release the source of a parcel: as far as the parcel is concerned, the source may have its
 * acknowledgement. */
void parcel_release(struct parcel *head);

/* parcel_drop_first takes the first parcel off; pair_trim gives back the room of parcels that were
 * taken off. */
void parcel_drop_first(struct pair *p);
void pair_trim(struct pair *p);

/* Name for a trace the parcels of p, or the facts that concern all pairs. */
void parcels_snapshot(struct snapshot *k, struct pair *p);
void parcels_all_snapshot(struct snapshot *k);

#endif
