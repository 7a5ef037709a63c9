/* Private to xmpp-dnsd: questions to the DNS, and what a domain's answers mean. */
#ifndef DNSD_H
#define DNSD_H

#include "link/link.h"
#include "service/service.h"

/* ---- settings ---- */

/* The settings in force. */
extern struct settings const *dnsd;

/* ---- questions (question.c) ---- */

/* Record types (RFC 1035 s3.2.2, RFC 2782, RFC 3596, RFC 6698). */
enum { TYPE_A = 1, TYPE_AAAA = 28, TYPE_SRV = 33, TYPE_DNSKEY = 48, TYPE_TLSA = 52 };

enum answer_status {
  ANSWER_DATA,
  ANSWER_NODATA,   /* the name is there, and has no record of this type */
  ANSWER_NXDOMAIN, /* no such name */
  ANSWER_SERVFAIL,
  ANSWER_TIMEOUT,
  ANSWER_BOGUS /* the signatures are wrong (RFC 4033 s5) */
};

/* An answer. Records are in wire form, without compressed names; they live for the call. */
struct answer {
  enum answer_status status;
  bool secure; /* signed, and the signatures are right */
  struct slice const *records;
  size_t n;
};

/* A question under way, in the memory of its asker. All zero is none. */
struct question {
  struct question *next, *prev; /* of all that wait for the resolver */
  char *name;
  int type;
  uint64_t number; /* in traces; 0: the question is in none */
  int id;          /* the resolver's */
  unsigned int tries;
  uint64_t patience_us; /* for each try */
  struct event_timer timer;
  void (*fn)(struct question *q, struct answer const *a);
  void *cookie;
  bool asked; /* the resolver has it */
};

/* Ask for the records of a type under name (A-labels), tries times at most, each for
 * patience_us; fn gets the answer, never within this call. false: ENOMEM, and fn gets none. */
bool question_ask(struct question *q, char const *name, int type, unsigned int tries,
                  uint64_t patience_us);

/* Forget the question; its fn is not called any more. */
void question_drop(struct question *q);

/* The answer of the resolver. Calls fn, in which q may be dropped or asked anew. */
void question_answered(struct question *q, struct answer const *a);

/* Ask all questions that are under way anew: the resolver is another one. */
void questions_again(void);

/* The question of this number that waits for an answer; NULL: there is none. */
struct question *question_find(uint64_t number);

uint64_t questions_count(void);

/* The question as a field of a snapshot; one that is made anew waits for a record found. */
struct snapshot;
void question_snapshot(struct snapshot *k, struct question *q);

/* ---- the resolver: libunbound (unbound.c), or under -p the rows `answer` (fixed.c) ---- */

struct resolver {
  bool (*open)(void); /* also when the settings have changed; false, having logged why */
  bool (*ask)(struct question *q); /* false: ENOMEM */
  void (*drop)(struct question *q);
};

extern struct resolver const resolver_unbound, resolver_fixed;
extern struct resolver const *resolver;

/* Say whether the name servers do not pass signatures on, so that nothing is secure. */
bool unbound_lacks_signatures(void);

/* Answer what was asked, in the order in which it was asked. */
void fixed_turn(void);

/* Let records answer alone from now on: a trace is replayed. */
void fixed_replay(void);

/* Handler of the record found, which comes under -p in the name of the link dns; put such a record
 * into the trace, if one is written. */
void fixed_on_answer(struct link *l, struct record *r);
void answer_trace(struct question const *q, struct answer const *a);

/* Name all resolutions and questions (link/snapshot.h). */
void dnsd_snapshot(struct snapshot *k);

/* ---- domains and their targets (resolution.c, srv.c) ---- */

/* Handler of resolve; the link of an asker is gone; how many are under way. */
void resolution_asked(struct link *l, struct record *r);
void resolutions_of_link_gone(struct link const *l);
uint64_t resolutions_count(void);

/* A target of RFC 2782, or of the domain itself when it has no SRV record. */
struct target {
  char *name; /* A-labels, without the dot at the end */
  unsigned int priority, weight, port;
  bool tls; /* an _xmpps record (XEP-0368): TLS from the first byte */
  bool secure;
};

/* Read an SRV record. false: it is none, or ENOMEM. A target "." has the name "". */
bool srv_read(struct target *t, struct slice record);

/* Put the targets in the order in which they are tried: by priority, and by chance with
 * their weights among those of one priority (RFC 2782). */
void srv_order(struct target *v, size_t n);

#endif
