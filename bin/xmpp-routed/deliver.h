/* Delivery. */
#ifndef ROUTED_DELIVER_H
#define ROUTED_DELIVER_H

#include "routed.h"

struct source;

/* The outcome of a message's delivery, for archive.c. */
struct outcome {
  bool done;      /* mamd lets the message wait, or it was refused */
  stralloc given; /* numbers of the sessions that were given the message, with commas */
};

/* A stanza on its way. */
struct passing {
  struct stanza st;
  struct source *source; /* the neighbour that gets the acknowledgement; NULL: none */
  uint64_t number;       /* of source */
  bool own;              /* st.xml is text of ours, not a raw field */
  bool tagged;           /* its tags have the id already: it was delivered before */
  bool held;     /* a copy for which nobody was there when its session ended (kept.c) */
  bool silent;   /* the sender is not told when the stanza is refused */
  uint64_t id;   /* in the archive; 0: none */
  uint64_t late; /* id in marks when id is an old one; else 0 */
  struct outcome *outcome; /* NULL: the delivery is not noted */
};

/* A stanza arrives from a neighbour; the same for several. */
void deliver_record(struct link *l, struct record *r);
void deliver_fanout(struct link *l, struct record *r);

/* Send it to where its to says. */
void deliver_route(struct passing const *p);

/* Say the fields of its envelope and its XML, and end the record. */
void deliver_envelope(struct link *l, struct passing const *p);

/* Append the fields of p's envelope and its XML, escaped, with TABs between them. false:
 * ENOMEM. */
bool deliver_cat(stralloc *out, struct passing const *p);

/* Decide on a stanza that the client of session number `of` (0: not known), which has
 * ended, may not have: p, whose to is the full JID of the session, and which its c2sd has
 * returned; p, a copy of a delivered stanza; or such a copy in r whose fields begin
 * behind at (unacked.c). */
void unacked_route(struct passing *p, uint64_t of);
void unacked_copy(struct passing *p, uint64_t of);
void unacked_record(struct record *r, unsigned int at);

/* To one session. */
void deliver_to_session(struct session const *s, struct passing const *p);

/* Which sessions of an account take a stanza (RFC 6121 s8.5). */
enum receive { RECEIVE_ONE, RECEIVE_TOP, RECEIVE_NON_NEG, RECEIVE_AVAILABLE };

struct receivers {
  enum receive who;
  int top;                   /* of RECEIVE_TOP */
  struct session const *one; /* of RECEIVE_ONE */
};

bool receives(struct receivers const *r, struct session const *s);

/* Answer it with an error, if it may be answered; more is put behind the condition. */
void deliver_bounce(struct passing const *p, enum stanza_error e, char const *more);

extern uint64_t deliver_total;

#endif
