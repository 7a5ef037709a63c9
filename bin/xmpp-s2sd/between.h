/* Tables of what stands between two domains: a key for each pair, on which all that stands between these
 * two hangs, so that nobody looks through what stands between others. */
#ifndef S2SD_BETWEEN_H
#define S2SD_BETWEEN_H

#include "base/base.h"

struct between_key;

/* The place of a thing, in the thing's own memory. All zero is no place. */
struct between {
  struct between *next, *prev;
  struct between_key *key;
  void *thing;
};

/* A table of places; all zero but for the key is an empty one. */
struct slice between_key_of(void const *key);
#define BETWEEN_TABLE                                                                    \
  {                                                                                      \
    .key = between_key_of                                                                \
  }

/* Put thing between the domains a and b, in front of the others there. false: ENOMEM. */
bool between_put(struct table *t, struct between *at, void *thing, char const *a,
                 char const *b);

/* Take the place out, if it is one. */
void between_del(struct table *t, struct between *at);

/* The first thing's place between a and b, or NULL. */
struct between *between_first(struct table const *t, struct slice a, struct slice b);

#endif
