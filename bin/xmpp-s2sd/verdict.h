/* Verdicts: the step at which talking to a server has failed, and why. */
#ifndef S2SD_VERDICT_H
#define S2SD_VERDICT_H

#include "link/snapshot.h"
#include "stanza/stanza.h"

/* The steps in the order in which they are taken. Their words: "access", "dns"... */
enum step {
  STEP_NONE,
  STEP_ACCESS,
  STEP_DNS,
  STEP_CONNECT,
  STEP_TLS,
  STEP_CLOSED,
  STEP_NAME,
  STEP_FEATURES,
  STEP_EXTERNAL,
  STEP_DIALBACK,
  STEP_POLICY,
  STEPS_N
};

/* why is for senders: our own words, without domain, address or text of the peer. detail is for
 * the log, and may be empty. passing: the next try may well succeed. */
struct verdict {
  enum step step;
  enum stanza_error error;
  bool passing;
  char why[80], detail[208];
};

char const *step_word(enum step s);

/* Make a verdict whose error is remote-server-timeout; why is cut to what fits. */
struct verdict verdict_of(enum step s, bool passing, char const *why);

/* Make a verdict as verdict_of does, whose why is what, a colon, a blank and the condition. */
struct verdict verdict_of_peer(enum step s, bool passing, char const *what,
                               struct slice condition);

/* Say whether the verdict is that the peer has said this condition. */
bool verdict_is_of_peer(struct verdict const *v, char const *condition);

/* Set the detail. */
void verdict_detail(struct verdict *v, struct slice detail);

/* Make *best the one of the two verdicts that came further. */
void verdict_note(struct verdict *best, struct verdict const *v);

/* Fields of the record that is open. */
void verdict_snapshot(struct snapshot *k, struct verdict *v);

/* Log that talking from domain from to domain to has failed, the same failure but rarely. addr
 * and target may be NULL. returned: stanzas that went back; queued: those that wait on; next_us:
 * the pause before the next try. */
void verdict_log(struct verdict const *v, char const *dir, char const *from,
                 char const *to, char const *target, char const *addr, uint64_t returned,
                 uint64_t queued, uint64_t next_us);

/* Give the number of attempts that have failed at the step. */
uint64_t verdict_count(enum step s);

void verdicts_snapshot(struct snapshot *k);

#endif
