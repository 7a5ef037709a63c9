/* Block lists. */
#ifndef ROUTED_XEP0191_BLOCKING_H
#define ROUTED_XEP0191_BLOCKING_H

#include "routed.h"

void blocking_list(struct link *l, struct record *r);

/* The verdict of block lists about a stanza, and the answer to its sender. */
enum blocked {
  BLOCKED_NOT,    /* the stanza may pass */
  BLOCKED_BY_OWN, /* the sender blocks the addressee: not-acceptable */
  BLOCKED_AWAY,   /* the addressee blocks the sender, and seems to be offline */
  BLOCKED_SILENT  /* the same, of presence: nothing is answered */
};

enum blocked blocking_of(struct passing const *p);

#endif
