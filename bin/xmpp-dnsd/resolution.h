/* A resolution, as resolution.c, say.c and snapshot.c share it. */
#ifndef RESOLUTION_H
#define RESOLUTION_H

#include "dnsd.h"
#include "link/snapshot.h"

enum step { STEP_SRV, STEP_ADDRESSES, STEP_TLSA };

/* Addresses of one family of a target. */
struct family {
  struct question q;
  enum answer_status status;
  bool secure;
  char *text; /* with commas between them; NULL: none */
};

struct way {
  struct target t;
  struct family v4, v6;
  struct question tlsa_q;
  char *tlsa;
  enum answer_status tlsa_status;
  bool skipped; /* its TLSA records should be signed, and are not to be had */
};

struct srv_set {
  struct question q;
  enum answer_status status;
  bool some, dot; /* has targets; has the target that says no */
};

/* A field that is added is added in snapshot.c too. */
struct resolution {
  struct resolution *next;
  struct link *link;
  uint64_t id;
  char *domain; /* A-labels */
  char *host;
  enum step step;
  unsigned int awaited; /* questions of this step without an answer */
  struct srv_set tls, plain;
  struct way *ways;
  size_t n;
  unsigned int addresses;
  struct event_timer timer;
  struct event_timer late; /* all targets have addresses of one family at least */
};

/* ---- say.c ---- */

/* Say the answer of g: its targets, or why there are none. Say to l that the request id is over, and why
 * there are no targets (empty: there are some). Neither function says anything where the link is NULL, as it
 * is under -p when an administrator has asked before the trace began. */
void say_all(struct resolution const *g);
void say_resolved(struct link *l, uint64_t id, char const *why);

/* Give the word of the record resolved for a status. */
char const *why_not(enum answer_status s);

/* Say whether all addresses of w are signed. */
bool addresses_are_secure(struct way const *w);

/* ---- resolution.c, for snapshot.c ---- */

extern struct resolution *resolutions;

/* Count a resolution that was made anew, and have its questions call what they called before. */
void resolution_restored(struct resolution *g);

/* The functions that the timers of a resolution call. */
event_timer_fn resolution_on_time, resolution_on_late;

/* How many questions were asked. */
extern uint64_t resolution_questions;

#endif
