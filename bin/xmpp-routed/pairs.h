/* Queues of stanzas for other servers. */
#ifndef ROUTED_PAIRS_H
#define ROUTED_PAIRS_H

#include "passing.h"

#include "stanza/refused.h"

/* The stanzas from one domain to another that xmpp-s2sd has not settled (parcels.h). */
struct pair;

/* Figures: stanzas for other servers, ever; those in pairs, with their bytes; those that were
 * returned to their senders. */
struct pairs_totals {
  uint64_t stanzas, queued, bytes, returned;
};

extern struct pairs_totals pairs_totals;

/* The settings name xmpp-s2sd (or not): without its link other servers are not there for now,
 * and otherwise never. The limits of a pair, and of all together, are in bytes. */
void pairs_take(bool configured, uint64_t pair_max, uint64_t all_max);

/* Put p, whose to is of a domain that nobody serves, into the queue of its pair, or tell its
 * sender why not. */
void pairs_route(struct passing const *p);

/* The records settled, and unsettled: a stanza that an earlier run had. */
void pairs_settled(struct link *l, struct record *r);
void pairs_unsettled(struct link *l, struct record *r);

/* Events of the post of xmpp-s2sd (posts.c): the post takes stanzas, and gets all that
 * are not settled; the service has acknowledged stanza n of pair, or the link is gone before;
 * the post is lost. */
void pairs_up(struct post *post);
void pairs_acked(struct pair *pair, uint64_t n);
void pairs_gone(struct pair *pair);
void pairs_lost(void);

/* The program's answer to a stanza that is not put into a queue, or comes back from one: its sender is
 * to be told. xmpp-routed.c has the table. */
struct pairs_events {
  void (*refused)(struct passing const *p, enum refusal rule, enum stanza_error e);
};

extern struct pairs_events const pairs_events;

/* The text of a domain that is served for all others (serve). */
#define DOMAIN_OTHERS "*"

#endif
