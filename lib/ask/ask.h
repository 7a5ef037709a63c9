/* ask: questions of a program, their answers and their deadlines. A question goes to another
 * program by a verb that is answered with rows and done, or error; or to a client as an iq from
 * an address that is the asker's (handle resource NAME, or answers account: xmpp-records(7)).
 * Questions and the cookies of their functions live until a function is called for the last
 * time, which is before ASK_US has passed, and never before ask returns. */
#ifndef ASK_H
#define ASK_H

#include "link/snapshot.h"
#include "stanza/stanza.h"

/* ---- programs (programs.c) ---- */

enum ask_part { ASK_ROW, ASK_DONE, ASK_FAILED };

/* Take a piece of an answer: a row, whose first two fields v are; its end; or a
 * failure, v being text and stanza error condition. After the latter two the function
 * is not called again. It may ask again. */
typedef void ask_fn(void *cookie, enum ask_part part, struct slice const v[2]);

/* Ask program p; the n fields go behind the verb. false: it is down, or has ASKS_MAX
 * questions, or ENOMEM; then fn is not called. */
bool ask(enum program p, enum verb v, struct slice const *fields, size_t n, ask_fn *fn,
         void *cookie);

/* The records row, done and error, and the end of a link: handlers of the program. */
void ask_row(struct link *l, struct record *r);
void ask_done(struct link *l, struct record *r);
void ask_error(struct link *l, struct record *r);
void ask_link_down(struct link *l);

/* ---- clients (clients.c) ---- */

/* An iq to the address `to`. id may be empty: the question gets a random one. inside is its
 * payload, XML. */
struct ask_iq {
  struct slice to, from;
  struct slice type; /* get or set */
  struct slice tags; /* of a request that a service answers: ns= and its namespace */
  struct slice id, inside;
  uint64_t wait_us; /* at most ASK_US */
};

/* Take the answer, an iq result or error whose xml is whole text; NULL: there was none in
 * time. The function may ask again. */
typedef void ask_iq_fn(void *cookie, struct stanza const *answer);

/* Ask through the link of routed. false: ASKS_MAX questions are open, one to the same address
 * with the same id is, or ENOMEM; then fn is not called. */
bool ask_client(struct link *routed, struct ask_iq const *q, ask_iq_fn *fn, void *cookie);

/* Return true if st, an iq whose fields are read, answers a question: one to its from, with its
 * id, from the address that it is for. Then the function of the question was called. */
bool ask_is_answered(struct stanza const *st);

/* ---- the state for a trace ---- */

/* Name one of the caller's functions, whose address *fn is, and what its cookie points to, or
 * make both anew. false: that is no function of the caller's. */
typedef bool ask_state_fn(struct snapshot *k, ask_fn **fn, void **cookie);
typedef bool ask_iq_state_fn(struct snapshot *k, ask_iq_fn **fn, void **cookie);

void ask_snapshot(struct snapshot *k, ask_state_fn *state);
void ask_clients_snapshot(struct snapshot *k, ask_iq_state_fn *state);

#endif
